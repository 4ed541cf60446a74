"""A git repository in the mount: a command that changes pages sends each of them once, whole,
and returns when the platform has answered."""
import json
import os
import shutil
import subprocess

import pytest

from amdahl import dumps, heading, run, spec_of, wait_for

PAGES = 12
TITLE = "Open pipeline"


def deals(table="interactions"):
    return [{"name": "deals", "source": "sql",
             "sql": f"SELECT stage, COUNT(*) AS count FROM {table} GROUP BY stage"}]


def chart(title, query="deals", **more):
    return spec_of(heading(title, level=1),
                   {"type": "BarChart", "props": {"data": {"$query": query}, "x": "stage",
                                                  "y": "count"}}, **more)


class Git:
    def __init__(self, mount, server):
        self.mount, self.server = mount, server
        self.command = ["git", "-c", "init.defaultBranch=main", "-c", "user.name=t", "-c",
                        "user.email=t@localhost", "-c", "safe.directory=*", "-c",
                        "core.editor=true", "-c", "advice.detachedHead=false"]

    def __call__(self, *arguments, status=0, cwd=None):
        done = run([*self.command, *arguments], cwd=cwd or self.mount.path)
        assert done.returncode == status, f"git {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def status(self):
        return self("status", "--porcelain")

    def is_clean(self):
        """As git sees it; and nothing is unsent."""
        assert self.status() == "", self("diff")
        assert drafts(self.mount) == []

    # -- pages --------------------------------------------------------------------------------
    def file(self, number, name="spec.json"):
        return self.mount.page(f"page-{number:02}") / name

    def edit(self, numbers, old, new):
        for number in numbers:
            text = self.file(number).read_text()
            assert old in text
            self.file(number).write_text(text.replace(old, new))

    def branch(self, name, numbers, old, new):
        """With a commit of its own; ends on main."""
        self("checkout", "-qb", name)
        self.edit(numbers, old, new)
        self("commit", "-qam", name)
        self("checkout", "-q", "main")
        self.server.forget()

    def title(self, number):
        return self.server.page(f"Page {number:02}")["spec"]["root"]["children"][0][
            "props"]["text"]

    def sent(self, method="PATCH"):
        """How many times each page was sent since the last look, and nothing was archived
        or made."""
        ids = {p["id"]: p["name"] for p in self.server.pages()}
        out = {}
        for r in self.server.requests():
            if r["method"] == method:
                assert r["status"] in (200, 201, 204), r
                name = ids.get(r["path"].split("/")[-1], "?")
                out[name] = out.get(name, 0) + 1
        return out

    def sent_once(self, numbers):
        """Those pages and no others, by one PATCH each; nothing is made or archived."""
        assert self.sent() == {f"Page {n:02}": 1 for n in numbers}, self.server.log_lines()
        assert self.server.count("DELETE") == self.server.count("POST", "^/pages$") == 0
        self.server.forget()


def drafts(mount):
    status = json.loads((mount.path / ".amdahl" / "status.json").read_text())
    return [(d["page"], d["file"], d["state"]) for d in status["drafts"]]


@pytest.fixture
def git(local, mount_at):
    for sample in local.pages():
        local.call("DELETE", f"/pages/{sample['id']}")
    for number in range(PAGES):
        local.create(f"Page {number:02}", chart(TITLE), deals(), tags=["git"])
    mount = mount_at(local)
    made = Git(mount, local)
    made("init", "-q")
    made("add", "-A")
    made("commit", "-qm", "first")
    files = made("ls-files").split()
    assert len(files) == 3 * PAGES, files
    made.is_clean()
    local.forget()
    return made


def test_ten_pages_back_and_forth(git):
    git.branch("side", range(10), TITLE, "Side")
    assert git.title(3) == TITLE
    for branch, title in (("side", "Side"), ("main", TITLE), ("side", "Side")):
        git("checkout", "-q", branch)
        git.sent_once(range(10))
        assert {git.title(n) for n in range(10)} == {title}
        assert git.title(11) == TITLE
        git.is_clean()
        git.server.forget()
    git.mount.restart()
    git.is_clean()
    assert git.server.count("PATCH") == 0


