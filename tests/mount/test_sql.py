"""pages/<page>/sql/: the SQL of a query as a file. Two views of one text: what is saved in
the one is seen in the other, by a save of queries.json like any other."""
import errno
import json
import os
import re

import pytest

from amdahl import fails_with, run, wait_for, write

GOOD = "SELECT stage, COUNT(*) AS count\nFROM interactions\nWHERE stage <> ''\nGROUP BY stage\n"
BAD = "SELECT stage,\n       nope AS count\nFROM interactions\n"


@pytest.fixture
def where(weekly):
    where = weekly.page("quarterly-report")
    (where / "spec.json").read_text()
    wait_for(lambda: weekly.server.count("GET", r"^/pages/."), 5, "the page in the access log")
    weekly.server.forget()
    return where


def stored(weekly, name="deals"):
    queries = weekly.server.page("Quarterly report")["declared_queries"]
    return next((q["sql"] for q in queries if q["name"] == name), None)


def control(weekly, command):
    (weekly.path / ".amdahl" / "ctl").write_text(command + "\n")


def names(where):
    return sorted(os.listdir(where / "sql"))


# -- what is there ------------------------------------------------------------------------------

def test_a_file_for_each_query(weekly, where):
    assert "sql" in os.listdir(where)
    assert names(where) == ["deals.sql"]
    text = (where / "sql/deals.sql").read_text()
    assert text == json.loads((where / "queries.json").read_text())[0]["sql"] + "\n"
    status = os.stat(where / "sql/deals.sql")
    assert status.st_size == len(text) and status.st_mode & 0o777 == 0o644
    assert status.st_mtime_ns == os.stat(where / "queries.json").st_mtime_ns
    assert weekly.server.requests() == []


def test_the_list_shows_queries_of_source_sql_alone(weekly, where):
    queries = json.loads((where / "queries.json").read_text())
    queries += [{"name": "found", "source": "kb_search", "query": "x"},
                {"name": "plain", "sql": "SELECT 1 AS one"}]
    write(where / "queries.json", json.dumps(queries))
    assert names(where) == ["deals.sql", "plain.sql"]


def test_it_is_the_same_after_a_remount(weekly, where):
    write(where / "sql/deals.sql", GOOD)
    before = os.stat(where / "sql/deals.sql")
    weekly.restart()
    after = os.stat(where / "sql/deals.sql")
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert (where / "sql/deals.sql").read_text() == GOOD


# -- saving -------------------------------------------------------------------------------------

def test_a_save_costs_what_any_save_does(weekly, where):
    before = (where / "queries.json").read_text()
    write(where / "sql/deals.sql", GOOD)
    assert weekly.server.count("PATCH") == 1
    assert len(weekly.server.requests()) == 3, weekly.server.log_lines()
    assert stored(weekly) == GOOD.removesuffix("\n")
    assert (where / "sql/deals.sql").read_text() == GOOD
    after = (where / "queries.json").read_text()
    old, new = json.dumps(stored_before(before)), json.dumps(stored(weekly))
    assert after == before.replace(old, new)
    assert (where / "errors").read_text() == ""


def stored_before(text):
    return json.loads(text)[0]["sql"]


def test_what_is_written_is_read_back(weekly, where):
    for text in (GOOD.removesuffix("\n"), GOOD, "-- é\n" + GOOD):
        write(where / "sql/deals.sql", text)
        assert (where / "sql/deals.sql").read_text() == text
        assert os.stat(where / "sql/deals.sql").st_size == len(text.encode())


def test_an_unchanged_file_is_no_change(weekly, where):
    mtime = os.stat(where / "queries.json").st_mtime_ns
    text = (where / "sql/deals.sql").read_text()
    write(where / "sql/deals.sql", text)
    write(where / "sql/deals.sql", text.removesuffix("\n"))
    assert weekly.server.requests() == []
    assert os.stat(where / "queries.json").st_mtime_ns == mtime


def test_both_views_are_one(weekly, where):
    """What is open already sees the change, and so do size and time."""
    with open(where / "sql/deals.sql") as sql, open(where / "queries.json") as queries:
        sql.read()
        queries.read()
        before = os.stat(where / "queries.json")
        write(where / "sql/deals.sql", GOOD)
        queries.seek(0)
        assert "WHERE stage" in queries.read()
        now = os.stat(where / "queries.json")
        assert now.st_size != before.st_size and now.st_mtime_ns > before.st_mtime_ns
        before = os.stat(where / "sql/deals.sql")
        text = (where / "queries.json").read_text().replace("WHERE stage", "WHERE  channel")
        write(where / "queries.json", text)
        sql.seek(0)
        assert sql.read() == GOOD.replace("WHERE stage", "WHERE  channel")
        now = os.stat(where / "sql/deals.sql")
        assert now.st_size == before.st_size + 3 and now.st_mtime_ns > before.st_mtime_ns


