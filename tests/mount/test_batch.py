"""Batches: what a process tree saves and removes is sent when it says so, each page once."""
import contextlib
import errno
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from amdahl import dumps, fails_with, run, wait_for, write
from fakeplatform import simple_spec


class Batch:
    """A handle on .amdahl/batch, which this process holds."""

    def __init__(self, mount):
        self.fd = os.open(mount.path / ".amdahl" / "batch", os.O_RDWR | os.O_CLOEXEC)

    def commit(self):
        """What each page came to, by its name."""
        error = None
        try:
            os.write(self.fd, b"commit\n")
        except OSError as err:
            error = err.errno
        lines = self.words()
        return error, {line["page"]: line for line in lines}

    def words(self):
        """pread: the kernel keeps the file's position while a write of it is under way."""
        text = b""
        while part := os.pread(self.fd, 65536, 0):
            text += part
        return [json.loads(line) for line in text.splitlines()]

    def close(self):
        fd, self.fd = self.fd, None
        if fd is not None:
            os.close(fd)


@pytest.fixture
def pages(fake, mount_at):
    for number in range(3):
        fake.add_page(f"Page {number}", page_id=f"pg-{number}",
                      queries=[{"name": "q", "sql": "select 1"}])
    made = mount_at(fake)
    made.server = fake
    for name in made.names():
        (made.page(name) / "spec.json").read_text()
    fake.forget()
    return made


@pytest.fixture
def batch(pages):
    made = Batch(pages)
    yield made
    made.close()


def status(mount):
    return json.loads((mount.path / ".amdahl" / "status.json").read_text())


def drafts(mount):
    return [(d["page"], d["file"], d["state"]) for d in status(mount)["drafts"]]


def title(fake, page):
    return fake.pages[page]["spec"]["root"]["children"][0]["props"]["text"]


def bound(text, query):
    spec = simple_spec(text)
    spec["root"]["children"].append({"type": "Table", "props": {"data": {"$query": query}}})
    return spec


QUERIES = [{"name": "deals", "sql": "select 2"}]


def fill(where, text="New"):
    """Both files of a page, of which neither passes without the other."""
    write(where / "spec.json", dumps(bound(text, "deals")))
    write(where / "queries.json", dumps(QUERIES))


def test_each_page_is_sent_once(pages, batch):
    """Both files and page.json: a validation, a look, and one PATCH of all that changed."""
    for number in range(2):
        fill(pages.page(f"page-{number}"), f"New {number}")
    page = json.loads((pages.page("page-0") / "page.json").read_text())
    page["tags"] = ["a"]
    write(pages.page("page-0") / "page.json", dumps(page))
    assert pages.server.requests == [], "nothing is sent before it is said"
    assert sorted(drafts(pages)) == [("page-0", "page.json", "staged"),
                                     ("page-0", "queries.json", "staged"),
                                     ("page-0", "spec.json", "staged"),
                                     ("page-1", "queries.json", "staged"),
                                     ("page-1", "spec.json", "staged")]
    assert status(pages)["batches"] == [
        {"process": os.getpid(), "git": False, "sending": False, "pages": 2}]
    error, verdicts = batch.commit()
    assert error is None
    assert {p: v["result"] for p, v in verdicts.items()} == {"page-0": "saved",
                                                             "page-1": "saved"}
    for number in range(2):
        assert pages.server.count("PATCH", f"/pages/pg-{number}$") == 1
        assert title(pages.server, f"pg-{number}") == f"New {number}"
        assert pages.server.pages[f"pg-{number}"]["declared_queries"] == QUERIES
    assert pages.server.pages["pg-0"]["tags"] == ["a"]
    assert len(pages.server.requests) == 6, pages.server.log_lines()
    assert drafts(pages) == [] and status(pages)["batches"] == []


def test_after_its_commit_a_save_is_a_save(pages, batch):
    fill(pages.page("page-0"))
    batch.commit()
    write(pages.page("page-1") / "spec.json", dumps(simple_spec("Later")))
    assert title(pages.server, "pg-1") == "Later"
    with fails_with(errno.EALREADY):
        os.write(batch.fd, b"commit\n")


