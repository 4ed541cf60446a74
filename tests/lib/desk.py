"""A page of its own for each program that saves, and what is to hold afterwards.

The programs are many and a mount is one: all of a file's tests share it, each with the
next page of those that were there when it was mounted."""
import json
import os
import re
import shutil

import pytest

from amdahl import heading, run, show_log, spec_of, wait_for
from programs import FAILS, IN_FILE

PAGES = 100
TITLE = "Open pipeline"
KNOWN = re.compile(r"(POST /pages/validate|(GET|PATCH) /pages/[-0-9a-f]{36}) -> 200$")


class Desk:
    def __init__(self, server, mount, number, outside):
        self.server, self.name = server, f"Page {number:02}"
        self.dir = mount.page(f"page-{number:02}")
        self.file = self.dir / "spec.json"
        self.new = outside / "new.json"
        self.file.read_text()
        self.before = self.server.page(self.name)
        self.names = set(os.listdir(self.dir))
        self.server.forget()

    # -- what happened ------------------------------------------------------------------------
    def page(self):
        return self.server.page(self.name)

    def errors(self):
        return (self.dir / "errors").read_text()

    def left_over(self):
        return set(os.listdir(self.dir)) ^ self.names

    # -- running programs ---------------------------------------------------------------------
    def environment(self, old, to):
        """For a command of programs.py that puts one for the other."""
        self.new.write_text(self.file.read_text().replace(old, to))
        self.server.forget()
        return {**os.environ, "HOME": str(self.new.parent), "NEW": str(self.new), "OLD": old,
                "TO": to}

    def run(self, program, command, old, to):
        if program.needs and not shutil.which(program.needs):
            pytest.skip(f"{program.needs} is missing")
        done = run(command, cwd=self.dir, env=self.environment(old, to))
        show_log(command, done.stdout + done.stderr)
        show_log("requests", "\n".join(self.server.log_lines()))
        return done

    def saves_once(self, program, old, to, title=None):
        want = self.file.read_text().replace(old, to)
        done = self.run(program, program.save, old, to)
        assert done.returncode == 0 and not re.search("[Ee]rror", done.stderr)
        if program.late:
            wait_for(lambda: self.server.count("PATCH"), 10, "the bytes to arrive")
        self.is_saved(title or to, leaves=program.leaves)
        if not program.own_text:
            assert self.file.read_text() == want

    def saves_twice(self, program):
        self.saves_once(program, TITLE, "First")
        self.saves_once(program, "First", "Second")

    def saves_twice_in_a_session(self, editor):
        """And is not told that the file changed on disk."""
        done = self.run(editor, editor.twice, TITLE, "First")
        assert done.returncode == 0
        assert not re.search("changed|WARNING|W1[12]", done.stdout + done.stderr)
        self.is_saved("First again", patches=2, leaves=editor.leaves)

    def is_refused(self, program):
        done = self.run(program, program.save, "Heading", "Heding")
        if program.status is FAILS:
            assert done.returncode != 0
        else:
            assert done.returncode == program.status
        assert re.search(program.says, done.stdout + done.stderr)
        if program.late:
            wait_for(self.errors, 10, "the refusal")
        self.is_kept(program.keeps, program.unsent)

    def saves_after_a_refusal(self, program):
        """The same program sends something better, from the refused text where that is in
        the file: nothing of the refusal is left."""
        self.is_refused(program)
        word = "Heding" if program.keeps == IN_FILE else "Heading"
        self.saves_once(program, word, "Text", title=TITLE)

    def is_refused_then_mends(self, editor):
        """The same buffer, put right, saves: no question, and nothing of it is left."""
        done = self.run(editor, editor.mends, TITLE, "Mended")
        assert re.search(editor.says, done.stdout + done.stderr)
        self.is_saved("Mended", refusals=1,
                      leaves=editor.leaves or editor.unsent)    # vim keeps its copy

    # -- what is to hold ----------------------------------------------------------------------
    def is_saved(self, title, patches=1, refusals=0, leaves=()):
        """So many PATCHes of the spec and nothing else that changes anything (a save is
        three requests, a refused one two); the file is as the program left it, the
        directory as it was."""
        stat = os.stat(self.file)
        sent = self.server.log_lines()
        assert self.server.count("PATCH") == patches, sent
        assert all(KNOWN.match(line) for line in sent), sent
        assert len(sent) <= 3 * patches + 2 * refusals, sent
        now = self.page()
        assert now["spec"]["root"]["children"][0]["props"]["text"] == title
        assert now["spec"] == json.loads(self.file.read_text())
        for field in ("id", "name", "status", "tags", "declared_queries"):
            assert now[field] == self.before[field]
        assert self.left_over() == set(leaves), self.left_over()
        assert self.errors() == ""
        after = os.stat(self.file)
        assert (after.st_mtime_ns, after.st_size) == (stat.st_mtime_ns, stat.st_size)
        self.server.forget()

    def is_kept(self, where, leaves=(), word="Heding"):
        """Nothing of it is at the platform, the text is there, and its reason."""
        assert self.server.count("PATCH") == 0, self.server.log_lines()
        assert self.page()["spec"] == self.before["spec"]
        assert word in (self.dir / where).read_text()
        assert word in self.errors()
        if where != "spec.json":
            assert json.loads(self.file.read_text()) == self.before["spec"]
        left = self.left_over() - {"spec.json.rejected"}
        assert left == set(leaves), left
        self.server.forget()


def fill(server):
    for number in range(PAGES):
        server.create(f"Page {number:02}", spec_of(heading(TITLE, level=1)), tags=["desk"])