def test_a_new_name_is_a_new_query(weekly, where):
    before = (where / "queries.json").read_text()
    write(where / "sql/extra.sql", "SELECT 1 AS one\n")
    assert len(weekly.server.requests()) == 3, weekly.server.log_lines()
    assert stored(weekly, "extra") == "SELECT 1 AS one"
    after = (where / "queries.json").read_text()
    assert after == before.removesuffix("\n]\n") + (
        ',\n  {\n    "name": "extra",\n    "source": "sql",\n'
        '    "sql": "SELECT 1 AS one"\n  }\n]\n')
    assert names(where) == ["deals.sql", "extra.sql"]


def test_removing_sends_nothing(weekly, where):
    write(where / "sql/extra.sql", "SELECT 1 AS one\n")
    weekly.server.forget()
    os.unlink(where / "sql/extra.sql")
    assert names(where) == ["deals.sql"]
    assert weekly.server.requests() == []
    assert "extra" in (where / "queries.json").read_text()
    write(where / "sql/extra.sql", "SELECT 2 AS one\n")
    assert stored(weekly, "extra") == "SELECT 2 AS one"
    os.unlink(where / "sql/extra.sql")
    control(weekly, "restore quarterly-report")
    assert names(where) == ["deals.sql", "extra.sql"]
    os.unlink(where / "sql/extra.sql")
    weekly.restart()
    assert names(where) == ["deals.sql", "extra.sql"]


def test_a_query_is_removed_in_queries_json(weekly, where):
    write(where / "sql/extra.sql", "SELECT 1 AS one\n")
    (where / "sql/extra.sql").read_text()
    queries = json.loads((where / "queries.json").read_text())
    write(where / "queries.json", json.dumps(queries[:1]))
    assert names(where) == ["deals.sql"]
    assert not (where / "sql/extra.sql").exists()
    with fails_with(errno.ENOENT):
        (where / "sql/extra.sql").read_text()


# -- renaming -----------------------------------------------------------------------------------

def test_a_rename_renames_the_query(weekly, where):
    write(where / "sql/extra.sql", "SELECT 1 AS one\n")
    weekly.server.forget()
    number = os.stat(where / "sql/extra.sql").st_ino
    os.rename(where / "sql/extra.sql", where / "sql/other.sql")
    assert names(where) == ["deals.sql", "other.sql"]
    assert (where / "sql/other.sql").read_text() == "SELECT 1 AS one\n"
    assert stored(weekly, "other") == "SELECT 1 AS one" and stored(weekly, "extra") is None
    assert weekly.server.count("PATCH") == 1 and number
    write(where / "sql/other.sql", "SELECT 2 AS one\n")
    assert stored(weekly, "other") == "SELECT 2 AS one"


def test_a_name_that_the_spec_uses_is_not_renamed(weekly, where):
    with fails_with(errno.EPROTO):
        os.rename(where / "sql/deals.sql", where / "sql/stages.sql")
    assert names(where) == ["deals.sql"]
    assert stored(weekly) and weekly.server.count("PATCH") == 0
    said = (where / "errors").read_text()
    lines = (where / "spec.json").read_text().splitlines()
    line = 1 + next(i for i, text in enumerate(lines) if '"$query"' in text)
    assert re.search(rf"^spec\.json:({line}|{line - 1}):\d+: error: \[bind\]", said, re.M), said
    assert (where / "sql/deals.sql").read_text() == stored(weekly) + "\n"


def test_a_file_is_renamed_onto_a_name(weekly, where):
    (where / "sql/.deals.tmp").write_text(GOOD)
    assert weekly.server.requests() == []
    os.replace(where / "sql/.deals.tmp", where / "sql/deals.sql")
    assert len(weekly.server.requests()) == 3, weekly.server.log_lines()
    assert stored(weekly) == GOOD.removesuffix("\n")
    assert names(where) == ["deals.sql"]
    assert (where / "sql/deals.sql").read_text() == GOOD
    write(where / "sql/deals.sql", "-- again\n" + GOOD)
    assert stored(weekly).startswith("-- again")


def test_a_query_is_renamed_onto_another(weekly, where):
    """By tools whose scratch has the ending of what it is for."""
    write(where / "sql/tmp1.sql", GOOD)
    os.replace(where / "sql/tmp1.sql", where / "sql/deals.sql")
    assert names(where) == ["deals.sql"]
    assert stored(weekly) == GOOD.removesuffix("\n") and stored(weekly, "tmp1") is None
    assert (where / "sql/deals.sql").read_text() == GOOD


def test_a_new_file_is_renamed_to_a_new_query(weekly, where):
    (where / "note").write_text("SELECT 1 AS one\n")
    os.rename(where / "note", where / "sql/extra.sql")
    assert stored(weekly, "extra") == "SELECT 1 AS one"
    assert not (where / "note").exists()


def test_a_backup_is_a_copy_on_this_machine(weekly, where):
    text = (where / "sql/deals.sql").read_text()
    os.rename(where / "sql/deals.sql", where / "sql/deals.sql~")
    assert names(where) == ["deals.sql~"]
    assert (where / "sql/deals.sql~").read_text() == text
    assert weekly.server.requests() == []
    write(where / "sql/deals.sql", GOOD)
    assert stored(weekly) == GOOD.removesuffix("\n")


