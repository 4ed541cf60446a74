"""Read-ahead: whoever reads page after page finds the next ones here."""
import os
import re
import threading
import time

import pytest

from amdahl import run, wait_for
from fakeplatform import simple_spec

PAGES = 120


@pytest.fixture
def walked(fake, mount_at):
    """walked(options): a cold mount of pages whose names have an order."""
    for number in range(PAGES):
        fake.add_page(f"Page {number:03}", page_id=f"pg-{number}")

    def make(options=""):
        made = mount_at(fake, options=f"refresh=3600{options}")
        made.server = fake
        made.ordered = made.names()
        fake.forget()
        return made
    return make


def gets(server):
    return [r.path for r in server.matching("GET", "^/pages/pg-")]


def quiet(server):
    count = len(gets(server))
    time.sleep(0.3)
    return count == len(gets(server))


def read(mount, name):
    return (mount.page(name) / "spec.json").read_text()


def test_by_name(walked):
    """More with each step, and none twice."""
    mount = walked()
    for name in mount.ordered[:6]:
        read(mount, name)
    wait_for(lambda: len(gets(mount.server)) > 20, 10, "the pages ahead")
    wait_for(lambda: quiet(mount.server), 10, "them to have come")
    got = gets(mount.server)
    assert sorted(got) == sorted(f"/pages/pg-{n}" for n in range(len(got))), "once each"
    for name in mount.ordered:
        assert read(mount, name)
    assert sorted(gets(mount.server)) == sorted(f"/pages/pg-{n}" for n in range(PAGES))


@pytest.mark.parametrize("how", ["listed", "inode"])
def test_other_orders(walked, how):
    mount = walked()
    entries = list(os.scandir(mount.pages))
    if how == "inode":
        entries.sort(key=lambda e: e.inode())
    names = [e.name for e in entries if e.is_dir()]
    for name in names[:8]:
        read(mount, name)
    wait_for(lambda: len(gets(mount.server)) > 12, 10, "the pages ahead")
    ids = [f"/pages/pg-{int(n[5:])}" for n in names]
    got = gets(mount.server)
    assert len(got) == len(set(got)) and set(ids[:8]) <= set(got)
    assert len(set(ids[8:16]) & set(got)) >= 4, "those that come next in that order"


def test_one_page_is_one_page(walked):
    mount = walked()
    for file in ("spec.json", "queries.json", "page.json"):
        (mount.page("page-050") / file).read_text()
    assert gets(mount.server) == ["/pages/pg-50"]


def test_here_and_there_is_no_walk(walked):
    mount = walked()
    names = ["page-010", "page-090", "page-050", "page-005", "page-110", "page-070"]
    for name in names:
        read(mount, name)
    assert len(gets(mount.server)) <= len(names) + 8, "one order in three may mistake it once"


def test_none_is_asked_for(walked):
    mount = walked(",read_ahead=0")
    for name in mount.ordered[:10]:
        read(mount, name)
    assert len(gets(mount.server)) == 10


def test_no_more_than_said(walked):
    """While those that are on their way do not come."""
    mount = walked(",read_ahead=12")
    for name in mount.ordered[:3]:
        read(mount, name)
    wait_for(lambda: len(gets(mount.server)) > 3, 10, "the first ones ahead")
    mount.server.fault("GET", "/pages/pg-", "hang")
    reader = threading.Thread(target=lambda: run(
        ["cat", *(mount.page(n) / "spec.json" for n in mount.ordered[3:40])]))
    reader.start()
    wait_for(lambda: any(r.status == 0 for r in mount.server.matching("GET", "^/pages/pg-")), 10,
             "one that hangs")
    hanging = [r for r in mount.server.matching("GET", "^/pages/pg-") if r.status == 0]
    assert len(hanging) <= 13
    mount.server.heal()
    reader.join(60)


def test_two_walks_at_once(walked):
    mount = walked()
    done = []

    def walk(names):
        for name in names:
            done.append(read(mount, name))

    walks = [threading.Thread(target=walk, args=(names,))
             for names in (mount.ordered[:PAGES // 2], mount.ordered[PAGES // 2:])]
    for each in walks:
        each.start()
    for each in walks:
        each.join(60)
    assert len(done) == PAGES
    assert sorted(gets(mount.server)) == sorted(f"/pages/pg-{n}" for n in range(PAGES))


def test_pages_change_while_they_are_walked(walked):
    """The orders are made anew."""
    mount = walked()
    for number, name in enumerate(mount.ordered):
        read(mount, name)
        if number % 10 == 0:
            mount.server.add_page(f"New {number:03}", page_id=f"new-{number}")
            run(f"echo refresh > {mount.path}/.amdahl/ctl", check=True)
    assert len([n for n in mount.names() if n.startswith("new")]) == PAGES // 10


def test_a_walk_stops_where_the_platform_fails(walked):
    mount = walked()
    for name in mount.ordered[:4]:
        read(mount, name)
    mount.server.fault("GET", "/pages/pg-", "status", arg=404)
    failed = 0
    for name in mount.ordered[4:]:
        try:
            read(mount, name)
        except OSError:
            failed += 1
    assert failed > 0
    mount.server.heal()
    assert all(read(mount, name) for name in mount.ordered)
