"""Rows: /data/query, render, templates, the demo data and imports."""
import json
import threading
import time

import amdahl
import pytest
from conftest import Caller

SLOW_SQL = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT max(i) AS m FROM n")


def query(call, sql, **more):
    return call("POST", "/data/query", {"sql": sql, **more})


def column(answer, name):
    return [row[name] for row in answer.json["rows"]]


# -- /data/query -------------------------------------------------------------------------

def test_query(reader):
    answer = query(reader, "SELECT channel, COUNT(*) AS n FROM interactions GROUP BY channel "
                           "ORDER BY n DESC")
    assert answer.status == 200
    result = answer.json
    assert result["columns"] == ["channel", "n"]
    assert sorted(column(answer, "channel")) == ["call", "chat", "email", "meeting", "web"]
    assert sum(column(answer, "n")) >= 5000
    assert result["row_count"] == result["rowCount"] == 5
    assert result["truncated"] is False and result["duration_ms"] >= 0


def test_query_limit(reader):
    answer = query(reader, "SELECT id FROM interactions", limit=3)
    assert (answer.json["row_count"], answer.json["truncated"]) == (3, True)
    assert query(reader, "SELECT id FROM interactions", limit=10 ** 9).status == 200
    for limit in (0, -1, "3", 1.5, True, []):
        answer = query(reader, "SELECT 1", limit=limit)
        assert answer.status == 400 and answer.error["details"]["field"] == "limit", limit


def test_query_params(reader):
    answer = query(reader, "SELECT @a AS a, @b AS b", params={"a": "it's", "b": 1.5})
    assert answer.json["rows"] == [{"a": "it's", "b": 1.5}]
    assert query(reader, "SELECT 1", params=[1]).status == 400


@pytest.mark.parametrize("sql", [
    "DELETE FROM interactions", "SELECT 1; SELECT 2", "SELECT * FROM pages",
    "SELECT * FROM sqlite_master", "SELECT business_id FROM interactions", "PRAGMA user_version",
    "ATTACH '/tmp/x' AS x", "", "SELECT nope FROM interactions", "UPDATE pages SET name = 1",
    "INSERT INTO interactions DEFAULT VALUES", "SELECT load_extension('x')"])
def test_query_refused(reader, call, sql):
    answer = query(reader, sql)
    assert (answer.status, answer.error["code"]) == (400, "invalid_argument")
    assert answer.error["details"]["field"] == "sql"
    assert sum(column(query(call, "SELECT count(*) AS n FROM interactions"), "n")) >= 5000


def test_query_error_has_its_place(reader):
    answer = query(reader, "SELECT channel\nFROM interactions\nWHERE  nope = 1")
    assert answer.error["details"] == {"field": "sql", "line": 3, "column": 8}


@pytest.mark.parametrize("body", [{}, {"sql": 1}, {"sql": None}, {"sql": "SELECT\0"},
                                  {"sql": "SELECT 1", "query": "x"}])
def test_query_bodies_refused(reader, body):
    assert reader("POST", "/data/query", body).status == 400


def test_an_endless_query_ends_and_holds_up_nobody(server, reader):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        query(Caller(server, "reader"), SLOW_SQL))) for _ in range(3)]
    [t.start() for t in threads]
    time.sleep(0.2)
    begun = time.monotonic()
    assert query(reader, "SELECT 1 AS x").json["rows"] == [{"x": 1}]
    assert time.monotonic() - begun < 1.5 * amdahl.SLOW, "it waited behind the slow ones"
    [t.join() for t in threads]
    assert [a.error["code"] for a in answers] == ["query_timeout"] * 3
    assert [a.status for a in answers] == [400] * 3, "5xx would be tried again"


# -- demo data and templates -------------------------------------------------------------

def test_demo_is_fresh(reader):
    answer = query(reader, "SELECT min(timestamp) < date('now', '-530 days') AS old, "
                           "max(timestamp) > date('now', '-3 days') AS new, "
                           "max(timestamp) <= datetime('now') AS past, "
                           "count(DISTINCT company_name) AS companies FROM interactions")
    row, = answer.json["rows"]
    assert 40 <= row.pop("companies") <= 48    # one whose only deal is to come has none
    assert row == {"old": 1, "new": 1, "past": 1}


def rendered(answer):
    assert answer.status == 200, answer.body
    results = answer.json["results"]
    assert results
    for name, result in results.items():
        assert not result.get("error"), (name, result)
        assert result["rows"], name
    return results


