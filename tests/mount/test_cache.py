"""cache.db: what outlives a mount costs no request again, and is never wrong."""
import contextlib
import errno
import json
import os
import random
import shutil
import sqlite3
import threading
import time

import pytest

import fakeplatform
from amdahl import AUTHORING, fails_with, wait_for, write
from fakeplatform import FakePlatform, Shape, simple_spec

SEED = int(os.environ.get("AMDAHL_TEST_SEED") or random.SystemRandom().randrange(1 << 32))


def status(mount):
    return json.loads((mount.path / ".amdahl" / "status.json").read_text())


def titles(mount):
    """Every page's title, as spec.json has it: each body is needed for that."""
    return {name: json.loads((mount.page(name) / "spec.json").read_text())
            ["root"]["children"][0]["props"]["text"] for name in mount.names()}


def tree(mount):
    """Bytes, size and times of every document."""
    out = {}
    for name in mount.names():
        for file in AUTHORING:
            path = mount.page(name) / file
            text, st = path.read_bytes(), path.stat()
            assert len(text) == st.st_size
            out[f"{name}/{file}"] = (text, st.st_mtime_ns, st.st_ino)
    return out


def bodies(fake):
    return fake.count("GET", "^/pages/[^/]+$")


def lists(fake):
    return fake.count("GET", "^/pages$")


@pytest.fixture
def three(fake, fake_mount):
    for name in ("one", "two", "three"):
        fake.add_page(name, page_id=f"pg-{name}")
    mount = fake_mount()
    assert titles(mount) == {"one": "one", "two": "two", "three": "three"}
    return mount


def cache_file(mount):
    return mount.dir / "cache" / "cache.db"


def synced(mount):
    """Unmounted: everything that was handed in is in the file."""
    mount.stop()
    assert cache_file(mount).stat().st_size > 0


# -- warm ------------------------------------------------------------------------------------

def test_a_remount_costs_the_sweep_alone(fake, three):
    before = tree(three)
    three.stop()
    fake.forget()
    three.start()
    assert tree(three) == before
    assert bodies(fake) == 0 and lists(fake) == 1, fake.log_lines()
    assert fake.count() == 2, fake.log_lines()    # and /me


def test_somebody_elses_edit_costs_one_get(fake, three):
    three.stop()
    fake.change_page("pg-two", spec=simple_spec("second"))
    fake.forget()
    three.start()
    three.names()
    wait_for(lambda: not status(three)["list_from_cache"], 20, "the sweep")
    assert titles(three) == {"one": "one", "two": "second", "three": "three"}
    assert bodies(fake) == 1, fake.log_lines()
    three.restart()
    wait_for(lambda: three.names() and not status(three)["list_from_cache"], 20, "the sweep")
    assert titles(three)["two"] == "second"
    assert bodies(fake) == 1, fake.log_lines()


def test_an_edit_is_never_read_as_it_was(fake, three):
    """Also not in the moment after a remount, when the list is still the last mount's."""
    for n in range(5):
        three.stop()
        fake.change_page("pg-two", spec=simple_spec(f"edit {n}"))
        three.start()
        assert titles(three)["two"] == f"edit {n}"


def test_our_own_save_is_cached(fake, three):
    path = three.page("one") / "spec.json"
    text = '{"version": 1,\n "root": %s}' % json.dumps(simple_spec("mine")["root"])
    write(path, text)
    three.stop()
    fake.forget()
    three.start()
    assert path.read_text() == text
    assert bodies(fake) == 0, fake.log_lines()


def test_an_answer_that_is_no_page_makes_it_be_read_again(fuse, mount_at):
    with FakePlatform(Shape(patch_answers_page=False)) as fake:
        fake.add_page("one", page_id="pg-one")
        mount = mount_at(fake)
        titles(mount)
        write(mount.page("one") / "spec.json", json.dumps(simple_spec("mine")))
        mount.stop()
        fake.change_page("pg-one", name="one")
        fake.forget()
        mount.start()
        assert titles(mount) == {"one": "mine"}
        assert bodies(fake) == 1, fake.log_lines()


