"""The platform allows so many requests a minute: it never refuses one, and a save goes at
once beside whatever else wants them."""
import errno
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import amdahl
from amdahl import SLOW, dumps, fails_with, heading, spec_of, wait_for, write
from fakefaults import Quota

LIMIT = 100
PAGES = 300


def status_of(mount):
    return json.loads((mount.path / ".amdahl" / "status.json").read_text())


def metrics_of(mount):
    """Prometheus's text format, names with their labels as they stand."""
    found = {}
    for line in (mount.path / ".amdahl" / "metrics").read_text().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name.removeprefix("amdahlfs_")] = float(value)
    return found


def sent(mount):
    """Attempts of all classes."""
    return sum(v for k, v in metrics_of(mount).items() if k.startswith("requests_total"))


def limited(tmp_path, limit, pages):
    """An amdahl-local of so many pages that allows so many requests a minute."""
    server = amdahl.Local(tmp_path / "limited").start()
    for i in range(pages):
        server.create(f"Page {i}", spec_of(heading(f"Number {i}")))
    server.stop()
    server.arguments = ("--rate-limit", str(limit))
    server.start()
    server.forget()
    return server


def refusals(server):
    return len([r for r in server.requests() if r["status"] == 429])


def interrupt(process):
    process.send_signal(signal.SIGINT)
    process.wait(10 * SLOW)
    return process.returncode


