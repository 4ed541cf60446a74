"""The programs of tests/lib/programs.py on sql/deals.sql instead of spec.json: the same
saves, the same refusals, and what they leave is the same."""
import dataclasses
import json
import os

import pytest

import amdahl
import desk as desks
from programs import BESIDE, EDITORS, SCRIPTS, TOOLS

SQL = "SELECT 'Open pipeline' AS title,\n       stage\nFROM interactions\n"
# What they say in JSON is no SQL.
NOT_HERE = ("jq", "tee in a pipe", "python json.dump without close")


def there(value):
    if isinstance(value, str):
        return (value.replace("spec.json", "deals.sql").replace("Heading", "stage")
                .replace("Heding", "stge"))
    return tuple(map(there, value)) if isinstance(value, tuple) else value


def program(each):
    return dataclasses.replace(each, **{f.name: there(getattr(each, f.name))
                                        for f in dataclasses.fields(each)})


class SqlDesk(desks.Desk):
    def __init__(self, server, mount, number, outside):
        super().__init__(server, mount, number, outside)
        self.page_dir, self.dir = self.dir, self.dir / "sql"
        self.file = self.dir / "deals.sql"
        self.new = outside / "new.json"
        self.names = set(os.listdir(self.dir))
        self.page_names = set(os.listdir(self.page_dir))

    def errors(self):
        return (self.page_dir / "errors").read_text()

    def is_saved(self, title, patches=1, refusals=0, leaves=()):
        status = os.stat(self.file)
        sent = self.server.log_lines()
        assert self.server.count("PATCH") == patches, sent
        assert all(desks.KNOWN.match(line) for line in sent), sent
        assert len(sent) <= 3 * patches + 2 * refusals, sent
        now = self.page()
        sql = now["declared_queries"][0]["sql"]
        assert f"'{title}'" in sql
        assert sql == self.file.read_text().removesuffix("\n")
        assert now["declared_queries"] == json.loads((self.page_dir / "queries.json").read_text())
        assert now["declared_queries"][1:] == self.before["declared_queries"][1:]
        assert now["spec"] == self.before["spec"]
        assert self.left_over() == set(leaves), self.left_over()
        assert set(os.listdir(self.page_dir)) == self.page_names
        assert self.errors() == ""
        after = os.stat(self.file)
        assert (after.st_mtime_ns, after.st_size) == (status.st_mtime_ns, status.st_size)
        self.server.forget()

    def is_kept(self, where, leaves=(), word="stge"):
        assert self.server.count("PATCH") == 0, self.server.log_lines()
        assert self.page()["declared_queries"] == self.before["declared_queries"]
        assert word in (self.dir / where).read_text()
        said = self.errors()
        assert word in said and said.startswith("sql/deals.sql:2:8: error: [query]"), said
        if where != "deals.sql":
            assert self.file.read_text() == SQL
        left = self.left_over() - {"deals.sql.rejected"}
        assert left == set(leaves), left
        self.server.forget()

    def is_refused(self, each):
        done = self.run(each, each.save, "stage", "stge")
        assert (done.returncode != 0) if not isinstance(each.status, int) \
            else done.returncode == each.status
        if each.late:
            amdahl.wait_for(self.errors, 10, "the refusal")
        self.is_kept(each.keeps, each.unsent)


@pytest.fixture(scope="module")
def room(fuse, tmp_path_factory):
    server = amdahl.Local(tmp_path_factory.mktemp("room") / "server").start()
    for number in range(desks.PAGES + 20):
        server.create(f"Page {number:02}", amdahl.spec_of(amdahl.heading("x", level=1)),
                      [{"name": "deals", "source": "sql", "sql": SQL.removesuffix("\n")},
                       {"name": "other", "source": "sql", "sql": "SELECT 1 AS one"}])
    mount = amdahl.Mount(server.url, server.keys["author"], server.dir.parent / "mount",
                         "refresh=3600,read_ahead=0").start()
    mount.names()
    yield server, mount, iter(range(desks.PAGES + 20))
    mount.stop()
    server.stop()


@pytest.fixture
def desk(room, tmp_path):
    server, mount, numbers = room
    made = SqlDesk(server, mount, next(numbers), tmp_path)
    yield made


PROGRAMS = {name: program(each) for name, each in {**TOOLS, **SCRIPTS}.items()
            if name not in NOT_HERE}
SQL_EDITORS = {name: program(each) for name, each in EDITORS.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_saves(desk, name):
    desk.saves_twice(PROGRAMS[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_refused(desk, name):
    desk.is_refused(PROGRAMS[name])


@pytest.mark.parametrize("name", SQL_EDITORS)
def test_an_editor_saves(desk, name):
    desk.saves_twice(SQL_EDITORS[name])


@pytest.mark.parametrize("name", SQL_EDITORS)
def test_an_editor_saves_twice_in_a_session(desk, name):
    desk.saves_twice_in_a_session(SQL_EDITORS[name])


@pytest.mark.parametrize("name", SQL_EDITORS)
def test_an_editor_is_refused(desk, name):
    desk.is_refused(SQL_EDITORS[name])


@pytest.mark.parametrize("name", SQL_EDITORS)
def test_an_editor_is_refused_then_mends(desk, name):
    desk.is_refused_then_mends(SQL_EDITORS[name])
