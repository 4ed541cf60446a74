"""A page that was archived or removed elsewhere leaves the files that stood beside it in
archived/, real files of this machine as before, until it comes back."""
import errno
import json
import os
import shutil

import pytest

from amdahl import dumps, fails_with, run, wait_for, write
import fakeplatform
from fakeplatform import Shape, simple_spec


class Room:
    """A mount whose list is always old, and the platform it shows."""

    def __init__(self, fake, mount):
        self.fake, self.mount, self.path = fake, mount, mount.path
        self.archived = mount.path / "archived"

    def sweep(self):
        """The list is read again, from its beginning, and applied."""
        before = self.fake.count("GET", "^/pages$")

        def swept():
            os.listdir(self.archived)
            return self.fake.count("GET", "^/pages$") >= before + 2

        wait_for(swept, 10, "a sweep")

    def pages(self):
        return sorted(n for n in os.listdir(self.path / "pages") if n != "stays")

    def names(self):
        return sorted(os.listdir(self.archived))

    def until(self, pages=None, names=None):
        """Both lists become these, within a sweep or two."""
        wait_for(lambda: (pages is None or self.pages() == pages) and
                 (names is None or self.names() == names), 10,
                 f"pages {pages}, archived {names}")

    def here(self, name, page_id):
        """The kernel may take a name for what it was for a second more."""
        path = self.path / "pages" / name
        wait_for(lambda: name in self.pages() and path.exists() and
                 os.getxattr(path, "user.amdahl.id").decode() == page_id and
                 "spec.json" in os.listdir(path), 10, f"{name} to be {page_id}")

    def sent(self):
        """Everything but the reading of lists and pages."""
        return [str(r) for r in self.fake.requests if r.method != "GET"]


@pytest.fixture
def room(fake, mount_at):
    fake.add_page("Stays", page_id="pg-0")
    fake.add_page("Report", page_id="pg-1")
    made = Room(fake, mount_at(fake, options="refresh=0"))
    made.until(["report"], [])
    return made


def archive(fake, page_id):
    fake.change_page(page_id, status="archived")


def restore(fake, page_id):
    fake.change_page(page_id, status="draft")


def notes(room, text="mine"):
    path = room.path / "pages" / "report" / "notes.txt"
    path.write_text(text)
    return path


# -- there and back --------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["archived", "deleted"])
def test_the_files_of_a_page_that_has_gone(room, how):
    old = notes(room)
    (old.parent / "sub").mkdir()
    (old.parent / "sub" / "deep").write_text("deep")
    os.link(old, old.parent / "sub" / "hard")
    os.symlink("notes.txt", old.parent / "link")
    inode, page_inode = os.stat(old).st_ino, os.stat(old.parent).st_ino
    room.fake.forget()
    if how == "archived":
        archive(room.fake, "pg-1")
    else:
        del room.fake.pages["pg-1"]
    room.until([], ["report"])
    where = room.archived / "report"
    assert sorted(os.listdir(where)) == ["link", "notes.txt", "sub"]
    assert sorted(os.listdir(where / "sub")) == ["deep", "hard"]
    assert (where / "link").read_text() == (where / "notes.txt").read_text() == "mine"
    assert os.stat(where / "notes.txt").st_ino == inode
    assert os.stat(where).st_ino == page_inode
    assert os.stat(where / "notes.txt").st_nlink == 2
    (where / "notes.txt").write_text("longer than before")
    (where / "new").write_text("made here")
    os.rename(where / "new", where / "sub" / "new")
    assert (where / "sub" / "hard").read_text() == "longer than before"
    wait_for(lambda: not os.path.exists(old.parent), 5, "the page to go")
    assert not os.path.exists(room.path / "by-id" / "pg-1")
    assert room.sent() == []


def test_a_page_that_has_no_files_leaves_nothing(room):
    archive(room.fake, "pg-1")
    room.until([], [])


