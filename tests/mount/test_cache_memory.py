"""Pages that nobody uses keep no texts in memory: nothing of that is to be seen.

Some MiB of texts stay (src/workspace/shed.c); these pages are larger, so that each walk over
all of them takes the texts of the first ones away.
"""
import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from amdahl import AUTHORING, SLOW, fails_with, wait_for, write
from fakeplatform import FakePlatform, Shape, simple_spec

COUNT, LARGE = 24, 200 << 10


def spec_of_page(n, word="first"):
    return simple_spec(f"{word} {n} " + "x" * LARGE)


def fill(fake):
    for n in range(COUNT):
        fake.add_page(f"p{n:02}", spec=spec_of_page(n), page_id=f"pg-{n:02}")


def bodies(fake):
    return fake.count("GET", "^/pages/[^/]+$")


def walk(mount, files=AUTHORING):
    """Everything, read by another process: the kernel's pages are dropped, ours are not asked
    for again by it."""
    code = "import sys\nfor p in sys.argv[1:]:\n open(p, 'rb').read()"
    paths = [str(mount.page(name) / file) for name in mount.names() for file in files]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)


def forget_bytes(path):
    """The kernel reads this file anew."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def look(mount):
    out = {}
    for name in mount.names():
        for file in (*AUTHORING, "info.json", "params.json"):
            path = mount.page(name) / file
            forget_bytes(path)
            text, st = path.read_bytes(), path.stat()
            assert len(text) == st.st_size, path
            out[f"{name}/{file}"] = (text, st.st_mtime_ns, st.st_ino)
    return out


@pytest.fixture
def many(fake, fake_mount):
    fill(fake)
    mount = fake_mount(options="refresh=3600")
    walk(mount)
    return mount


def test_texts_come_back_without_a_request(fake, many):
    before = look(many)
    walk(many)
    fake.forget()
    assert look(many) == before
    assert fake.count() == 0, fake.log_lines()


def test_sizes_and_times_are_known_without_the_cache(fake, many):
    before = {n: (many.page(n) / "spec.json").stat() for n in many.names()}
    fake.forget()
    for name, st in before.items():
        now = (many.page(name) / "spec.json").stat()
        assert (now.st_size, now.st_mtime_ns) == (st.st_size, st.st_mtime_ns)
    assert fake.count() == 0, fake.log_lines()


def test_times_without_time_stamps(fuse, mount_at):
    """A platform that says no times: they are those of the first look, and stay."""
    with FakePlatform(Shape(timestamps=False)) as fake:
        fill(fake)
        mount = mount_at(fake, options="refresh=3600")
        walk(mount)
        before = look(mount)
        walk(mount)
        assert look(mount) == before


def test_when_a_body_is_not_in_the_cache_it_is_fetched(fake, fake_mount):
    fill(fake)
    mount = fake_mount(options="refresh=3600,cache_size=1")
    walk(mount)
    fake.forget()
    for n in range(COUNT):
        text = (mount.page(f"p{n:02}") / "spec.json").read_text()
        assert json.loads(text) == spec_of_page(n)


def test_a_time_that_was_set_stays(many):
    path = many.page("p00") / "spec.json"
    os.utime(path, (1_000_000_000, 1_000_000_000))
    walk(many)
    walk(many)
    forget_bytes(path)
    assert json.loads(path.read_text()) == spec_of_page(0)
    assert path.stat().st_mtime == 1_000_000_000


def test_our_own_text_stays_as_it_was_written(fake, many):
    path = many.page("p00") / "spec.json"
    text = '{"version":1,   "root": %s}' % json.dumps(spec_of_page(0, "mine")["root"])
    write(path, text)
    saved = path.stat().st_mtime_ns
    walk(many)
    forget_bytes(path)
    assert path.read_text() == text
    assert path.stat().st_mtime_ns == saved


def test_a_save_of_what_was_shed(fake, many):
    write(many.page("p01") / "spec.json", json.dumps(simple_spec("mine")))
    assert fake.pages["pg-01"]["spec"] == simple_spec("mine")


@pytest.mark.parametrize("size", [0, 20])
def test_cutting_what_was_shed(fake, many, size):
    path = many.page("p01") / "spec.json"
    want = path.read_bytes()[:size]
    walk(many)
    os.truncate(path, size)
    forget_bytes(path)
    assert path.read_bytes() == want


def test_moving_what_was_shed(fake, many):
    path = many.page("p01") / "spec.json"
    want = path.read_bytes()
    walk(many)
    backup = path.with_suffix(".bak")
    os.rename(path, backup)
    assert backup.read_bytes() == want
    os.rename(backup, path)
    assert path.read_bytes() == want
    assert fake.count("PATCH") == 0


def test_an_open_file_keeps_its_bytes(many):
    with open(many.page("p01") / "spec.json", "rb") as f:
        head = f.read(100)
        walk(many)
        forget_bytes(f.name)
        rest = f.read()
    assert json.loads(head + rest) == spec_of_page(1)


def test_what_the_list_said_is_in_the_cache(fake, fake_mount):
    """info.json of pages that nobody has read costs no request, again and again."""
    fill(fake)
    mount = fake_mount(options="refresh=3600")
    mount.names()
    fake.forget()
    for _ in range(2):
        for n in range(COUNT):
            path = mount.page(f"p{n:02}") / "info.json"
            text = path.read_text()
            assert json.loads(text)["status"] == "draft" and len(text) == path.stat().st_size
    assert fake.count() == 0
    fake.change_page("pg-03", status="published")
    (mount.path / ".amdahl" / "ctl").write_text("refresh\n")
    text = (mount.page("p03") / "info.json").read_text()
    assert json.loads(text)["status"] == "published" and bodies(fake) == 0


def lose_cache(root):
    """Of the mount whose root this is."""
    with open(root.parent / "cache" / "cache.db", "r+b") as f:
        data = f.read()
        f.seek(0)
        f.write(b"\xff" * len(data))


def test_what_the_kernel_has_is_opened_without_its_text(fake, many):
    """Neither the cache nor the platform is asked."""
    lose_cache(many.path)
    fake.vanish()
    for n in range(COUNT):
        assert json.loads((many.page(f"p{n:02}") / "spec.json").read_text()) == spec_of_page(n)


def test_a_read_that_waits_for_its_text_is_interrupted(fake, fake_mount):
    """The cache has no room for it."""
    fill(fake)
    mount = fake_mount(options="refresh=3600,cache_size=1,read_ahead=0")
    path = mount.page("p00") / "spec.json"
    walk(mount)
    fake.fault("GET", "/pages/pg-00$", "hang")
    forget_bytes(path)
    fake.forget()
    reader = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
    try:
        wait_for(lambda: bodies(fake) == 1, 20, "the text to be asked for")
        assert reader.poll() is None
        reader.terminate()
        assert reader.wait(20 * SLOW) == -signal.SIGTERM and reader.stdout.read() == b""
    finally:
        reader.kill()
        reader.communicate()
        fake.heal()


# -- somebody else's edit, seen through what was shed -----------------------------------------

@pytest.fixture(params=["before", "since"])
def swept(request, fake, mount_at):
    """Sweeps every second; this process has read p00 before its texts went, or since."""
    fill(fake)
    mount = mount_at(fake, options="refresh=1")
    path = mount.page(mount.names()[0]) / "spec.json"
    path.read_text()
    walk(mount, ["spec.json"])
    walk(mount, ["spec.json"])
    if request.param == "since":
        path.read_text()
    return path


def sweep(fake, path):
    fake.forget()
    wait_for(lambda: os.listdir(path.parent.parent) and fake.count("GET", "^/pages$") > 1, 20,
             "a sweep", pause=0.3)


def test_an_edit_that_we_have_not_seen_is_not_overwritten(fake, swept):
    fake.change_page("pg-00", spec=simple_spec("theirs"))
    sweep(fake, swept)
    swept.stat()    # the new body is here; nobody was given it
    with fails_with(errno.ESTALE):
        write(swept, json.dumps(simple_spec("mine")))
    base = swept.parent / "spec.base.json"
    assert json.loads(base.read_text()) == spec_of_page(0)
    assert fake.pages["pg-00"]["spec"] == simple_spec("theirs")


def test_nor_when_the_cache_has_lost_it(fake, swept, mount_at):
    """The value that we began from is nowhere any more: that is a conflict too."""
    fake.change_page("pg-00", spec=simple_spec("theirs"))
    lose_cache(swept.parents[2])
    sweep(fake, swept)
    with fails_with(errno.ESTALE):
        write(swept, json.dumps(simple_spec("mine")))
    assert fake.pages["pg-00"]["spec"] == simple_spec("theirs")


def test_without_an_edit_there_is_no_conflict(fake, swept):
    sweep(fake, swept)
    write(swept, json.dumps(simple_spec("mine")))
    assert fake.pages["pg-00"]["spec"] == simple_spec("mine")


def test_what_the_kernel_forgot_is_there_again(fake, many):
    """The files and documents of pages that nobody has in hand are gone here too, then."""
    drop = "/proc/sys/vm/drop_caches"
    if not os.access(drop, os.W_OK):
        pytest.skip(f"{drop} cannot be written")
    before = look(many)
    walk(many)
    fake.forget()
    for _ in range(3):
        with open(drop, "w") as f:
            f.write("2")
        time.sleep(1.5)    # the trimming comes a second behind
        assert look(many) == before
    assert fake.count() == 0, fake.log_lines()
