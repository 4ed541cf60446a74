"""The mount tells of itself in .amdahl/."""
import json
import os
import threading

from amdahl import heading, spec_of, write


def test_me(mount):
    me = json.loads((mount.path / ".amdahl" / "me.json").read_text())
    told = mount.server.call("GET", "/me", key="author")[1]
    assert me["business_id"] == told["business_id"]
    assert set(me["scopes"]) == set(told["scopes"])


def test_status(weekly):
    status = json.loads((weekly.path / ".amdahl" / "status.json").read_text())
    assert isinstance(status, dict) and status
    assert weekly.server.keys["author"] not in json.dumps(status)


def test_log_says_what_was_refused(weekly):
    try:
        write(weekly.page("quarterly-report") / "spec.json", "nope")
    except OSError:
        pass
    log = (weekly.path / ".amdahl" / "log").read_text()
    assert "spec.json" in log
    assert weekly.server.keys["author"] not in log


def test_the_key_is_nowhere(weekly):
    (weekly.page("quarterly-report") / "spec.json").read_text()
    assert weekly.server.keys["author"] not in weekly.daemon.text()
    with open(f"/proc/{weekly.daemon.pid}/cmdline") as line:
        assert weekly.server.keys["author"] not in line.read()


def test_one_handle_of_ctl_for_many_threads(weekly):
    """One writes the next command while others read the words of the last."""
    fd = os.open(weekly.path / ".amdahl" / "ctl", os.O_RDWR)
    words = b"the names that were removed are back\n"
    problems = []

    def write_all():
        for _ in range(3000):
            os.write(fd, b"restore quarterly-report\n")

    def read_all():
        for _ in range(3000):
            got = os.pread(fd, 100, 0)
            if got not in (b"", words):
                problems.append(got)

    threads = [threading.Thread(target=t) for t in (write_all, read_all, read_all)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(fd)
    assert problems == []