def test_both_files_of_a_page(git):
    """Neither passes by itself: a query has another name, and the chart binds it."""
    git("checkout", "-qb", "side")
    batch = [os.environ["AMDAHLCTL_BIN"], "batch", git.mount.path, "--"]
    renamed = deals()
    renamed[0]["name"] = "stages"
    write_both = (f"echo '{json.dumps(chart('Side', 'stages'))}' > {git.file(0)};"
                  f"echo '{json.dumps(renamed)}' > {git.file(0, 'queries.json')}")
    done = run([*batch, "bash", "-c", write_both], check=True)
    assert done.stdout == "saved       page-00\n"
    git.sent_once([0])
    git("commit", "-qam", "side")
    for branch in ("main", "side", "main"):
        git("checkout", "-q", branch)
        git.sent_once([0])
        assert git.server.page("Page 00")["declared_queries"][0]["name"] == (
            "stages" if branch == "side" else "deals")
        git.is_clean()


def test_a_pull_of_somebodys_change(git, tmp_path):
    other = tmp_path / "other"
    git("clone", "-q", git.mount.path, other, cwd=tmp_path)
    renamed = deals()
    renamed[0]["name"] = "stages"
    for number in (2, 5):
        where = other / "pages" / f"page-{number:02}"
        (where / "spec.json").write_text(dumps(chart("Pulled", "stages")))
        (where / "queries.json").write_text(dumps(renamed))
    git("commit", "-qam", "both files", cwd=other)
    git("remote", "add", "origin", other)
    git.server.forget()
    git("pull", "-q", "origin", "main")
    git.sent_once([2, 5])
    assert git.title(2) == git.title(5) == "Pulled"
    git.is_clean()
    git.mount.restart()
    git.is_clean()


def test_merge(git):
    git.branch("side", [1, 2], TITLE, "Side")
    git.edit([3], TITLE, "Ours")
    git("commit", "-qam", "ours")
    git.server.forget()
    git("merge", "-q", "--no-edit", "side")
    git.sent_once([1, 2])
    git.is_clean()


def test_merge_with_a_conflict(git):
    """The marks are no JSON: that page stays here, the others of the merge are sent."""
    git.branch("side", [1, 2], TITLE, "Side")
    git.edit([1], TITLE, "Ours")
    git("commit", "-qam", "ours")
    git.server.forget()
    git("merge", "-q", "side", status=1)
    git.sent_once([2])
    assert git.title(1) == "Ours"
    assert drafts(git.mount) == [("page-01", "spec.json", "refused")]
    marked = git.file(1).read_text()
    line = 1 + marked[:marked.index("<<<<<<<")].count("\n")
    assert git.file(1, "errors").read_text().startswith(f"spec.json:{line}:1: error: [json]")
    git("checkout", "--theirs", "pages/page-01/spec.json")
    git.sent_once([1])
    git("commit", "-qam", "merged")
    git.is_clean()


def test_merge_given_up(git):
    git.branch("side", [1, 2], TITLE, "Side")
    git.edit([1], TITLE, "Ours")
    git("commit", "-qam", "ours")
    git("merge", "-q", "side", status=1)
    git.server.forget()
    git("merge", "--abort")
    git.sent_once([2])
    assert (git.title(1), git.title(2)) == ("Ours", TITLE)
    git.is_clean()
    assert git.file(1, "errors").read_text() == ""
    assert not git.file(1, "spec.json.rejected").exists(), "it was given up"


def test_stash(git):
    git.edit([1, 4], TITLE, "Stashed")
    git.server.forget()
    git("stash", "-q")
    git.sent_once([1, 4])
    assert git.title(1) == TITLE
    git.is_clean()
    git("stash", "pop", "-q")
    git.sent_once([1, 4])
    assert git.title(4) == "Stashed"
    assert git.status().split() == ["M", "pages/page-01/spec.json", "M", "pages/page-04/spec.json"]


def test_rebase(git):
    """Each step of it is a command of its own: to main's pages, and each commit on top."""
    git("checkout", "-qb", "side")
    for number in (1, 2):
        git.edit([number], TITLE, "Side")
        git("commit", "-qam", f"side {number}")
    git("checkout", "-q", "main")
    git.edit([3], TITLE, "Main")
    git("commit", "-qam", "main")
    git("checkout", "-q", "side")
    git.server.forget()
    git("rebase", "-q", "main")
    assert git.title(1) == git.title(2) == "Side" and git.title(3) == "Main"
    assert set(git.sent().values()) <= {1, 2}, git.sent()
    assert git.server.count("DELETE") == 0
    git.is_clean()


@pytest.mark.parametrize("command", [["reset", "-q", "--hard"], ["checkout", "--", "."],
                                     ["restore", "."]])
