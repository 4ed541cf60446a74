"""Drafts, refusals and conflicts as time goes on: what random operations (test_model.py)
found, each as a case of its own."""
import errno
import json
import os

import pytest

from amdahl import dumps, fails_with, wait_for, write
from fakeplatform import simple_spec

BAD = dumps(simple_spec("x")).replace("Heading", "Heding")


@pytest.fixture
def page(fake, mount_at):
    """(mount, the page's directory, its id)"""
    page_id = fake.add_page("One", description="d")
    mount = mount_at(fake, options="refresh=3600")
    where = mount.page("one")
    for name in ("spec.json", "queries.json", "page.json"):
        (where / name).read_text()
    return mount, where, page_id


def command(mount, line):
    fd = os.open(mount.path / ".amdahl" / "ctl", os.O_WRONLY)
    try:
        os.write(fd, line.encode() + b"\n")
    finally:
        os.close(fd)


def rename(where, text):
    write(where / "new", text)
    os.rename(where / "new", where / "spec.json")


def test_errors_name_what_is_still_wrong(fake, page):
    """Both files were refused together: a line each, and each goes with its own save."""
    _, where, _ = page
    with fails_with(errno.EPROTO):
        write(where / "spec.json", BAD)
    with fails_with(errno.EPROTO):
        write(where / "queries.json", '[{"name": "q", "sql": "delete"}]')
    assert [line.split(":")[0] for line in (where / "errors").read_text().splitlines()] == [
        "spec.json", "queries.json"]
    write(where / "spec.json", dumps(simple_spec("y")))
    assert (where / "errors").read_text().startswith("queries.json:")


def test_the_last_reason_counts(fake, page):
    """Tried again without the other file's draft, and then not allowed to."""
    _, where, page_id = page
    with fails_with(errno.EPROTO):
        write(where / "queries.json", '[{"name": "q", "sql": "delete"}]')
    fake.fault("PATCH", page_id, "status", arg=403)
    with fails_with(errno.EACCES):
        write(where / "spec.json", dumps(simple_spec("y")))
    fake.heal()
    assert "spec.json:1:1: error: [platform]" in (where / "errors").read_text()


def test_emptied_twice(page):
    """A shell closes the file before anything is written: never an error."""
    _, where, _ = page
    for _ in range(2):
        os.close(os.open(where / "spec.json", os.O_WRONLY | os.O_TRUNC))
        wait_for(lambda: "is empty" in (where / "errors").read_text(), 10, "the reason")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_conflict_outlives_the_mount(fake, page, end):
    mount, where, page_id = page
    fake.change_page(page_id, spec=simple_spec("theirs"))
    with fails_with(errno.ESTALE):
        write(where / "spec.json", dumps(simple_spec("mine")))
    with fails_with(errno.EPROTO):
        write(where / "spec.json", BAD)
    getattr(mount, end)()
    mount.start()
    mount.names()
    assert json.loads((where / "spec.remote.json").read_text()) == simple_spec("theirs")
    assert os.getxattr(where, "user.amdahl.state") == b"conflict"
    os.unlink(where / "spec.remote.json")
    write(where / "spec.json", dumps(simple_spec("mine")))
    assert fake.pages[page_id]["spec"] == simple_spec("mine")
    assert not [n for n in os.listdir(where) if n.startswith("spec.") and n != "spec.json"]


def test_a_broken_text_keeps_its_base(fake, page):
    """Refused here, without a request: after a remount it is still not based on an edit
    that nobody here has seen."""
    mount, where, page_id = page
    broken = dumps(simple_spec("mine")).rstrip()[:-1]
    with fails_with(errno.EPROTO):
        write(where / "spec.json", broken + "]")
    fake.change_page(page_id, spec=simple_spec("theirs"))
    write(where / "queries.json", '[{"name": "q", "sql": "select 1"}]')     # reads the page
    with fails_with(errno.EPROTO):
        write(where / "spec.json", broken)
    mount.restart()
    with open(where / "spec.json") as file:
        text = file.read() + "}"
    with fails_with(errno.ESTALE):
        write(where / "spec.json", text)
    assert fake.pages[page_id]["spec"] == simple_spec("theirs")


def test_discard_takes_what_is_beside(page):
    mount, where, _ = page
    with fails_with(errno.EPROTO):
        rename(where, BAD)
    assert (where / "spec.json.rejected").exists()
    command(mount, "discard one")
    assert "spec.json.rejected" not in os.listdir(where)
    assert (where / "errors").read_text() == ""
    mount.restart()
    assert "spec.json.rejected" not in os.listdir(where)


def test_what_is_beside_stays_when_the_file_is_written_anew(page):
    """git's unlink and create: the refused text beside the file is not its business."""
    mount, where, _ = page
    text = (where / "spec.json").read_text()
    with fails_with(errno.EPROTO):
        rename(where, BAD)
    write(where / "spec.json", text)
    os.unlink(where / "spec.json")
    write(where / "spec.json", text)
    mount.restart()
    assert (where / "spec.json.rejected").read_text() == BAD
    assert "Heding" in (where / "errors").read_text()


def test_a_merge_that_was_made_already(fake, page):
    """page.json: whoever has seen the others' members, and wrote them, keeps his bytes."""
    _, where, page_id = page
    fake.change_page(page_id, tags=["theirs"])
    text = json.dumps({"id": page_id, "name": "One", "tags": ["theirs"], "description": "mine"},
                      indent=7)
    write(where / "page.json", text)
    assert (where / "page.json").read_text() == text
    assert fake.pages[page_id]["description"] == "mine"
