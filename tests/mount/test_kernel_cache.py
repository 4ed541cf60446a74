"""What the kernel may keep, and that it is told of all that changes by itself."""
import errno
import json
import os
import threading
import time

import pytest

from amdahl import dumps, fails_with, run, wait_for, write
from fakeplatform import simple_spec

PAGES = 20


@pytest.fixture
def pages(fake, mount_at):
    for number in range(PAGES):
        fake.add_page(f"Page {number:02}", page_id=f"pg-{number}")
    made = mount_at(fake, options="refresh=3600,debug")
    made.server = fake
    made.names()
    assert made.calls().get("INIT"), "the calls are counted"
    return made


def ctl(mount, line):
    write(mount.path / ".amdahl" / "ctl", line + "\n")


def quiet(mount):
    """Until the kernel has been told what was to be told, and asks nothing more."""
    wait_for(lambda: not mount.calls(), 10, "calls to end", pause=0.3)


# -- what is warm costs nothing ------------------------------------------------------------------

def warm(mount, command, **kw):
    """The first time brings the pages, and with them the times of their directories."""
    for _ in range(3):
        run(command, check=True, **kw)
        quiet(mount)
    run(command, check=True, **kw)
    return mount.calls()


def test_a_warm_find_asks_nothing(pages):
    calls = warm(pages, ["find", pages.pages, "-ls"])
    assert calls.pop("GETATTR", 0) <= 1, "pages/ itself, now and then"
    assert set(calls) <= {"STATFS"}


def test_a_warm_git_status_asks_nothing(pages, tmp_path):
    git = ["git", f"--git-dir={tmp_path}/repository", f"--work-tree={pages.path}"]
    run([*git, "init", "-q"], check=True)
    run([*git, "add", "-A"], check=True, cwd=pages.path)
    calls = warm(pages, [*git, "status", "--porcelain"], cwd=pages.path)
    assert calls.pop("GETATTR", 0) <= 1
    assert calls.pop("OPEN", 0) <= 1, "of .gitignore"
    assert set(calls) <= {"STATFS", "RELEASE"}


def test_a_warm_cat_is_one_open(pages):
    files = [pages.page(n) / "spec.json" for n in pages.names()]
    calls = warm(pages, ["cat", *files])
    assert calls.pop("OPEN") == calls.pop("RELEASE") == PAGES
    assert calls.pop("GETATTR", 0) <= 1
    assert not calls


def test_a_name_that_is_not_there_is_asked_for_once(pages):
    calls = warm(pages, f"cd {pages.page('page-01')}; test ! -e nothing -a ! -e .git")
    calls.pop("GETATTR", 0)
    assert not calls


# -- what changes by itself is seen --------------------------------------------------------------

def test_an_edit_elsewhere(pages):
    """Its size by a stat alone, its bytes by an open, and by a file that is open."""
    where = pages.page("page-03")
    assert json.loads((where / "spec.json").read_text()) == simple_spec("Page 03")
    before = os.stat(where / "spec.json")
    fd = os.open(where / "spec.json", os.O_RDONLY)
    pages.server.change_page("pg-3", spec=simple_spec("Somebody else's, and longer"))
    ctl(pages, "refresh")
    want = dumps(simple_spec("Somebody else's, and longer"))
    assert os.stat(where / "spec.json").st_size == len(want) != before.st_size
    assert (where / "spec.json").read_text() == want
    wait_for(lambda: os.pread(fd, 10000, 0).decode() == want, 10, "the bytes")
    os.close(fd)
    assert os.stat(where / "spec.json").st_ino == before.st_ino


def test_pages_that_come_and_go_elsewhere(pages):
    assert not (pages.page("fresh")).exists()
    assert len(os.listdir(pages.pages)) == PAGES
    pages.server.add_page("Fresh", page_id="pg-fresh")
    del pages.server.pages["pg-4"]
    pages.server.change_page("pg-5", name="Renamed")
    ctl(pages, "refresh")
    wait_for(lambda: pages.page("fresh").exists(), 10, "the new page")
    wait_for(lambda: not pages.page("page-04").exists(), 10, "the page that went")
    wait_for(lambda: not pages.page("page-05").exists(), 10, "the name that went")
    names = os.listdir(pages.pages)
    assert len(names) == PAGES and "renamed" in names and "fresh" in names
    assert "pg-fresh" in os.listdir(pages.path / "by-id")
    assert (pages.page("renamed") / "spec.json").exists()


def test_the_reason_is_there_when_a_save_is_refused(pages):
    """At once: whoever is told EPROTO looks at it, and trusts its size."""
    where = pages.page("page-06")
    for turn in range(20):
        assert os.stat(where / "errors").st_size == 0
        assert not (where / "spec.json.rejected").exists()
        bad = simple_spec(f"Turn {turn}")
        bad["root"]["children"][0]["type"] = "Heding"
        write(where / "new", dumps(bad))
        with fails_with(errno.EPROTO):
            os.rename(where / "new", where / "spec.json")
        said = (where / "errors").read_text()
        assert "Heding" in said and os.stat(where / "errors").st_size == len(said)
        assert (where / "spec.json.rejected").exists()
        assert "spec.json.rejected" in os.listdir(where)
        write(where / "spec.json", dumps(simple_spec(f"Turn {turn}")))
        assert os.stat(where / "errors").st_size == 0
        assert not (where / "spec.json.rejected").exists()
        assert "spec.json.rejected" not in os.listdir(where)
        os.unlink(where / "new")


