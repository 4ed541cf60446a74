"""The life of a page: create, read, list, change, archive, restore, delete, versions."""
import json
import re
import sqlite3
import threading
import uuid

import amdahl
import pytest
from conftest import SPEC, Caller

CUSTOM = amdahl.spec_of({"type": "Custom", "props": {"code": "export default 1"}})
NOBODY = "/pages/00000000-0000-4000-8000-000000000000"


def rows(server, sql, *arguments):
    with sqlite3.connect(f"file:{server.store}/workspace.db?mode=ro", uri=True) as db:
        return db.execute(sql, arguments).fetchall()


# -- create and read ---------------------------------------------------------------------

def test_create(call, page):
    uuid.UUID(page["id"])
    assert page["name"] == "A page" and page["tags"] == ["x"] and page["description"] is None
    assert page["status"] == "draft" and page["version"] == 1
    assert page["spec"] == SPEC and page["declared_queries"] == []
    assert page["has_custom_nodes"] is False
    assert page["console_url"] == f"https://console.amdahl.co/local/pages/{page['id']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", page["created_at"])
    assert page["created_at"] == page["updated_at"]
    assert call("GET", f"/pages/{page['id']}").json == page


@pytest.mark.parametrize("body,field", [
    ({"spec": SPEC}, "name"), ({"name": "x"}, "spec"), ({"name": 1, "spec": SPEC}, "name"),
    ({"name": None, "spec": SPEC}, "name"), ({"name": "a\0b", "spec": SPEC}, "name"),
    ({"name": "x" * 10001, "spec": SPEC}, "name"),
    ({"name": "x", "spec": SPEC, "tags": "a"}, "tags"),
    ({"name": "x", "spec": SPEC, "tags": [1]}, "tags"),
    ({"name": "x", "spec": SPEC, "tags": None}, "tags"),
    ({"name": "x", "spec": SPEC, "description": 1}, "description"),
    ({"name": "x", "spec": SPEC, "status": "archived"}, "status"),
    ({"name": "x", "spec": SPEC, "status": "published"}, "status"),
    ({"name": "x", "spec": SPEC, "titel": 1}, "titel"),
])
def test_create_refused(call, body, field):
    answer = call("POST", "/pages", body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_argument")
    assert answer.error["details"]["field"] == field and field in answer.error["message"]
    assert call("GET", "/pages").json["total"] == 3


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "x" * 5000, "a/b\n\t", "\u00e9\U0001f600"])
def test_any_name_is_a_name(call, name):
    made = call("POST", "/pages", {"name": name, "spec": SPEC})
    assert made.status == 201
    again = call("POST", "/pages", {"name": name, "spec": SPEC})
    assert again.status == 201 and again.json["id"] != made.json["id"]
    assert call("GET", f"/pages/{made.json['id']}").json["name"] == name


def test_refused_by_the_verifier(call):
    bad = amdahl.spec_of({"type": "Headline", "props": {"text": "x"}})
    answer = call("POST", "/pages", {"name": "x", "spec": bad})
    assert (answer.status, answer.error["code"]) == (422, "verification_failed")
    verdict = answer.error["details"]
    assert verdict["ok"] is False and verdict["stages"]["compile"] is False
    assert "Headline" in verdict["errors"][0]["message"]
    assert verdict["errors"][0]["field"].startswith("spec.root.children[0]")
    dry = call("POST", "/pages/validate", {"spec": bad})
    assert dry.status == 200 and dry.json == verdict


def test_validate(call, reader):
    assert reader("POST", "/pages/validate", {"spec": SPEC}).json == {
        "ok": True, "stages": {"compile": True, "query": True, "bind": True},
        "errors": [], "has_custom_nodes": False}
    assert reader("POST", "/pages/validate", {}).json["ok"] is False
    assert reader("POST", "/pages/validate", {"spec": SPEC, "query": []}).status == 400
    assert call("GET", "/pages").json["total"] == 3


