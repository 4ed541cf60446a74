"""Fixtures of the mount tests: one server, one mount, one directory a test."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import amdahl  # noqa: E402
import desk as desks  # noqa: E402
import fakeplatform  # noqa: E402


@pytest.fixture(scope="session")
def fuse():
    reason = amdahl.fuse_missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def local(tmp_path):
    server = amdahl.Local(tmp_path / "server").start()
    yield server
    server.stop()


@pytest.fixture
def fake():
    with fakeplatform.FakePlatform() as server:
        yield server


@pytest.fixture
def mount_at(fuse, tmp_path):
    """mount_at(server, key=..., options=...): as many mounts as a test needs."""
    made = []

    def make(server, key=None, options="", env=None, start=True):
        if key is None:
            key = server.keys["author"] if hasattr(server, "keys") else server.key
        mount = amdahl.Mount(server.url, key, tmp_path / f"mount{len(made)}", options, env)
        made.append((mount, server))
        return mount.start() if start else mount

    yield make
    problems = []
    for mount, server in reversed(made):
        if hasattr(server, "heal"):
            server.heal()
        try:
            mount.stop()
        except AssertionError as err:
            problems.append(str(err))
        amdahl.show_log("requests", "\n".join(server.log_lines()))
    assert not problems, "; ".join(problems)


@pytest.fixture
def mount(local, mount_at):
    """An author's mount of a fresh amdahl-local; `mount.server` is that server."""
    made = mount_at(local)
    made.server = local
    return made


@pytest.fixture
def fake_mount(fake, mount_at):
    """fake_mount(**options): a mount of the test's fake platform."""
    def make(**kw):
        made = mount_at(fake, **kw)
        made.server = fake
        return made
    return make


DEALS = {"name": "deals", "source": "sql",
         "sql": "SELECT stage, COUNT(*) AS count\nFROM interactions\nGROUP BY stage"}


@pytest.fixture
def weekly(local, mount_at):
    """An author's mount with one page of the test's own, quarterly-report, on it."""
    local.create("Quarterly report", amdahl.spec_of(
        amdahl.heading("Open pipeline", level=1),
        {"type": "BarChart", "props": {"data": {"$query": "deals"}, "x": "stage",
                                       "y": "count"}}), [DEALS], tags=["weekly"])
    made = mount_at(local)
    made.server = local
    made.names()
    local.forget()
    return made


@pytest.fixture(scope="module")
def room(fuse, tmp_path_factory):
    """(server, mount, numbers of the pages not used yet) of a file of tests."""
    server = amdahl.Local(tmp_path_factory.mktemp("room") / "server").start()
    desks.fill(server)
    mount = amdahl.Mount(server.url, server.keys["author"], server.dir.parent / "mount",
                         "refresh=3600,read_ahead=0").start()
    mount.names()
    yield server, mount, iter(range(desks.PAGES))
    mount.stop()
    server.stop()


@pytest.fixture
def desk(room, tmp_path):
    """A page nobody has touched, for a program that saves (tests/lib/desk.py)."""
    server, mount, numbers = room
    return desks.Desk(server, mount, next(numbers), tmp_path)