def test_a_page_that_comes_back(room):
    """With its files, its name, its number, its params, and what somebody has open."""
    os.rename(room.path / "pages" / "report", room.path / "pages" / "mine")
    where = room.path / "pages" / "mine"
    (where / "notes.txt").write_text("mine")
    write(where / "params.json", '{"region": "emea"}')
    before = [os.stat(where / n).st_ino for n in (".", "spec.json", "notes.txt")]
    fd = os.open(where / "notes.txt", os.O_RDWR | os.O_APPEND)
    try:
        archive(room.fake, "pg-1")
        room.until([], ["mine"])
        os.write(fd, b" and more")
        assert (room.archived / "mine" / "notes.txt").read_text() == "mine and more"
        (room.archived / "mine" / "second").write_text("2")
        restore(room.fake, "pg-1")
        room.until(["mine"], [])
        os.write(fd, b" yet")
        room.here("mine", "pg-1")
        assert (where / "notes.txt").read_text() == "mine and more yet"
        assert os.fstat(fd).st_ino == os.stat(where / "notes.txt").st_ino
    finally:
        os.close(fd)
    assert (where / "second").read_text() == "2"
    assert (where / "params.json").read_text() == '{"region": "emea"}'
    wait_for(lambda: [os.stat(where / n).st_ino
                      for n in (".", "spec.json", "notes.txt")] == before, 10, "its numbers")
    (where / "third").write_text("3")
    assert json.loads((where / "spec.json").read_text()) == simple_spec("Report")
    room.fake.forget()
    write(where / "spec.json", dumps(simple_spec("saved")))
    assert room.fake.pages["pg-1"]["spec"] == simple_spec("saved")
    archive(room.fake, "pg-1")          # and once more
    room.until([], ["mine"])
    assert sorted(os.listdir(room.archived / "mine")) == ["notes.txt", "second", "third"]


def test_standing_in_it_the_while(room):
    """A directory that went says so, and is found again by its name; what is open in it goes
    on, and a shell in the one that it became finds its files."""
    notes(room)
    at = os.open(room.path / "pages" / "report", os.O_RDONLY | os.O_DIRECTORY)
    gone = back = None
    try:
        archive(room.fake, "pg-1")
        room.until([], ["report"])
        gone = os.open(room.archived / "report", os.O_RDONLY | os.O_DIRECTORY)
        with fails_with(errno.ESTALE):
            os.stat("notes.txt", dir_fd=at)
        os.close(os.open("notes.txt", os.O_RDWR, dir_fd=gone))
        with fails_with(errno.ENOENT):
            os.stat("spec.json", dir_fd=gone)
        os.close(os.open("more", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=gone))
        restore(room.fake, "pg-1")
        room.until(["report"], [])
        room.here("report", "pg-1")
        back = os.open(room.path / "pages" / "report", os.O_RDONLY | os.O_DIRECTORY)
        for fd in (at, gone):
            with fails_with(errno.ESTALE):
                os.stat("more", dir_fd=fd)
        os.close(os.open("more", os.O_RDWR, dir_fd=back))
        os.close(os.open(f"n{back}", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=back))
        os.unlink("more", dir_fd=back)
        assert sorted(os.listdir(back)) == sorted(
            ["errors", "info.json", "params.json", "render.json", "verdict.json", "page.json",
             "queries.json", "render", "spec.json", "sql", "notes.txt", f"n{back}"])
    finally:
        for fd in (at, gone, back):
            if fd is not None:
                os.close(fd)


def test_a_page_restored_from_here(room):
    """page.json carries the id (rule 8): the files come to the directory that has it now."""
    notes(room)
    about = json.loads((room.path / "pages" / "report" / "page.json").read_text())
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    where = room.path / "pages" / "again"
    where.mkdir()
    (where / "fresh.txt").write_text("fresh")
    write(where / "page.json", dumps(about))
    write(where / "spec.json", dumps(simple_spec("Again")))
    assert room.fake.pages["pg-1"]["status"] == "draft"
    room.until(["again"], [])
    assert (where / "notes.txt").read_text() == "mine"
    assert (where / "fresh.txt").read_text() == "fresh"
    assert room.fake.count("POST", "^/pages$") == 0


