"""What the data is and what it says: /data/explore, /data/search, and the searches of pages."""
import json

import amdahl
import pytest
from conftest import Caller

ODD_TEXTS = ['"', "'", '"pricing', "pricing OR", "NEAR(", "NEAR(pricing, 2)", "title:pricing", "*",
             "^pricing", "pricing*", "-pricing", "(((", "{a b}: c", "pri\0cing", "é — €", "\u202e",
             "AND", "NOT", "; DROP TABLE documents", "x" * 70000, "a " * 30000, "%", "_"]


def search(call, text, **more):
    return call("POST", "/data/search", {"query": text, **more})


def ids(answer):
    assert answer.status == 200, answer.body
    return [r["id"] for r in answer.json["results"]]


def explore(call, **body):
    answer = call("POST", "/data/explore", body)
    assert answer.status == 200, answer.body
    return answer.json


# -- /data/explore -----------------------------------------------------------------------

def test_explore_all(reader):
    found = explore(reader)
    assert set(found) == {"scope", "tables", "clusters", "knowledge"}
    (table,) = found["tables"]
    assert table["name"] == "interactions" and table["row_count"] >= 5000
    assert len(table["sample_rows"]) == 3 and "channel" in table["sample_rows"][0]
    columns = {c["name"]: c for c in table["columns"]}
    assert "business_id" not in columns
    assert {columns[c]["type"] for c in ("timestamp", "closed_at")} == {"timestamp"}
    assert columns["amount"]["type"] == "real" and columns["amount"]["null_count"] > 0
    assert sorted(v["value"] for v in columns["channel"]["values"]) == [
        "call", "chat", "email", "meeting", "web"]
    assert sum(v["count"] for v in columns["channel"]["values"]) == table["row_count"]
    assert columns["id"]["distinct_count"] == table["row_count"]
    assert columns["id"]["samples"] and "values" not in columns["id"]
    assert found["clusters"][0]["size"] >= found["clusters"][-1]["size"] > 0
    assert len(found["knowledge"]) == 12 and all(d["excerpt"] for d in found["knowledge"])


@pytest.mark.parametrize("scope, member", [("schema", "tables"), ("clusters", "clusters"),
                                           ("knowledge", "knowledge")])
def test_explore_a_part(reader, scope, member):
    found = explore(reader, scope=scope, include_samples=False)
    assert set(found) == {"scope", member} and found["scope"] == scope and found[member]
    if scope == "schema":
        (table,) = found["tables"]
        assert "sample_rows" not in table
        assert not any({"values", "samples"} & set(c) for c in table["columns"])
    if scope == "knowledge":
        assert not any("excerpt" in d for d in found["knowledge"])


def test_explore_without_a_body(reader):
    assert set(reader("POST", "/data/explore").json) >= {"tables", "clusters", "knowledge"}


@pytest.mark.parametrize("body", [{"scope": "pages"}, {"scope": None}, {"include_samples": 1},
                                  {"scop": "all"}, []])
def test_explore_refused(reader, body):
    assert reader("POST", "/data/explore", body).status == 400


# -- /data/search ------------------------------------------------------------------------

def test_search(reader):
    assert ids(search(reader, "What do customers say about pricing?"))[0] == "doc_pricing"
    assert ids(search(reader, "globex battlecard"))[0] == "doc_globex"
    assert ids(search(reader, "onboarding", limit=1)) == ["doc_onboarding"]
    assert len(ids(search(reader, "the customers", limit=10 ** 9))) > 1
    answer = search(reader, "unheardof", mode="semantic").json
    assert answer == {"query": "unheardof", "mode": "keyword", "count": 0, "results": []}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_any_text_can_be_searched(reader, text):
    answer = search(reader, text)
    assert answer.status == 200, answer.body
    assert answer.json["query"] == text


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": " \n"}, {"query": "\0"}, {"query": 1},
                                  {"query": "x", "mode": "psychic"}, {"query": "x", "limit": 0},
                                  {"query": "x", "q": "y"}])