def test_nothing_staged(pages, batch):
    assert batch.commit() == (None, {})
    assert pages.server.requests == []


def test_other_words(pages, batch):
    with fails_with(errno.EINVAL):
        os.write(batch.fd, b"comit\n")
    with fails_with(errno.EINVAL):
        os.write(batch.fd, b"x" * 5000)


def test_a_handle_closed_without_commit_leaves_drafts(pages, batch):
    fill(pages.page("page-0"))
    batch.close()
    wait_for(lambda: not status(pages)["batches"], 10, "the end of the batch")
    assert pages.server.requests == []
    assert sorted(drafts(pages)) == [("page-0", "queries.json", "draft"),
                                     ("page-0", "spec.json", "draft")]
    run_ctl(pages, "push", "page-0")
    assert title(pages.server, "pg-0") == "New"
    assert drafts(pages) == []


def run_ctl(mount, *arguments, status=0):
    done = run([os.environ["AMDAHLCTL_BIN"], *arguments, mount.path])
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_a_daemon_that_is_killed_leaves_drafts(pages, batch):
    fill(pages.page("page-0"))
    pages.kill()
    with contextlib.suppress(OSError):
        batch.close()
    pages.start()
    pages.names()
    assert sorted(drafts(pages)) == [("page-0", "queries.json", "draft"),
                                     ("page-0", "spec.json", "draft")]
    assert (pages.page("page-0") / "queries.json").read_text() == dumps(QUERIES)
    assert pages.server.count("PATCH") == 0


def test_bad_json_is_told_at_once(pages, batch):
    with fails_with(errno.EPROTO):
        write(pages.page("page-0") / "spec.json", "{")
    fill(pages.page("page-1"))
    assert (pages.page("page-0") / "errors").read_text().startswith("spec.json:1:2: error: [json]")
    error, verdicts = batch.commit()
    assert error is None and list(verdicts) == ["page-1"]
    assert drafts(pages) == [("page-0", "spec.json", "refused")]


def test_a_refused_page_is_kept_back_whole(pages, batch):
    """Its other file would pass by itself, and is not sent without it."""
    where = pages.page("page-0")
    spec = simple_spec("New")
    spec["root"]["children"][0]["type"] = "Heding"
    write(where / "spec.json", dumps(spec))
    write(where / "queries.json", dumps(QUERIES))
    write(where / "page.json", '{"id": "pg-0", "name": "Page 0", "tags": ["x"]}')
    fill(pages.page("page-1"))
    error, verdicts = batch.commit()
    assert error == errno.EPROTO
    assert verdicts["page-0"]["result"] == "refused" and not verdicts["page-0"]["ok"]
    assert "Heding" in verdicts["page-0"]["errors"][0]
    assert verdicts["page-1"]["result"] == "saved"
    assert [r.path for r in pages.server.matching("PATCH")] == ["/pages/pg-1"]
    assert sorted(drafts(pages)) == [("page-0", "page.json", "draft"),
                                     ("page-0", "queries.json", "draft"),
                                     ("page-0", "spec.json", "refused")]
    assert "Heding" in (where / "errors").read_text()
    write(where / "spec.json", dumps(simple_spec("Mended")))
    assert title(pages.server, "pg-0") == "Mended"
    assert pages.server.pages["pg-0"]["declared_queries"] == QUERIES


def test_renames_onto_files_are_staged(pages, batch):
    where = pages.page("page-0")
    write(where / "new", dumps(simple_spec("Moved")))
    os.rename(where / "new", where / "spec.json")
    assert (where / "spec.json").read_text() == dumps(simple_spec("Moved"))
    assert pages.server.requests == []
    assert batch.commit()[1]["page-0"]["result"] == "saved"
    assert title(pages.server, "pg-0") == "Moved"
    assert not (where / "spec.json.rejected").exists()


def test_what_is_put_back_is_not_sent(pages, batch):
    path = pages.page("page-0") / "spec.json"
    before = path.read_text()
    write(path, dumps(simple_spec("New")))
    write(path, before)
    assert drafts(pages) == []
    error, verdicts = batch.commit()
    assert error is None and verdicts["page-0"]["result"] == "unchanged"
    assert pages.server.requests == []


