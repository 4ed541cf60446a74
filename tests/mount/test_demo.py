"""packaging/demo, as the README tells a new user to run it."""
import os
import pathlib
import re

import pytest

from amdahl import mounted, run, unmount

DEMO = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "demo"


@pytest.fixture
def demo(fuse, tmp_path):
    """demo(*arguments) in a directory of its own; ended after the test."""
    if "AMDAHL_BUILD_DIR" not in os.environ:
        pytest.skip("AMDAHL_BUILD_DIR is not set: run through `meson test`")
    env = {**os.environ, "HOME": str(tmp_path / "home"), "CI": "true",
           "XDG_STATE_HOME": str(tmp_path / "state")}

    def call(*arguments, **kw):
        return run([DEMO, *arguments], cwd=tmp_path, env=env, timeout=120, **kw)
    yield call
    call("--stop")
    if mounted(tmp_path / "workspace"):
        unmount(tmp_path / "workspace", lazy=True)


def test_two_commands(demo, tmp_path):
    done = demo(check=True)
    workspace = tmp_path / "workspace"
    assert mounted(workspace)
    assert "weekly-sentiment" in done.stdout and "spec.json" in done.stdout
    assert "weekly-sentiment" in os.listdir(workspace / "pages")

    commands = [line.strip() for line in
                done.stdout.split("Five things to try:")[1].split("The server is")[0].splitlines()
                if line.strip()]
    assert len(commands) == 5
    results = [run(command, cwd=tmp_path) for command in commands]
    assert [r.returncode for r in results] == [0] * 5, results
    spec = (workspace / "pages/weekly-sentiment/spec.json").read_text()
    assert '"title": "My ' in spec
    assert re.match(r"spec\.json:\d+:\d+: error: \[compile\] ", results[3].stdout), results[3]
    assert "pipeline" in os.listdir(workspace / "pages")

    again = demo(check=True)
    assert "already mounted" in again.stderr

    demo("--stop", check=True)
    assert not mounted(workspace)
    assert "nothing is running" in demo("--stop", check=True).stderr

    demo(check=True)
    assert (workspace / "pages/weekly-sentiment/spec.json").read_text() == spec
    demo("--stop", check=True)


def test_a_directory_that_is_not_empty(demo, tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "file").write_text("mine")
    done = demo()
    assert done.returncode != 0 and "not empty" in done.stderr
    (tmp_path / "workspace" / "file").unlink()


def test_without_dev_fuse(demo, tmp_path):
    if os.geteuid() != 0 or run("unshare -m true").returncode != 0:
        pytest.skip("hiding /dev/fuse needs root and a mount namespace of its own")
    hidden = run("unshare -m sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3; "
                 f"exec {DEMO}'", cwd=tmp_path)
    assert hidden.returncode != 0
    assert "/dev/fuse is missing" in hidden.stderr
    assert "docker run --device /dev/fuse --cap-add SYS_ADMIN" in hidden.stderr