def test_sample_pages_render(server, reader):
    pages = server.pages()
    assert {p["name"] for p in pages} == {"Weekly sentiment", "Pipeline health",
                                          "Account activity"}
    for page in pages:
        rendered(reader("POST", f"/pages/{page['id']}/render", {}))


def test_templates(call, reader):
    listed = reader("GET", "/pages/templates").json
    assert [t["slug"] for t in listed["items"]] == [
        "pipeline-health", "voice-of-customer", "competitive-battlecard", "win-rate-gauge",
        "pipeline-funnel", "deal-size-distribution"]
    for summary in listed["items"]:
        assert set(summary) == {"slug", "name", "intent"}
        template = reader("GET", f"/pages/templates/{summary['slug']}").json
        assert {k: template[k] for k in summary} == summary
        made = call("POST", "/pages", {"name": template["name"], "spec": template["spec"],
                                       "declared_queries": template["declared_queries"]})
        assert made.status == 201, made.body
        rendered(reader("POST", f"/pages/{made.json['id']}/render"))
    assert reader("GET", "/pages/templates/nope").status == 404


# -- render ------------------------------------------------------------------------------

def page_with(call, *queries):
    made = call("POST", "/pages", {"name": "r", "spec": amdahl.spec_of(),
                                   "declared_queries": list(queries)})
    assert made.status == 201, made.body
    return f"/pages/{made.json['id']}/render"


def sql(name, text, **more):
    return {"name": name, "source": "sql", "sql": text, **more}


def test_render_with_params(call, reader):
    path = page_with(call, sql("one", "SELECT channel, count(*) AS n FROM interactions "
                                      "WHERE channel = @channel GROUP BY channel",
                               params={"channel": "string"}))
    answer = reader("POST", path, {"params": {"channel": "email"}}).json
    assert [r["channel"] for r in answer["results"]["one"]["rows"]] == ["email"]
    for body in ({"params": {}}, {"params": None}, {}, None):
        assert reader("POST", path, body).json["results"]["one"]["rows"] == []
    assert reader("POST", path, {"params": []}).status == 400
    assert reader("POST", path, {"parms": {}}).status == 400
    assert reader("POST", path, b"{").status == 400


def test_one_bad_query_fills_only_its_own_error(call, reader):
    path = page_with(call, sql("good", "SELECT 1 AS x"), sql("slow", SLOW_SQL),
                     sql("also", "SELECT 2 AS y"))
    results = reader("POST", path).json["results"]
    assert list(results) == ["good", "slow", "also"]
    assert results["good"] == {"rows": [{"x": 1}]} and results["also"] == {"rows": [{"y": 2}]}
    assert results["slow"]["rows"] == [] and results["slow"]["error"]


# -- import ------------------------------------------------------------------------------

def test_import(start, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b'\xef\xbb\xbfDeal Name,Amount,Won at,Count,Zip,Amount\r\n'
                     b'"Big, ""old"" one",10.5,2026-01-02,3,01234,x\r\n'
                     b'"two\nlines",2,,4,55555,\r\n')
    server = start("--import", str(path))
    call = Caller(server)
    answer = query(call, "SELECT * FROM interactions ORDER BY count")
    assert answer.json["rows"] == [
        {"deal_name": 'Big, "old" one', "amount": 10.5, "won_at": "2026-01-02", "count": 3,
         "zip": "01234", "amount_2": "x"},
        {"deal_name": "two\nlines", "amount": 2, "won_at": None, "count": 4,
         "zip": "55555", "amount_2": None}]
    server.stop()
    server.arguments = ()
    server.start()
    assert query(Caller(server), "SELECT sum(count) AS n FROM interactions").json["rows"] == [{"n": 7}]


def test_a_bad_import_leaves_the_old_data(server, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n3,4,5\n")
    server.stop()
    done = amdahl.run([amdahl.program("amdahl-local", "AMDAHL_LOCAL_BIN"), "--dir", server.store,
                       "--listen", "127.0.0.1:0", "--import", path])
    assert done.returncode == 1
    assert f"{path}: line 3: 3 fields" in done.stderr
    server.start()
    count = query(Caller(server), "SELECT count(*) AS n FROM interactions WHERE deal_stage "
                                  "IS NOT NULL").json["rows"][0]["n"]
    assert count == 420