def test_the_last_of_several_texts_is_sent(pages, batch):
    path = pages.page("page-0") / "spec.json"
    for text in ("First", "Second", "Third"):
        write(path, dumps(simple_spec(text)))
    batch.commit()
    assert title(pages.server, "pg-0") == "Third"
    assert pages.server.count("PATCH") == 1


@pytest.mark.parametrize("how", ["write", "rename"])
def test_back_again_in_the_next_one(pages, how):
    """As `git rebase` does it: its own text is what it knows, not what it read before."""
    spec = pages.page("page-0") / "spec.json"
    first = spec.read_text()
    for text in (dumps(simple_spec("Main")), first):
        batch = Batch(pages)
        if how == "write":
            spec.unlink()
            spec.write_text(text)
        else:
            (spec.parent / "spec.new").write_text(text)
            (spec.parent / "spec.new").rename(spec)
        error, lines = batch.commit()
        batch.close()
        assert error is None and lines["page-0"]["result"] == "saved"
        assert spec.read_text() == text
    assert pages.server.count("PATCH") == 2
    assert title(pages.server, "pg-0") == "Page 0"


def test_what_the_platform_has_already_is_known_by_its_writer(pages):
    """Two changes, of which somebody else was ahead of the first."""
    spec = pages.page("page-0") / "spec.json"
    first, second = spec.read_text(), dumps(simple_spec("Main"))
    pages.server.change_page("pg-0", spec=simple_spec("Main"))
    spec.write_text(second)
    pages.server.forget()
    spec.write_text(first)
    assert spec.read_text() == first and pages.server.count("PATCH") == 1


def test_others_are_no_part_of_it(pages, tmp_path):
    """Only the process that holds it and its descendants: a save beside it goes at once,
    and takes nothing of it along."""
    path = pages.path / ".amdahl" / "batch"
    ready, go = tmp_path / "ready", tmp_path / "go"
    script = (f"exec 3<>{path}; echo '{json.dumps(QUERIES)}' > {pages.page('page-0')}/queries.json;"
              f" touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done;"
              f" (cat {tmp_path}/spec > {pages.page('page-1')}/spec.json);"
              " echo commit >&3; cat <&3")
    write(tmp_path / "spec", dumps(simple_spec("By a grandchild")))
    shell = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, text=True)
    wait_for(ready.exists, 10, "the shell")
    write(pages.page("page-0") / "spec.json", dumps(simple_spec("Beside")))
    assert title(pages.server, "pg-0") == "Beside"
    assert pages.server.pages["pg-0"]["declared_queries"] != QUERIES
    assert pages.server.count("PATCH") == 1
    go.touch()
    lines = [json.loads(line) for line in shell.communicate(timeout=60)[0].splitlines()]
    assert shell.returncode == 0
    assert sorted((v["page"], v["result"]) for v in lines) == [("page-0", "saved"),
                                                               ("page-1", "saved")]
    assert title(pages.server, "pg-1") == "By a grandchild"
    assert pages.server.pages["pg-0"]["declared_queries"] == QUERIES
    assert title(pages.server, "pg-0") == "Beside"
    assert pages.server.count("PATCH") == 3


def test_a_page_that_is_made(pages, batch):
    where = pages.page("fresh")
    os.mkdir(where)
    write(where / "page.json", '{"name": "Fresh one", "tags": ["t"]}')
    fill(where)
    assert pages.server.requests == []
    error, verdicts = batch.commit()
    assert error is None and verdicts["fresh"]["result"] == "created"
    assert [str(r) for r in pages.server.requests] == ["POST /pages/validate -> 200",
                                                      "POST /pages -> 201"]
    made = [p for p in pages.server.pages.values() if p["name"] == "Fresh one"]
    assert len(made) == 1 and made[0]["tags"] == ["t"]
    assert made[0]["declared_queries"] == QUERIES
    assert drafts(pages) == []


