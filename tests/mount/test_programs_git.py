"""git with its repository beside the mount: --git-dir outside, the pages as work tree."""
import errno
import json

import pytest

from amdahl import fails_with, run
from desk import TITLE

BLANKS = ('"version": 1', '"version":  1')      # another text of the same value


class Git:
    """Commands on one page of the mount, and what the platform saw of them."""

    def __init__(self, desk, repository):
        self.desk = desk
        self.command = ["git", "-c", "init.defaultBranch=main", "-c", "user.name=t", "-c",
                        "user.email=t@localhost", "-c", "safe.directory=*",
                        f"--git-dir={repository}", f"--work-tree={desk.dir}"]
        self("init", "-q")
        (repository / "info" / "exclude").write_text(
            "errors\ninfo.json\nverdict.json\nparams.json\nrender.json\n*.rejected\n")
        self("add", "-A")
        self("commit", "-qm", "first")
        assert self("ls-files").stdout.split() == ["page.json", "queries.json", "spec.json"]

    def __call__(self, *arguments, status=0):
        done = run([*self.command, *arguments], cwd=self.desk.dir)
        assert done.returncode == status, f"git {arguments}: {done.stdout}{done.stderr}"
        return done

    def is_clean(self):
        return self("status", "--porcelain").stdout == ""

    def write(self, old, new):
        text = self.desk.file.read_text()
        assert old in text
        self.desk.file.write_text(text.replace(old, new))

    def branch(self, name, old, new):
        """A branch with a commit of its own, from where we are; ends on main."""
        self("checkout", "-qb", name)
        self.write(old, new)
        self("commit", "-qam", f"{old} to {new}")
        self("checkout", "-q", "main")
        self.desk.server.forget()


@pytest.fixture
def git(desk, tmp_path):
    made = Git(desk, tmp_path / "repository")
    assert desk.server.requests() == [], "init, add and commit ask the platform nothing"
    return made


def test_an_edit_is_committed(desk, git):
    git.write(TITLE, "Edited")
    desk.is_saved("Edited")
    assert git("status", "--porcelain").stdout == " M spec.json\n"
    git("commit", "-qam", "second")
    assert git.is_clean()
    assert desk.server.requests() == []


def test_checkout_of_branches(desk, git):
    git.branch("side", TITLE, "Side")
    for branch, title in (("side", "Side"), ("main", TITLE), ("side", "Side")):
        git("checkout", "-q", branch)
        desk.is_saved(title)
        assert git.is_clean()


@pytest.mark.parametrize("command", [["checkout", "--", "."], ["reset", "-q", "--hard"],
                                     ["restore", "spec.json"]])
def test_an_edit_is_taken_back(desk, git, command):
    git.write(TITLE, "Edited")
    desk.server.forget()
    git(*command)
    desk.is_saved(TITLE)
    assert git.is_clean()


def test_stash(desk, git):
    git.write(TITLE, "Stashed")
    desk.server.forget()
    git("stash", "-q")
    desk.is_saved(TITLE)
    assert git.is_clean()
    git("stash", "pop", "-q")
    desk.is_saved("Stashed")


def test_merge(desk, git):
    git.branch("side", TITLE, "Side")
    git.write(*BLANKS)
    git("commit", "-qam", "blanks")
    assert desk.server.requests() == []
    git("merge", "-q", "--no-edit", "side")
    desk.is_saved("Side")
    assert git.is_clean()
    assert BLANKS[1] in desk.file.read_text()


def test_merge_with_a_conflict(desk, git):
    """The markers are no JSON: they stay here as a draft, and `errors` leads to them."""
    git.branch("side", TITLE, "Side")
    git.write(TITLE, "Ours")
    git("commit", "-qam", "ours")
    desk.server.forget()
    git("merge", "-q", "side", status=1)
    assert desk.server.requests() == [], "no request for what is no JSON"
    marked = desk.file.read_text()
    line = 1 + marked[:marked.index("<<<<<<<")].count("\n")
    assert desk.errors().startswith(f"spec.json:{line}:1: error: [json]")
    ours, theirs = marked.split("<<<<<<< HEAD\n")[1].split(">>>>>>> side\n")[0].split("=======\n")
    assert "Ours" in ours and "Side" in theirs
    desk.file.write_text(marked.split("<<<<<<<")[0] + theirs + marked.split(">>>>>>> side\n")[1])
    desk.is_saved("Side")
    git("commit", "-qam", "merged")
    assert git.is_clean()
    assert desk.server.requests() == []


def test_merge_given_up(desk, git):
    git.branch("side", TITLE, "Side")
    git.write(TITLE, "Ours")
    git("commit", "-qam", "ours")
    desk.server.forget()
    git("merge", "-q", "side", status=1)
    git("merge", "--abort")
    assert desk.server.requests() == [], "the old bytes are back, nothing is to be sent"
    assert "Ours" in desk.file.read_text()
    assert git.is_clean()


def test_rebase(desk, git):
    """To main's text and back: two saves, each whole."""
    git.branch("side", TITLE, "Side")
    git.write(*BLANKS)
    git("commit", "-qam", "blanks")
    git("checkout", "-q", "side")
    desk.server.forget()
    git("rebase", "-q", "main")
    desk.is_saved("Side", patches=2)
    assert git.is_clean()
    assert BLANKS[1] in desk.file.read_text()


def test_rebase_with_a_conflict(desk, git):
    git.branch("side", TITLE, "Side")
    git.write(TITLE, "Ours")
    git("commit", "-qam", "ours")
    git("checkout", "-q", "side")
    git("rebase", "-q", "main", status=1)
    desk.server.forget()
    text = desk.before["spec"]
    text["root"]["children"][0]["props"]["text"] = "Both"
    desk.file.write_text(json.dumps(text, indent=2) + "\n")
    desk.is_saved("Both")
    git("add", "-A")
    git("-c", "core.editor=true", "rebase", "--continue")
    assert git.is_clean()
    assert desk.server.requests() == []


def test_a_refused_checkout(desk, git):
    """git ignores what close says: the draft and its reason are in the page."""
    git("checkout", "-qb", "bad")
    with fails_with(errno.EPROTO):
        git.write("Heading", "Heding")
    git("commit", "-qam", "bad")
    git("checkout", "-q", "main")
    desk.is_kept("spec.json.rejected")
    assert git.is_clean()
    git("checkout", "-q", "bad")
    desk.is_kept("spec.json")
    assert git.is_clean()