def test_edits_are_taken_back(git, command):
    git.edit([1, 2, 3], TITLE, "Edited")
    git.server.forget()
    git(*command)
    git.sent_once([1, 2, 3])
    git.is_clean()


def test_commit_all_sends_nothing(git):
    git.edit([1], TITLE, "Edited")
    git.server.forget()
    git("commit", "-qam", "edited")
    assert git.server.requests() == []
    git.is_clean()


def test_an_editor_beside_a_commit_is_no_part_of_it(git, tmp_path):
    """`git commit -a` holds its lock while its editor is open: what another process saves
    meanwhile is sent at once, what the editor's own children save goes with the commit."""
    git.edit([1], TITLE, "Edited")
    git.server.forget()
    ready, go = tmp_path / "ready", tmp_path / "go"
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/bash\nsed 's/{TITLE}/Inside/' {git.file(2)} > {tmp_path}/new\n"
                      f"cat {tmp_path}/new > {git.file(2)}\ntouch {ready}\n"
                      f"while [ ! -e {go} ]; do sleep 0.05; done\necho message > $1\n")
    editor.chmod(0o755)
    commit = subprocess.Popen([*git.command, "-c", f"core.editor={editor}", "commit", "-qa"],
                              cwd=git.mount.path, stdin=subprocess.DEVNULL)
    wait_for(ready.exists, 20, "the editor")
    assert drafts(git.mount) == [("page-02", "spec.json", "staged")]
    git.edit([3], TITLE, "Beside")
    assert git.title(3) == "Beside" and git.title(2) == TITLE
    go.touch()
    assert commit.wait(60) == 0
    assert git.title(2) == "Inside"
    assert drafts(git.mount) == []


def test_git_killed_with_its_lock_leaves_drafts(git, tmp_path):
    ready = tmp_path / "ready"
    hook = git.mount.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/bash\nsed 's/{TITLE}/Hook/' {git.file(2)} > {tmp_path}/new\n"
                    f"cat {tmp_path}/new > {git.file(2)}\ntouch {ready}\nsleep 60\n")
    hook.chmod(0o755)
    git.edit([1], TITLE, "Edited")
    git.server.forget()
    commit = subprocess.Popen([*git.command, "commit", "-qam", "x"], cwd=git.mount.path,
                              stdin=subprocess.DEVNULL, start_new_session=True)
    wait_for(ready.exists, 20, "the hook")
    os.killpg(commit.pid, 9)
    commit.wait()
    wait_for(lambda: drafts(git.mount) == [("page-02", "spec.json", "draft")], 10, "the draft")
    assert git.server.count("PATCH") == 0
    os.unlink(git.mount.path / ".git" / "index.lock")
    git("reset", "-q", "--hard")
    git.is_clean()


def test_pages_that_a_branch_has_not(git):
    """More than the brake would let go by: archived, and brought back as the same pages."""
    before = {p["name"]: p["id"] for p in git.server.pages()}
    git("checkout", "-qb", "fewer")
    gone = range(7)
    git("rm", "-rq", *[f"pages/page-{n:02}" for n in gone])
    assert git.mount.names() == [f"page-{n:02}" for n in range(7, PAGES)]
    assert git.server.count("DELETE") == len(gone) and git.server.count("PATCH") == 0
    git("commit", "-qm", "fewer")
    git.is_clean()
    for _ in range(2):
        git.server.forget()
        git("checkout", "-q", "main")
        assert git.server.count("POST", "^/pages$") == 0, git.server.log_lines()
        assert git.server.count("PATCH") == len(gone)
        assert {p["name"]: p["id"] for p in git.server.pages()} == before
        git.is_clean()
        git.server.forget()
        git("checkout", "-q", "fewer")
        assert git.server.count("DELETE") == len(gone)
        assert len(git.server.pages()) == PAGES - len(gone)
        git.is_clean()
    git("checkout", "-q", "main")
    git.mount.restart()
    git.is_clean()


def test_a_page_that_a_branch_has_elsewhere(git):
    """Removed under one name and made under another by one checkout: one rename."""
    ids = {p["name"]: p["id"] for p in git.server.pages()}
    git("checkout", "-qb", "moved")
    git("mv", "pages/page-03", "pages/moved-03")
    git("commit", "-qam", "moved")
    git.is_clean()
    git.server.forget()
    for branch, name in (("main", "page-03"), ("moved", "moved-03")):
        git("checkout", "-q", branch)
        assert git.server.count("DELETE") == git.server.count("POST", "^/pages$") == 0
        assert git.server.count("PATCH") <= 1
        assert name in git.mount.names() and len(git.mount.names()) == PAGES
        assert sorted(p["id"] for p in git.server.pages()) == sorted(ids.values())
        git.is_clean()
        git.server.forget()


