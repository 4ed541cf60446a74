"""The fake platform does what its Shape says: a fault there is not to be looked for in
the driver."""
import http.client
import json
import time
import urllib.error
import urllib.request

import pytest

from fakeplatform import PREFIX, FakePlatform, Shape, normalised, simple_spec, verify


def ask(fake, method, path, body=None, headers=None):
    request = urllib.request.Request(
        fake.url + PREFIX + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers=headers or {"X-API-Key": fake.key})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as err:
        return err.code, json.loads(err.read())


ENVELOPES = {
    ("offset", "items"): lambda a: a["items"], ("offset", "pages"): lambda a: a["pages"],
    ("offset", "data"): lambda a: a["data"], ("offset", "bare"): lambda a: a,
    ("offset", "data.items"): lambda a: a["data"]["items"],
    ("offset", "other"): lambda a: a["workspace_pages"],
}


@pytest.mark.parametrize("shape", ENVELOPES)
def test_envelopes_and_offsets(shape):
    with FakePlatform(Shape(paging=shape[0], envelope=shape[1])) as fake:
        for i in range(5):
            fake.add_page(f"p{i}")
        names = []
        for offset in (0, 2, 4):
            answer = ask(fake, "GET", f"/pages?limit=2&offset={offset}")[1]
            names += [p["name"] for p in ENVELOPES[shape](answer)]
        assert names == ["p0", "p1", "p2", "p3", "p4"]


def test_cursors():
    with FakePlatform(Shape(paging="cursor")) as fake:
        for i in range(5):
            fake.add_page(f"p{i}")
        names, cursor = [], ""
        while cursor is not None:
            answer = ask(fake, "GET", f"/pages?limit=2{cursor}")[1]
            names += [p["name"] for p in answer["items"]]
            cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
        assert names == ["p0", "p1", "p2", "p3", "p4"]


@pytest.mark.parametrize("errors, of", [
    ("object", lambda a: a["error"]["code"]), ("code", lambda a: a["error"]),
    ("sentence", lambda a: a["code"]), ("flat", lambda a: a["code"]),
    ("success_false", lambda a: a["data"]["error"]["code"])])
def test_error_shapes(errors, of):
    with FakePlatform(Shape(errors=errors)) as fake:
        status, answer = ask(fake, "GET", "/pages/nobody")
        assert of(answer) == "not_found"
        assert status == (200 if errors == "success_false" else 404)


def test_verdicts():
    bad = {"name": "x", "spec": {"root": {"type": "Nope"}}}
    for shape, of in (("body", lambda a: a), ("details", lambda a: a["error"]["details"]),
                      ("details.verdict", lambda a: a["error"]["details"]["verdict"]),
                      ("ok_status", lambda a: a)):
        with FakePlatform(Shape(verdict=shape)) as fake:
            status, answer = ask(fake, "POST", "/pages", bad)
            assert of(answer)["errors"][0]["field"] == "spec.root.type"
            assert status == (200 if shape == "ok_status" else 422)
            assert fake.pages == {}


def test_keys():
    for auth, good, wrong in (("x-api-key", "X-API-Key", "Authorization"),
                              ("bearer", "Authorization", "X-API-Key")):
        with FakePlatform(Shape(auth=auth)) as fake:
            values = {"X-API-Key": fake.key, "Authorization": f"Bearer {fake.key}"}
            assert ask(fake, "GET", "/me", headers={good: values[good]})[0] == 200
            assert ask(fake, "GET", "/me", headers={wrong: values[wrong]})[0] == 401


def test_normalising():
    assert json.dumps(normalised({"b": 1.0, "a": [{"d": 0.5, "c": 2.0}]})) == (
        '{"a": [{"c": 2, "d": 0.5}], "b": 1}')


def test_the_verifier():
    assert verify(simple_spec("x"), [])["ok"]
    assert verify({"type": "Section", "children": []}, None)["ok"], "the bare form"
    said = verify({"root": {"type": "Table", "props": {"data": {"$query": "q"}}}},
                  [{"name": "r", "sql": "DROP TABLE x"}])
    assert [(e["stage"], e["field"]) for e in said["errors"]] == [
        ("bind", "spec.root.props.data"), ("query", "declared_queries[0].sql")]


def test_losing_the_answer_of_a_warm_connection():
    with FakePlatform() as fake:
        fake.fault("POST", "^/pages$", "drop_after", times=1, arg="fin")
        line = http.client.HTTPConnection(fake.url.removeprefix("http://"))
        line.request("GET", PREFIX + "/me", headers={"X-API-Key": fake.key})
        assert line.getresponse().read()
        line.request("POST", PREFIX + "/pages", json.dumps(
            {"name": "x", "spec": simple_spec("x")}), {"X-API-Key": fake.key})
        with pytest.raises(http.client.RemoteDisconnected):
            line.getresponse()
        assert len(fake.pages) == 1
        assert fake.matching("POST")[0].connection == fake.matching("GET")[0].connection


def test_a_hang_ends_with_heal():
    with FakePlatform() as fake:
        fake.fault("GET", "/me", "hang")
        line = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=0.3)
        with pytest.raises(TimeoutError):
            line.request("GET", PREFIX + "/me", headers={"X-API-Key": fake.key})
            line.getresponse()
        fake.heal()
        time.sleep(0.05)
        assert ask(fake, "GET", "/me")[0] == 200
