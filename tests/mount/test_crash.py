"""kill -9 at every step of a save: the text that was being saved is found again.

AMDAHL_TEST_SEED repeats a run, AMDAHL_TEST_KILLS says how many kills at random moments.
"""
import errno
import json
import os
import random
import threading
import time

import pytest

from amdahl import dumps, fails_with, run, program, sanitizer_env, wait_for, write
from fakeplatform import simple_spec

SEED = int(os.environ.get("AMDAHL_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = int(os.environ.get("AMDAHL_TEST_KILLS") or 300)


def ctl(mount, *arguments, status=0):
    done = run([program("amdahlctl", "AMDAHLCTL_BIN"), *arguments, mount.path],
               env={**os.environ, **sanitizer_env()})
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


class Saver(threading.Thread):
    """Writes a file as a program would; `error` is None once close has said 0."""

    def __init__(self, path, text, rename=False):
        super().__init__(daemon=True)
        self.path, self.text, self.rename = path, text, rename
        self.error, self.done = None, False
        self.start()

    def run(self):
        try:
            if self.rename:
                write(f"{self.path}.tmp", self.text)
                os.rename(f"{self.path}.tmp", self.path)
            else:
                write(self.path, self.text)
            self.done = True
        except OSError as err:
            self.error = err


@pytest.fixture
def page(fake, mount_at):
    fake.add_page("Weekly", page_id="pg-1")
    made = mount_at(fake)
    made.server = fake
    made.names()
    (made.page("weekly") / "spec.json").read_text()
    fake.forget()
    return made


def odd(title):
    """Valid, and formatted as nobody else would."""
    return '{ "root":%s,\n\t"version" : 1}' % json.dumps(simple_spec(title)["root"])


def titles(fake):
    return [p["spec"]["root"]["children"][0]["props"]["text"] for p in fake.pages.values()]


def drafts(mount):
    status = json.loads((mount.path / ".amdahl" / "status.json").read_text())
    return [(d["page"], d["file"], d["state"]) for d in status["drafts"]]


STEPS = {
    "validate, before": ("POST", "/pages/validate$", "hang"),
    "validate, after": ("POST", "/pages/validate$", "act_hang"),
    "patch, before": ("PATCH", "/pages/pg-1$", "hang"),
    "patch, after": ("PATCH", "/pages/pg-1$", "act_hang"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", ["write", "rename"])
def test_a_kill_at_each_step(fake, page, step, how):
    method, path, kind = STEPS[step]
    fake.fault(method, path, kind)
    spec, text = page.page("weekly") / "spec.json", odd("Being saved")
    saver = Saver(spec, text, rename=how == "rename")
    wait_for(lambda: fake.count(method, path), 10, "the request")
    if method == "POST":
        time.sleep(0.2)     # the disk's turn; PATCH has waited for it
    page.kill()
    saver.join(10)
    fake.heal()
    fake.forget()
    page.start()
    page.names()
    assert spec.read_text() == text
    if step == "patch, after":
        wait_for(lambda: not drafts(page), 10, "the draft to be settled")
    else:
        time.sleep(0.3)
        assert drafts(page) == [("weekly", "spec.json", "draft")]
        assert titles(fake) == ["Weekly"]
    with open(spec, "a"):
        pass
    assert fake.count("PATCH") == 0, "a draft is never sent by itself"
    stat = os.stat(spec)
    ctl(page, "push", "weekly", status=int(step == "patch, after"))
    assert titles(fake) == ["Being saved"]
    assert fake.count("PATCH") == (step != "patch, after")
    page.restart()
    page.names()
    assert spec.read_text() == text and not drafts(page)
    now = os.stat(spec)
    assert (now.st_mtime_ns, now.st_size, now.st_ino) == (
        stat.st_mtime_ns, stat.st_size, stat.st_ino)


@pytest.mark.parametrize("file", ["queries.json", "page.json"])
@pytest.mark.parametrize("step", ["patch, before", "patch, after"])
def test_other_files(fake, page, file, step):
    method, path, kind = STEPS[step]
    where = page.page("weekly")
    if file == "queries.json":
        text = '[ {"sql":"SELECT 1", "name" : "q"}]'
    else:
        text = '{ "id":"pg-1",\n\n"name":"Weekly", "tags":["a" ,"b"]}'
    fake.fault(method, path, kind)
    saver = Saver(where / file, text)
    wait_for(lambda: fake.count(method, path), 10, "the request")
    page.kill()
    saver.join(10)
    fake.heal()
    page.start()
    page.names()
    assert (where / file).read_text() == text
    if step == "patch, before":
        assert drafts(page) == [("weekly", file, "draft")]
        ctl(page, "push", "weekly")
    wait_for(lambda: not drafts(page), 10, "the draft to be settled")
    ctl(page, "undo", "weekly")
    assert (where / file).read_text() != text, "what it replaced was kept all the same"
    assert fake.pages["pg-1"]["tags"] == [] and fake.pages["pg-1"]["declared_queries"] == []


@pytest.mark.parametrize("step", ["patch, before", "patch, after"])
def test_two_files_at_once(fake, page, step):
    """A spec that was refused for want of its query, and the query that brings both."""
    method, path, kind = STEPS[step]
    where = page.page("weekly")
    spec = simple_spec("Bound")
    spec["root"]["children"].append(
        {"type": "Table", "props": {"data": {"$query": "deals"}}})
    queries = dumps([{"name": "deals", "sql": "SELECT 1"}])
    with fails_with(errno.EPROTO):
        write(where / "spec.json", dumps(spec))
    fake.fault(method, path, kind)
    saver = Saver(where / "queries.json", queries)
    wait_for(lambda: fake.count(method, path), 10, "the request")
    page.kill()
    saver.join(10)
    fake.heal()
    page.start()
    page.names()
    assert (where / "spec.json").read_text() == dumps(spec)
    assert (where / "queries.json").read_text() == queries
    if step == "patch, before":
        assert len(drafts(page)) == 2
        fake.forget()
        ctl(page, "push", "weekly")
        assert fake.count("PATCH") == 1
    wait_for(lambda: not drafts(page), 10, "the drafts to be settled")
    assert fake.pages["pg-1"]["spec"] == spec
    assert (where / "errors").read_text() == ""


def test_a_save_that_waits_for_another(fake, page):
    """It is on the disk though its turn has not come."""
    where = page.page("weekly")
    fake.fault("PATCH", "/pages/pg-1$", "hang")
    first = Saver(where / "spec.json", odd("First"))
    wait_for(lambda: fake.count("PATCH"), 10, "the request")
    second = Saver(where / "queries.json", '[{"name":"q", "sql":"SELECT 1"}]')
    time.sleep(0.5)
    page.kill()
    first.join(10)
    second.join(10)
    fake.heal()
    page.start()
    page.names()
    assert (where / "spec.json").read_text() == odd("First")
    assert (where / "queries.json").read_text() == '[{"name":"q", "sql":"SELECT 1"}]'
    assert sorted(f for _, f, _ in drafts(page)) == ["queries.json", "spec.json"]
    ctl(page, "push", "weekly")
    assert titles(fake) == ["First"] and not drafts(page)


def test_kills_at_random_moments(fake, page):
    """What was acknowledged, or had reached the platform, is never lost; what was not is
    there whole or not at all."""
    rng = random.Random(SEED)
    print(f"AMDAHL_TEST_SEED={SEED}")
    spec, held, found = page.page("weekly") / "spec.json", None, 0
    for turn in range(KILLS):
        page.names()
        before = spec.read_text()
        assert held in (None, before)
        text = odd(f"Turn {turn}")
        fake.forget()
        saver = Saver(spec, text, rename=rng.random() < 0.3)
        time.sleep(rng.choice([0, 0.002, 0.005, 0.01, 0.02]) * rng.random())
        acknowledged = saver.done
        page.kill()
        sent = any(r.body for r in fake.matching("PATCH"))  # not cut off by the kill
        saver.join(10)
        page.start()
        page.names()
        held = spec.read_text()
        assert held in (before, text), f"turn {turn}, seed {SEED}"
        if acknowledged or sent:
            assert held == text, f"turn {turn}, seed {SEED}"
        found += held == text
    print(f"{found} of {KILLS} texts had begun to be kept")


@pytest.mark.parametrize("kind", ["hang", "act_hang"])
def test_a_create(fake, page, kind):
    """A page that was being made is not made twice."""
    fake.fault("POST", "/pages$", kind)
    os.mkdir(page.page("fresh"))
    saver = Saver(page.page("fresh") / "spec.json", odd("Fresh"))
    wait_for(lambda: fake.count("POST", "/pages$"), 10, "the create")
    page.kill()
    saver.join(10)
    fake.heal()
    page.start()
    assert "fresh" in page.names()
    assert (page.page("fresh") / "spec.json").read_text() == odd("Fresh")
    ino = os.stat(page.page("fresh")).st_ino
    write(page.page("fresh") / "spec.json", odd("Fresher"))
    assert titles(fake) == ["Weekly", "Fresher"]
    ctl(page, "refresh")
    assert page.names() == ["fresh", "weekly"]
    page.restart()
    assert page.names() == ["fresh", "weekly"]
    assert os.stat(page.page("fresh")).st_ino == ino
    assert (page.page("fresh") / "spec.json").read_text() == odd("Fresher")


def test_a_draft_directory_comes_back(fake, page):
    """mkdir, files that wait for others, params: all without the platform."""
    bound = simple_spec("Bound")
    bound["root"]["children"].append(
        {"type": "Table", "props": {"data": {"$query": "deals"}}})
    os.mkdir(page.page("empty"))
    os.mkdir(page.page("next"))
    write(page.page("next") / "spec.json", dumps(bound))
    write(page.page("next") / "params.json", '{"region":"emea"}')
    ino = [os.stat(page.page(name)).st_ino for name in ("empty", "next")]
    time.sleep(0.3)
    page.kill()
    page.start()
    assert page.names() == ["empty", "next", "weekly"]
    assert [os.stat(page.page(name)).st_ino for name in ("empty", "next")] == ino
    assert (page.page("next") / "spec.json").read_text() == dumps(bound)
    assert (page.page("next") / "params.json").read_text() == '{"region":"emea"}'
    assert drafts(page) == [("next", "spec.json", "waiting")]
    assert fake.count("POST") == 0
    write(page.page("next") / "queries.json", dumps([{"name": "deals", "sql": "SELECT 1"}]))
    assert fake.count("POST", "/pages$") == 1 and not drafts(page)
    os.rmdir(page.page("empty"))
    page.restart()
    assert page.names() == ["next", "weekly"]


@pytest.mark.parametrize("bad", ['{"version": 1, "root": {"type": "Nope"}}', "no JSON"])
def test_a_refused_text(fake, page, bad):
    """It and its reason are there again, and nothing is sent before a new save."""
    spec = page.page("weekly") / "spec.json"
    with fails_with(errno.EPROTO):
        write(spec, bad)
    errors = (page.page("weekly") / "errors").read_text()
    assert errors
    fake.forget()
    page.kill()
    page.start()
    page.names()
    assert spec.read_text() == bad
    assert (page.page("weekly") / "errors").read_text() == errors
    assert drafts(page) == [("weekly", "spec.json", "refused")]
    assert fake.count("PATCH") + fake.count("POST") == 0
    write(spec, odd("Good"))
    assert titles(fake) == ["Good"] and not drafts(page)
    page.restart()
    page.names()
    assert not drafts(page) and spec.read_text() == odd("Good")


def test_a_refused_rename(fake, page):
    where = page.page("weekly")
    before = (where / "spec.json").read_text()
    write(where / "spec.tmp", "no JSON")
    with fails_with(errno.EPROTO):
        os.rename(where / "spec.tmp", where / "spec.json")
    page.kill()
    page.start()
    page.names()
    assert (where / "spec.json").read_text() == before
    assert (where / "spec.json.rejected").read_text() == "no JSON"
    assert (where / "errors").read_text()
    os.unlink(where / "spec.json.rejected")
    page.restart()
    page.names()
    assert not (where / "spec.json.rejected").exists()


def test_discard_and_removal_are_for_good(fake, page):
    spec = page.page("weekly") / "spec.json"
    before = spec.read_text()
    for way in ("discard", "rm"):
        with fails_with(errno.EPROTO):
            write(spec, "no JSON")
        page.restart()
        page.names()
        assert spec.read_text() == "no JSON"
        if way == "discard":
            ctl(page, "discard", "weekly")
        else:
            os.unlink(spec)
        page.restart()
        page.names()
        assert spec.read_text() == before and not drafts(page)


def test_a_full_disk(fake, page, tmp_path, mount_at):
    """ENOSPC at the commit point; nothing is sent, nothing half-written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if run(["mount", "-t", "tmpfs", "-o", "size=600k", "amdahlfs-test", disk]).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        mount = mount_at(fake, options=f"state_dir={disk}")
        mount.names()
        spec = mount.page("weekly") / "spec.json"
        spec.read_text()
        filler = disk / "filler"
        with pytest.raises(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        fake.forget()
        text = odd("No room " + "x" * 20000)
        with fails_with(errno.ENOSPC):
            write(spec, text)
        assert spec.read_text() == text, "the draft stays in memory"
        assert fake.count("PATCH") == 0 and titles(fake) == ["Weekly"]
        assert "disk" in (mount.page("weekly") / "errors").read_text()
        filler.unlink()
        write(spec, text)
        assert titles(fake)[0].startswith("No room") and not drafts(mount)
        mount.restart()
        mount.names()
        assert spec.read_text() == text
        mount.stop()
    finally:
        run(["umount", "-l", disk])


@pytest.mark.parametrize("what", ["damaged", "newer"])
def test_a_state_that_cannot_be_used(fake, page, what):
    page.stop()
    state = page.dir / "state" / "state.db"
    if what == "damaged":
        state.write_bytes(b"this is no database, whatever its name says" * 100)
    else:
        import sqlite3
        with sqlite3.connect(state) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    before = state.read_bytes()
    done = run([str(c) for c in page.command("-f")],
               env={**os.environ, **sanitizer_env(), "AMDAHL_URL": fake.url})
    assert done.returncode == 1
    assert ("newer amdahlfs" if what == "newer" else "move it away") in done.stderr
    assert state.read_bytes() == before


def test_a_name_once_given_stays(fake, mount_at):
    """Also when an older page of that name appears while nothing is mounted."""
    fake.add_page("Twice", page_id="pg-young")
    mount = mount_at(fake)
    assert mount.names() == ["twice"]
    mount.stop()
    fake.add_page("Twice", page_id="pg-older")
    fake.pages["pg-older"]["created_at"] = "2001-01-01T00:00:00Z"
    mount.start()
    wait_for(lambda: mount.names() == ["twice", "twice~pg-older"], 20, "the sweep")
    assert json.loads((mount.page("twice") / "page.json").read_text())["id"] == "pg-young"