def test_a_page_made_here_is_there_without_the_platform(fake, three):
    (three.pages / "four").mkdir()
    write(three.page("four") / "spec.json", json.dumps(simple_spec("four")))
    assert fake.count("POST", "^/pages$") == 1
    three.stop()
    fake.vanish()
    three.start()
    assert titles(three)["four"] == "four"


def test_a_rename_of_ours_is_kept(fake, three):
    os.rename(three.page("two"), three.page("zwei"))
    before = three.page("zwei").stat().st_ino
    three.stop()
    fake.vanish()
    three.start()
    assert three.names() == ["one", "three", "zwei"]
    assert three.page("zwei").stat().st_ino == before


def test_an_archived_page_is_gone_from_the_cache(fake, three):
    shutil.rmtree(three.page("two"))
    three.stop()
    with contextlib.closing(sqlite3.connect(cache_file(three))) as db:
        for table in ("bodies", "summaries"):
            ids = [row[0] for row in db.execute(f"SELECT id FROM {table} ORDER BY id")]
            assert ids == ["pg-one", "pg-three"], table
    fake.vanish()
    three.start()
    assert three.names() == ["one", "three"]


def test_refresh_reads_every_page_anew(fake, three):
    three.restart()
    titles(three)
    fake.forget()
    (three.path / ".amdahl" / "ctl").write_text("refresh\n")
    titles(three)
    assert bodies(fake) == 3, fake.log_lines()


# -- platforms whose list tells no changes -----------------------------------------------------

@pytest.fixture
def plain(fuse, mount_at):
    with FakePlatform(Shape(summary=())) as fake:
        fake.add_page("one", page_id="pg-one")
        yield fake, mount_at


def test_without_tokens_a_body_is_good_for_its_ttl(plain):
    fake, mount_at = plain
    mount = mount_at(fake, options="ttl=3600")
    titles(mount)
    mount.stop()
    fake.forget()
    mount.start()
    assert titles(mount) == {"one": "one"}
    assert bodies(fake) == 0, fake.log_lines()


def test_without_tokens_an_old_body_is_read_again(plain):
    fake, mount_at = plain
    mount = mount_at(fake, options="ttl=1")
    titles(mount)
    mount.stop()
    fake.change_page("pg-one", spec=simple_spec("new"))
    fake.forget()
    time.sleep(1.1)
    mount.start()
    assert titles(mount) == {"one": "new"}
    assert bodies(fake) == 1, fake.log_lines()


@pytest.mark.parametrize("shift", [3600, -7200])
def test_without_tokens_a_clock_that_jumps_is_not_believed(plain, shift):
    """A body of the future, or an old one: both are read again."""
    fake, mount_at = plain
    mount = mount_at(fake, options="ttl=3600")
    titles(mount)
    mount.stop()
    fake.change_page("pg-one", spec=simple_spec("new"))
    fake.forget()
    with contextlib.closing(sqlite3.connect(cache_file(mount))) as db, db:
        text, token, at = db.execute("SELECT text, token, at FROM bodies").fetchone()
        at += shift * 10**9
        db.execute("UPDATE bodies SET at = ?, sum = ?", (at, row_sum("pg-one", token, at, text)))
    mount.start()
    assert titles(mount) == {"one": "new"}


# -- damage --------------------------------------------------------------------------------------

def row_sum(name, token, at, text):
    """cache_sql.c's checksum of a row."""
    total = 14695981039346656037
    data = name.encode() + b"\0" + (token.encode() + b"\0" if token else b"")
    for byte in data + at.to_bytes(8, "little", signed=True) + bytes(text):
        total = (total ^ byte) * 1099511628211 % (1 << 64)
    return total - (1 << 64) if total >> 63 else total


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def cut_short(path):
    os.truncate(path, 100)


def empty(path):
    os.truncate(path, 0)


