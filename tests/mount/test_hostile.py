"""A platform that answers badly: an error for that call, never a crash or a hang."""
import errno
import json
import os
import time

import pytest

from amdahl import dumps, heading, run, spec_of, write
from fakeplatform import simple_spec


@pytest.fixture
def victim(fake, mount_at):
    """A mount with a page whose answers will go wrong, and one that stays well."""
    fake.add_page("Victim", page_id="pg-victim")
    fake.add_page("Healthy", page_id="pg-healthy")
    made = mount_at(fake, options="timeout=3")
    made.names()
    return made


BAD_BODIES = ["nonjson", "html", "half", "deep", "huge", "drop_before", "redirect"]


def still_works(mount):
    assert json.loads((mount.page("healthy") / "spec.json").read_text())
    assert {"healthy", "victim"} <= set(mount.names())
    assert mount.daemon.alive()


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_reading_a_page(fake, victim, kind):
    fake.fault("GET", "/pages/pg-victim$", kind)
    start = time.monotonic()
    with pytest.raises(OSError):
        (victim.page("victim") / "spec.json").read_bytes()
    assert time.monotonic() - start < 60
    still_works(victim)
    fake.heal()
    assert json.loads((victim.page("victim") / "spec.json").read_text())


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_saving(fake, victim, kind):
    """The save fails, or its outcome is found out by reading; the text is kept."""
    text = dumps(simple_spec("changed"))
    (victim.page("victim") / "spec.json").read_text()
    fake.fault("PATCH", "/pages/pg-victim$", kind)
    try:
        write(victim.page("victim") / "spec.json", text)
    except OSError:
        assert (victim.page("victim") / "errors").read_text()
    else:
        assert fake.pages["pg-victim"]["spec"] == simple_spec("changed")
    assert (victim.page("victim") / "spec.json").read_text() == text
    still_works(victim)


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_validating(fake, victim, kind):
    (victim.page("victim") / "spec.json").read_text()
    fake.fault("POST", "/pages/validate$", kind)
    with pytest.raises(OSError):
        write(victim.page("victim") / "spec.json", dumps(simple_spec("changed")))
    assert fake.count("PATCH") == 0
    still_works(victim)


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_rendering(fake, victim, kind):
    fake.fault("POST", "/render$", kind)
    with pytest.raises(OSError):
        (victim.page("victim") / "render.json").read_bytes()
    still_works(victim)


@pytest.mark.parametrize("kind", ["nonjson", "html", "half", "deep", "drop_before"])
def test_the_list(fake, mount_at, kind):
    """The first sweep goes wrong once the mount stands: an error, then a good one."""
    fake.add_page("One")
    mount = mount_at(fake, options="refresh=1,timeout=3", start=False)
    fake.fault("GET", "^/pages$", kind, times=2)
    mount.start()
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if "one" in mount.names():
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError("the list never came")


def test_an_answer_lost_after_saving_is_found_saved(fake, victim):
    (victim.page("victim") / "spec.json").read_text()
    for how in ("fin", None):
        fake.fault("PATCH", "/pages/pg-victim$", "drop_after", times=1, arg=how)
        write(victim.page("victim") / "spec.json", dumps(simple_spec(f"lost {how}")))
        assert fake.pages["pg-victim"]["spec"] == simple_spec(f"lost {how}")
        assert (victim.page("victim") / "errors").read_text() == ""
        fake.heal()


NAMES = {"../../etc/passwd": None, "": None, "x" * 5000: None, "a/b/c": None, "..": None,
         ".": None, "spec.json": None, "\u0000nul\u0001\u001b[31mred": None,
         "new\nline": None, "-rf": None, "\u202egnp.exe": None, "~": None}


def test_names_from_hell_are_ordinary_directories(fake, mount_at):
    for i, name in enumerate(NAMES):
        fake.add_page(name, spec=simple_spec(str(i)))
    for _ in range(2):
        fake.add_page("Twins", spec=simple_spec("twin"))
    mount = mount_at(fake)
    names = mount.names()
    assert len(names) == len(set(names)) == len(NAMES) + 2, names
    for name in names:
        assert name not in (".", "..") and "/" not in name and len(name.encode()) <= 100
        assert not any(ord(c) < 32 for c in name), repr(name)
        assert json.loads((mount.page(name) / "spec.json").read_text())["version"] == 1
    assert sorted(os.listdir(mount.path / "by-id")) == sorted(fake.pages)


