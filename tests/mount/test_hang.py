"""A page whose answer never comes holds up nobody else, and can be left at any time."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from amdahl import SLOW, dumps, run, wait_for, write
from fakeplatform import simple_spec

WORKERS = 8   # FS_WORKERS of src/fs/fs.c

OPENERS = """
import os, sys, threading
threading.stack_size(65536)
def one():
    try:
        os.open(sys.argv[1], os.O_RDONLY)
    except OSError:
        pass
for _ in range(int(sys.argv[2])):
    threading.Thread(target=one, daemon=True).start()
print("started", flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
def stuck(fake, mount_at):
    fake.add_page("Dead", page_id="pg-dead")
    for i in range(5):
        fake.add_page(f"Alive {i}", page_id=f"pg-{i}")
    made = mount_at(fake)
    made.names()
    (made.page("alive-0") / "spec.json").read_text()
    fake.fault("GET", "/pages/pg-dead$", "hang")
    made.server = fake
    return made


def test_a_thousand_hung_opens(fake, stuck):
    threads = stuck.threads()
    openers = subprocess.Popen([sys.executable, "-c", OPENERS,
                                str(stuck.page("dead") / "spec.json"), "1000"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        openers.stdout.readline()
        wait_for(lambda: fake.count("GET", "/pages/pg-dead$") >= 1, 10, "the request")
        time.sleep(1)
        # libfuse starts its few workers as they are needed; a waiter is never one.
        assert stuck.threads() <= threads + WORKERS - 1, "a waiter is no thread"
        assert fake.count("GET", "/pages/pg-dead$") == 1, "reads in flight are shared"

        start = time.monotonic()
        assert json.loads((stuck.page("alive-0") / "spec.json").read_text())
        assert json.loads((stuck.page("alive-1") / "spec.json").read_text())
        assert "results" in (stuck.page("alive-2") / "render.json").read_text()
        write(stuck.page("alive-3") / "spec.json", dumps(simple_spec("saved beside it")))
        assert len(stuck.names()) == 6
        assert time.monotonic() - start < 5 * SLOW
        assert fake.pages["pg-3"]["spec"] == simple_spec("saved beside it")
    finally:
        openers.kill()
        start = time.monotonic()
        openers.wait(20 * SLOW)
    assert time.monotonic() - start < 5 * SLOW, "killed readers go at once"
    assert json.loads((stuck.page("alive-4") / "spec.json").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("file", ["spec.json", "render.json"])
def test_signals_end_a_waiting_reader(fake, stuck, number, file):
    fake.fault("POST", "/pages/pg-dead/render$", "hang")
    reader = subprocess.Popen(["cat", stuck.page("dead") / file], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    wait_for(lambda: fake.count(None, "pg-dead") >= 1, 10, "the request")
    time.sleep(0.2)
    assert reader.poll() is None, "it waits"
    start = time.monotonic()
    reader.send_signal(number)
    reader.wait(10 * SLOW)
    assert time.monotonic() - start < 1 * SLOW
    assert reader.returncode != 0


def test_a_deadline_ends_it_too(fake, mount_at):
    fake.add_page("Dead", page_id="pg-dead")
    mount = mount_at(fake, options="timeout=1")
    mount.names()
    fake.fault("GET", "/pages/pg-dead$", "hang")
    start = time.monotonic()
    with pytest.raises(OSError):
        (mount.page("dead") / "spec.json").read_bytes()
    assert time.monotonic() - start < 40 * SLOW
    assert os.listdir(mount.page("dead"))


def test_many_readers_of_one_page_make_one_get(fake, stuck):
    fake.heal()
    fake.fault("GET", "/pages/pg-4$", "slow", arg=1)
    results = []
    readers = [threading.Thread(target=lambda: results.append(
        (stuck.page("alive-4") / "spec.json").read_text())) for _ in range(50)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(20 * SLOW)
    assert len(results) == 50 and len(set(results)) == 1
    assert fake.count("GET", "/pages/pg-4$") == 1


def test_unmounting_with_a_hung_reader(fake, stuck):
    """The daemon ends in order though a transfer is still open."""
    reader = subprocess.Popen(["cat", stuck.page("dead") / "spec.json"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: fake.count("GET", "pg-dead") >= 1, 10, "the request")
    reader.kill()
    reader.wait(10 * SLOW)
    stuck.stop()


def test_an_end_while_an_interrupted_save_is_watched(fake, mount_at):
    """A mere signal does not end a save; the mount may end before the platform answers.
    (LeakSanitizer judges what is left of the waiter.)"""
    fake.add_page("One", page_id="pg-1")
    mount = mount_at(fake)
    path = mount.page("one") / "spec.json"
    path.read_text()
    fake.fault("POST", "/pages/validate$", "hang")
    saver = subprocess.Popen(
        [sys.executable, "-c",
         "import os, signal, sys\n"
         "signal.signal(signal.SIGINT, lambda *a: None)\n"
         "fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)\n"
         "os.write(fd, b'{\"version\": 1}')\n"
         "try:\n    os.close(fd)\nexcept OSError:\n    pass\n", path])
    wait_for(lambda: fake.count("POST"), 10, "the save")
    saver.send_signal(signal.SIGINT)
    time.sleep(0.3)
    mount.daemon.process.terminate()
    assert mount.daemon.finish(30) == ""
    assert saver.wait(10) == 0