def test_a_page_that_lacks_a_file(pages, batch):
    where = pages.page("fresh")
    os.mkdir(where)
    write(where / "queries.json", dumps(QUERIES))
    error, verdicts = batch.commit()
    assert verdicts["fresh"]["result"] == "waiting" and not verdicts["fresh"]["ok"]
    assert pages.server.requests == []


def rm(where):
    for name in ("spec.json", "queries.json", "page.json"):
        os.unlink(where / name)
    os.rmdir(where)


def test_removed_pages_are_archived_with_it(pages, batch):
    """Ten would be too many for the brake; a batch opens it."""
    for number in range(3):
        rm(pages.page(f"page-{number}"))
    assert pages.names() == []
    assert pages.server.requests == []
    error, verdicts = batch.commit()
    assert error is None
    assert {v["result"] for v in verdicts.values()} == {"archived"}
    assert pages.server.count("DELETE") == 3
    assert pages.names() == []


def test_removed_pages_come_back_without_a_commit(pages, batch):
    rm(pages.page("page-0"))
    run_ctl(pages, "refresh")
    assert "page-0" not in pages.names(), "a sweep does not bring it back"
    pages.server.forget()
    batch.close()
    wait_for(lambda: "page-0" in pages.names(), 10, "the page")
    assert pages.server.count("DELETE") == 0
    assert (pages.page("page-0") / "spec.json").read_text() == dumps(simple_spec("Page 0"))
    assert sorted(os.listdir(pages.page("page-0"))) == sorted(os.listdir(pages.page("page-1")))


def test_a_page_that_cannot_be_archived_comes_back(pages, batch):
    pages.server.fault("DELETE", "/pages/pg-0$", "status", arg=500)
    rm(pages.page("page-0"))
    rm(pages.page("page-1"))
    error, verdicts = batch.commit()
    assert error == errno.EIO
    assert verdicts["page-0"]["result"] == "failed"
    assert verdicts["page-1"]["result"] == "archived"
    assert pages.names() == ["page-0", "page-2"]
    assert (pages.page("page-0") / "spec.json").read_text() == dumps(simple_spec("Page 0"))


def test_removed_and_made_elsewhere_is_a_rename(pages, batch):
    """The page keeps its id; only what changed is sent."""
    texts = {n: (pages.page("page-0") / n).read_text()
             for n in ("page.json", "queries.json", "spec.json")}
    rm(pages.page("page-0"))
    where = pages.page("elsewhere")
    os.mkdir(where)
    for name, text in texts.items():
        write(where / name, text.replace("Page 0", "Elsewhere"))
    error, verdicts = batch.commit()
    assert error is None, verdicts
    assert verdicts == {"elsewhere": {"page": "elsewhere", "result": "renamed", "ok": True,
                                      "message": None, "errors": []}}
    assert pages.server.count("DELETE") == 0 and pages.server.count("POST", "/pages$") == 0
    assert pages.server.count("PATCH", "/pages/pg-0$") == 1
    assert pages.server.pages["pg-0"]["name"] == "Elsewhere"
    assert title(pages.server, "pg-0") == "Elsewhere"
    assert len(pages.server.pages) == 3
    assert pages.names() == ["elsewhere", "page-1", "page-2"]
    assert os.readlink(pages.path / "by-id" / "pg-0") == "../pages/elsewhere"
    batch.close()
    pages.restart()
    assert pages.names() == ["elsewhere", "page-1", "page-2"]
    assert (where / "spec.json").read_text() == texts["spec.json"].replace("Page 0", "Elsewhere")


def test_removed_and_made_again_is_the_same_page(pages, batch):
    texts = {n: (pages.page("page-0") / n).read_text()
             for n in ("page.json", "queries.json", "spec.json")}
    rm(pages.page("page-0"))
    os.mkdir(pages.page("page-0"))
    for name, text in texts.items():
        write(pages.page("page-0") / name, text)
    error, verdicts = batch.commit()
    assert error is None and verdicts["page-0"]["result"] == "unchanged"
    assert pages.server.requests == []
    assert drafts(pages) == []


