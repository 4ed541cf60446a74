"""Somebody else's edit (there is no precondition header at this platform): nothing that
nobody here has seen is overwritten, and a three-way merge is at hand."""
import errno
import json
import os
import subprocess
import sys

import pytest

from amdahl import dumps, fails_with, heading, run, spec_of, wait_for, write
from fakeplatform import FakePlatform, Shape, simple_spec

# A process that is not the test's: it has read what it says, and no more.
HELPER = r"""
import os, sys
for line in sys.stdin:
    what, name, *rest = line.rstrip("\n").split("\t")
    try:
        if what == "read":
            open(name).read()
        elif what == "write":
            with open(name, "w") as file:
                file.write(open(rest[0]).read())
        elif what == "replace":
            os.unlink(name)
            with open(name, "x") as file:
                file.write(open(rest[0]).read())
        elif what == "rename":
            os.replace(rest[0], name)
        print(0, flush=True)
    except OSError as err:
        print(err.errno, flush=True)
"""


class Process:
    def __init__(self, where):
        self.process = subprocess.Popen([sys.executable, "-c", HELPER], cwd=where, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def process():
    made = []

    def make(where):
        made.append(Process(where))
        return made[-1]
    yield make
    for each in made:
        each.end()


def spec(*titles):
    return spec_of(*(heading(t, level=1) for t in titles))


@pytest.fixture
def shared(fake, mount_at, tmp_path):
    """(directory of a page of the fake platform, the page's id, new(titles) a local file)"""
    page = fake.add_page("Shared", spec("one", "two", "three", "four", "five"),
                         [{"name": "q", "sql": "select 1"}], tags=["a"], description="d")
    mount = mount_at(fake)
    mount.names()       # a child's chdir waits for nothing then, nor we for the child

    def new(*titles):
        path = tmp_path / "new.json"
        path.write_text(dumps(spec(*titles)))
        return path
    return mount.page("shared"), page, new


def sweep(where):
    """The list is read anew, as the background sweep does."""
    (where.parent.parent / ".amdahl" / "ctl").write_text("refresh\n")


def state(where):
    status = json.loads((where.parent.parent / ".amdahl" / "status.json").read_text())
    return [(d["file"], d["state"]) for d in status["drafts"]]


def beside(where):
    return sorted(n for n in os.listdir(where) if ".base." in n or ".remote." in n)


THEIRS = spec("one", "two", "three", "four", "FIVE")


@pytest.fixture
def conflict(fake, shared, process):
    """An editor read the page, somebody else changed it, the editor saved."""
    where, page, new = shared
    editor = process(where)
    assert editor("read", "spec.json") == 0
    fake.change_page(page, spec=THEIRS)
    fake.forget()
    assert editor("write", "spec.json", new("ONE", "two", "three", "four", "five")) == (
        errno.ESTALE)
    return where, page, new, editor


def test_the_same_field_changed_elsewhere(fake, conflict):
    where, page, new, _ = conflict
    assert fake.count("PATCH") == 0 and len(fake.requests) == 2, fake.log_lines()
    assert fake.pages[page]["spec"] == THEIRS
    assert json.loads((where / "spec.json").read_text())["root"]["children"][0]["props"][
        "text"] == "ONE", "the draft stays"
    assert beside(where) == ["spec.base.json", "spec.remote.json"]
    assert json.loads((where / "spec.remote.json").read_text()) == THEIRS
    assert json.loads((where / "spec.base.json").read_text()) == spec(
        "one", "two", "three", "four", "five")
    assert (where / "errors").read_text().startswith("spec.json:1:1: error: [conflict] ")
    assert state(where) == [("spec.json", "conflict")]
    assert os.getxattr(where / "spec.json", "user.amdahl.state") == b"conflict"


def test_saving_again_is_refused_again(fake, conflict):
    where, page, new, editor = conflict
    assert editor("write", "spec.json", new("ONE!", "two")) == errno.ESTALE
    assert fake.count("PATCH") == 0
    assert fake.pages[page]["spec"] == THEIRS


def test_a_three_way_merge(fake, conflict):
    where, page, new, editor = conflict
    run("git merge-file spec.json spec.base.json spec.remote.json && rm spec.remote.json",
        cwd=where, check=True)
    assert fake.count("PATCH") == 0, "a merge is sent when it is saved, not before"
    assert state(where) == [("spec.json", "conflict")]
    text = (where / "spec.json").read_text()
    write(where / "spec.json", text)
    merged = spec("ONE", "two", "three", "four", "FIVE")
    assert json.loads(text) == merged
    assert fake.pages[page]["spec"] == merged
    assert beside(where) == [] and (where / "errors").read_text() == ""
    assert state(where) == []


def test_a_merge_that_needs_hands(fake, conflict):
    """What a merge tool leaves is a draft, even where it is no JSON yet."""
    where, page, new, editor = conflict
    fake.change_page(page, spec=spec("uno", "two", "three", "four", "five"))
    assert editor("write", "spec.json", new("ONE", "two", "three", "four", "five")) == (
        errno.ESTALE)
    done = run("git merge-file spec.json spec.base.json spec.remote.json", cwd=where)
    assert done.returncode == 1, done.stderr
    text = (where / "spec.json").read_text()
    assert "<<<<<<<" in text and "uno" in text and "ONE" in text
    os.unlink(where / "spec.remote.json")
    with fails_with(errno.EPROTO):
        write(where / "spec.json", text + "\n")
    write(where / "spec.json", dumps(spec("both", "two")))
    assert fake.pages[page]["spec"] == spec("both", "two")
    assert beside(where) == []


def test_mine(fake, conflict):
    where, page, new, editor = conflict
    os.unlink(where / "spec.remote.json")
    assert editor("write", "spec.json", new("mine")) == 0
    assert fake.pages[page]["spec"] == spec("mine")
    assert beside(where) == [] and (where / "errors").read_text() == ""


def test_mine_is_of_what_was_there_then(fake, conflict):
    """A third version that came meanwhile is not overwritten either."""
    where, page, new, editor = conflict
    os.unlink(where / "spec.remote.json")
    fake.change_page(page, spec=spec("third"))
    assert editor("write", "spec.json", new("mine")) == errno.ESTALE
    assert json.loads((where / "spec.remote.json").read_text()) == spec("third")
    assert json.loads((where / "spec.base.json").read_text()) == THEIRS
    assert fake.pages[page]["spec"] == spec("third")


def test_theirs(fake, conflict):
    where, page, new, editor = conflict
    run("cp spec.remote.json spec.json", cwd=where, check=True)
    assert fake.count("PATCH") == 0 and fake.pages[page]["spec"] == THEIRS
    assert beside(where) == [] and state(where) == []
    assert not (where / "spec.json.rejected").exists()


def command(where, line):
    """A line for .amdahl/ctl; the errno that is its answer. (A file object would write
    it again at its close.)"""
    fd = os.open(where.parent.parent / ".amdahl" / "ctl", os.O_WRONLY)
    try:
        os.write(fd, line.encode() + b"\n")
        return 0
    except OSError as err:
        return err.errno
    finally:
        os.close(fd)


def test_push_ends_a_conflict_that_was_merged(fake, conflict):
    where, page, new, editor = conflict
    assert command(where, "push shared") == errno.ESTALE
    run("git merge-file spec.json spec.base.json spec.remote.json && rm spec.remote.json",
        cwd=where, check=True)
    assert command(where, "push shared") == 0
    assert fake.pages[page]["spec"] == spec("ONE", "two", "three", "four", "FIVE")
    assert beside(where) == [] and state(where) == []


def test_a_draft_keeps_its_base_over_a_remount(fake, mount_at):
    page = fake.add_page("Kept", spec("one"))
    mount = mount_at(fake)
    where = mount.page("kept")
    (where / "spec.json").read_text()
    fake.change_page(page, spec=spec("theirs"))
    with fails_with(errno.ESTALE):
        write(where / "spec.json", dumps(spec("mine")))
    mount.restart()
    assert json.loads((where / "spec.json").read_text()) == spec("mine")
    assert command(where, "push kept") == errno.ESTALE
    assert json.loads((where / "spec.remote.json").read_text()) == spec("theirs")
    with fails_with(errno.ESTALE):      # nor does one who has read the draft alone
        write(where / "spec.json", dumps(spec("mine!")))
    assert fake.pages[page]["spec"] == spec("theirs")
    os.unlink(where / "spec.remote.json")
    assert command(where, "push kept") == 0
    assert fake.pages[page]["spec"] == spec("mine!")


def test_undo_overwrites_nothing_unseen(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    assert editor("write", "spec.json", new("mine")) == 0
    fake.change_page(page, spec=spec("theirs"))
    assert command(where, "undo shared") == errno.ESTALE
    assert fake.pages[page]["spec"] == spec("theirs")


def test_discard_ends_a_conflict(fake, conflict):
    where, page, new, editor = conflict
    (where.parent.parent / ".amdahl" / "ctl").write_text("discard shared\n")
    assert json.loads((where / "spec.json").read_text()) == THEIRS
    assert beside(where) == [] and state(where) == []


def test_what_turned_back_is_no_conflict(fake, conflict):
    where, page, new, editor = conflict
    fake.change_page(page, spec=spec("one", "two", "three", "four", "five"))
    assert editor("write", "spec.json", new("ONE")) == 0
    assert fake.pages[page]["spec"] == spec("ONE") and beside(where) == []


def test_both_wrote_the_same(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    fake.change_page(page, spec=spec("agreed"))
    fake.forget()
    assert editor("write", "spec.json", new("agreed")) == 0
    assert fake.count("PATCH") == 0 and beside(where) == []


def test_an_editor_opened_yesterday(fake, shared, process):
    """A sweep and other readers have the new version; this one has not."""
    where, page, new = shared
    editor, other = process(where), process(where)
    editor("read", "spec.json")
    fake.change_page(page, spec=THEIRS)
    sweep(where)
    assert other("read", "spec.json") == 0
    assert json.loads((where / "spec.json").read_text()) == THEIRS
    assert editor("write", "spec.json", new("ONE")) == errno.ESTALE
    assert fake.pages[page]["spec"] == THEIRS
    os.unlink(where / "spec.remote.json")
    assert other("write", "spec.json", new("seen")) == 0
    assert fake.pages[page]["spec"] == spec("seen")


def test_who_has_seen_it_may_replace_it(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    fake.change_page(page, spec=THEIRS)
    sweep(where)
    editor("read", "spec.json")
    assert editor("write", "spec.json", new("after")) == 0
    assert fake.pages[page]["spec"] == spec("after")


def test_a_sweep_under_a_draft_moves_no_base(fake, shared, process):
    where, page, new = shared
    odd = new("odd").with_name("odd.json")
    odd.write_text(dumps({"version": 1, "root": {"type": "Odd"}}))
    editor = process(where)
    editor("read", "spec.json")
    assert editor("write", "spec.json", odd) == errno.EPROTO
    fake.change_page(page, spec=THEIRS)
    sweep(where)
    other = process(where)
    assert other("read", "spec.json") == 0      # it is given the draft, not what is new
    assert other("write", "spec.json", new("ONE")) == errno.ESTALE
    assert editor("write", "spec.json", new("ONE", "1")) == errno.ESTALE
    assert fake.pages[page]["spec"] == THEIRS
    assert json.loads((where / "spec.base.json").read_text()) == spec(
        "one", "two", "three", "four", "five")


@pytest.mark.parametrize("backup", ["auto", "yes"])
def test_vim_opened_yesterday(fake, shared, backup):
    """vim writes in its way, is told, and puts the old bytes back; both texts are there."""
    where, page, new = shared
    vim = subprocess.Popen(
        ["vim", "-u", "NONE", "-es", "--cmd", f"set backupcopy={backup} backupskip=",
         "spec.json"], cwd=where, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def ex(*lines):
        vim.stdin.write("".join(line + "\n" for line in lines))
        vim.stdin.flush()
    ex("%s/one/ONE/", "silent !touch edited")
    wait_for(lambda: "edited" in os.listdir(where), 20, "vim to have edited")
    fake.change_page(page, spec=THEIRS)
    ex("w!", "silent !touch tried", "q!")
    wait_for(lambda: "tried" in os.listdir(where), 20, "vim to have tried to save")
    vim.stdin.close()
    vim.wait(30)
    assert fake.count("PATCH") == 0 and fake.pages[page]["spec"] == THEIRS
    assert beside(where) == ["spec.base.json", "spec.remote.json"]
    kept = [where / n for n in ("spec.json", "spec.json.rejected") if n in os.listdir(where)]
    assert any("ONE" in each.read_text() for each in kept)


@pytest.mark.parametrize("swept", [False, True])
def test_git_reset_does_not_overwrite_the_unseen(fake, shared, process, swept):
    """unlink and create by a process that has read nothing, and looked with stat alone."""
    where, page, new = shared
    reader, git = process(where), process(where)
    reader("read", "spec.json")
    fake.change_page(page, spec=THEIRS)
    if swept:
        sweep(where)
        os.stat(where / "spec.json")
    assert git("replace", "spec.json", new("older")) == errno.ESTALE
    assert fake.pages[page]["spec"] == THEIRS
    assert json.loads((where / "spec.remote.json").read_text()) == THEIRS


def test_real_git_reset(fake, shared, tmp_path):
    where, page, new = shared
    git = (f"git --git-dir={tmp_path / 'git'} --work-tree={where} "
           "-c user.name=n -c user.email=e@x ")
    run(f"git init -q --bare {tmp_path / 'git'} && {git} add spec.json && {git} commit -qm 1",
        cwd=where, check=True)
    fake.change_page(page, spec=THEIRS)
    sweep(where)
    run(f"{git} reset -q --hard", cwd=where)
    assert fake.pages[page]["spec"] == THEIRS and fake.count("PATCH") == 0


def test_restoring_the_base_saves_nothing(fake, shared, process):
    """An editor that puts the old bytes back after ESTALE does not undo the others' work,
    and the refused text stands beside the file."""
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    old = (where / "spec.json").read_text()
    fake.change_page(page, spec=THEIRS)
    assert editor("write", "spec.json", new("ONE")) == errno.ESTALE
    back = new("x")
    back.write_text(old)
    assert editor("write", "spec.json", back) == 0
    assert fake.pages[page]["spec"] == THEIRS and fake.count("PATCH") == 0
    assert json.loads((where / "spec.json.rejected").read_text()) == spec("ONE")
    assert json.loads((where / "spec.json").read_text()) == THEIRS
    assert beside(where) == ["spec.base.json", "spec.remote.json"]
    assert editor("write", "spec.json", new("ONE")) == errno.ESTALE, "it has not seen it"


def test_a_rename_is_asked_once(fake, shared, process):
    """The VFS repeats a rename on ESTALE: one verdict, one pair of requests."""
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    fake.change_page(page, spec=THEIRS)
    fake.forget()
    (where / "tmp").write_text(new("ONE").read_text())
    assert editor("rename", "spec.json", "tmp") == errno.ESTALE
    assert len(fake.requests) == 2 and fake.count("PATCH") == 0, fake.log_lines()
    assert json.loads((where / "spec.json").read_text()) == THEIRS
    assert json.loads((where / "spec.json.rejected").read_text()) == spec("ONE")
    assert "spec.json.rejected (both" in (where / "errors").read_text()
    fake.forget()
    assert editor("rename", "spec.json", "tmp") == errno.ESTALE
    assert len(fake.requests) == 2, "a new rename is a new save"
    os.unlink(where / "spec.remote.json")
    assert editor("rename", "spec.json", "tmp") == 0
    assert fake.pages[page]["spec"] == spec("ONE")
    assert beside(where) == [] and "spec.json.rejected" not in os.listdir(where)


def test_different_fields_merge(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    fake.change_page(page, declared_queries=[{"name": "theirs", "sql": "select 2"}],
                     tags=["theirs"])
    fake.forget()
    assert editor("write", "spec.json", new("mine")) == 0
    assert len(fake.requests) <= 3, fake.log_lines()
    now = fake.pages[page]
    assert now["spec"] == spec("mine") and now["tags"] == ["theirs"]
    assert now["declared_queries"] == [{"name": "theirs", "sql": "select 2"}]
    assert json.loads((where / "queries.json").read_text())[0]["name"] == "theirs"
    assert beside(where) == []


def test_members_of_page_json_merge(fake, shared):
    where, page, new = shared
    about = json.loads((where / "page.json").read_text())
    fake.change_page(page, description="theirs")
    fake.forget()
    write(where / "page.json", dumps({**about, "tags": ["mine"]}))
    assert [str(r) for r in fake.requests] == [f"GET /pages/{page} -> 200",
                                              f"PATCH /pages/{page} -> 200"]
    assert fake.matching("PATCH")[0].json == {"tags": ["mine"]}
    assert fake.pages[page]["description"] == "theirs"
    # This process has not read the merged file: its next save undoes nothing either.
    write(where / "page.json", dumps({**about, "tags": ["mine", "too"]}))
    assert fake.pages[page]["description"] == "theirs"
    assert fake.pages[page]["tags"] == ["mine", "too"]
    shown = json.loads((where / "page.json").read_text())
    assert shown["description"] == "theirs" and shown["tags"] == ["mine", "too"]


def test_one_member_of_page_json_conflicts(fake, shared):
    where, page, new = shared
    about = json.loads((where / "page.json").read_text())
    fake.change_page(page, tags=["theirs"])
    with fails_with(errno.ESTALE):
        write(where / "page.json", dumps({**about, "tags": ["mine"]}))
    assert fake.pages[page]["tags"] == ["theirs"]
    assert beside(where) == ["page.base.json", "page.remote.json"]
    assert json.loads((where / "page.remote.json").read_text())["tags"] == ["theirs"]
    os.unlink(where / "page.remote.json")
    write(where / "page.json", dumps({**about, "tags": ["mine", "both"]}))
    assert fake.pages[page]["tags"] == ["mine", "both"]
    assert beside(where) == []


def test_a_page_archived_elsewhere(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    odd = new("odd")
    odd.write_text(dumps({"version": 1, "root": {"type": "Odd"}}))
    assert editor("write", "spec.json", odd) == errno.EPROTO    # a draft: the page stays
    fake.change_page(page, status="archived")
    sweep(where)
    assert editor("write", "spec.json", new("late")) == errno.ENOENT
    assert "[gone]" in (where / "errors").read_text()
    assert json.loads((where / "spec.json").read_text()) == spec("late")
    assert ("spec.json", "refused") in state(where)
    assert fake.count("PATCH") == 0


def test_a_page_deleted_elsewhere(fake, shared, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    del fake.pages[page]
    assert editor("write", "spec.json", new("late")) == errno.ENOENT
    sweep(where)
    assert json.loads((where / "spec.json").read_text()) == spec("late")
    assert state(where) == [("spec.json", "refused")]


@pytest.mark.parametrize("shape", [Shape(normalise=True), Shape(patch_answers_page=False),
                                   Shape(normalise=True, patch_answers_page=False),
                                   Shape(summary=(), timestamps=False)],
                         ids=["normalising", "no page", "both", "no token"])
def test_nobody_conflicts_with_himself(mount_at, process, shape):
    with FakePlatform(shape) as fake:
        page = fake.add_page("Own", {"version": 1.0, "root": {
            "type": "Section", "props": {"z": 1.0, "a": 2.50}, "children": []}})
        mount = mount_at(fake)
        mount.names()
        where = mount.page("own")
        editor = process(where)
        editor("read", "spec.json")
        for k in range(4):
            (where / "tmp").write_text(dumps({"version": 1.0, "root": {
                "type": "Section", "props": {"z": 3.0, "a": k + 0.0}, "children": []}}))
            fake.forget()
            assert editor("write", "spec.json", "tmp") == 0, fake.log_lines()
            assert len(fake.requests) <= 3, fake.log_lines()
            if k % 2:
                sweep(where)
                os.stat(where / "spec.json")    # the page is read anew for this
        about = json.loads((where / "page.json").read_text())
        for k in range(3):
            write(where / "page.json", dumps({**about, "tags": [str(k)]}))
        assert fake.pages[page]["tags"] == ["2"]
        editor.end()
        mount.stop()


def test_two_mounts(local, mount_at, process):
    """Two people, one workspace."""
    local.create("Joint", spec("one", "two", "three", "four", "five"))
    mine, theirs = mount_at(local), mount_at(local)
    assert mine.names() == theirs.names()
    here, there = mine.page("joint"), theirs.page("joint")
    me, other = process(here), process(there)
    assert me("read", "spec.json") == 0 and other("read", "spec.json") == 0
    (there / "new").write_text(dumps(THEIRS))
    assert other("write", "spec.json", "new") == 0
    (here / "new").write_text(dumps(spec("ONE", "two", "three", "four", "five")))
    assert me("write", "spec.json", "new") == errno.ESTALE
    assert local.page("Joint")["spec"] == THEIRS
    run("git merge-file spec.json spec.base.json spec.remote.json && rm spec.remote.json",
        cwd=here, check=True)
    run("cp spec.json new && cp new spec.json", cwd=here, check=True)
    assert local.page("Joint")["spec"] == spec("ONE", "two", "three", "four", "FIVE")
    assert beside(here) == [] and state(here) == []
    # The other one began from what he saved himself.
    (there / "new").write_text(dumps(spec("late")))
    assert other("write", "spec.json", "new") == errno.ESTALE


def test_what_a_save_costs(shared, fake, process):
    where, page, new = shared
    editor = process(where)
    editor("read", "spec.json")
    for k in range(3):
        fake.forget()
        assert editor("write", "spec.json", new(f"n{k}")) == 0
        assert sorted((r.method, r.path) for r in fake.requests) == [
            ("GET", f"/pages/{page}"), ("PATCH", f"/pages/{page}"),
            ("POST", "/pages/validate")], fake.log_lines()
    assert fake.requests[-1].method == "PATCH", "both answers come before it"
