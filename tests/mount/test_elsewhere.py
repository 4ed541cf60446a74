"""Somebody else changes or removes a page while its files are in use here."""
import errno
import json
import os
import shutil
import threading
import time

import pytest

from amdahl import dumps, fails_with, wait_for, write
from fakeplatform import simple_spec


def refresh(mount):
    write(mount.path / ".amdahl" / "ctl", "refresh\n")


def sweep(mount):
    """Reads the list alone, by making it old (-o refresh=0)."""
    before = mount.server.count("GET", "^/pages$")

    def swept():
        mount.names()       # may have joined one that was under way
        return mount.server.count("GET", "^/pages$") > before

    wait_for(swept, 10, "a sweep")
    time.sleep(0.2)


@pytest.fixture
def shared(fake, mount_at):
    """A mount whose list is always old, of a page that others use too."""
    fake.add_page("Shared", page_id="pg-1", queries=[{"name": "q0", "sql": "select 1"}])
    made = mount_at(fake, options="refresh=0")
    made.server = fake
    made.names()
    made.where = made.page("shared")
    return made


def test_a_page_that_vanished_while_its_file_was_open(shared):
    """What was written cannot be saved any more, and close says so."""
    fd = os.open(shared.where / "spec.json", os.O_RDWR)
    del shared.server.pages["pg-1"]
    sweep(shared)
    assert "shared" not in shared.names()
    os.ftruncate(fd, 0)
    os.write(fd, dumps(simple_spec("too late")).encode())
    with fails_with(errno.ENOENT):
        os.close(fd)


def test_closing_a_file_that_was_saved_before_its_page_vanished(shared):
    fd = os.open(shared.where / "spec.json", os.O_RDWR | os.O_TRUNC)
    os.write(fd, dumps(simple_spec("in time")).encode())
    os.fsync(fd)
    del shared.server.pages["pg-1"]
    sweep(shared)
    os.close(fd)


def test_notes_beside_a_page_outlive_it(shared):
    (shared.where / "notes.txt").write_text("mine")
    del shared.server.pages["pg-1"]
    sweep(shared)
    assert "shared" not in shared.names()
    assert (shared.path / "archived" / "shared" / "notes.txt").read_text() == "mine"
    os.unlink(shared.path / "archived" / "shared" / "notes.txt")
    os.rmdir(shared.path / "archived" / "shared")
    assert os.listdir(shared.path / "archived") == []