def test_a_refused_page_stays_as_a_draft(git):
    """git does not hear of it; amdahlctl status tells."""
    git("checkout", "-qb", "bad")
    text = git.file(1).read_text().replace("Heading", "Heding")
    with pytest.raises(OSError):
        git.file(1).write_text(text)
    git.edit([2], TITLE, "Good")
    git("commit", "-qam", "bad")
    git("checkout", "-q", "main")
    git.server.forget()
    git("checkout", "-q", "bad")
    assert git.sent() == {"Page 02": 1}
    assert drafts(git.mount) == [("page-01", "spec.json", "refused")]
    assert "Heding" in git.file(1, "errors").read_text()
    assert git.status() == ""
    done = run([os.environ["AMDAHLCTL_BIN"], "status", git.mount.path])
    assert done.returncode == 1 and "page-01/spec.json" in done.stdout


def test_somebody_elses_edit_is_not_overwritten(git):
    """Nobody here has seen it: reset --hard does not send the old text over it."""
    page = git.server.page("Page 01")
    theirs = chart("Theirs")
    git.edit([1], TITLE, "Mine")
    git.server.call("PATCH", f"/pages/{page['id']}", {"spec": theirs})
    git("reset", "-q", "--hard")
    assert git.title(1) == "Theirs"
    assert drafts(git.mount) == [("page-01", "spec.json", "conflict")]
    assert "Theirs" in git.file(1, "spec.remote.json").read_text()


def test_worktrees_gc_and_fsck(git, tmp_path):
    git.branch("side", [1], TITLE, "Side")
    git("worktree", "add", "-q", tmp_path / "tree", "side")
    assert "Side" in (tmp_path / "tree" / "pages" / "page-01" / "spec.json").read_text()
    git("worktree", "add", "-q", git.mount.path / "inside", "-b", "third")
    assert TITLE in (git.mount.path / "inside/pages/page-01/spec.json").read_text()
    assert git.server.count("PATCH") == 0
    git("worktree", "remove", "--force", git.mount.path / "inside")
    git("gc", "-q")
    git("fsck", "--strict")
    git.is_clean()


def test_scratch_beside_a_page_keeps_its_directory(git):
    """As git does it: the files that it has go, the directory and what else is in it stay;
    the page is not archived."""
    git("checkout", "-qb", "fewer")
    git("rm", "-rq", "pages/page-00")
    git("commit", "-qm", "fewer")
    git("checkout", "-q", "main")
    git.file(0, "notes.txt").write_text("mine")
    git.server.forget()
    git("checkout", "-q", "fewer")
    assert git.server.count("DELETE") == 0
    assert git.file(0, "notes.txt").read_text() == "mine"
    git("checkout", "-q", "main")
    assert git.server.count("PATCH") == git.server.count("POST", "^/pages$") == 0
    assert git.status().split() == ["??", "pages/page-00/notes.txt"]


@pytest.mark.skipif(not shutil.which("git"), reason="git is missing")
def test_a_commit_hook_may_ask_the_verifier(git):
    """packaging/git-pre-commit, as the manual has it."""
    hook = git.mount.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    source = os.path.join(os.path.dirname(__file__), "..", "..", "packaging", "git-pre-commit")
    shutil.copy(source, hook)
    hook.chmod(0o755)
    environment = {**os.environ, "AMDAHL_URL": git.server.url,
                   "AMDAHL_API_KEY": git.server.keys["author"],
                   "PATH": f"{os.path.dirname(os.environ['AMDAHLCTL_BIN'])}:{os.environ['PATH']}"}
    git.edit([1], TITLE, "Good")
    run([*git.command, "commit", "-qam", "good"], cwd=git.mount.path, env=environment, check=True)
    with pytest.raises(OSError):
        git.file(1).write_text(git.file(1).read_text().replace("Heading", "Heding"))
    done = run([*git.command, "commit", "-qam", "bad"], cwd=git.mount.path, env=environment)
    assert done.returncode != 0 and "Heding" in done.stdout + done.stderr
