"""Editors save through the mount, and read its `errors`."""
import os
import shutil
import subprocess
import time

import pytest

from amdahl import run, wait_for

VIM = "vim -N -u NONE -i NONE -es"


@pytest.fixture
def page(weekly):
    where = weekly.page("quarterly-report")
    (where / "spec.json").read_text()
    weekly.server.forget()
    return where


def title(weekly):
    return weekly.server.page("Quarterly report")["spec"]["root"]["children"][0]["props"]["text"]


@pytest.mark.parametrize("backup", ["auto", "yes", "no"])
def test_vim_saves(weekly, page, backup):
    run(f"{VIM} -c 'set backupskip= swapfile directory=. backupcopy={backup}' "
        "-c '%s/Open pipeline/From vim/' -c 'w' -c 'q' spec.json", cwd=page, check=True)
    assert title(weekly) == "From vim"
    assert weekly.server.count("PATCH") == 1
    assert weekly.server.count("DELETE") == 0
    assert "From vim" in (page / "spec.json").read_text()
    left = [n for n in os.listdir(page) if n.endswith("~") or ".sw" in n or n == "4913"]
    assert left == []


@pytest.mark.parametrize("backup", ["yes", "no"])
def test_vim_hears_a_refusal(weekly, page, backup):
    """A non-zero exit; vim puts the old text back; the refused one is spec.json.rejected."""
    before = (page / "spec.json").read_text()
    done = run(f"{VIM} -c 'set backupskip= noswapfile backupcopy={backup}' "
               "-c '%s/Heading/Heding/' -c 'w' -c 'cq 3' spec.json", cwd=page)
    assert done.returncode != 0
    assert weekly.server.count("PATCH") == 0
    assert "Heding" in (page / "errors").read_text()
    texts = [(page / n).read_text() for n in ("spec.json", "spec.json.rejected")
             if (page / n).exists()]
    assert any("Heding" in t for t in texts), "the refused text is somewhere"
    assert title(weekly) == "Open pipeline"
    assert (page / "spec.json").read_text() in (before, before.replace("Heading", "Heding"))


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


def tmux(socket, *arguments, **kw):
    return run(["tmux", "-L", socket, "-f", "/dev/null", *arguments], **kw)


@pytest.fixture
def terminal(tmp_path):
    """terminal(command, cwd) -> keys(...): a program in a terminal of its own."""
    name = f"amdahlfs-{os.getpid()}-{time.monotonic_ns()}"

    def start(command, cwd):
        tmux(name, "new-session", "-d", "-x", "100", "-y", "30", "-c", str(cwd), command,
             check=True)

        def keys(*sequence):
            tmux(name, "send-keys", *sequence, check=True)

        def screen():
            return tmux(name, "capture-pane", "-p").stdout

        def gone():
            return tmux(name, "has-session").returncode != 0
        return keys, screen, gone

    yield start
    tmux(name, "kill-server")


def test_nano_saves(weekly, page, terminal):
    keys, screen, gone = terminal("nano --ignorercfiles spec.json", page)
    wait_for(lambda: "Open pipeline" in screen(), 10, "nano to show the file")
    keys("C-\\")
    wait_for(lambda: "Search" in screen(), 5, "nano's question")
    keys("Open pipeline", "Enter")
    wait_for(lambda: "Replace with" in screen(), 5, "nano's second question")
    keys("From nano", "Enter")
    wait_for(lambda: "Replace this" in screen(), 5, "nano's third question")
    keys("A")
    wait_for(lambda: "From nano" in screen(), 5, "the replacement")
    keys("C-o", "Enter")
    wait_for(lambda: "Wrote" in screen(), 15, "nano to say it wrote")
    keys("C-x")
    wait_for(gone, 5, "nano to end")
    assert title(weekly) == "From nano"
    assert weekly.server.count("PATCH") == 1


def test_vim_in_a_terminal_saves_twice_without_a_question(weekly, page, terminal):
    """Nothing changes behind a save: vim does not ask about a changed file."""
    keys, screen, gone = terminal(
        "vim -N -u NONE -i NONE -c 'set backupskip= nomore' spec.json", page)
    wait_for(lambda: "Open pipeline" in screen(), 10, "vim to show the file")
    keys(":%s/Open pipeline/First/", "Enter", ":w", "Enter")
    wait_for(lambda: "written" in screen(), 15, "vim to say it wrote")
    time.sleep(1.2)
    keys(":%s/First/Second/", "Enter", ":checktime", "Enter", ":w", "Enter")
    wait_for(lambda: title(weekly) == "Second", 15, "the second save")
    assert "WARNING" not in screen()
    keys(":q", "Enter")
    wait_for(gone, 5, "vim to end")
    assert weekly.server.count("PATCH") == 2
