"""Starting: in the background it returns when the mount answers, or says why not."""
import os
import signal
import socket
import subprocess

import pytest

import amdahl
from amdahl import Mount, heading, mounted, program, run, spec_of, unmount, wait_for


@pytest.fixture
def launch(fuse, tmp_path):
    """launch(url, key, ...) runs amdahlfs as a user does; all it mounted is taken down."""
    made = []

    def start(url, key, where=None, env=None, path=None, args=()):
        mount = Mount(url, key, where or tmp_path / f"m{len(made)}")
        if path:
            mount.path = path
        made.append(mount)
        command = mount.command(*args)
        log = mount.dir / "stderr"
        with open(log, "w") as err:
            done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=err, timeout=60 * amdahl.SLOW,
                                  env={**os.environ, **amdahl.sanitizer_env(),
                                       "AMDAHL_URL": url, **(env or {})})
        mount.code, mount.stderr = done.returncode, log.read_text()
        return mount

    yield start
    for mount in made:
        if mounted(mount.path):
            unmount(mount.path)
        report = amdahl.REPORT.search((mount.dir / "stderr").read_text())
        assert not report, (mount.dir / "stderr").read_text()


def test_background(local, launch):
    local.create("Weekly", spec_of(heading("a")))
    mount = launch(local.url, local.keys["author"])
    assert mount.code == 0, mount.stderr
    assert mounted(mount.path)
    assert "weekly" in mount.names()
    assert "Heading" in (mount.page("weekly") / "spec.json").read_text()
    with open("/proc/mounts") as table:
        line = next(l.split() for l in table if l.split()[1] == str(mount.path))
    assert line[2] == "fuse.amdahlfs"
    assert line[0].startswith("amdahl:"), line[0]


@pytest.mark.parametrize("name", ["API_KEY", "AMDAHL_API_KEY"])
def test_the_key_may_come_from_the_environment(local, mount_at, name):
    """And is dropped from there: /proc/PID/environ no longer has it."""
    mount = mount_at(local, env={name: local.keys["author"]}, start=False)
    mount.command_with_file, mount.command = mount.command, lambda *flags: [
        c for c in mount.command_with_file(*flags) if c not in ("--key-file", mount.key_file)]
    mount.start()
    assert "pages" in os.listdir(mount.path)
    try:
        with open(f"/proc/{mount.daemon.pid}/environ", "rb") as environment:
            assert local.keys["author"].encode() not in environment.read()
    except PermissionError:
        pass    # the process is closed to its own user: better still


def failed(mount, *words):
    assert mount.code != 0
    assert not mounted(mount.path)
    assert any(w.lower() in mount.stderr.lower() for w in words), mount.stderr
    assert len(mount.stderr.strip().splitlines()) <= 5, mount.stderr


def test_a_bad_key(local, launch):
    mount = launch(local.url, "not-a-key")
    failed(mount, "key", "401")
    assert "not-a-key" not in mount.stderr


def test_no_such_host(launch):
    failed(launch("https://no-such-host.invalid", "k"), "no-such-host.invalid")


def test_nobody_listens(launch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failed(launch(f"http://127.0.0.1:{port}", "k"), "refused", "connect")


def test_not_a_platform(fake, launch):
    fake.fault("*", ".*", "html")
    failed(launch(fake.url, fake.key), "not an amdahl platform", "amdahl")


def test_plain_http_only_to_loopback(launch):
    failed(launch("http://192.0.2.1", "k"), "https", "loopback")


def test_a_mount_point_that_is_not_empty(local, launch, tmp_path):
    path = tmp_path / "full"
    path.mkdir()
    (path / "file").write_text("mine")
    failed(launch(local.url, local.keys["author"], path=path), "empty")
    assert (path / "file").read_text() == "mine"


def test_a_mount_point_that_is_missing(local, launch, tmp_path):
    failed(launch(local.url, local.keys["author"], path=tmp_path / "nowhere"),
           "no such file", "nowhere")


def test_a_busy_mount_point(local, launch, tmp_path):
    first = launch(local.url, local.keys["author"])
    second = launch(local.url, local.keys["author"], where=tmp_path / "other", path=first.path)
    assert second.code != 0
    assert "mounted" in second.stderr or "busy" in second.stderr, second.stderr
    assert "pages" in os.listdir(first.path), "the first still stands"


def test_a_second_mount_of_the_same_state(local, launch, tmp_path):
    first = launch(local.url, local.keys["author"])
    point = tmp_path / "second"
    point.mkdir()
    second = launch(local.url, local.keys["author"], where=first.dir, path=point)
    failed(second, "state_dir", "already", "in use")


def test_a_key_file_that_others_can_read(local, launch, tmp_path):
    mount = Mount(local.url, local.keys["author"], tmp_path / "open")
    mount.key_file.chmod(0o644)
    done = run(mount.command(), env={**os.environ, **amdahl.sanitizer_env(),
                                     "AMDAHL_URL": local.url})
    assert done.returncode != 0
    assert "may be read by others: chmod 600 it" in done.stderr


def test_a_dead_mount_point_is_healed(local, mount_at):
    mount = mount_at(local)
    mount.daemon.process.kill()
    mount.daemon.process.wait()
    with pytest.raises(OSError):
        os.listdir(mount.path)
    mount.daemon = None
    mount.start()

    def answers():
        try:
            return "pages" in os.listdir(mount.path)
        except OSError:
            return False
    wait_for(answers, 10, "the new mount")


def test_usage_errors(fuse):
    for arguments in ([], ["--no-such-option", "/x"], ["a", "b"]):
        done = run([program("amdahlfs", "AMDAHLFS_BIN"), *arguments])
        assert done.returncode != 0
        assert done.stderr
    assert run([program("amdahlfs", "AMDAHLFS_BIN"), "--version"]).returncode == 0
    assert "MOUNTPOINT" in run([program("amdahlfs", "AMDAHLFS_BIN"), "--help"]).stdout


def test_sigterm_unmounts(local, mount_at):
    mount = mount_at(local)
    mount.daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not mounted(mount.path), 10, "the unmount")
