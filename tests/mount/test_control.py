"""The mount tells of itself in .amdahl/."""
import json

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
