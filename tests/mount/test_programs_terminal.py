"""Editors in a terminal, by their keys: what they show, and what they ask."""
import os
import re
import shutil
import time

import pytest

from amdahl import show_log, wait_for
from desk import TITLE
from programs import BESIDE, IN_FILE
from terminal import Terminal

# As they come; but that they make no backups below /tmp, as the tests' mounts are, is undone.
NEW_USER = "--clean -c 'set backupskip='"

# What is typed, and what the screen then shows.
NANO = {
    "command": "nano --ignorercfiles spec.json",
    "replace": [(["C-\\"], "Search"), (["{old}", "Enter"], "Replace with"),
                (["{new}", "Enter"], "Replace this"), (["A"], "{new}")],
    "save": [(["C-o", "Enter"], "Wrote")],
    "is refused": [(["C-o", "Enter"], "Error writing spec.json: Protocol error")],
    # the draft is in the file now, seconds later than what nano read: so on any file system
    "saves after that": [(["C-o", "Enter"], "File on disk has changed"), (["Y"], "Wrote")],
    "quit": "C-x",
}
MICRO = {
    "command": "micro spec.json",
    "replace": [(["C-e"], ">"), (['replaceall "{old}" "{new}"', "Enter"], "Replaced 1")],
    "save": [(["C-s"], "Saved spec.json")],
    "is refused": [(["C-s"], "close spec.json: protocol error")],
    "saves after that": [(["C-s"], "Saved spec.json")],
    "quit": "C-q",
}
EMACS = {
    "command": "emacs -nw -Q --eval '(setq backup-enable-predicate (lambda (name) t))' spec.json",
    "replace": [(["M-<"], "{old}"), (["M-%"], "Query replace"), (["{old}", "Enter"], "with:"),
                (["{new}", "Enter"], "Query replacing"), (["!"], "Replaced 1 ")],
    "save": [(["C-x", "C-s"], "Wrote ")],
    "is refused": [(["C-x", "C-s"], "Write error: Protocol error")],
    # it takes the time of the file it failed to write for that of the one it put back
    "saves after that": [(["C-x", "C-s"], "Save anyway?"), (["yes", "Enter"], "Wrote ")],
    "quit": "C-x C-c",
    "keeps": BESIDE,
    "leaves": ("spec.json~",),
    "unsent": (),
}
VIM = {
    "command": f"vim {NEW_USER} spec.json",
    "replace": [([":%s/{old}/{new}/", "Enter"], "{new}")],
    "save": [([":w", "Enter"], "written")],
    "is refused": [([":w", "Enter"], "Close failed"), (["Enter"], "All")],
    "saves after that": [([":w", "Enter"], "written")],
    "quit": ":q! Enter",
    "keeps": BESIDE,
    "leaves": (".spec.json.swp",),
}
NVIM = {**VIM, "command": f"nvim {NEW_USER} spec.json", "leaves": ()}     # its swap file is at home
EDITORS = {"nano": NANO, "micro": MICRO, "emacs": EMACS, "vim": VIM, "nvim": NVIM}


@pytest.fixture(params=EDITORS)
def editor(request, desk):
    """act(step, **words): a step of the table, typed in the editor of the desk's page."""
    for program in (request.param, "tmux"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing")
    table = EDITORS[request.param]
    terminal = Terminal(table["command"], desk.dir, desk.new.parent)
    terminal.shows(TITLE)

    def act(step, **words):
        for keys, shown in table[step]:
            terminal.keys(*[key.format(**words) for key in keys])
            terminal.shows(shown.format(**words))

    act.keeps, act.leaves = table.get("keeps", IN_FILE), table.get("leaves", ())
    act.unsent = table.get("unsent", act.leaves)
    act.screen = terminal.screen
    yield act
    show_log("terminal", terminal.screen())
    terminal.keys(*table["quit"].split())
    try:
        wait_for(terminal.has_ended, 5, "the editor to end")
    finally:
        terminal.close()


def test_saves_twice(desk, editor):
    """And is not told that the file changed on disk."""
    editor("replace", old=TITLE, new="First")
    editor("save")
    desk.is_saved("First", leaves=editor.leaves)
    editor("replace", old="First", new="Second")
    editor("save")
    desk.is_saved("Second", leaves=editor.leaves)
    assert not re.search("changed|WARNING", editor.screen())


def test_is_refused_then_mends(desk, editor):
    read = int(os.stat(desk.file).st_mtime)
    wait_for(lambda: time.time() > read + 1, 5, "another second: nano counts in these")
    editor("replace", old="Heading", new="Heding")
    editor("is refused")
    desk.is_kept(editor.keeps, leaves=editor.unsent)
    editor("replace", old="Heding", new="Heading")
    editor("replace", old=TITLE, new="Mended")
    editor("saves after that")
    desk.is_saved("Mended", leaves=editor.leaves)


@pytest.mark.parametrize("vim", ["vim", "nvim"])
def test_a_new_user_mends_a_wrong_component(desk, vim):
    """vim reports the failed write, :cfile leads to the place, and what is mended there is
    saved: all by keys, and the cursor is where the screen says."""
    for program in (vim, "tmux"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing")
    swap = EDITORS[vim]["leaves"]
    lines = desk.file.read_text().splitlines()
    row = next(i for i, line in enumerate(lines) if '"Heading"' in line)
    column = lines[row].index('"Heading"')
    terminal = Terminal(EDITORS[vim]["command"], desk.dir, desk.new.parent)
    try:
        terminal.shows(TITLE)
        terminal.keys(f":%s/{TITLE}/Mended/ | %s/Heading/Heding/", "Enter", "gg", ":w", "Enter")
        terminal.shows("E512: Close failed")
        terminal.keys("Enter")
        desk.is_kept(BESIDE, leaves=swap)
        terminal.keys(":cfile errors", "Enter")
        terminal.shows("did you mean Heading")
        assert terminal.cursor() == (column, row), terminal.screen()
        terminal.keys('ci"Heading', "Escape", ":w", "Enter")
        terminal.shows("written")
        desk.is_saved("Mended", leaves=swap)
        terminal.keys(":checktime", "Enter", ":%s/Mended/Mended again/", "Enter", ":w", "Enter")
        wait_for(lambda: desk.server.count("PATCH"), 5, "the second save")
        terminal.shows("written")
        desk.is_saved("Mended again", leaves=swap)
        assert not re.search("W1[0-9]|changed|WARNING", terminal.screen()), terminal.screen()
        terminal.keys(":q", "Enter")
        wait_for(terminal.has_ended, 5, "vim to end")
    finally:
        show_log("terminal", terminal.screen())
        terminal.close()