def test_ids_from_hell(fake, mount_at):
    """Ids go into URLs and link names: none of them reaches another endpoint or leaves its
    directory; a page whose id cannot be used may be left out, and nothing else."""
    fake.add_page("Good", page_id="pg-good")
    for i, bad in enumerate(["../templates", "a/b", "", "x?y=1", "%2e%2e", "x" * 4000, "..",
                             "a\nX-Evil: 1"]):
        fake.add_page(f"Bad {i}", page_id=bad)
    mount = mount_at(fake)
    assert "good" in mount.names()
    for name in mount.names():
        try:
            (mount.page(name) / "spec.json").read_bytes()
        except OSError:
            pass
    for request in fake.requests:
        assert "x-evil" not in request.headers
        assert request.path != "/pages/templates" or request.query == {}
    for link in os.listdir(mount.path / "by-id"):
        target = os.readlink(mount.path / "by-id" / link)
        assert target.startswith("../pages/") and ".." not in target[3:]


def test_pages_that_are_not_objects(fake, mount_at):
    fake.add_page("Good")

    def spoil(answer):
        answer["items"] += [None, 1, "x", [], {}, {"id": 7}, {"id": None, "name": None},
                            {"id": "ok", "name": {"a": 1}, "updated_at": 5}]
        return answer
    fake.fault("GET", "^/pages$", "edit", arg=spoil)
    mount = mount_at(fake)
    assert "good" in mount.names()


def test_a_paging_that_never_ends(fake, mount_at):
    fake.add_page("Good")

    def spoil(answer):
        answer["next_cursor"] = "c0"
        answer["has_more"] = True
        answer["total"] = 10 ** 12
        return answer
    fake.fault("GET", "^/pages$", "edit", arg=spoil)
    mount = mount_at(fake)
    try:
        assert "good" in mount.names()
    except OSError as err:
        assert err.errno == errno.EIO
    assert fake.count("GET", "^/pages$") < 50


def test_specs_of_every_kind_of_value(fake, mount_at):
    """A spec that is no object, or is nested deep but within bounds, is shown as it is."""
    deep = {"version": 1, "root": None}
    inner = {"type": "Text", "props": {"text": "x"}}
    for _ in range(100):
        inner = {"type": "Section", "children": [inner]}
    deep["root"] = inner
    for i, spec in enumerate([None, 7, "text", [], {}, deep]):
        fake.add_page(f"Odd {i}")
        list(fake.pages.values())[-1]["spec"] = spec
    mount = mount_at(fake)
    for i, spec in enumerate([None, 7, "text", [], {}, deep]):
        assert json.loads((mount.page(f"odd-{i}") / "spec.json").read_text()) == spec


def test_a_slow_answer_is_waited_for(fake, victim):
    fake.fault("GET", "/pages/pg-victim$", "drip", arg=1.5)
    assert json.loads((victim.page("victim") / "spec.json").read_text())


def test_5xx_is_tried_again_and_a_create_is_not(fake, victim):
    fake.fault("GET", "/pages/pg-victim$", "status", times=2, arg=503)
    assert json.loads((victim.page("victim") / "spec.json").read_text())
    assert fake.count("GET", "/pages/pg-victim$") == 3


@pytest.mark.parametrize("where", ["top", "error.details", "details", "header"])
def test_429_waits_as_long_as_told(fake, victim, where):
    fake.shape.retry_after = where
    fake.fault("GET", "/pages/pg-victim$", "limit", times=1, arg=2)
    start = time.monotonic()
    assert json.loads((victim.page("victim") / "spec.json").read_text())
    assert time.monotonic() - start >= 1.9
    assert fake.count("GET", "/pages/pg-victim$") == 2


def test_a_redirect_does_not_carry_the_key_away(fake, victim):
    import fakeplatform
    with fakeplatform.FakePlatform() as other:
        fake.fault("GET", "/pages/pg-victim$", "redirect", arg=other.url + "/x")
        with pytest.raises(OSError):
            (victim.page("victim") / "spec.json").read_bytes()
        assert other.requests == []


def test_the_page_vanished(fake, victim):
    (victim.page("victim") / "spec.json").read_text()
    del fake.pages["pg-victim"]
    with pytest.raises(OSError) as err:
        write(victim.page("victim") / "spec.json", dumps(simple_spec("late")))
    assert err.value.errno in (errno.ENOENT, errno.ESTALE)
    still = victim.page("victim")
    if still.exists():
        assert "late" in (still / "spec.json").read_text(), "the text is kept"


def test_the_platform_goes_away(fake, victim):
    (victim.page("victim") / "spec.json").read_text()
    fake.vanish()
    assert (victim.page("victim") / "spec.json").read_text(), "what was read stays readable"
    with pytest.raises(OSError) as err:
        write(victim.page("victim") / "spec.json", dumps(simple_spec("offline")))
    assert err.value.errno in (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH,
                               errno.ETIMEDOUT)
    assert "offline" in (victim.page("victim") / "spec.json").read_text()
