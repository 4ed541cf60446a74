"""Workspaces of any number of pages, made in seconds.

One page is made through the API, so that the server's own rules and schema decide what a
page is; the others are copies of its rows with another id, name and age. Whatever column
the store has is copied, whatever it is called.
"""
import contextlib
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import amdahl  # noqa: E402

FIRST = "Bench 000000"
AUTHORING = amdahl.AUTHORING
UUID = ("lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||"
        " substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' ||"
        " hex(randomblob(6)))")


def name(i):
    return f"Bench {i:06}"


def slug(i):
    return f"bench-{i:06}"


def spec(title, paragraphs=9):
    """A page of usual size: about 3 KB as the API sends it."""
    return amdahl.spec_of(
        amdahl.heading(title),
        {"type": "Table", "props": {"data": {"$query": "recent"}}},
        *({"type": "Markdown", "props": {"body": f"Paragraph {i} of a usual page. " * 9}}
          for i in range(paragraphs)))


QUERIES = [{"name": "recent", "sql": "SELECT * FROM interactions LIMIT 20"}]


def columns(db, table, without=()):
    return [c[1] for c in db.execute(f"PRAGMA table_info({table})") if c[1] not in without]


def copy_rows(db, table, new, without=()):
    """INSERT ... SELECT of the one row there is, for each row of `made`, with the columns
    of `new` replaced."""
    names = columns(db, table, without)
    unknown = set(new) - set(names)
    if unknown:
        raise RuntimeError(f"amdahl-local's table {table} has no {unknown} any more")
    values = ", ".join(new.get(c, f"t.{c}") for c in names)
    db.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "
               f"FROM {table} t, made WHERE t.rowid = (SELECT min(rowid) FROM {table}) "
               "ORDER BY made.i")


def fill(server, count, paragraphs=9):
    """The running server's pages become these `count`, and no others."""
    with contextlib.closing(sqlite3.connect(server.store / "workspace.db", timeout=60)) as db:
        with db:
            db.execute("DELETE FROM pages")
            db.execute("DELETE FROM page_versions")
        server.create(FIRST, spec(FIRST, paragraphs), QUERIES, description="a page of the benchmark")
        with db:
            db.execute("CREATE TEMP TABLE made (i INTEGER PRIMARY KEY, id TEXT, name TEXT)")
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                       f"WHERE i + 1 < ?) INSERT INTO made SELECT i, {UUID}, "
                       "printf('Bench %06d', i) FROM n WHERE i < ?", (count, count))
            text = f"replace(t.spec, '{FIRST}', made.name)"
            copy_rows(db, "pages", {
                "id": "made.id", "name": "made.name", "spec": text,
                "created_ms": "t.created_ms + made.i", "updated_ms": "t.updated_ms + made.i",
            }, without=("seq",))
            copy_rows(db, "page_versions", {
                "page_id": "made.id", "name": "made.name", "spec": text,
                "written_ms": "t.written_ms + made.i"})
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    total = server.call("GET", "/pages?limit=1")[1]["total"]
    if total != count:
        raise RuntimeError(f"the server has {total} pages, not {count}")
    return server


def ids(server, count):
    with contextlib.closing(sqlite3.connect(server.store / "workspace.db", timeout=60)) as db:
        return [row[0] for row in db.execute("SELECT id FROM pages ORDER BY name LIMIT ?",
                                             (count,))]
