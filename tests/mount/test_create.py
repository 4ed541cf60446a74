"""A new directory becomes a page once its files validate together, with one POST."""
import errno
import json
import os

import pytest

from amdahl import dumps, fails_with, heading, run, spec_of, wait_for, write
from fakeplatform import Shape, simple_spec

QUERY = {"name": "n", "source": "sql", "sql": "SELECT COUNT(*) AS n FROM interactions"}
BOUND = spec_of(heading("new"), {"type": "Table", "props": {"data": {"$query": "n"}}})


def posts(server):
    return server.count("POST", r"^/pages$")


def test_mkdir_and_a_spec(mount):
    mount.names()
    os.mkdir(mount.page("fresh"))
    assert posts(mount.server) == 0
    write(mount.page("fresh") / "spec.json", dumps(spec_of(heading("new"))))
    assert posts(mount.server) == 1
    assert mount.server.page("fresh")["spec"] == spec_of(heading("new"))
    assert mount.names().count("fresh") == 1
    about = json.loads((mount.page("fresh") / "page.json").read_text())
    assert about["id"] == mount.server.page("fresh")["id"]
    assert about["name"] == "fresh"


def test_queries_that_are_no_text_to_send_stay(mount):
    """A page can be made without them; they are the user's draft, and keep their reason."""
    mount.names()
    where, text = mount.page("fresh"), '[{"name": "n", "sql": "a long one"}'
    os.mkdir(where)
    with fails_with(errno.EPROTO):
        write(where / "queries.json", text)
    write(where / "spec.json", dumps(spec_of(heading("new"))))
    assert posts(mount.server) == 1 and mount.server.page("fresh")["declared_queries"] == []
    for _ in range(2):
        assert (where / "queries.json").read_text() == text
        assert (where / "errors").read_text().startswith("queries.json:1:")
        mount.restart()
        mount.names()
    write(where / "queries.json", dumps([QUERY]))
    assert mount.server.page("fresh")["declared_queries"] == [QUERY]
    assert (where / "errors").read_text() == ""


def test_files_in_any_order_make_one_page(mount):
    for name, order in (("a", ("spec.json", "queries.json", "page.json")),
                        ("b", ("page.json", "queries.json", "spec.json"))):
        texts = {"spec.json": dumps(BOUND), "queries.json": dumps([QUERY]),
                 "page.json": dumps({"name": f"Page {name}", "tags": ["t"]})}
        mount.server.forget()
        os.mkdir(mount.page(name))
        for file in order:
            write(mount.page(name) / file, texts[file])
        assert posts(mount.server) == 1, mount.server.log_lines()
        page = mount.server.page(f"Page {name}" if order[0] == "page.json" else
                                 json.loads((mount.page(name) / "page.json").read_text())["name"])
        assert (page["spec"], page["declared_queries"]) == (BOUND, [QUERY])
        assert name in mount.names(), "the directory keeps the name it was given"


def test_a_spec_that_waits_for_its_queries_is_no_error(mount):
    os.mkdir(mount.page("fresh"))
    write(mount.page("fresh") / "spec.json", dumps(BOUND))
    assert posts(mount.server) == 0
    write(mount.page("fresh") / "queries.json", dumps([QUERY]))
    assert posts(mount.server) == 1
    assert (mount.page("fresh") / "errors").read_text() == ""


def test_a_refused_new_page_is_not_made(mount):
    os.mkdir(mount.page("fresh"))
    with fails_with(errno.EPROTO):
        write(mount.page("fresh") / "spec.json", dumps(spec_of({"type": "Nonsense"})))
    assert posts(mount.server) == 0
    assert "Nonsense" in (mount.page("fresh") / "errors").read_text()
    write(mount.page("fresh") / "spec.json", dumps(spec_of(heading("good"))))
    assert posts(mount.server) == 1


def test_copying_a_template_makes_a_page(mount):
    run(f"cp -r {mount.path}/templates/pipeline-health {mount.page('pipeline')}", check=True)
    wait_for(lambda: posts(mount.server) == 1, 5, "the page")
    page = mount.server.page("pipeline")
    template = mount.server.call("GET", "/pages/templates/pipeline-health")[1]
    assert page["spec"] == template["spec"]
    assert page["declared_queries"] == template["declared_queries"]
    rendered = json.loads((mount.page("pipeline") / "render.json").read_text())
    assert all(r["rows"] for r in rendered["results"].values()), rendered