def test_search_refused(reader, body):
    answer = reader("POST", "/data/search", body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_argument")


def test_a_key_is_needed(server):
    for path in ("/data/search", "/data/explore"):
        assert Caller(server, None)("POST", path, {"query": "x"}).status == 401


# -- pages that search -------------------------------------------------------------------

def page_with(call, columns, **declared):
    data = {"$query": "q"}
    spec = amdahl.spec_of({"type": "Table", "props": {"data": data, "columns": columns}})
    return call("POST", "/pages", {"name": "s", "spec": spec,
                                   "declared_queries": [{"name": "q", **declared}]})


def rows_of(call, made):
    assert made.status == 201, made.body
    result = call("POST", f"/pages/{made.json['id']}/render").json["results"]["q"]
    assert "error" not in result, result
    return result["rows"]


def test_a_page_searches_documents(call, reader):
    made = page_with(call, ["title", "score", "snippet"], source="kb_search", query="seat pricing")
    rows = rows_of(reader, made)
    assert rows[0]["title"] == "Pricing guide"
    assert list(rows[0]) == ["id", "title", "kind", "score", "snippet", "body", "updated_at"]
    assert [r["score"] for r in rows] == sorted((r["score"] for r in rows), reverse=True)


def test_a_page_searches_clusters(call, reader):
    made = page_with(call, ["label", "size"], source="cluster_search", query="complained pricing",
                     target="interactions")
    rows = rows_of(reader, made)
    assert list(rows[0]) == ["cluster", "label", "size", "share", "example"]
    assert [r["size"] for r in rows] == sorted((r["size"] for r in rows), reverse=True)
    assert all("complained about pricing" in r["example"] for r in rows)
    assert abs(sum(r["share"] for r in rows) - 1) < 0.01
    assert rows_of(reader, made) == rows


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_a_page_may_search_any_text(call, text):
    for declared in ({"source": "kb_search"}, {"source": "cluster_search", "target": "interactions"}):
        made = page_with(call, [], query=text, **declared)
        if "\0" in text:
            assert made.status == 422
        else:
            rows_of(call, made)


def test_columns_are_checked(call):
    made = page_with(call, ["size"], source="kb_search", query="x")
    assert made.status == 422
    (error,) = made.error["details"]["errors"]
    assert error["stage"] == "bind" and "no column size" in error["message"]
    made = page_with(call, [], source="cluster_search", query="x", target="pages")
    assert made.error["details"]["errors"][0]["field"] == "declared_queries[0].target"


# -- what an import brings ---------------------------------------------------------------

def test_an_imported_table_is_searched(start, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("Rank,Note,Business ID,When\n"
                    "a,the printer on the third floor is broken again,secret,2026-01-02\n"
                    "b,third floor printer broken since monday again,secret,2026-01-03\n"
                    "c,please order more coffee for the kitchen,secret,2026-01-03\n")
    call = Caller(start("--import", str(path)))
    columns = {c["name"]: c for c in explore(call, scope="schema")["tables"][0]["columns"]}
    assert columns["when"]["type"] == "date" and columns["rank"]["distinct_count"] == 3
    assert "business_id" not in columns
    made = page_with(call, ["label"], source="cluster_search", query="broken printers",
                     target="interactions")
    (row,) = rows_of(call, made)
    assert row["size"] == 2 and "printer" in row["example"]
    assert explore(call, scope="knowledge")["knowledge"] == []
    assert ids(search(call, "printer")) == []
    made = page_with(call, [], source="cluster_search", query="secret", target="interactions")
    assert rows_of(call, made) == [], "the tenant's column is not searched"


def test_another_import_replaces_the_index(start, tmp_path, server):
    path = tmp_path / "other.csv"
    path.write_text("note\nonly one row about umbrellas here\n")
    server.stop()
    server.arguments = ("--import", str(path))
    server.start()
    call = Caller(server)
    made = page_with(call, [], source="cluster_search", query="pricing", target="interactions")
    assert rows_of(call, made) == []
    made = page_with(call, [], source="cluster_search", query="umbrella", target="interactions")
    assert rows_of(call, made)[0]["size"] == 1
    assert json.loads(call("POST", "/data/query", {"sql": "SELECT COUNT(*) AS n FROM interactions"})
                      .body)["rows"] == [{"n": 1}]