def test_a_save_beside_a_crawl(tmp_path, mount_at):
    """300 cold pages under grep; the reserve holds three saves, and each of their requests
    is served before all that waits."""
    server = limited(tmp_path, LIMIT, PAGES)
    try:
        mount = mount_at(server, options="read_ahead=0")
        mount.names()
        specs = [mount.page(f"page-{i}") / "spec.json" for i in range(3)]
        for spec in specs:
            spec.read_text()
        grep = subprocess.Popen(["grep", "-r", "no such words", mount.pages],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: server.count() >= LIMIT // 2, 60, "the crawl's burst")
        wait_for(lambda: status_of(mount)["requests"]["queued"], 20, "the crawl to wait")
        status = status_of(mount)["budget"]
        assert status["limit"] == LIMIT and status["reserve"] == LIMIT // 10
        assert 0 < status["remaining"] <= LIMIT // 2
        assert 0 < status["reset_seconds"] <= 61

        table = (mount.path / ".amdahl" / "requests").read_text().splitlines()
        assert len(table) >= 2, table
        waits = table[1].split()
        assert waits[3:5] == [str(grep.pid), "grep"], table
        assert waits[5] in ("GET", "POST") and waits[6].startswith("/pages/"), table

        for i, spec in enumerate(specs):
            before = server.count()
            started = time.monotonic()
            write(spec, dumps(spec_of(heading(f"saved {i}"))))
            print(f"save {i}: {time.monotonic() - started:.2f} s")
            asked = server.requests()[before:]
            saves = [r for r in asked if r["method"] == "PATCH" or "validate" in r["path"]]
            assert len(saves) == 2, asked
            assert len(asked) <= 3 + 2, "nothing of the crawl is before it in the queue"
        assert grep.poll() is None, "the crawl still waits its turn"
        assert interrupt(grep) != 0
        assert refusals(server) == 0
        figures = metrics_of(mount)
        assert figures["rate_limited_total"] == 0
        assert figures['requests_total{class="save"}'] == 9
        assert figures["budget_limit"] == LIMIT
        wait_for(lambda: sent(mount) == server.count(), 10, "all that was sent is counted")
    finally:
        mount.stop()
        server.stop()


def test_the_users_own_limit(local, mount_at):
    """-o max_requests: no platform has to say so."""
    for i in range(12):
        local.create(f"Page {i}", spec_of(heading(f"Number {i}")))
    local.forget()
    mount = mount_at(local, options="max_requests=10,read_ahead=0")
    mount.names()
    reader = subprocess.Popen(["cat", *(mount.page(f"page-{i}") / "spec.json"
                                        for i in range(12))],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: status_of(mount)["requests"]["queued"], 20, "the budget's end")
    assert status_of(mount)["budget"]["limit"] == 10
    assert status_of(mount)["budget"]["reserve"] == 3
    time.sleep(1)
    assert local.count() <= 7, "the reserve is for saves"
    assert interrupt(reader) == -signal.SIGINT


def test_one_request_a_minute(tmp_path, mount_at):
    server = limited(tmp_path, 1, 1)
    try:
        mount = mount_at(server, options="read_ahead=0")        # that was the one
        asked = subprocess.Popen(["ls", mount.pages], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        wait_for(lambda: status_of(mount)["requests"]["queued"], 10, "ls to wait")
        assert status_of(mount)["budget"]["limit"] == 1
        assert interrupt(asked) == -signal.SIGINT, "waiting can be left"
        assert (mount.path / ".amdahl" / "me.json").read_text() != "{}\n"
        assert "page-0" in mount.names(), "who waits gets to the next minute"
        assert refusals(server) == 0
    finally:
        mount.stop()
        server.stop()


@pytest.mark.parametrize("where", ["top", "error.details", "details", "header"])
def test_a_wait_of_a_day(fake, mount_at, where):
    """Who asks for something new is told at once, what is known here can be read, and the
    platform is not asked again."""
    fake.shape.retry_after = where
    for i in range(4):
        fake.add_page(f"Page {i}", page_id=f"pg-{i}")
    mount = mount_at(fake, options="read_ahead=0")
    text = (mount.page("page-0") / "spec.json").read_text()
    fake.fault("*", "/pages/", "limit", arg=86400)
    with fails_with(errno.EBUSY):
        (mount.page("page-1") / "spec.json").read_text()
    asked = fake.count()
    for i in (2, 3):
        with fails_with(errno.EBUSY):
            (mount.page(f"page-{i}") / "spec.json").read_text()
    with fails_with(errno.EBUSY):
        write(mount.page("page-0") / "spec.json", dumps(spec_of(heading("later"))))
    assert fake.count() == asked
    assert (mount.page("page-0") / "spec.json").read_text() != text, "the draft is there"
    status = status_of(mount)
    assert 3500 < status["budget"]["paused_seconds"] <= 3600, "no server stops us for a day"
    assert re.match(r"\d{4}-\d\d-\d\dT", status["paused_until"])
    assert metrics_of(mount)["budget_paused_seconds"] > 3500


def test_429_without_a_word(fake, mount_at):
    """The limit is found out from what was taken before; then it is kept."""
    for i in range(30):
        fake.add_page(f"Page {i}", page_id=f"pg-{i}")
    fake.fault("*", "", "quota", arg=Quota(20))
    mount = mount_at(fake, options="read_ahead=0")
    mount.names()
    reader = subprocess.Popen(["cat", *(mount.page(f"page-{i}") / "spec.json"
                                        for i in range(30))],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: status_of(mount)["requests"]["rate_limited"], 30, "the first refusal")
    assert status_of(mount)["budget"]["limit"] == 20
    time.sleep(8)    # beyond the pause of 5 s that stands in for the word that is missing
    refused = [r for r in fake.matching() if r.status == 429]
    assert len(refused) == 1
    assert fake.count() == 21
    assert interrupt(reader) == -signal.SIGINT


def test_many_readers_of_templates_and_lists_make_one_request(fake, mount_at):
    fake.templates["one"] = {"name": "One", "spec": spec_of(heading("one"))}
    for i in range(3):
        fake.add_page(f"Page {i}", page_id=f"pg-{i}")
    fake.fault("GET", "/pages", "slow", arg=0.5)
    mount = mount_at(fake, options="read_ahead=0")
    fake.forget()

    def at_once(what):
        got = []
        threads = [threading.Thread(target=lambda: got.append(what())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30 * SLOW)
        assert len(got) == 20

    at_once(mount.names)
    at_once(lambda: os.listdir(mount.path / "templates"))
    at_once(lambda: (mount.path / "templates" / "one" / "spec.json").read_text())
    assert fake.count("GET", "/pages$") == 1
    assert fake.count("GET", "/templates$") == 1
    assert fake.count("GET", "/templates/one$") == 1