def test_custom_nodes_want_an_admin(call, author):
    assert author("POST", "/pages/validate", {"spec": CUSTOM}).json["has_custom_nodes"]
    answer = author("POST", "/pages", {"name": "x", "spec": CUSTOM})
    assert (answer.status, answer.error["code"]) == (403, "missing_scope")
    assert answer.error["details"]["required_scope"] == "pages:admin"
    made = call("POST", "/pages", {"name": "x", "spec": CUSTOM})
    assert made.status == 201 and made.json["has_custom_nodes"] is True
    path = f"/pages/{made.json['id']}"
    assert author("PATCH", path, {"declared_queries": []}).status == 403
    assert author("PATCH", path, {"name": "y"}).status == 200, "the code is untouched"
    assert author("PATCH", path, {"spec": SPEC}).json["has_custom_nodes"] is False


# -- texts -------------------------------------------------------------------------------

SPECS = [
    b'{"version":1,"root":{"type":"Heading","props":{"text":"a"}}}',
    b'{ "root" : {"props": {"text":"\\u00e9\\n\\ud83d\\ude00 \xc3\xa9", "z": 0.1, "y": [1.0, '
    b'12345678901234567890, 1e400, -0, 1E+2]},\r\n\t"type":"Heading"}, "version":1}',
    b'{"type":"Section","children":[{"type":"Text","text":"bare"}]}',
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_is_returned_as_it_was_sent(server, call, spec):
    queries = b'[ {"sql":"SELECT 1.0 AS x" ,"name":"q"} ]'
    made = call("POST", "/pages", b'{"spec":  %s  ,"name":"n","declared_queries":%s}'
                % (spec, queries))
    assert made.status == 201, made.body
    assert b'"spec":' + spec + b',"declared_queries":' + queries + b"}" in made.body
    path = f"/pages/{made.json['id']}"
    assert spec in call("GET", path).body
    assert spec in call("PATCH", path, {"name": "other"}).body
    other = SPECS[0].replace(b'"a"', b'"b"')
    assert other in call("PATCH", path, b'{"spec":' + other + b"}").body
    stored = rows(server, "SELECT spec FROM page_versions WHERE page_id = ? ORDER BY version",
                  made.json["id"])
    assert [text.encode() for text, in stored] == [spec, spec, other]


# -- change ------------------------------------------------------------------------------

def test_patch_changes_what_was_sent(call, page):
    path = f"/pages/{page['id']}"
    before = page
    for body in ({"name": "B"}, {"tags": ["y", "z"]}, {"description": "d"},
                 {"spec": amdahl.spec_of(amdahl.heading("other"))},
                 {"declared_queries": [{"name": "q", "source": "sql", "sql": "SELECT 1 AS a"}]},
                 {"description": None}, {"declared_queries": None}):
        answer = call("PATCH", path, body)
        assert answer.status == 200
        after = answer.json
        changed = {k: ([] if k == "declared_queries" and v is None else v)
                   for k, v in body.items()}
        assert after == {**before, **changed, "version": before["version"] + 1,
                         "updated_at": after["updated_at"]}
        assert after["updated_at"] > before["updated_at"]
        before = after
    assert call("GET", path).json == before


def test_times_grow_within_a_millisecond(server, call, page):
    path = f"/pages/{page['id']}"
    times = [call("PATCH", path, {"name": str(i)}).json["updated_at"] for i in range(30)]
    assert times == sorted(set(times))


def test_an_empty_patch_is_no_version(call, page):
    assert call("PATCH", f"/pages/{page['id']}", {}).json == page


def test_patch_is_verified_with_what_is_stored(call, page):
    path = f"/pages/{page['id']}"
    table = amdahl.spec_of({"type": "Table", "props": {"data": {"$query": "q"}}})
    query = [{"name": "q", "source": "sql", "sql": "SELECT 1 AS a"}]
    answer = call("PATCH", path, {"spec": table})
    assert answer.status == 422 and answer.error["details"]["stages"]["bind"] is False
    assert call("GET", path).json == page, "nothing was changed"
    assert call("PATCH", path, {"declared_queries": query}).status == 200
    assert call("PATCH", path, {"spec": table}).status == 200
    assert call("PATCH", path, {"declared_queries": []}).status == 422


@pytest.mark.parametrize("body", [{"id": "x"}, {"name": None}, {"status": "gone"},
                                  {"version": 1}, {"tags": {}}])
def test_patch_refused(call, page, body):
    answer = call("PATCH", f"/pages/{page['id']}", body)
    assert answer.status == 400
    assert answer.error["details"]["field"] == list(body)[0]
    assert call("GET", f"/pages/{page['id']}").json == page


def test_missing_pages(call):
    for method, path, body in (("GET", NOBODY, None), ("PATCH", NOBODY, {"name": "x"}),
                               ("DELETE", NOBODY, None), ("POST", NOBODY + "/render", {}),
                               ("POST", NOBODY + "/hard-delete", None),
                               ("GET", "/pages/%2e%2e", None), ("GET", "/pages/'--", None)):
        answer = call(method, path, body)
        assert (answer.status, answer.error["code"]) == (404, "not_found"), path


# -- archive, restore, delete ------------------------------------------------------------

def ids(call, query=""):
    return [p["id"] for p in call("GET", "/pages?limit=200" + query).json["items"]]


def test_archive_and_restore(server, call, page):
    path = f"/pages/{page['id']}"
    answer = call("DELETE", path)
    assert answer.status == 200 and "console_url" not in answer.json
    assert page["id"] not in ids(call)
    assert ids(call, "&status=archived") == [page["id"]]
    kept = call("GET", path).json
    assert kept["status"] == "archived" and kept["spec"] == SPEC
    assert "console_url" not in kept
    assert call("DELETE", path).status == 404
    assert call("POST", path + "/render").status == 404
    back = call("PATCH", path, {"status": "draft"}).json
    assert back["status"] == "draft" and back["console_url"] and page["id"] in ids(call)
    assert call("POST", path + "/render").status == 200
    versions = rows(server, "SELECT version, status FROM page_versions WHERE page_id = ? "
                    "ORDER BY version", page["id"])
    assert versions == [(1, "draft"), (2, "archived"), (3, "draft")]


def test_hard_delete(server, call, author, page):
    path = f"/pages/{page['id']}"
    assert author("POST", path + "/hard-delete").status == 403
    answer = call("POST", path + "/hard-delete")
    assert answer.status == 200 and "console_url" not in answer.json
    assert call("GET", path).status == 404
    assert call("PATCH", path, {"status": "draft"}).status == 404
    assert call("POST", path + "/hard-delete").status == 404
    assert not rows(server, "SELECT 1 FROM page_versions WHERE page_id = ?", page["id"])
    archived = call("POST", "/pages", {"name": "x", "spec": SPEC}).json["id"]
    call("DELETE", f"/pages/{archived}")
    assert call("POST", f"/pages/{archived}/hard-delete").status == 200


# -- lists -------------------------------------------------------------------------------

@pytest.fixture
def many(call):
    made = [call("POST", "/pages", {"name": f"n{i:02}", "spec": SPEC}).json for i in range(12)]
    return [p["id"] for p in reversed(made)]


def test_a_summary_has_no_body(call, page):
    summary = call("GET", "/pages?limit=1").json["items"][0]
    assert summary == {k: v for k, v in page.items() if k not in ("spec", "declared_queries")}


def test_list_by_offset(call, many):
    first = call("GET", "/pages?limit=5").json
    assert [p["id"] for p in first["items"]] == many[:5]
    assert {k: first[k] for k in ("limit", "offset", "total", "has_more")} == {
        "limit": 5, "offset": 0, "total": 15, "has_more": True}
    last = call("GET", "/pages?limit=5&offset=10").json
    assert [p["id"] for p in last["items"]][:2] == many[10:]
    assert (last["has_more"], last["next_cursor"], last["offset"]) == (False, None, 10)
    assert call("GET", "/pages?offset=100").json["items"] == []


def test_list_by_cursor(call, many):
    seen, cursor = [], ""
    while cursor is not None:
        page = call("GET", f"/pages?limit=4&cursor={cursor}").json
        seen += [p["id"] for p in page["items"]]
        cursor = page["next_cursor"]
        assert page["total"] == 15 or len(seen) > 4
        call("POST", "/pages", {"name": "made meanwhile", "spec": SPEC})
    assert seen[:12] == many and len(seen) == len(set(seen)) == 15


def test_limits_of_a_list(call):
    assert call("GET", "/pages").json["limit"] == 50
    assert call("GET", "/pages?limit=1000").json["limit"] == 200
    for query in ("limit=0", "limit=-1", "limit=x", "limit=", "offset=-1", "offset=1.5",
                  "cursor=nope", "cursor=1-2-3", "updated_at_gte=yesterday", "status=nope"):
        answer = call("GET", "/pages?" + query)
        assert (answer.status, answer.error["code"]) == (400, "invalid_argument"), query
        assert answer.error["details"]["field"] == query.split("=")[0]


def test_filters(call, many):
    pages = call("GET", "/pages").json["items"]
    newest, middle = pages[0], pages[7]    # some were made in one millisecond
    for field in ("created_at", "updated_at"):
        later = call("GET", f"/pages?{field}_gte={middle[field]}").json
        assert later["total"] == len([p for p in pages if p[field] >= middle[field]]) < 15
        earlier = call("GET", f"/pages?{field}_lte={middle[field]}").json
        assert earlier["total"] == len([p for p in pages if p[field] <= middle[field]]) < 15
    call("PATCH", f"/pages/{many[-1]}", {"name": "Touched"})
    touched = call("GET", f"/pages/{many[-1]}").json
    found = call("GET", f"/pages?updated_at_gte={touched['updated_at']}").json
    assert [p["id"] for p in found["items"]] == [many[-1]] and found["total"] == 1
    assert ids(call, "&q=tOUCH") == [many[-1]]
    assert ids(call, "&q=n0%25") == []
    assert newest["id"] in ids(call, "&status=draft")


# -- many at once ------------------------------------------------------------------------

def test_writers_at_once_lose_nothing(server, page):
    """Each PATCH sends another field: all arrive, each as a version of its own."""
    path, problems = f"/pages/{page['id']}", []
    bodies = [("name", lambda i: f"n{i}"), ("description", lambda i: f"d{i}"),
              ("tags", lambda i: [str(i)]),
              ("spec", lambda i: amdahl.spec_of(amdahl.heading(str(i))))]

    def write(field, value):
        call = Caller(server)
        for i in range(10):
            answer = call("PATCH", path, {field: value(i)})
            if answer.status != 200 or answer.json[field] != value(i):
                problems.append(answer.body)

    threads = [threading.Thread(target=write, args=b) for b in bodies]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not problems
    last = server.call("GET", path)[1]
    assert last["version"] == 41
    assert all(last[field] == value(9) for field, value in bodies)


def test_many_clients(server):
    done = []

    def work(n):
        call = Caller(server)
        for i in range(5):
            made = call("POST", "/pages", {"name": f"{n}-{i}", "spec": SPEC}).json
            assert call("GET", f"/pages/{made['id']}").json == made
            assert call("POST", "/data/query", {"sql": "SELECT 1 AS x"}).json["rows"] == [{"x": 1}]
            assert call("POST", f"/pages/{made['id']}/render").json == {"results": {}}
            done.append(made["id"])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(set(done)) == 80
    assert server.call("GET", "/pages?limit=200")[1]["total"] == 83