@pytest.mark.parametrize("cp", ["cp -r", "cp -a"])
def test_copying_a_page_makes_another(weekly, cp):
    names = set(os.listdir(weekly.page("quarterly-report")))
    run(f"{cp} {weekly.page('quarterly-report')} {weekly.page('copied')}", check=True)
    wait_for(lambda: posts(weekly.server) == 1, 5, "the page")
    ids = {p["id"] for p in weekly.server.pages()}
    about = json.loads((weekly.page("copied") / "page.json").read_text())
    old = json.loads((weekly.page("quarterly-report") / "page.json").read_text())
    assert about["id"] in ids and about["id"] != old["id"]
    assert set(os.listdir(weekly.page("copied"))) == names


def test_an_empty_directory_sends_nothing_and_goes_away(mount):
    mount.names()
    mount.server.forget()
    os.mkdir(mount.page("fresh"))
    assert "fresh" in mount.names()
    os.rmdir(mount.page("fresh"))
    assert "fresh" not in mount.names()
    assert mount.server.requests() == []


def test_a_lost_answer_makes_one_page(fake, mount_at):
    """The server acts, then the warm connection dies without a byte: what libcurl itself
    would repeat in silence."""
    for how in ("fin", None):
        mount = mount_at(fake)
        mount.names()
        name = f"lost{how}"
        fake.fault("POST", r"^/pages$", "drop_after", times=1, arg=how)
        os.mkdir(mount.page(name))
        try:
            write(mount.page(name) / "spec.json", dumps(simple_spec("once")))
        except OSError:
            pass    # an error may be told; a second page may not be made
        made = [p for p in fake.pages.values() if p["name"] == name]
        assert len(made) == 1, fake.log_lines()
        fake.heal()


def test_exists_already(weekly):
    with fails_with(errno.EEXIST):
        os.mkdir(weekly.page("quarterly-report"))


def test_a_name_that_is_no_utf8(weekly):
    """JSON could not tell it to the platform: refused at once, not at a save."""
    name = os.fsencode(weekly.pages) + b"/caf\xe9"
    with fails_with(errno.EINVAL):
        os.mkdir(name)
    with fails_with(errno.EINVAL):
        os.rename(os.fsencode(weekly.page("quarterly-report")), name)


def test_an_empty_id_in_page_json_is_none(fake, mount_at):
    mount = mount_at(fake)
    os.mkdir(mount.page("new"))
    write(mount.page("new") / "page.json", '{"id": "", "name": "New"}')
    fake.forget()
    write(mount.page("new") / "spec.json", dumps(simple_spec("x")))
    assert (fake.count("GET", "^/pages/"), fake.count("POST", "^/pages$")) == (0, 1)


def test_an_id_that_the_platform_does_not_know(fake, mount_at):
    mount = mount_at(fake)
    os.mkdir(mount.page("back"))
    write(mount.page("back") / "page.json", '{"id": "pg-nowhere", "name": "Back"}')
    fake.forget()
    write(mount.page("back") / "spec.json", dumps(simple_spec("x")))
    assert (fake.count("GET", "^/pages/pg-nowhere$"), fake.count("POST", "^/pages$")) == (1, 1)
    made = [p["id"] for p in fake.pages.values() if p["name"] == "Back"]
    assert [json.loads((mount.page("back") / "page.json").read_text())["id"]] == made


@pytest.mark.parametrize("restores", [True, False])
def test_the_id_of_an_archived_page(fake, mount_at, restores):
    """It is that page again; where the platform does not bring it back, a new one."""
    fake.add_page("Old", page_id="pg-old", status="archived")
    if not restores:
        fake.fault("PATCH", "^/pages/pg-old$", "status", arg=409)
    mount = mount_at(fake)
    os.mkdir(mount.page("old"))
    write(mount.page("old") / "page.json", '{"id": "pg-old", "name": "Old"}')
    fake.forget()
    write(mount.page("old") / "spec.json", dumps(simple_spec("again")))
    assert fake.count("PATCH", "^/pages/pg-old$") == 1
    assert fake.count("POST", "^/pages$") == (0 if restores else 1)
    page = [p for p in fake.pages.values() if p["status"] != "archived"]
    assert [p["spec"] for p in page] == [simple_spec("again")]
    assert (page[0]["id"] == "pg-old") == restores
    assert json.loads((mount.page("old") / "page.json").read_text())["id"] == page[0]["id"]
