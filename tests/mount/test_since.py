"""Sweeps that ask for what has changed alone, where the platform is seen to honour that."""
import os
import time

import pytest

from amdahl import wait_for
from fakeplatform import FakePlatform, Shape, simple_spec

PAGES = 450     # three requests
OLD = 300       # so many were changed long before the others


@pytest.fixture
def many(mount_at):
    """many(since): a platform of that kind, and a mount of it that sweeps each second."""
    fakes = []

    def make(since):
        fake = FakePlatform(Shape(since=since)).__enter__()
        fakes.append(fake)
        for n in range(PAGES):
            fake.clock += 3600 * (n == OLD) + 30 * (n > OLD)
            fake.add_page(f"p{n:03}", page_id=f"pg-{n:03}")
        mount = mount_at(fake, options="refresh=1")
        assert len(mount.names()) == PAGES
        fake.forget()
        return fake, mount

    yield make
    for fake in fakes:
        fake.__exit__(None, None, None)


def lists(fake):
    return fake.matching("GET", "^/pages$")


def asked(request):
    return request.query.get("updated_at_gte")


def use_until(mount, condition, what):
    wait_for(lambda: os.listdir(mount.pages) and condition(), 30, what, pause=0.3)


@pytest.mark.parametrize("since", ["honoured", "later"])
def test_one_request_tells_what_changed(many, since):
    fake, mount = many(since)
    fake.change_page("pg-007", spec=simple_spec("theirs"))
    fake.add_page("new one", page_id="pg-new")
    use_until(mount, lambda: "new-one" in mount.names(), "the new page")
    assert "theirs" in (mount.page("p007") / "spec.json").read_text()
    use_until(mount, lambda: len(lists(fake)) > 5, "some sweeps")
    assert all(asked(r) for r in lists(fake)), "each was one request"


def test_a_filter_that_is_ignored_is_used_once(many):
    fake, mount = many("ignored")
    fake.change_page("pg-007", name="renamed")
    use_until(mount, lambda: "renamed" in mount.names(), "the change")
    use_until(mount, lambda: len(lists(fake)) >= 9, "three sweeps")
    seen = lists(fake)
    assert [bool(asked(r)) for r in seen[:9]] == [True] * 3 + [False] * 6
    assert len(mount.names()) == PAGES
    assert "gives older pages" in mount.daemon.text()


def test_older_pages_are_not_all_pages(many):
    """A server that rounds: some come that were not asked for, and the others are not gone."""
    fake, mount = many("coarse")
    fake.clock -= fake.clock % 3600     # in the midst of the newest hour
    for n in range(OLD, PAGES):
        fake.change_page(f"pg-{n:03}", name=f"q{n:03}")
    (mount.path / ".amdahl" / "ctl").write_text("refresh\n")
    fake.forget()
    use_until(mount, lambda: len(mount.names()) != PAGES or len(lists(fake)) >= 7, "two sweeps")
    assert len(mount.names()) == PAGES
    assert "gone from the platform" not in mount.daemon.text()


@pytest.mark.parametrize("since, words", [("nothing", "hides pages"), ("refused", "is refused")])
def test_a_filter_that_does_not_work_is_found_out(many, since, words):
    fake, mount = many(since)
    fake.change_page("pg-007", name="renamed")
    use_until(mount, lambda: "renamed" in mount.names(), "the change")
    use_until(mount, lambda: len(lists(fake)) >= 7, "two more sweeps")
    assert [bool(asked(r)) for r in lists(fake)[:7]] == [True] + [False] * 6
    assert len(mount.names()) == PAGES
    assert words in mount.daemon.text()


def test_a_page_that_had_to_come_and_is_gone(many):
    """The newest ones are asked for each time: one of them is missed at once, and the filter
    is none the worse."""
    fake, mount = many("honoured")
    newest = f"pg-{PAGES - 1}"
    del fake.pages[newest]
    use_until(mount, lambda: f"p{PAGES - 1}" not in mount.names(), "the page to go")
    fake.forget()
    use_until(mount, lambda: len(lists(fake)) > 2, "some sweeps")
    assert all(asked(r) for r in lists(fake))
    assert len(mount.names()) == PAGES - 1


def test_who_asks_for_it_has_the_whole_list(many):
    """An older page that is gone is not missed by what asks for the newest."""
    fake, mount = many("honoured")
    use_until(mount, lambda: len(lists(fake)) > 1, "some sweeps")
    del fake.pages["pg-007"]
    fake.forget()
    use_until(mount, lambda: len(lists(fake)) > 1, "some sweeps")
    assert "p007" in mount.names()
    (mount.path / ".amdahl" / "ctl").write_text("refresh\n")
    assert "p007" not in mount.names()
    assert not all(asked(r) for r in lists(fake))


def test_a_time_in_the_future_hides_nothing(many):
    fake, mount = many("honoured")
    fake.pages["pg-003"]["updated_at"] = "2999-01-01T00:00:00Z"
    fake.clock = int(time.time())
    use_until(mount, lambda: len(lists(fake)) > 3, "some sweeps")
    fake.change_page("pg-007", name="renamed")
    use_until(mount, lambda: "renamed" in mount.names(), "the change")
    assert any(asked(r) and asked(r) > "2026" for r in lists(fake))


def test_a_short_list_is_read_whole(mount_at):
    with FakePlatform(Shape(since="honoured")) as fake:
        for n in range(20):
            fake.add_page(f"p{n:03}")
        mount = mount_at(fake, options="refresh=1")
        mount.names()
        use_until(mount, lambda: len(lists(fake)) > 3, "some sweeps")
        assert not any(asked(r) for r in lists(fake))
