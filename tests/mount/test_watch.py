"""-o watch: what changes elsewhere raises inotify events here."""
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from amdahl import dumps, run, unmount, wait_for, write
from fakeplatform import simple_spec

pytestmark = pytest.mark.skipif(not shutil.which("inotifywait"), reason="inotifywait is missing")


class Events:
    """Those that inotifywait prints of these paths: "NAMES name" each."""

    def __init__(self, *paths):
        self.process = subprocess.Popen(
            ["inotifywait", "-m", "--format", "%e %f", *map(str, paths)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "established" not in self.process.stderr.readline():
            assert self.process.poll() is None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.seen = []

    def take(self):
        try:
            while line := self.process.stdout.readline():
                self.seen.append(line.strip())
        except (BlockingIOError, TypeError):
            pass
        return self.seen

    def has(self, pattern):
        return any(re.search(pattern, event) for event in self.take())

    def wait(self, pattern):
        wait_for(lambda: self.has(pattern), 20, f"an event {pattern}")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def watched(fake, mount_at):
    for number in range(3):
        fake.add_page(f"Page {number}", page_id=f"pg-{number}")
    made = mount_at(fake, options="refresh=1,watch")
    made.server = fake
    for name in made.names():
        (made.page(name) / "spec.json").read_text()
    opened = []

    def events(*paths):
        opened.append(Events(*paths))
        return opened[-1]

    made.events = events
    yield made
    for each in opened:
        each.close()


def test_an_edit_made_in_another_mount(local, mount_at):
    """With nobody who uses the first one but inotifywait."""
    here = mount_at(local, options="refresh=1,watch")
    there = mount_at(local, options="refresh=1")
    page = here.page("weekly-sentiment")
    before = (page / "spec.json").read_text()
    events = Events(page)
    try:
        write(there.page("weekly-sentiment") / "spec.json",
              before.replace('"title": "', '"title": "Edited ', 1))
        events.wait(r"^MODIFY spec\.json")
        events.wait(r"^CLOSE_WRITE,CLOSE spec\.json")
        assert "Edited" in (page / "spec.json").read_text()
        assert not events.has(r"queries\.json|page\.json"), "those have not changed"
    finally:
        events.close()
    assert local.count("PATCH") == 1, "the event is no save"


def test_a_watched_file(watched):
    path = watched.page("page-0") / "spec.json"
    events = watched.events(path)
    watched.server.change_page("pg-0", spec=simple_spec("Theirs"))
    events.wait("^MODIFY")
    events.wait("^CLOSE_WRITE")
    assert path.read_text() == dumps(simple_spec("Theirs"))


def test_pages_that_come_go_and_move(watched):
    events = watched.events(watched.pages)
    watched.server.add_page("Fresh", page_id="pg-fresh")
    events.wait("^CREATE,ISDIR fresh")
    del watched.server.pages["pg-1"]
    events.wait("^DELETE,ISDIR page-1")
    watched.server.change_page("pg-2", name="Moved")
    events.wait("^DELETE,ISDIR page-2")
    events.wait("^CREATE,ISDIR moved")
    wait_for(lambda: watched.names() == ["fresh", "moved", "page-0"], 10, "the names")
    assert (watched.page("moved") / "spec.json").read_text() == dumps(simple_spec("Page 2"))
    assert not watched.page("page-1").exists()
    assert {r.method for r in watched.server.requests} == {"GET"}, "nothing was made or removed"


def test_a_page_nobody_has_read(fake, mount_at):
    """Which of its files it was is not known: all are told of, and nothing is fetched."""
    fake.add_page("Page", page_id="pg-0")
    mount = mount_at(fake, options="refresh=1,watch")
    mount.names()
    events = Events(mount.page("page"))
    try:
        fake.forget()
        fake.change_page("pg-0", spec=simple_spec("Theirs"))
        for name in ("spec", "queries", "page"):
            events.wait(rf"^MODIFY {name}\.json")
        assert fake.count("GET", "/pages/pg-0") == 0
    finally:
        events.close()


def test_a_draft_is_left_alone(watched):
    """And no event is told of what one did oneself."""
    path = watched.page("page-0") / "spec.json"
    with pytest.raises(OSError):
        write(path, "{ mine")
    write(watched.page("page-1") / "spec.json", dumps(simple_spec("Saved here")))
    events = watched.events(watched.page("page-0"), watched.page("page-1"))
    watched.server.change_page("pg-0", spec=simple_spec("Theirs"))
    watched.server.change_page("pg-2", spec=simple_spec("Theirs"))
    before = watched.server.count("GET", "/pages$")
    wait_for(lambda: watched.server.count("GET", "/pages$") >= before + 3, 20, "sweeps")
    assert not events.has("spec.json")
    assert path.read_text() == "{ mine"


def test_the_helper_ends_with_its_mount(fake, mount_at):
    mount = mount_at(fake, options="watch", env={"API_KEY": "a-key-in-the-environment"})

    def helpers():
        done = run(["ps", "-o", "pid=,comm=", "--ppid", str(mount.daemon.pid)])
        return [int(line.split()[0]) for line in done.stdout.splitlines()
                if "amdahlfs-watch" in line]

    helper, = helpers()
    files = os.listdir(f"/proc/{helper}/fd")
    assert sorted(files) == ["0", "1", "2", "3"]
    assert not any("fuse" in os.readlink(f"/proc/{helper}/fd/{f}") for f in files)
    with open(f"/proc/{helper}/environ", "rb") as environment:
        assert b"a-key" not in environment.read()
    mount.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{helper}"), 10, "the helper's end")


def test_without_it_a_mount_is_silent(fake, mount_at):
    fake.add_page("Page", page_id="pg-0")
    mount = mount_at(fake, options="refresh=1")
    mount.names()
    time.sleep(0.5)
    fake.forget()
    time.sleep(3)
    assert fake.requests == []
