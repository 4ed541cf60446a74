"""`--local DIR`: a workspace of one's own, as long as the mount lives, kept in DIR."""
import json
import os
import stat
import subprocess

import pytest

import amdahl
from amdahl import mounted, program, unmount, wait_for


@pytest.fixture
def embed(fuse, tmp_path):
    """embed() mounts DIR/ws at DIR/mnt in the background, as its user would."""
    where = tmp_path / "mnt"
    where.mkdir()

    def start():
        env = {k: v for k, v in os.environ.items() if k not in ("AMDAHL_URL", "API_KEY")}
        # The server is looked for beside the driver, then by PATH.
        server = os.path.dirname(program("amdahl-local", "AMDAHL_LOCAL_BIN"))
        env.update(amdahl.sanitizer_env(), PATH=f"{server}:{env['PATH']}")
        with open(tmp_path / "stderr", "w") as err:
            done = subprocess.run(
                [program("amdahlfs", "AMDAHLFS_BIN"), "--local", "ws", "-o", "state_dir=state",
                 "mnt"], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=err, timeout=60 * amdahl.SLOW)
        assert done.returncode == 0, (tmp_path / "stderr").read_text()
        return where

    yield start
    if mounted(where):
        unmount(where)


def servers(tmp_path):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                words = line.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"amdahl-local") and str(tmp_path / "ws").encode() in words:
            found.append(int(pid))
    return found


def test_it_is_made_kept_and_ended(embed, tmp_path):
    where = embed()
    spec = where / "pages" / "weekly-sentiment" / "spec.json"
    text = spec.read_text().replace('"Weekly sentiment"', '"Kept"')
    spec.write_text(text)
    assert len(servers(tmp_path)) == 1

    unmount(where)
    wait_for(lambda: not servers(tmp_path), 20, "the server's end with its mount")
    embed()
    assert json.loads(spec.read_text()) == json.loads(text)


def test_its_key_is_the_owners_alone(embed, tmp_path):
    embed()
    for name in ("keys.json", "admin.key", "workspace.db"):
        assert stat.S_IMODE(os.stat(tmp_path / "ws" / name).st_mode) == 0o600, name
    assert stat.S_IMODE(os.stat(tmp_path / "ws" / "socket").st_mode) == 0o600
