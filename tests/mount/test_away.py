"""The platform is gone and comes back: what is known reads at once, nothing storms."""
import errno
import json
import socket
import time

from amdahl import dumps, fails_with, heading, spec_of, wait_for, write
from test_budget import metrics_of, sent, status_of

GONE = (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH,
        errno.ETIMEDOUT)
PAGES = 40


def furnished(fake, mount_at, options=""):
    """A mount of 40 pages, the first ten of them read."""
    for i in range(PAGES):
        fake.add_page(f"Page {i}", page_id=f"pg-{i}")
    mount = mount_at(fake, options=options)
    mount.names()
    for i in range(10):
        (mount.page(f"page-{i}") / "spec.json").read_text()
    return mount


def read_cold(mount):
    for i in range(10, PAGES):
        with fails_with(*GONE):
            (mount.page(f"page-{i}") / "spec.json").read_text()


def test_gone_and_back(fake, mount_at):
    mount = furnished(fake, mount_at)
    assert status_of(mount)["online"]
    assert "offline_since" not in status_of(mount)
    fake.vanish()
    started, before = time.monotonic(), sent(mount)
    read_cold(mount)
    for i in range(10):
        assert json.loads((mount.page(f"page-{i}") / "spec.json").read_text())
    text = dumps(spec_of(heading("in the meantime")))
    with fails_with(*GONE):
        write(mount.page("page-0") / "spec.json", text)
    # Four of the first reader, who knew it was there a moment ago; then one a second that
    # somebody asks for something, and the probes.
    seconds = time.monotonic() - started
    assert sent(mount) - before <= 5 + 2 * seconds
    status = status_of(mount)
    assert not status["online"] and status["offline_since"].startswith("20")
    assert [d["page"] for d in status["drafts"]] == ["page-0"]
    assert metrics_of(mount)["online"] == 0

    fake.appear()
    wait_for(lambda: status_of(mount)["online"], 60, "the probe")
    assert fake.matching()[-1].path == "/me"
    assert "offline_since" not in status_of(mount)
    assert json.loads((mount.page("page-39") / "spec.json").read_text())
    assert (mount.page("page-0") / "spec.json").read_text() == text
    write(mount.page("page-0") / "spec.json", dumps(spec_of(heading("back"))))
    assert fake.pages["pg-0"]["spec"] == spec_of(heading("back"))


def test_a_save_does_not_wait_for_the_probe(fake, mount_at):
    """Probes grow rare; a save finds out by itself that the platform is back."""
    mount = furnished(fake, mount_at)
    fake.vanish()
    read_cold(mount)
    fake.appear()
    time.sleep(1.1)     # since the last attempt, whosever it was
    for i in range(3):
        write(mount.page(f"page-{i}") / "spec.json", dumps(spec_of(heading("saved"))))
        assert fake.pages[f"pg-{i}"]["spec"] == spec_of(heading("saved"))


def test_connections_that_are_never_made(fake, mount_at):
    """Packets get lost: each attempt would take its timeout. One finds out for all."""
    mount = furnished(fake, mount_at, options="timeout=1")
    address = fake.server.server_address
    fake.vanish()
    full = socket.socket()
    full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    full.bind(address)
    full.listen(0)
    fillers = []
    try:
        for _ in range(4):      # a queue that nobody empties: the next SYN is dropped
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        with fails_with(*GONE):
            (mount.page("page-10") / "spec.json").read_text()
        wait_for(lambda: "offline_since" in status_of(mount), 10, "the breaker")
        started, before = time.monotonic(), sent(mount)
        read_cold(mount)
        seconds = time.monotonic() - started
        assert sent(mount) - before <= 2 + seconds, "they do not try, one after another"
        assert json.loads((mount.page("page-0") / "spec.json").read_text())
    finally:
        for filler in fillers:
            filler.close()
        full.close()
    fake.appear()
    wait_for(lambda: status_of(mount)["online"], 90, "the probe")
    read = (mount.page("page-39") / "spec.json").read_text()
    assert json.loads(read)
