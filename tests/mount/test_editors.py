"""Editors read a page's `errors`, and a save changes nothing behind them. Which editors
save, and how: test_programs_editors.py and test_programs_terminal.py."""
import time

import pytest

from amdahl import run, wait_for
from terminal import Terminal

VIM = "vim -N -u NONE -i NONE -es"


@pytest.fixture
def page(weekly):
    where = weekly.page("quarterly-report")
    (where / "spec.json").read_text()
    weekly.server.forget()
    return where


def title(weekly):
    return weekly.server.page("Quarterly report")["spec"]["root"]["children"][0]["props"]["text"]


def test_quickfix_jumps_to_the_fault(weekly, page, tmp_path):
    """`vim -q errors` stands on the very line and column."""
    bad = (page / "spec.json").read_text().replace("BarChart", "BarChard")
    done = run("cat > spec.json", cwd=page, input=bad)
    assert done.returncode != 0
    lines = bad.splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if "BarChard" in text)
    column = 1 + lines[line - 1].index('"BarChard"')
    out = tmp_path / "place"
    run(f"{VIM} -q errors -c 'call writefile([expand(\"%:t\"), line(\".\"), col(\".\")], "
        f"\"{out}\")' -c 'qa!'", cwd=page)
    assert out.read_text().split() == ["spec.json", str(line), str(column)]


@pytest.fixture
def terminal(tmp_path):
    """terminal(command, cwd): a program in a terminal of its own."""
    made = []

    def start(command, cwd):
        made.append(Terminal(command, cwd, tmp_path))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_vim_in_a_terminal_saves_twice_without_a_question(weekly, page, terminal):
    """Nothing changes behind a save: vim does not ask about a changed file."""
    vim = terminal("vim -N -u NONE -i NONE -c 'set backupskip= nomore' spec.json", page)
    vim.shows("Open pipeline")
    vim.keys(":%s/Open pipeline/First/", "Enter", ":w", "Enter")
    vim.shows("written")
    time.sleep(1.2)
    vim.keys(":%s/First/Second/", "Enter", ":checktime", "Enter", ":w", "Enter")
    wait_for(lambda: title(weekly) == "Second", 15, "the second save")
    assert "WARNING" not in vim.screen()
    vim.keys(":q", "Enter")
    wait_for(vim.has_ended, 5, "vim to end")
    assert weekly.server.count("PATCH") == 2