def test_nothing_is_made_in_a_directory_whose_page_vanished(shared):
    place = os.open(shared.where, os.O_RDONLY | os.O_DIRECTORY)
    try:
        del shared.server.pages["pg-1"]
        sweep(shared)
        with fails_with(errno.ENOENT, errno.ESTALE):
            os.close(os.open("spec.json", os.O_WRONLY | os.O_CREAT, dir_fd=place))
        with fails_with(errno.ENOENT, errno.ESTALE):
            os.close(os.open("note", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    finally:
        os.close(place)


def test_a_save_brings_the_others_change_of_the_other_file(shared):
    """PATCH answers with the whole page: what others changed in it is shown from then on,
    and costs no request."""
    assert "q0" in (shared.where / "queries.json").read_text()
    (shared.where / "spec.json").read_text()
    shared.server.change_page("pg-1", declared_queries=[{"name": "q1", "sql": "select 2"}])
    write(shared.where / "spec.json", dumps(simple_spec("ours")))
    sweep(shared)
    assert "q1" in (shared.where / "queries.json").read_text()


def test_a_change_under_a_draft_is_seen_once_the_draft_is_gone(shared):
    (shared.where / "spec.json").read_text()
    with fails_with(errno.EPROTO):
        write(shared.where / "spec.json", "{")
    shared.server.change_page("pg-1", spec=simple_spec("theirs"))
    sweep(shared)
    write(shared.path / ".amdahl" / "ctl", "discard shared\n")
    sweep(shared)
    assert json.loads((shared.where / "spec.json").read_text()) == simple_spec("theirs")


def test_appending_after_the_file_became_shorter(shared):
    """The kernel knows an old size: O_APPEND is at the end that the file has now."""
    (shared.where / "spec.json").read_text()
    fd = os.open(shared.where / "spec.json", os.O_WRONLY | os.O_APPEND)
    shared.server.change_page("pg-1", spec={"version": 1})
    sweep(shared)
    (shared.where / "queries.json").read_text()     # brings the whole page
    os.write(fd, b" ")
    os.close(fd)
    assert (shared.where / "spec.json").read_bytes() == b'{\n  "version": 1\n}\n '


def test_putting_the_old_text_back_while_the_new_one_is_being_saved(shared):
    """The last save wins, at the platform too."""
    path = shared.where / "spec.json"
    old = path.read_text()
    shared.server.fault("PATCH", "/pages/pg-1$", "slow", times=1, arg=1.0)
    slow = threading.Thread(target=write, args=(path, dumps(simple_spec("new"))))
    slow.start()
    wait_for(lambda: shared.server.count("PATCH"), 10, "the PATCH")
    write(path, old)
    slow.join()
    assert path.read_text() == old
    assert shared.server.pages["pg-1"]["spec"] == json.loads(old)


def test_writing_on_while_a_save_runs_then_discarding(shared):
    path = shared.where / "spec.json"
    path.read_text()
    shared.server.fault("PATCH", "/pages/pg-1$", "slow", times=1, arg=1.0)
    fd = os.open(path, os.O_RDWR | os.O_TRUNC)
    os.write(fd, dumps(simple_spec("saved")).encode())
    slow = threading.Thread(target=os.close, args=(os.dup(fd),))
    slow.start()
    wait_for(lambda: shared.server.count("PATCH"), 10, "the PATCH")
    os.write(fd, b"{")
    slow.join()
    with fails_with(errno.EPROTO):
        os.close(fd)
    write(shared.path / ".amdahl" / "ctl", "discard shared\n")
    assert json.loads(path.read_text()) == simple_spec("saved")


def test_a_render_that_began_before_a_save_does_not_answer_after_it(shared):
    shared.server.rows = {"q0": [{"n": 1}], "q1": [{"n": 2}]}
    shared.server.fault("POST", "/pages/pg-1/render$", "drip", times=1, arg=1.5)
    first = threading.Thread(target=(shared.where / "render.json").read_text)
    first.start()
    wait_for(lambda: shared.server.count("POST", "/render$"), 10, "the render")
    write(shared.where / "queries.json", dumps([{"name": "q1", "sql": "select 2"}]))
    assert "q1" in json.loads((shared.where / "render.json").read_text())["results"]
    first.join()


def test_the_same_text_moved_in_from_elsewhere_costs_no_save(fake, mount_at):
    fake.add_page("Shared", page_id="pg-1")
    mount = mount_at(fake)
    mount.names()
    (mount.path / "copy.json").write_text(dumps(simple_spec("Shared")))
    os.rename(mount.path / "copy.json", mount.page("shared") / "spec.json")
    assert (fake.count("PATCH"), fake.count("POST")) == (0, 0)


def test_a_draft_of_a_page_that_cannot_be_read(fake, mount_at):
    """An earlier mount's draft is here without its page, whose values are needed before
    anything is sent."""
    fake.add_page("Weekly", page_id="pg-1")
    mount = mount_at(fake)
    spec = mount.page(mount.names()[0]) / "spec.json"
    with fails_with(errno.EPROTO):
        write(spec, "{")
    fake.fault("GET", "^/pages/pg-1$", "status", arg=403)
    mount.stop()
    shutil.rmtree(mount.dir / "cache")
    mount.start()
    fake.forget()
    with fails_with(errno.EACCES):
        write(spec, dumps(simple_spec("mine")))
    assert fake.count("GET", "^/pages/pg-1$") == 1
    assert (fake.count("POST"), fake.count("PATCH")) == (0, 0)
    assert spec.read_text() == dumps(simple_spec("mine"))
    assert "cannot be read" in (spec.parent / "errors").read_text()
    fake.heal()
    write(spec, dumps(simple_spec("mine")))
    assert fake.pages["pg-1"]["spec"] == simple_spec("mine")
    assert fake.count("PATCH") == 1