def garbage(path):
    path.write_bytes(random.Random(SEED).randbytes(64 << 10))


def scratched(path):
    """Its first page stays, so that it opens; the rest is noise."""
    noise = random.Random(SEED)
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 97):
        data[at] = noise.randrange(256)
    path.write_bytes(data)


def another_version(path):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 99")


def somebody_elses(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE bodies (id TEXT, text TEXT)")
        db.execute("PRAGMA user_version = 1")


def a_fifo(path):
    path.unlink()
    os.mkfifo(path)


DAMAGES = [cut, cut_short, empty, garbage, scratched, another_version, somebody_elses, a_fifo]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_file_is_begun_anew(fake, three, damage):
    before = tree(three)
    synced(three)
    damage(cache_file(three))
    three.start()
    assert tree(three) == before, f"AMDAHL_TEST_SEED={SEED}"
    three.stop()
    fake.forget()
    three.start()
    assert tree(three) == before
    assert bodies(fake) == 0, fake.log_lines()    # whole again


def test_a_text_that_was_changed_in_the_file_is_not_shown(fake, three):
    """It parses, it carries the id; the checksum says no."""
    synced(three)
    with contextlib.closing(sqlite3.connect(cache_file(three))) as db, db:
        text, = db.execute("SELECT text FROM bodies WHERE id = 'pg-two'").fetchone()
        other = bytes(text).replace(b'"two"', b'"TWO"')
        assert other != bytes(text)
        db.execute("UPDATE bodies SET text = ? WHERE id = 'pg-two'", (other,))
    three.start()
    assert titles(three) == {"one": "one", "two": "two", "three": "three"}


@pytest.mark.parametrize("sum_of", ["pg-one", "pg-two"])
def test_two_bodies_are_never_mixed_up(fake, three, sum_of):
    """A row under another's id, with its own checksum and with one that was made for it."""
    synced(three)
    with contextlib.closing(sqlite3.connect(cache_file(three))) as db, db:
        text, token, at = db.execute(
            "SELECT text, token, at FROM bodies WHERE id = 'pg-one'").fetchone()
        db.execute("UPDATE bodies SET text = ?, token = ?, at = ?, sum = ? WHERE id = 'pg-two'",
                   (text, token, at, row_sum(sum_of, token, at, text)))
    three.start()
    assert titles(three)["two"] == "two"


def test_a_file_that_is_damaged_while_mounted(fake, three):
    three.stop()
    for n in range(20):
        fake.add_page(f"more {n}", page_id=f"pg-{n}")
    three.start()
    wait_for(lambda: len(three.names()) == 23, 20, "the sweep")
    want = titles(three)
    three.restart()
    three.names()
    wait_for(lambda: not status(three)["list_from_cache"], 20, "the sweep")
    garbage(cache_file(three))
    assert titles(three) == want, f"AMDAHL_TEST_SEED={SEED}"
    three.restart()
    assert titles(three) == want


def test_the_directory_is_removed_while_mounted(fake, three):
    shutil.rmtree(three.dir / "cache")
    fake.change_page("pg-two", spec=simple_spec("second"))
    (three.path / ".amdahl" / "ctl").write_text("refresh\n")
    assert titles(three) == {"one": "one", "two": "second", "three": "three"}
    three.restart()
    assert titles(three)["two"] == "second"
    three.stop()
    fake.forget()
    three.start()
    assert titles(three)["two"] == "second"
    assert bodies(fake) == 0, fake.log_lines()


def test_without_a_place_for_a_cache_it_works(fake, mount_at, tmp_path):
    fake.add_page("one", page_id="pg-one")
    in_the_way = tmp_path / "no-directory"
    in_the_way.write_text("a file")
    mount = mount_at(fake, options=f"cache_dir={in_the_way}")
    assert titles(mount) == {"one": "one"}
    assert status(mount)["cache"] is False
    mount.restart()
    assert titles(mount) == {"one": "one"}
    assert in_the_way.read_text() == "a file"


def test_a_second_mount_of_the_same_cache_goes_without(fake, three, mount_at):
    other = mount_at(fake, options=f"cache_dir={three.dir / 'cache'}")
    assert titles(other) == titles(three)
    assert status(three)["cache"] is True and status(other)["cache"] is False


def test_it_is_nobody_elses_to_read(three):
    assert cache_file(three).stat().st_mode & 0o777 == 0o600
    assert (three.dir / "cache").stat().st_mode & 0o777 == 0o700


def test_kill_leaves_a_usable_cache(fake, three):
    before = tree(three)
    three.kill()
    fake.forget()
    three.start()
    assert tree(three) == before
    assert bodies(fake) == 0 and lists(fake) == 1, fake.log_lines()


# -- its size -----------------------------------------------------------------------------------

def test_the_least_recently_used_go_first(fake, fake_mount):
    big = "x" * (300 << 10)
    for n in range(6):
        fake.add_page(f"p{n}", spec=simple_spec(big + str(n)), page_id=f"pg-{n}")
    mount = fake_mount(options="cache_size=1,read_ahead=0")    # three fit
    mount.names()
    for n in (0, 1, 2):
        (mount.page(f"p{n}") / "spec.json").read_text()
    mount.restart()
    mount.names()
    wait_for(lambda: not status(mount)["list_from_cache"], 20, "the sweep")
    for n in (0, 3, 4):    # 0 comes out of the cache: used, so it stays
        (mount.page(f"p{n}") / "spec.json").read_text()
    mount.stop()
    with contextlib.closing(sqlite3.connect(cache_file(mount))) as db:
        rows = db.execute("SELECT id, length(text) FROM bodies ORDER BY used").fetchall()
    assert [r[0] for r in rows] == ["pg-0", "pg-3", "pg-4"]
    assert sum(r[1] for r in rows) <= 1 << 20
    mount.start()
    for n in range(6):
        text = (mount.page(f"p{n}") / "spec.json").read_text()
        assert json.loads(text) == simple_spec(big + str(n))


def test_a_size_of_nothing_keeps_no_body(fake, fake_mount):
    fake.add_page("one", page_id="pg-one")
    mount = fake_mount(options="cache_size=0")
    titles(mount)
    mount.restart()
    assert titles(mount) == {"one": "one"}
    assert bodies(fake) == 2


# -- without the platform -------------------------------------------------------------------------

def back(fake):
    """The platform listens again, where it did."""
    address = fake.server.server_address
    fake.server = fakeplatform.Server(address, fakeplatform.Handler)
    fake.server.fake = fake
    threading.Thread(target=fake.server.serve_forever, args=(0.05,), daemon=True).start()


def test_a_mount_without_the_platform(fake, three):
    before = tree(three)
    (three.page("one") / "notes.txt").write_text("mine")
    three.stop()
    fake.vanish()
    fake.add_page("four", page_id="pg-four")
    three.start()
    assert tree(three) == before
    assert (three.page("one") / "notes.txt").read_text() == "mine"
    said = status(three)
    assert said["online"] is False and said["list_from_cache"] is True
    assert said["list_seconds_ago"] >= 0 and said["last_error"]
    with fails_with(errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH):
        (three.page("one") / "render.json").read_text()
    with fails_with(errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH):
        write(three.page("one") / "spec.json", json.dumps(simple_spec("mine")))
    drafts = [(d["page"], d["file"]) for d in status(three)["drafts"]]
    assert drafts == [("one", "spec.json")]


def test_the_platform_comes_back(fake, mount_at):
    for name in ("one", "two", "three"):
        fake.add_page(name, page_id=f"pg-{name}")
    mount = mount_at(fake, options="refresh=1")
    titles(mount)
    mount.stop()
    fake.vanish()
    fake.change_page("pg-two", spec=simple_spec("second"))
    del fake.pages["pg-three"]
    mount.start()
    assert titles(mount) == {"one": "one", "two": "two", "three": "three"}
    fake.forget()
    back(fake)
    wait_for(lambda: mount.names() == ["one", "two"], 30, "the first sweep")
    assert titles(mount) == {"one": "one", "two": "second"}
    said = status(mount)
    assert said["online"] is True and said["list_from_cache"] is False
    assert bodies(fake) == 1, fake.log_lines()
    wait_for(lambda: fake.count("GET", "^/me$") >= 1, 20, "/me")


def test_what_was_never_read_is_an_error(fake, fake_mount):
    fake.add_page("one", page_id="pg-one")
    fake.add_page("two", page_id="pg-two")
    mount = fake_mount()
    (mount.page("one") / "spec.json").read_text()
    mount.stop()
    fake.vanish()
    mount.start()
    assert mount.names() == ["one", "two"]
    assert json.loads((mount.page("one") / "spec.json").read_text()) == simple_spec("one")
    with fails_with(errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH):
        (mount.page("two") / "spec.json").read_text()


def test_gone_in_the_middle(fake, mount_at):
    """A page that a sweep saw change is shown as it was, when its body cannot be had."""
    for name in ("one", "two"):
        fake.add_page(name, page_id=f"pg-{name}")
    mount = mount_at(fake, options="refresh=1")
    titles(mount)
    mount.restart()
    assert (mount.page("two") / "spec.json").read_text()
    fake.change_page("pg-one", spec=simple_spec("new one"))
    fake.change_page("pg-two", spec=simple_spec("new two"))
    fake.forget()
    time.sleep(1.1)
    wait_for(lambda: mount.names() and lists(fake) >= 1, 20, "a sweep")
    before = status(mount)
    assert before["online"] is True
    fake.vanish()
    assert titles(mount) == {"one": "one", "two": "two"}
    assert status(mount)["online"] is False
    back(fake)
    wait_for(lambda: titles(mount) == {"one": "new one", "two": "new two"}, 30,
             "what is new")


def test_without_a_cache_there_is_nothing_to_start_with(fake, mount_at):
    fake.add_page("one", page_id="pg-one")
    mount = mount_at(fake)
    titles(mount)
    mount.stop()
    shutil.rmtree(mount.dir / "cache")
    fake.vanish()
    with pytest.raises(AssertionError, match="ended at once"):
        mount.start()
    assert "cannot be reached" in mount.daemon.text()
    mount.daemon = None


def test_a_bad_key_is_refused_whatever_is_cached(fake, three):
    three.stop()
    fake.key = "another"
    with pytest.raises(AssertionError, match="ended at once"):
        three.start()
    assert "refuses this key" in three.daemon.text()
    three.daemon = None


def test_a_key_that_may_only_read_is_one_without_the_platform_too(fuse, mount_at):
    with FakePlatform(scopes=["pages:read"]) as fake:
        fake.add_page("one", page_id="pg-one")
        mount = mount_at(fake)
        titles(mount)
        mount.stop()
        fake.vanish()
        mount.start()
        assert (mount.page("one") / "spec.json").stat().st_mode & 0o777 == 0o444


# -- what is not the cache's -------------------------------------------------------------------------

def test_drafts_and_undo_are_not_touched(fake, three):
    refused = json.dumps({"version": 1, "root": {"type": "Nonsense"}})
    write(three.page("one") / "spec.json", json.dumps(simple_spec("second")))
    with fails_with(errno.EPROTO):
        write(three.page("two") / "spec.json", refused)
    for damage in (lambda: None, lambda: shutil.rmtree(three.dir / "cache")):
        three.stop()
        damage()
        three.start()
        assert (three.page("two") / "spec.json").read_text() == refused
        assert "Nonsense" in (three.page("two") / "errors").read_text()
    (three.path / ".amdahl" / "ctl").write_text("undo one\n")
    assert fake.pages["pg-one"]["spec"] == simple_spec("one")
    assert json.loads((three.page("one") / "spec.json").read_text()) == simple_spec("one")
