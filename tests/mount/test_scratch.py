"""Files of one's own behave like files: random operations here and in a plain directory,
step by step the same outcome. AMDAHL_TEST_SEED repeats a run."""
import os
import random

import pytest

from amdahl import run

NAMES = ["a.txt", "b.txt", ".swp", "c~", "#d#"]
DIRS = ["", "sub", "sub/deeper"]


def outcome(work):
    try:
        return work()
    except OSError as err:
        return type(err).__name__, err.errno


def pwrite(path, data, offset):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return os.pwrite(fd, data, offset)
    finally:
        os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def step(rng):
    """An operation as a function of the tree it is done in."""
    def name():
        return os.path.join(rng.choice(DIRS), rng.choice(NAMES))
    a, b, n = name(), name(), rng.randrange(0, 20000)
    data = rng.randbytes(rng.randrange(1, 9000))
    folder = rng.choice(DIRS[1:])
    return rng.choice([
        lambda t: pwrite(f"{t}/{a}", data, n),
        lambda t: pwrite(f"{t}/{a}", data, 0),
        lambda t: os.truncate(f"{t}/{a}", n),
        lambda t: read(f"{t}/{a}"),
        lambda t: os.stat(f"{t}/{a}").st_size,
        lambda t: os.rename(f"{t}/{a}", f"{t}/{b}"),
        lambda t: os.unlink(f"{t}/{a}"),
        lambda t: os.mkdir(f"{t}/{folder}"),
        lambda t: os.rmdir(f"{t}/{folder}"),
        lambda t: os.symlink("target", f"{t}/{a}"),
        lambda t: os.readlink(f"{t}/{a}"),
        lambda t: os.close(os.open(f"{t}/{a}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)),
        lambda t: os.chmod(f"{t}/{a}", 0o640),
        lambda t: (os.utime(f"{t}/{a}", (n, n)), os.stat(f"{t}/{a}").st_mtime)[1],
    ])


def tree(top):
    out = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            key = os.path.relpath(path, top)
            out[key] = (os.readlink(path) if os.path.islink(path) else
                        None if os.path.isdir(path) else read(path))
    return out


def test_scratch_is_like_a_plain_directory(mount, tmp_path):
    seed = int(os.environ.get("AMDAHL_TEST_SEED", random.SystemRandom().randrange(10 ** 6)))
    print(f"AMDAHL_TEST_SEED={seed}")
    rng = random.Random(seed)
    plain, ours = tmp_path / "plain", mount.path / "notes"
    plain.mkdir()
    ours.mkdir()
    mount.names()
    mount.server.forget()
    for i in range(600):
        work = step(rng)
        want, got = outcome(lambda: work(plain)), outcome(lambda: work(ours))
        assert got == want, f"step {i} of seed {seed}"
    assert tree(ours) == tree(plain), f"seed {seed}"
    assert mount.server.requests() == []


def test_unlinked_while_open(mount):
    path = mount.path / "open.txt"
    with open(path, "w+b") as file:
        file.write(b"still here")
        file.flush()
        os.unlink(path)
        file.seek(0)
        assert file.read() == b"still here"
    assert not path.exists()
    assert not [n for n in os.listdir(mount.path) if n.startswith(".fuse_hidden")]


def test_attributes_of_scratch(mount):
    path = mount.path / "notes.txt"
    path.write_text("x")
    os.setxattr(path, "user.mine", b"1")
    assert os.getxattr(path, "user.mine") == b"1"
    assert "user.mine" in os.listxattr(path)
    os.removexattr(path, "user.mine")
    with pytest.raises(OSError):
        os.getxattr(path, "user.mine")


def test_locks_and_fallocate_do_not_fail_oddly(mount):
    (mount.path / "notes.txt").write_text("x")
    run(f"flock -n {mount.path}/notes.txt true", check=True)
