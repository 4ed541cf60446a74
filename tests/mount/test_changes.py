""".amdahl/changes: a stream of what changes, which ordinary programs follow."""
import json
import os
import select
import signal
import subprocess
import threading
import time

import pytest

from amdahl import dumps, fails_with, mounted, run, unmount, wait_for, write
from fakeplatform import simple_spec
from terminal import Terminal


class Following:
    """A program and what it has printed so far."""

    def __init__(self, command, changes):
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}" if "while" not in command else command],
            env={**os.environ, "C": str(changes)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.text = ""
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.text += part.decode()

    def events(self):
        whole = self.text[:self.text.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]

    def wait(self, **want):
        def found():
            return [e for e in self.events() if want.items() <= e.items()]
        return wait_for(found, 20, f"{want} in {self.text!r}")

    def interrupt(self):
        """As the terminal does: to all of them."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()

    def end(self):
        self.process.wait(60)
        self.thread.join()
        self.error = self.process.stderr.read()
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.end()
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def world(fake, mount_at):
    """Three pages, of which the first two were read; follow(command) with $C the stream."""
    for number in range(3):
        fake.add_page(f"Page {number}", page_id=f"pg-{number}")
    made = mount_at(fake, options="refresh=1")
    made.server = fake
    made.changes = made.path / ".amdahl" / "changes"
    for name in made.names()[:2]:
        (made.page(name) / "spec.json").read_text()
    started = []

    def follow(command="cat $C"):
        started.append(Following(command, made.changes))
        return started[-1]

    made.follow = follow
    yield made
    for each in started:
        each.close()


ELSEWHERE = {"by": "elsewhere"}
PRINT = "import sys\nfor line in open(sys.argv[1]): print(line, end='', flush=True)"
PROGRAMS = {
    "cat": "cat $C",
    "tail -f": "tail -f $C",
    "tail -F": "tail -F $C",
    "while read": 'while read -r line; do printf "%s\\n" "$line"; done < $C',
    "jq": "jq --unbuffered -c . $C",
    "grep": "grep --line-buffered page $C",
    "python": f'python3 -c "{PRINT}" $C',
}


@pytest.mark.parametrize("command", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_programs_follow(world, command):
    """From before anything came; and Ctrl-C ends each, wherever it waits."""
    program = world.follow(command)
    world.server.change_page("pg-0", spec=simple_spec("First"))
    program.wait(change="changed", page="page-0", file="spec.json", **ELSEWHERE)
    world.server.change_page("pg-1", spec=simple_spec("Second"))
    program.wait(change="changed", page="page-1", file="spec.json", **ELSEWHERE)
    assert program.interrupt() in (-signal.SIGINT, 128 + signal.SIGINT)


def test_interrupted_before_anything_came(world):
    program = world.follow("cat $C")
    wait_for(lambda: world.server.count("GET", "/pages$") > 1, 20, "it to be seen")
    assert program.interrupt() == -signal.SIGINT
    assert program.text == ""


def test_head_ends_by_itself(world):
    program = world.follow("head -n 3 $C")
    for number in range(3):
        world.server.change_page("pg-0", spec=simple_spec(f"Edit {number}"))
        wait_for(lambda n=number: f"Edit {n}" in (world.page("page-0") / "spec.json").read_text(),
                 20, "the edit")
    assert program.end() == 0 and program.error == ""
    assert [e["page"] for e in program.events()] == ["page-0"] * 3


def test_less(world, tmp_path):
    less = Terminal(f"less +F {world.changes}", tmp_path, tmp_path)
    try:
        world.server.change_page("pg-0", spec=simple_spec("First"))
        less.shows('"page":"page-0"')
        world.server.change_page("pg-1", spec=simple_spec("Second"))
        less.shows('"page":"page-1"')
        less.keys("C-c")
        less.keys("q")
        wait_for(less.has_ended, 20, "its end")
    finally:
        less.close()


# -- what is told -----------------------------------------------------------------------------

def test_what_others_do(world):
    program = world.follow()
    world.server.add_page("Fresh", page_id="pg-fresh")
    program.wait(change="came", page="fresh", file=None, **ELSEWHERE)
    world.server.change_page("pg-0", name="Moved")
    program.wait(change="gone", page="page-0", file=None, **ELSEWHERE)
    program.wait(change="came", page="moved", file=None, **ELSEWHERE)
    program.wait(change="changed", page="moved", file="page.json", **ELSEWHERE)
    del world.server.pages["pg-1"]
    program.wait(change="gone", page="page-1", file=None, **ELSEWHERE)
    for event in program.events():
        assert list(event) == ["time", "change", "page", "file", "by"]
        stamp = time.mktime(time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S"))
        assert abs(stamp + time.localtime().tm_gmtoff - time.time()) < 3600


def test_a_page_nobody_has_read(world):
    """Which of its files changed is not known, and not asked."""
    program = world.follow()
    world.server.change_page("pg-2", spec=simple_spec("Theirs"))
    program.wait(change="changed", page="page-2", file=None, **ELSEWHERE)
    assert world.server.count("GET", "/pages/pg-2") == 0


def test_a_mount_nobody_has_looked_at(fake, mount_at):
    """What was there before is nothing new."""
    fake.add_page("Page", page_id="pg-0")
    mount = mount_at(fake, options="refresh=1")
    program = Following("cat $C", mount.path / ".amdahl" / "changes")
    try:
        wait_for(lambda: fake.count("GET", "/pages$"), 20, "the list")
        fake.add_page("Fresh")
        program.wait(change="came", page="fresh")
        assert [e["page"] for e in program.events()] == ["fresh"]
    finally:
        program.close()


def test_what_we_do(world):
    program = world.follow()
    write(world.page("page-0") / "spec.json", dumps(simple_spec("Saved")))
    program.wait(change="changed", page="page-0", file="spec.json", by="here")
    made = world.pages / "made"
    made.mkdir()
    write(made / "spec.json", dumps(simple_spec("Made")))
    program.wait(change="came", page="made", file=None, by="here")
    (world.page("page-0")).rename(world.page("moved"))
    program.wait(change="gone", page="page-0", by="here")
    program.wait(change="came", page="moved", by="here")
    run(["rm", "-r", world.page("page-1")], check=True)
    program.wait(change="gone", page="page-1", file=None, by="here")
    (world.page("moved") / "page.json").read_text()
    before = world.server.count("GET", "/pages$")
    wait_for(lambda: world.server.count("GET", "/pages$") >= before + 3, 20, "sweeps")
    assert [e for e in program.events() if e["by"] == "elsewhere"] == []


def test_a_refused_save_is_no_change(world):
    program = world.follow()
    with pytest.raises(OSError):
        write(world.page("page-0") / "spec.json", dumps(simple_spec("x")).replace("Head", "Hed"))
    write(world.page("page-1") / "spec.json", dumps(simple_spec("Good")))
    program.wait(page="page-1")
    assert [e["page"] for e in program.events()] == ["page-1"]


# -- when it is looked ------------------------------------------------------------------------

def test_only_while_somebody_follows(world):
    program = world.follow()
    before = world.server.count("GET", "/pages$")
    wait_for(lambda: world.server.count("GET", "/pages$") >= before + 2, 20, "sweeps")
    program.close()
    time.sleep(2)
    world.server.forget()
    time.sleep(4)
    assert world.server.requests == []


def test_readers_who_were_killed_leave_nothing(world):
    """Each waits where nothing may ever come: in its open, and then in a read."""
    for _ in range(2):
        readers = [world.follow() for _ in range(20)]
        before = world.server.count("GET", "/pages$")
        wait_for(lambda: world.server.count("GET", "/pages$") > before, 20, "a sweep")
        for each in readers:
            each.close()
        world.server.change_page("pg-0", spec=simple_spec(f"Edit {before}"))
        wait_for(lambda n=before: f"Edit {n}" in (world.page("page-0") / "spec.json").read_text(),
                 20, "the edit")
    time.sleep(2)
    world.server.forget()
    time.sleep(4)
    assert world.server.requests == []
    assert unmount(world.path).returncode == 0
    wait_for(lambda: not mounted(world.path), 10, "the unmount")


# -- what it is as a file ---------------------------------------------------------------------

def some(world):
    """Something has come, and its size."""
    world.server.change_page("pg-2", spec=simple_spec("Theirs"))
    wait_for(lambda: (world.names(), world.changes.stat().st_size)[1], 20, "a change")
    return world.changes.stat().st_size


def test_its_size_is_what_has_come(world):
    assert world.changes.stat().st_size == 0
    size = some(world)
    with open(world.changes, "rb", buffering=0) as file:
        assert os.fstat(file.fileno()).st_size == size
        data = file.read(65536)
        assert len(data) == size
        assert file.seek(0, os.SEEK_END) == size
        file.seek(10)
        assert file.read(5) == data[10:15] and file.read(65536) == data[15:]
    with fails_with(13):
        os.open(world.changes, os.O_WRONLY)


def test_without_blocking_its_end_is_an_end(world):
    fd = os.open(world.changes, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert os.read(fd, 100) == b""
        size = some(world)
        assert len(os.read(fd, 65536)) == size
        assert os.read(fd, 100) == b""
    finally:
        os.close(fd)


def test_programs_that_look_at_everything(world, tmp_path):
    """It is not listed, for those that would wait at its end; git grep, ripgrep and grep -r
    pass."""
    control = world.path / ".amdahl"
    assert "changes" not in os.listdir(control)
    run(["cp", "-r", control, tmp_path / "copy"])
    run(f"find {world.path} -type f -exec md5sum {{}} +", check=True)
    run(["grep", "-rc", "budget", control])
    run(["rg", "--hidden", "--no-ignore", "budget", world.path])
    assert json.loads((tmp_path / "copy" / "status.json").read_text())["pages"] == 3


@pytest.mark.parametrize("way", ["poll", "epoll"])
def test_poll(world, way):
    poll = select.poll() if way == "poll" else select.epoll()
    second = 1000 if way == "poll" else 1
    fd = os.open(world.changes, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll.register(fd, select.POLLIN)
        assert poll.poll(0) == []
        timer = threading.Timer(1, world.server.change_page, ("pg-2",), {"tags": ["x"]})
        timer.start()
        assert poll.poll(60 * second) == [(fd, select.POLLIN)]
        assert json.loads(os.read(fd, 65536))["page"] == "page-2"
        assert poll.poll(0) == []
        timer.join()
    finally:
        os.close(fd)


def test_many_wait_without_threads(world):
    before = world.threads()
    some(world)
    readers = [world.follow() for _ in range(40)]
    for each in readers:
        each.wait(page="page-2")
    assert world.names() == ["page-0", "page-1", "page-2"]
    assert world.threads() <= before + 8, "the workers of libfuse alone come and go"
    world.server.change_page("pg-0", spec=simple_spec("First"))
    for each in readers:
        each.wait(page="page-0")


# -- the end ----------------------------------------------------------------------------------

def test_the_end_of_the_mount_is_its_end(world):
    some(world)
    readers = [world.follow(), world.follow(PROGRAMS["while read"])]
    for each in readers:
        each.wait(page="page-2")
    busy = unmount(world.path)
    assert busy.returncode != 0 and "busy" in busy.stderr
    world.daemon.process.terminate()
    assert [each.end() for each in readers] == [0, 0], "an end, and no error"
    assert [each.error for each in readers] == ["", ""]


def test_the_end_before_anything_came(world):
    program = world.follow()
    wait_for(lambda: world.server.count("GET", "/pages$") > 1, 20, "it to be seen")
    world.daemon.process.terminate()
    assert program.end() == 0 and program.text == "" and program.error == ""