def test_somebody_elses_edit(pages, batch):
    write(pages.page("page-0") / "spec.json", dumps(simple_spec("Mine")))
    pages.server.change_page("pg-0", spec=simple_spec("Theirs"))
    error, verdicts = batch.commit()
    assert error == errno.ESTALE and verdicts["page-0"]["result"] == "conflict"
    assert title(pages.server, "pg-0") == "Theirs"
    assert (pages.page("page-0") / "spec.remote.json").read_text() == dumps(simple_spec("Theirs"))
    assert (pages.page("page-0") / "spec.json").read_text() == dumps(simple_spec("Mine"))


def test_the_platform_is_away(pages, batch):
    fill(pages.page("page-0"))
    pages.server.vanish()
    error, verdicts = batch.commit()
    assert error == errno.ECONNREFUSED
    assert verdicts["page-0"]["result"] == "failed"
    assert len(drafts(pages)) == 2


def test_many_pages_are_a_few_at_a_time(fake, mount_at):
    for number in range(40):
        fake.add_page(f"Page {number:02}", page_id=f"pg-{number}")
    mount = mount_at(fake)
    names = mount.names()
    for name in names:
        (mount.page(name) / "spec.json").read_text()
    batch = Batch(mount)
    for name in names:
        write(mount.page(name) / "spec.json", dumps(simple_spec(f"New {name}")))
    fake.fault("PATCH", "/pages/", "hang", times=8)
    errors = []
    writer = threading.Thread(target=lambda: errors.append(batch.commit()))
    writer.start()
    wait_for(lambda: fake.count("PATCH") == 8, 10, "eight pages on their way")
    time.sleep(0.3)
    assert fake.count("PATCH") == 8
    assert batch.words() == []
    other = Batch(mount)
    assert other.commit() == (None, {}), "one that waits holds no other up"
    other.close()
    fake.heal()
    writer.join(60)
    (error, verdicts), = errors
    assert error == errno.EIO and len(verdicts) == 40
    assert sorted(v["result"] for v in verdicts.values()) == 8 * ["failed"] + 32 * ["saved"]
    batch.close()
    mount.stop()


def test_git_waits_thirty_seconds_at_most(fake, mount_at):
    """The rest goes on behind it."""
    fake.add_page("Page 0", page_id="pg-0")
    pages = mount_at(fake, options="timeout=100")
    pages.server = fake
    pages.names()
    git = ["git", "-c", "init.defaultBranch=main", "-c", "user.name=t", "-c",
           "user.email=t@localhost", "-c", "safe.directory=*"]

    def call(*arguments):
        return run([*git, *arguments], cwd=pages.path, check=True)

    call("init", "-q")
    call("add", "-A")
    call("commit", "-qm", "first")
    write(pages.page("page-0") / "spec.json", dumps(simple_spec("Edited")))
    pages.server.fault("PATCH", "/pages/pg-0$", "act_hang", times=1)
    pages.server.forget()
    call("checkout", "--", ".")
    assert pages.server.count("PATCH") == 1
    assert status(pages)["batches"] == [
        {"process": status(pages)["batches"][0]["process"], "git": True, "sending": True,
         "pages": 1}]
    pages.server.heal()
    wait_for(lambda: not status(pages)["batches"], 20, "the end of the save")
    assert title(pages.server, "pg-0") == "Page 0" and drafts(pages) == []
    assert call("status", "--porcelain").stdout == ""


def test_a_reader_begins_no_batch(pages):
    """A program that looks into every file."""
    fd = os.open(pages.path / ".amdahl" / "batch", os.O_RDONLY)
    assert os.read(fd, 100) == b""
    write(pages.page("page-0") / "spec.json", dumps(simple_spec("Sent")))
    assert title(pages.server, "pg-0") == "Sent"
    os.close(fd)


def test_a_key_that_cannot_write(fake, mount_at):
    fake.scopes = ["pages:read"]
    mount = mount_at(fake)
    with fails_with(errno.EACCES):
        os.open(mount.path / ".amdahl" / "batch", os.O_RDWR)
    mount.stop()