def test_a_draft_that_is_given_up(pages):
    where = pages.page("page-07")
    with fails_with(errno.EPROTO):
        write(where / "spec.json", "{ no")
    assert (where / "spec.json").read_text() == "{ no"
    ctl(pages, "discard page-07")
    assert os.stat(where / "spec.json").st_size == len(dumps(simple_spec("Page 07")))
    assert (where / "spec.json").read_text() == dumps(simple_spec("Page 07"))


def test_names_that_come_back(pages):
    where = pages.page("page-08")
    for name in ("spec.json", "render.json"):
        os.unlink(where / name)
        assert not (where / name).exists()
    ctl(pages, "restore page-08")
    assert (where / "spec.json").exists() and (where / "render.json").exists()
    assert {"spec.json", "render.json"} <= set(os.listdir(where))


def test_views_that_come_with_a_page(pages):
    where = pages.page("made")
    os.mkdir(where)
    views = ("errors", "info.json", "render.json", "verdict.json")
    assert not any((where / name).exists() for name in views)
    write(where / "spec.json", dumps(simple_spec("Made")))
    assert all((where / name).exists() for name in views)
    assert set(views) <= set(os.listdir(where))
    assert json.loads((where / "info.json").read_text())["status"] == "draft"


def test_a_directory_that_somebody_stands_in(pages):
    """It keeps its place in the tree, whatever the kernel is told of it."""
    script = ("mkdir standing && cd standing && cp ../page-09/*.json . 2>/dev/null; "
              "for i in 1 2 3 4 5; do echo; pwd -P; ls .. > /dev/null; sleep 0.05; done; "
              "mv ../standing ../moved && pwd -P && ls spec.json")
    done = run(script, cwd=pages.pages, check=True)
    where = str(pages.pages)
    assert done.stdout.split() == 5 * [f"{where}/standing"] + [f"{where}/moved", "spec.json"]


# -- listings ------------------------------------------------------------------------------------

def test_a_listing_while_names_come_and_go(pages):
    """What is there all the while is told once, whatever else comes and goes."""
    where = pages.page("page-10")
    stay = {f"stays-{n:04}" for n in range(600)}
    for name in stay:
        (where / name).touch()
    stop = threading.Event()

    def churn():
        turn = 0
        while not stop.is_set():
            name = where / f"churn-{turn % 50}"
            name.touch()
            if turn % 3:
                name.unlink()
            turn += 1

    churner = threading.Thread(target=churn)
    churner.start()
    try:
        for _ in range(30):
            names = [name for name in os.listdir(where) if name.startswith("stays-")]
            assert len(names) == len(stay) and set(names) == stay
    finally:
        stop.set()
        churner.join()


def test_spec_json_is_the_last_of_a_pages_files(pages):
    """`cp -r` takes them as they come, and makes the page with its spec."""
    (pages.page("page-11") / "notes").touch()
    names = [e.name for e in os.scandir(pages.page("page-11"))]
    own = [n for n in names if n != "notes"]
    assert own == ["errors", "info.json", "params.json", "render.json", "verdict.json",
                   "page.json", "queries.json", "sql", "render", "spec.json"]


def test_the_end_while_something_is_being_told(pages, mount_at):
    """Sweeps that change every page, and readers, when the signal comes."""
    stop = threading.Event()

    def read():
        while not stop.is_set():
            try:
                for name in pages.names():
                    (pages.page(name) / "spec.json").read_text()
            except OSError:
                return

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for turn in range(5):
        for number in range(PAGES):
            pages.server.change_page(f"pg-{number}", spec=simple_spec(f"Turn {turn}"))
        ctl(pages, "refresh")
        time.sleep(0.05)
    pages.daemon.process.terminate()
    stop.set()
    for reader in readers:
        reader.join(30)
    assert not any(reader.is_alive() for reader in readers)
    wait_for(lambda: not pages.daemon.alive(), 20, "the end")
    pages.stop()


def test_a_cold_read_is_whole(fake, mount_at):
    """Of many at once, whether its size was asked for before or not."""
    for number in range(300):
        fake.add_page(f"Page {number:03}", page_id=f"pg-{number}",
                      queries=[{"name": "q", "sql": f"select {number}"}])
    mount = mount_at(fake, options="refresh=3600")
    names, wrong = mount.names(), []

    def read(turn):
        for name in names[turn::4]:
            where = mount.page(name)
            if turn % 2:
                os.stat(where / "spec.json")
            for file in ("spec.json", "queries.json", "page.json"):
                text = (where / file).read_bytes()
                if not text.endswith(b"\n") or len(text) != os.stat(where / file).st_size:
                    wrong.append((name, file, text))

    readers = [threading.Thread(target=read, args=(turn % 4,)) for turn in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(120)
    assert wrong == []
