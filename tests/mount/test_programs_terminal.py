"""Editors that only work in a terminal: nano and micro, by their keys."""
import os
import shutil
import time

import pytest

from amdahl import show_log, wait_for
from desk import TITLE
from terminal import Terminal

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
EDITORS = {"nano": NANO, "micro": MICRO}


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

    yield act
    show_log("terminal", terminal.screen())
    terminal.keys(table["quit"])
    try:
        wait_for(terminal.has_ended, 5, "the editor to end")
    finally:
        terminal.close()


def test_saves_twice(desk, editor):
    editor("replace", old=TITLE, new="First")
    editor("save")
    desk.is_saved("First")
    editor("replace", old="First", new="Second")
    editor("save")
    desk.is_saved("Second")


def test_is_refused_then_mends(desk, editor):
    read = int(os.stat(desk.file).st_mtime)
    wait_for(lambda: time.time() > read + 1, 5, "another second: nano counts in these")
    editor("replace", old="Heading", new="Heding")
    editor("is refused")
    desk.is_kept("spec.json")
    editor("replace", old="Heding", new="Heading")
    editor("replace", old=TITLE, new="Mended")
    editor("saves after that")
    desk.is_saved("Mended")
