"""amdahlctl fetch: pages are read ahead, behind everybody else, each once."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from amdahl import program, run, sanitizer_env, wait_for
from terminal import Terminal

PAGES = 30
BODY = r"/pages/pg-\d+$"


@pytest.fixture
def world(fake, mount_at):
    """world(options): a mount of 30 pages that nobody has read."""
    for number in range(PAGES):
        fake.add_page(f"Page {number:02}", page_id=f"pg-{number}")

    def make(options=""):
        made = mount_at(fake, options=f"refresh=3600,{options}".rstrip(","))
        made.server = fake
        return made

    return make


def ctl(*arguments, **kw):
    return run([program("amdahlctl", "AMDAHLCTL_BIN"), "fetch", *arguments],
               env={**os.environ, **sanitizer_env()}, **{"cwd": "/", **kw})


@pytest.fixture
def start():
    """start(ARGUMENT...): a fetch beside the test, which does not outlive it."""
    made = []

    def popen(*arguments):
        made.append(subprocess.Popen(
            [program("amdahlctl", "AMDAHLCTL_BIN"), "fetch", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **sanitizer_env()}))
        return made[-1]

    yield popen
    for process in made:
        if process.returncode is None:
            process.kill()
            process.communicate()


def bodies(server):
    return sorted(r.path for r in server.matching("GET", BODY))


def test_all_pages_once(world):
    mount = world()
    done = ctl(mount.path)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == "30 of 30 pages are here: 30 fetched, 0 were before\n"
    assert bodies(mount.server) == sorted(f"/pages/pg-{n}" for n in range(PAGES))
    mount.server.forget()
    for name in mount.names():
        for file in ("spec.json", "queries.json", "page.json"):
            assert (mount.page(name) / file).read_text()
    again = ctl(mount.path)
    assert again.stdout == "30 of 30 pages are here: 0 fetched, 30 were before\n"
    assert mount.server.requests == []


@pytest.mark.parametrize("where", ["arguments", "paths", "inside"])
def test_those_that_are_named(world, where):
    mount = world()
    mount.names()
    (mount.pages / ".git").mkdir()
    if where == "arguments":
        done = ctl("page-03", "pages/page-04", mount.path)
    elif where == "paths":
        done = ctl(mount.page("page-03"), mount.page("page-04"))
    else:
        done = ctl("page-03", "./page-04", cwd=mount.pages)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 of 2 pages are here: 2 fetched, 0 were before\n"
    assert bodies(mount.server) == ["/pages/pg-3", "/pages/pg-4"]


def test_all_of_the_mount_one_stands_in(world):
    mount = world()
    done = ctl(cwd=mount.path)
    assert done.returncode == 0 and done.stdout.startswith("30 of 30 pages")


def test_local_directories_are_no_pages(world):
    mount = world()
    (mount.pages / ".git").mkdir()
    (mount.pages / "notes.txt").write_text("mine")
    (mount.pages / "draft").mkdir()
    done = ctl(mount.path)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == "31 of 31 pages are here: 30 fetched, 1 were before\n"


def test_pages_that_cannot_be_read(world):
    mount = world()
    mount.server.fault("GET", "/pages/pg-3$", "status", arg=403)
    mount.server.fault("GET", "/pages/pg-5$", "status", arg=404)
    done = ctl(mount.path)
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == [
        "amdahlctl: page-03: this key may not read it, or another user mounted",
        "amdahlctl: page-05: there is no such page"]
    assert done.stdout == "28 of 30 pages are here: 28 fetched, 0 were before\n"
    mount.server.heal()
    assert ctl(mount.path).returncode == 0


def test_the_platform_is_away(world):
    mount = world()
    mount.names()
    mount.server.vanish()
    done = ctl("page-01", "page-02", mount.path)
    assert done.returncode == 1 and done.stdout.startswith("0 of 2")
    assert done.stderr.count("Connection refused") == 2


def test_as_json(world):
    mount = world()
    mount.names()
    (mount.page("page-01") / "spec.json").read_text()
    mount.server.fault("GET", "/pages/pg-3$", "status", arg=403)
    done = ctl("--json", "page-01", "page-02", "page-03", "nowhere", mount.path)
    answers = {a.pop("page"): a for a in map(json.loads, done.stdout.splitlines())}
    assert answers == {
        "page-01": {"ok": True, "fetched": False, "message": None},
        "page-02": {"ok": True, "fetched": True, "message": None},
        "page-03": {"ok": False, "fetched": False,
                    "message": "this key may not read it, or another user mounted"},
        "nowhere": {"ok": False, "fetched": False, "message": "there is no such page"}}
    assert done.returncode == 1 and done.stderr == ""


def test_no_mount(world, tmp_path):
    assert ctl(tmp_path).returncode == 3
    assert ctl("page-01").returncode == 3
    assert ctl("page-01", tmp_path / "missing").returncode == 3
    mount = world()
    assert ctl("../elsewhere", mount.path, cwd=mount.pages).returncode == 2


# -- the budget -------------------------------------------------------------------------------

def held(mount):
    """The numbers of the pages that wait for their turn: some of them, not the first alone."""
    def waiting():
        found = re.findall(r"read-ahead +queued.* /pages/pg-(\d+)",
                           (mount.path / ".amdahl/requests").read_text())
        return len(found) > 3 and found
    return wait_for(waiting, 30, "the budget to hold it up")


def test_a_reader_goes_first(world, start):
    """Also one of a page that is waiting its turn: that one is sent once, for him."""
    mount = world("max_requests=40")
    mount.names()
    fetching = start(mount.path)
    waiting = held(mount)
    number = int(waiting[-1])
    assert "Page" in (mount.page(f"page-{number:02}") / "spec.json").read_text()
    assert fetching.poll() is None, "others wait still"
    sent = [r.path for r in mount.server.matching("GET", BODY)]
    later = [n for n in waiting if f"/pages/pg-{n}" not in sent]
    assert later, "some that stood before it wait still"
    assert sent.count(f"/pages/pg-{number}") == 1
    fetching.send_signal(signal.SIGINT)
    fetching.communicate()


def test_interrupted(world, start):
    """What was not sent by then never is."""
    mount = world("max_requests=60")
    mount.names()
    fetching = start(mount.path)
    held(mount)
    fetching.send_signal(signal.SIGINT)
    out, err = fetching.communicate()
    assert fetching.returncode == -signal.SIGINT and err == ""
    assert re.search(r"^interrupted: \d+ of 30 pages are here\n\Z", out, re.M)
    time.sleep(1)
    sent = bodies(mount.server)
    assert len(sent) < PAGES
    wait_for(lambda: " /pages/pg-" not in (mount.path / ".amdahl/requests").read_text(), 60,
             "those that waited")
    assert bodies(mount.server) == sent
    name = next(n for n in range(PAGES) if f"/pages/pg-{n}" not in sent)
    assert "Page" in (mount.page(f"page-{name:02}") / "spec.json").read_text()


def test_what_it_says_on_the_way(world, start):
    mount = world("max_requests=60")
    mount.names()
    fetching = start(mount.path)
    held(mount)
    line = fetching.stdout.readline()
    assert re.fullmatch(r"\d+ of 30 pages(, \d+ a minute)?, \d+ (s|min) left; "
                        r"60 requests a minute\n", line)
    fetching.send_signal(signal.SIGTERM)
    fetching.communicate()
    assert fetching.returncode == -signal.SIGTERM


def test_on_a_terminal(world, tmp_path):
    mount = world("max_requests=60")
    mount.names()
    tool = program("amdahlctl", "AMDAHLCTL_BIN")
    shell = Terminal("bash --norc", tmp_path, tmp_path)
    try:
        shell.keys(f"{tool} fetch {mount.path}; echo status $?", "Enter")
        shell.shows("[####")
        shell.shows("60 requests a minute")
        shell.keys("C-c")
        shell.shows("interrupted: ")
        assert "[####" not in shell.screen(), "the bar is taken away"
    finally:
        shell.close()


def test_the_mount_ends_meanwhile(world, start):
    mount = world("max_requests=60")
    mount.names()
    fetching = start(mount.path)
    held(mount)
    mount.daemon.process.terminate()
    out, err = fetching.communicate()
    assert fetching.returncode in (1, 3) and err