# -- over a remount --------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "first seen after"])
def test_the_next_mount(room, end, seen):
    notes(room)
    os.sync()
    room.sweep()                        # its name is in state.db
    number = os.stat(room.path / "pages" / "report").st_ino
    if seen:
        archive(room.fake, "pg-1")
        room.until([], ["report"])
    getattr(room.mount, end)()
    if not seen:
        archive(room.fake, "pg-1")
    for _ in range(2):
        room.fake.forget()
        room.mount.start()
        assert room.names() == ["report"] and room.pages() == []
        assert (room.archived / "report" / "notes.txt").read_text() == "mine"
        assert os.stat(room.archived / "report").st_ino == number
        assert room.sent() == []
        getattr(room.mount, end)()
    room.mount.start()
    restore(room.fake, "pg-1")
    room.until(["report"], [])
    assert (room.path / "pages" / "report" / "notes.txt").read_text() == "mine"


def test_a_page_that_is_back_at_the_next_mount(room):
    notes(room)
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    room.mount.stop()
    restore(room.fake, "pg-1")
    room.mount.start()
    room.until(["report"], [])
    assert (room.path / "pages" / "report" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("at", ["c0", "c200"], ids=["at once", "in the middle"])
def test_a_list_that_fails_archives_nothing(room, monkeypatch, at):
    notes(room)
    room.mount.stop()
    room.fake.shape = Shape(paging="cursor")
    for i in range(200):                # the page is in the second part
        room.fake.add_page(f"Page {i}", page_id=f"x-{i}")
    room.fake.pages["pg-1"] = room.fake.pages.pop("pg-1")
    paged = fakeplatform.Handler.paged

    def fails(self, rows, shape, query):
        if query.get("cursor", "c0") == at:
            return self.error(400, "invalid_request", "not now")
        return paged(self, rows, shape, query)

    monkeypatch.setattr(fakeplatform.Handler, "paged", fails)
    room.fake.forget()
    room.mount.start()
    with pytest.raises(OSError):
        room.names()
    assert room.fake.count("GET", "^/pages$") >= {"c0": 1, "c200": 2}[at]
    monkeypatch.undo()
    wait_for(lambda: "report" in room.pages(), 20, "the list")
    assert room.names() == []
    assert (room.path / "pages" / "report" / "notes.txt").read_text() == "mine"


def test_without_a_name(room):
    """state.db is away: its directory's name in the overlay has to do."""
    notes(room)
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    room.mount.stop()
    for path in (room.mount.dir / "state").rglob("state.db*"):
        path.unlink()
    room.mount.start()
    assert room.names() == ["id-pg-1"]
    assert (room.archived / "id-pg-1" / "notes.txt").read_text() == "mine"
    restore(room.fake, "pg-1")
    room.until(["report"], [])
    assert (room.path / "pages" / "report" / "notes.txt").read_text() == "mine"


# -- names -----------------------------------------------------------------------------------

def test_two_of_one_name(room):
    notes(room, "first")
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    room.fake.add_page("Report", page_id="pg-2")
    room.until(["report"])
    assert os.listdir(room.archived) == ["report"]
    room.here("report", "pg-2")
    notes(room, "second")
    room.sweep()
    archive(room.fake, "pg-2")
    room.until([], ["report", "report~pg-2"])
    assert (room.archived / "report" / "notes.txt").read_text() == "first"
    assert (room.archived / "report~pg-2" / "notes.txt").read_text() == "second"
    room.mount.restart()
    assert room.names() == ["report", "report~pg-2"]
    assert (room.archived / "report" / "notes.txt").read_text() == "first"
    restore(room.fake, "pg-1")
    room.until(["report"], ["report~pg-2"])
    assert (room.path / "pages" / "report" / "notes.txt").read_text() == "first"
    restore(room.fake, "pg-2")
    room.until(["report", "report~pg-2"], [])
    assert (room.path / "pages" / "report~pg-2" / "notes.txt").read_text() == "second"


IDS = ["../../escape", "/etc/passwd", "..", "a" * 300, "new\nline", "Ünï", "sp ace", "id#x",
       "..%2f", "\u202e", "-", "pages"]
NAMES = ["../../x", "..", "", "a/b", "spec.json", "\u0000\u001b[31m", "~", "x" * 4000]


@pytest.mark.parametrize("known", [True, False], ids=["known", "not known"])
def test_ids_and_names_from_hell(fake, mount_at, known):
    for i, page_id in enumerate(IDS):
        fake.add_page(NAMES[i % len(NAMES)], page_id=page_id)
    room = Room(fake, mount_at(fake, options="refresh=0"))
    dirs = room.pages()
    assert len(dirs) == len(IDS)
    for name in dirs:
        (room.path / "pages" / name / "notes.txt").write_text(name)
    room.sweep()
    fake.pages.clear()
    room.until([], dirs)
    for name in dirs:
        assert (room.archived / name / "notes.txt").read_text() == name
    room.mount.stop()
    if not known:
        for path in (room.mount.dir / "state").rglob("state.db*"):
            path.unlink()
    room.mount.start()
    names = room.names()
    assert names == dirs if known else len(names) == len(IDS)
    found = [(room.archived / name / "notes.txt").read_text() for name in names]
    assert sorted(found) == dirs
    for i, page_id in enumerate(IDS):
        fake.add_page(NAMES[i % len(NAMES)], page_id=page_id)
    wait_for(lambda: room.names() == [], 10, "all of them to be back")
    assert sorted((room.path / "pages" / name / "notes.txt").read_text()
                  for name in room.pages()) == dirs


# -- what may be done ------------------------------------------------------------------------

def test_the_directory_itself_is_nobodys(room):
    notes(room)
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    (room.path / "mine").write_text("x")
    (room.path / "dir").mkdir()
    for work in (lambda: (room.archived / "new").write_text("x"),
                 lambda: (room.archived / "new").mkdir(),
                 lambda: (room.archived / "new").symlink_to("x"),
                 lambda: os.link(room.path / "mine", room.archived / "new"),
                 lambda: os.rename(room.path / "mine", room.archived / "new"),
                 lambda: os.rename(room.path / "dir", room.archived / "new"),
                 lambda: os.rename(room.archived / "report", room.archived / "new"),
                 lambda: os.rename(room.archived, room.path / "new"),
                 lambda: os.rmdir(room.archived)):
        with fails_with(errno.EPERM):
            work()
    with fails_with(errno.EISDIR, errno.EPERM):
        os.unlink(room.archived / "report")
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(room.archived / "report")
    with fails_with(errno.ENOENT):
        os.rmdir(room.archived / "other")
    assert room.names() == ["report"] and (room.path / "mine").read_text() == "x"


def test_names_of_a_pages_own_files_stay_free(room):
    """A page that comes back has its documents there."""
    notes(room)
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    where = room.archived / "report"
    (room.path / "mine").write_text("x")
    for name in ("spec.json", "page.json", "errors", "render.json"):
        for work in (lambda: (where / name).write_text("x"), lambda: (where / name).mkdir(),
                     lambda: os.symlink("x", where / name),
                     lambda: os.link(where / "notes.txt", where / name),
                     lambda: os.rename(where / "notes.txt", where / name),
                     lambda: os.rename(room.path / "mine", where / name)):
            with fails_with(errno.EACCES):
                work()
    (where / "sub").mkdir()
    (where / "sub" / "spec.json").write_text("below, any name is as good as another")
    assert sorted(os.listdir(where)) == ["notes.txt", "sub"]


def test_moving_out(room):
    notes(room)
    where = room.path / "pages" / "report"
    (where / "sub").mkdir()
    (where / "sub" / "deep").write_text("deep")
    (where / "third").write_text("3")
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    where = room.archived / "report"
    inode = os.stat(where / "notes.txt").st_ino
    os.rename(where / "notes.txt", room.path / "notes.txt")
    assert (where / "sub").is_dir()     # `mv` looks too; a rename that is the kernel's first
                                        # sight of a directory in its new place is ESTALE
    os.rename(where / "sub", room.path / "pages" / "stays" / "sub")
    assert os.stat(room.path / "notes.txt").st_ino == inode
    assert (room.path / "pages" / "stays" / "sub" / "deep").read_text() == "deep"
    os.rename(room.path / "notes.txt", where / "back")
    assert os.stat(where / "back").st_ino == inode
    run(["mv", where, room.path / "whole"], check=True)
    assert sorted(os.listdir(room.path / "whole")) == ["back", "third"]
    assert room.names() == []
    assert room.sent() == []


def test_onto_and_from_another_pages_document(room):
    """As between two pages: rename says EXDEV, and `mv` copies, which saves."""
    notes(room, dumps(simple_spec("moved")))
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    where, spec = room.archived / "report", room.path / "pages" / "stays" / "spec.json"
    for a, b in ((where / "notes.txt", spec), (spec, where / "taken")):
        with fails_with(errno.EXDEV):
            os.rename(a, b)
    run(["mv", where / "notes.txt", spec], check=True)
    assert room.fake.pages["pg-0"]["spec"] == simple_spec("moved")
    assert os.listdir(where) == []


@pytest.mark.parametrize("how", ["rm -r", "rmdir", "remount"])
def test_an_empty_one_goes(room, how):
    notes(room)
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    room.fake.forget()
    where = room.archived / "report"
    if how == "rm -r":
        run(["rm", "-r", where], check=True)
        assert os.listdir(room.archived) == []
    else:
        os.unlink(where / "notes.txt")
    if how == "rmdir":
        os.rmdir(where)
    elif how == "remount":
        room.mount.restart()
    room.until([], [])
    assert room.sent() == []
    restore(room.fake, "pg-1")
    room.until(["report"], [])
    room.here("report", "pg-1")
    notes(room, "anew")
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    wait_for((room.archived / "report" / "notes.txt").exists, 10, "the new directory")
    assert (room.archived / "report" / "notes.txt").read_text() == "anew"


# -- drafts ----------------------------------------------------------------------------------

def test_a_draft_keeps_the_page_and_its_files(room):
    where = room.path / "pages" / "report"
    notes(room)
    with fails_with(errno.EPROTO):
        write(where / "spec.json", "{")
    archive(room.fake, "pg-1")
    room.sweep()
    for again in range(2):
        assert room.pages() == ["report"] and room.names() == []
        assert (where / "spec.json").read_text() == "{"
        assert (where / "notes.txt").read_text() == "mine"
        if not again:
            room.mount.restart()
    with fails_with(errno.ENOENT):
        write(where / "spec.json", dumps(simple_spec("late")))
    write(room.path / ".amdahl" / "ctl", "discard report\n")
    room.until([], ["report"])
    assert os.listdir(room.archived / "report") == ["notes.txt"]
    assert room.fake.count("PATCH") == 0


def test_a_refused_text_that_was_removed_stays_removed(room):
    """What a refused rename left beside the document is a file like any other there."""
    where = room.path / "pages" / "report"
    (where / "tmp").write_text("{")
    with fails_with(errno.EPROTO):
        os.rename(where / "tmp", where / "spec.json")
    os.unlink(where / "tmp")
    assert (where / "spec.json.rejected").read_text() == "{"
    archive(room.fake, "pg-1")
    room.until([], ["report"])
    assert os.listdir(room.archived / "report") == ["spec.json.rejected"]
    room.mount.restart()
    room.until([], ["report"])
    assert (room.archived / "report" / "spec.json.rejected").read_text() == "{"
    shutil.rmtree(room.archived / "report")
    room.mount.restart()
    room.until([], [])


def test_archived_from_here_leaves_nothing(room):
    notes(room)
    where = room.path / "pages" / "report"
    for name in os.listdir(where):
        if name not in ("notes.txt", "sql", "render"):
            os.unlink(where / name)
    os.rmdir(where / "sql")
    os.rmdir(where / "render")
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(where)
    os.unlink(where / "notes.txt")
    os.rmdir(where)
    room.sweep()
    assert room.pages() == room.names() == []
    assert room.fake.count("DELETE") == 1
