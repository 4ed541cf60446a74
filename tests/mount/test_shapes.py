"""One driver, every shape the contract's sources give: list, read, save, refuse, create,
archive and render against a platform of each."""
import errno
import json
import os

import pytest

from amdahl import dumps, fails_with, run, write
from fakeplatform import FakePlatform, Shape, simple_spec

SHAPES = {
    "the default": Shape(),
    "cursor paging": Shape(paging="cursor"),
    "no paging": Shape(paging="none"),
    "pages": Shape(envelope="pages"),
    "data": Shape(envelope="data"),
    "data with items": Shape(envelope="data.items"),
    "cursor under data": Shape(envelope="data.items", paging="cursor"),
    "bare array, paged": Shape(envelope="bare"),
    "bare array, whole": Shape(envelope="bare", paging="none"),
    "any other array": Shape(envelope="other"),
    "wrapped answers": Shape(wrap=True),
    "wrapped cursors": Shape(wrap=True, paging="cursor", envelope="pages"),
    "versions only": Shape(summary=("version",)),
    "times only": Shape(summary=("updated_at",)),
    "no change token": Shape(summary=(), timestamps=False),
    "verdict in the body": Shape(verdict="body"),
    "verdict in details": Shape(verdict="details"),
    "verdict in details.verdict": Shape(verdict="details.verdict"),
    "verdict in a 2xx": Shape(verdict="ok_status"),
    "error as a code": Shape(errors="code"),
    "error as a sentence": Shape(errors="sentence"),
    "error flat": Shape(errors="flat"),
    "error as a string": Shape(errors="string"),
    "error in a 2xx": Shape(errors="success_false"),
    "bearer alone": Shape(auth="bearer"),
    "x-api-key alone": Shape(auth="x-api-key"),
    "normalising": Shape(normalise=True),
    "delete answers an object": Shape(delete_empty=False),
    "create answers 200": Shape(create_status=200),
    "patch answers no page": Shape(patch_answers_page=False),
    "no console url": Shape(console_url=False),
    "no /me": Shape(me_answers=False),
    "all at once": Shape(paging="cursor", envelope="bare", summary=(), timestamps=False,
                         verdict="details", auth="x-api-key", normalise=True),
}


@pytest.fixture(params=SHAPES)
def world(request, mount_at):
    shape = SHAPES[request.param]
    if request.param == "all at once":     # a bare array cannot carry a cursor
        shape = Shape(**{**shape.__dict__, "paging": "none"})
    with FakePlatform(shape) as fake:
        for i in range(3):
            fake.add_page(f"Page {i}", queries=[{"name": "q", "sql": "select 1"}])
        mount = mount_at(fake)
        mount.server = fake
        yield mount
        mount.stop()


def test_everything(world):
    """One mount a shape goes through it all: mounts are dear, steps are not."""
    fake = world.server
    assert world.names() == ["page-0", "page-1", "page-2"]
    ids = list(fake.pages)

    # read
    spec = world.page("page-1") / "spec.json"
    assert json.loads(spec.read_text()) == fake.pages[ids[1]]["spec"]

    # save, with numbers that a store may write otherwise
    text = ('{"version": 1, "root": {"type": "Section", "children": [\n'
            '  {"type": "Heading", "props": {"text": "saved", "level": 1.0, "a": 2}}]}}\n')
    fake.forget()
    write(spec, text)
    assert fake.count("PATCH") == 1 and len(fake.requests) <= 3, fake.log_lines()
    assert fake.pages[ids[1]]["spec"] == json.loads(text)
    assert spec.read_text() == text, "a good save does not turn around"

    # the same value again, in the server's spelling: nothing to send
    fake.forget()
    write(spec, json.dumps(fake.pages[ids[1]]["spec"]))
    assert fake.count("PATCH") == 0, fake.log_lines()

    # refuse
    fake.forget()
    bad = dumps(simple_spec("x")).replace("Heading", "Heding")
    with fails_with(errno.EPROTO):
        write(spec, bad)
    assert fake.count("PATCH") == 0
    said = (world.page("page-1") / "errors").read_text()
    line = 1 + next(i for i, t in enumerate(bad.splitlines()) if "Heding" in t)
    assert said.startswith(f"spec.json:{line}:") and "[compile]" in said, said

    # create, rename, archive
    fake.forget()
    os.mkdir(world.page("fresh"))
    write(world.page("fresh") / "spec.json", dumps(simple_spec("fresh")))
    assert fake.count("POST", "^/pages$") == 1
    assert [p["name"] for p in fake.pages.values()].count("fresh") == 1
    os.rename(world.page("fresh"), world.page("stale"))
    assert [p["name"] for p in fake.pages.values()].count("stale") == 1
    run("rm -r pages/stale", cwd=world.path, check=True)
    assert fake.count("DELETE") == 1
    assert world.names() == ["page-0", "page-1", "page-2"]

    # render
    result = json.loads((world.page("page-2") / "render.json").read_text())
    assert result["results"]["q"]["rows"] == [{"n": 1}]

    # and all of it again after a remount
    world.restart()
    assert world.names() == ["page-0", "page-1", "page-2"]
    json.loads((world.page("page-0") / "spec.json").read_text())


@pytest.mark.parametrize("verdict", ["body", "details", "details.verdict", "ok_status"])
def test_a_verdict_at_the_patch_itself(verdict, fake, mount_at):
    """The dry run said yes, the write says no: its verdict counts, wherever it stands."""
    fake.shape.verdict = verdict
    fake.add_page("One")
    mount = mount_at(fake)
    spec = mount.page("one") / "spec.json"
    spec.read_text()
    fake.fault("POST", "/validate$", "status",
               arg=(200, {"ok": True, "stages": {}, "errors": [], "has_custom_nodes": False}))
    bad = dumps(simple_spec("x")).replace("Heading", "Heding")
    with fails_with(errno.EPROTO):
        write(spec, bad)
    assert "Heding" in (mount.page("one") / "errors").read_text()
    assert spec.read_text() == bad


@pytest.mark.parametrize("paging, envelope", [
    ("offset", "items"), ("cursor", "items"), ("none", "bare"), ("offset", "bare"),
    ("cursor", "data.items")])
def test_a_list_of_many_pages(paging, envelope, mount_at):
    with FakePlatform(Shape(paging=paging, envelope=envelope)) as fake:
        for i in range(450):
            fake.add_page(f"n{i:03}")
        mount = mount_at(fake)
        assert mount.names() == [f"n{i:03}" for i in range(450)]
        assert fake.count("GET", "^/pages$") <= 5, fake.log_lines()
        mount.stop()


def test_x_api_key_is_found_once_and_kept(mount_at):
    with FakePlatform(Shape(auth="x-api-key")) as fake:
        fake.add_page("One")
        mount = mount_at(fake)
        (mount.page("one") / "spec.json").read_text()
        (mount.page("one") / "render.json").read_text()
        assert len([r for r in fake.requests if r.status == 401]) <= 2, fake.log_lines()
        mount.stop()