# -- refusals -----------------------------------------------------------------------------------

def place_of_nope():
    line = next(n for n, text in enumerate(BAD.splitlines(), 1) if "nope" in text)
    return line, BAD.splitlines()[line - 1].index("nope") + 1


def test_a_refusal_names_the_place_in_the_file(weekly, where):
    good = stored(weekly)
    fd = os.open(where / "sql/deals.sql", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, BAD.encode())
    for _ in range(2):
        with fails_with(errno.EPROTO):
            os.fsync(fd)
    with fails_with(errno.EPROTO):
        os.close(fd)
    assert weekly.server.count("POST", r"^/pages/validate$") == 1
    line, column = place_of_nope()
    said = (where / "errors").read_text()
    assert said.startswith(f"sql/deals.sql:{line}:{column}: error: [query] "), said
    assert stored(weekly) == good
    # The refused text is in both views, and a draft of queries.json.
    assert (where / "sql/deals.sql").read_text() == BAD
    assert "nope" in (where / "queries.json").read_text()
    assert os.getxattr(where / "queries.json", "user.amdahl.state") == b"refused"
    weekly.restart()
    assert (where / "sql/deals.sql").read_text() == BAD
    assert (where / "errors").read_text() == said
    write(where / "sql/deals.sql", GOOD)
    assert stored(weekly) == GOOD.removesuffix("\n")
    assert (where / "errors").read_text() == ""


def test_a_refused_text_is_tried_again_when_it_is_saved_again(weekly, where):
    for tries in (1, 2):
        with fails_with(errno.EPROTO):
            write(where / "sql/deals.sql", BAD)
        assert weekly.server.count("POST", r"^/pages/validate$") == tries


def test_refused_at_a_rename(weekly, where):
    text = (where / "sql/deals.sql").read_text()
    (where / "sql/new").write_text(BAD)
    with fails_with(errno.EPROTO):
        os.replace(where / "sql/new", where / "sql/deals.sql")
    assert (where / "sql/deals.sql").read_text() == text
    assert (where / "sql/new").read_text() == BAD
    assert (where / "sql/deals.sql.rejected").read_text() == BAD
    line, column = place_of_nope()
    assert (where / "errors").read_text().startswith(f"sql/deals.sql:{line}:{column}: ")
    write(where / "sql/deals.sql", GOOD)
    assert not (where / "sql/deals.sql.rejected").exists()
    assert not (where / "queries.json.rejected").exists()
    assert (where / "errors").read_text() == ""


def test_beside_queries_that_are_no_json(weekly, where):
    text = (where / "sql/deals.sql").read_text()
    with fails_with(errno.EPROTO):
        write(where / "queries.json", '[{"name": "deals", ')
    weekly.server.forget()
    assert (where / "sql/deals.sql").read_text() == text
    with fails_with(errno.EPROTO):
        write(where / "sql/deals.sql", GOOD)
    said = (where / "errors").read_text()
    assert re.search(r"^sql/deals\.sql:1:1: error: \[sql\] queries\.json", said, re.M), said
    assert (where / "sql/deals.sql").read_text() == GOOD
    assert (where / "sql/deals.sql.rejected").read_text() == GOOD
    assert (where / "queries.json").read_text() == '[{"name": "deals", '
    assert weekly.server.requests() == []
    weekly.restart()
    assert (where / "sql/deals.sql").read_text() == text
    assert (where / "sql/deals.sql.rejected").read_text() == GOOD


@pytest.mark.parametrize("text", [b"SELECT '\xff'\n", b""])
def test_what_no_query_can_be(weekly, where, text):
    kept = (where / "queries.json").read_text()
    if text:
        with fails_with(errno.EPROTO):
            write(where / "sql/deals.sql", text)
        assert (where / "errors").read_text().startswith("sql/deals.sql:1:9: ")
        assert (where / "sql/deals.sql.rejected").read_bytes() == text
    else:
        run(": > sql/deals.sql", cwd=where, check=True)
        wait_for(lambda: (where / "errors").read_text(), 5, "an error about the empty file")
    assert weekly.server.requests() == []
    assert (where / "queries.json").read_text() == kept
    assert (where / "sql/deals.sql").read_bytes() == text
    control(weekly, "discard quarterly-report")
    assert (where / "sql/deals.sql").read_text() == stored(weekly) + "\n"
    assert (where / "errors").read_text() == ""


def test_killed_in_a_save(weekly, where):
    """The text is on the disk with the draft of queries.json before anything is sent."""
    weekly.server.stop()
    with pytest.raises(OSError):
        write(where / "sql/deals.sql", GOOD)
    weekly.kill()
    weekly.start()
    assert (where / "sql/deals.sql").read_text() == GOOD
    assert "WHERE stage" in (where / "queries.json").read_text()
