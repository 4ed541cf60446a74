"""Routes, keys, scopes, bodies that are none, the budget, and how the server listens."""
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess

import amdahl
import pytest
from conftest import SPEC, Caller

UUID = "00000000-0000-4000-8000-000000000000"
ROUTES = [  # method, path, the scope it needs
    ("GET", "/me", None),
    ("GET", "/pages", "pages:read"),
    ("GET", f"/pages/{UUID}", "pages:read"),
    ("GET", "/pages/templates", "pages:read"),
    ("GET", "/pages/templates/pipeline-health", "pages:read"),
    ("POST", "/pages/validate", "pages:read"),
    ("POST", f"/pages/{UUID}/render", "pages:read"),
    ("POST", "/data/query", "data:read"),
    ("POST", "/agents/run", "workflows:write"),
    ("GET", "/agents/as_01J00000000000000000000000/status", "workflows:read"),
    ("GET", "/agents/as_01J00000000000000000000000/stream", "workflows:read"),
    ("POST", "/agents/as_01J00000000000000000000000/resume", "workflows:write"),
    ("POST", "/agents/as_01J00000000000000000000000/cancel", "workflows:write"),
    ("GET", "/agent-runs", "workflows:read"),
    ("GET", "/agent-runs/as_01J00000000000000000000000", "workflows:read"),
    ("GET", "/agent-profiles", "workflows:read"),
    ("POST", "/pages", "pages:write"),
    ("PATCH", f"/pages/{UUID}", "pages:write"),
    ("DELETE", f"/pages/{UUID}", "pages:write"),
    ("POST", f"/pages/{UUID}/hard-delete", "pages:delete"),
]


# -- keys and scopes ---------------------------------------------------------------------

def test_keys_file(server):
    path = server.store / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.store.stat().st_mode) == 0o700
    assert list(server.keys) == ["admin", "author", "reader"]
    assert len(set(server.keys.values())) == 3
    assert all(re.fullmatch(r"amdahl_sk_local_[0-9a-f]{40}", k) for k in server.keys.values())


def test_every_route_wants_a_key(server):
    for method, path, _ in ROUTES:
        for headers in ({}, {"Authorization": "Bearer nope"}, {"X-API-Key": ""}):
            answer = Caller(server, None)(method, path, b"{}", headers)
            assert (answer.status, answer.error["code"]) == (401, "unauthenticated"), path


def test_every_route_wants_its_scope(server):
    have = {name: set(Caller(server, name)("GET", "/me").json["scopes"])
            for name in server.keys}
    assert have["reader"] == {"pages:read", "data:read"}
    assert have["author"] == have["reader"] | {"pages:write", "workflows:read",
                                               "workflows:write"}
    assert have["admin"] > have["author"] | {"pages:delete", "pages:admin"}
    for name in server.keys:
        call = Caller(server, name)
        for method, path, scope in ROUTES:
            answer = call(method, path, b"{}")
            if scope and scope not in have[name]:
                assert (answer.status, answer.error["code"]) == (403, "missing_scope")
                assert answer.error["details"]["required_scope"] == scope
                assert scope in answer.error["message"]
            else:
                assert answer.status not in (401, 403), (method, path, answer.body)


def test_authorization_wins(server):
    call = Caller(server, None)
    good, bad = server.keys["reader"], "wrong"
    for headers, status in (
            ({"Authorization": f"Bearer {good}", "X-API-Key": bad}, 200),
            ({"Authorization": f"Bearer {bad}", "X-API-Key": good}, 401),
            ({"Authorization": "Basic Zm9v", "X-API-Key": good}, 401),
            ({"Authorization": f"bearer {good}"}, 200),
            ({"X-API-Key": good, "X-Business-Id": "anything"}, 200),
            ({"X-API-Key": good + "x"}, 401),
            ({"X-API-Key": good[:-1]}, 401)):
        assert call("GET", "/me", headers=headers).status == status, headers


def test_me(call):
    me = call("GET", "/me").json
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", me["business_id"])
    assert me["expires_at"] is None and me["user_id"]
    assert me["business_id"] == call("GET", "/me").json["business_id"]


# -- routes ------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/nope", "/pages/", "/pages//render", "/me/", "/pages/a/b",
                                  "/pages/" + "x" * 300, "/pages/templates/a/b", ""])
def test_no_such_route(call, path):
    answer = call("GET", path)
    assert (answer.status, answer.error["code"]) == (404, "not_found")


def test_the_prefix_is_needed(call):
    assert call("GET", "/me", prefix="").status == 404
    assert call("GET", "/", prefix="").status == 404


@pytest.mark.parametrize("method,path,allow", [
    ("PUT", "/pages", "GET, POST"),
    ("DELETE", "/me", "GET"),
    ("GET", "/pages/validate", "POST"),
    ("PATCH", "/pages/templates", "GET"),
    ("POST", f"/pages/{UUID}", "GET, PATCH, DELETE"),
    ("GET", "/data/query", "POST"),
])
def test_wrong_method(call, method, path, allow):
    answer = call(method, path, b"{}" if method != "GET" else None)
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


def test_head(call):
    answer = call("HEAD", "/pages")
    assert answer.status == 200 and answer.body == b""


def test_one_connection_serves_many(call):
    for _ in range(50):
        assert call("GET", "/me").status == 200
        assert call("GET", "/nope").status == 404
        assert call("POST", "/pages", b"{").status == 400


# -- bodies ------------------------------------------------------------------------------

@pytest.mark.parametrize("body,line,column", [
    (b"{", 1, 2), (b'{"name": "x",\n  nope}', 2, 3), (b'{"a":1}x', 1, 8),
    (b'{"a":01}', 1, None), (b'{"a":"\xff"}', 1, None), (b"[" * 5000, 1, None)])
def test_bad_json(call, body, line, column):
    for method, path in (("POST", "/pages"), ("POST", "/pages/validate"),
                         ("PATCH", f"/pages/{UUID}"), ("POST", "/data/query")):
        answer = call(method, path, body)
        assert (answer.status, answer.error["code"]) == (400, "invalid_argument")
        assert answer.error["details"]["line"] == line
        assert column in (None, answer.error["details"]["column"])


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"1"])
def test_a_body_is_an_object(call, body):
    for path in ("/pages", "/pages/validate", "/data/query"):
        answer = call("POST", path, body)
        assert (answer.status, answer.error["code"]) == (400, "invalid_argument")


def test_too_large_a_body(call):
    body = b'{"name":"' + b"x" * (9 << 20) + b'"}'
    answer = call("POST", "/pages", body)
    assert (answer.status, answer.error["code"]) == (413, "payload_too_large")
    assert call("GET", "/me").status == 200, "the connection still serves"


def test_too_large_a_body_is_refused_before_it_is_sent(server):
    head = ("POST /api/platform/v1/pages HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {server.keys['admin']}\r\n"
            f"Content-Length: {9 << 20}\r\nExpect: 100-continue\r\n\r\n")
    host, port = server.url[7:].split(":")
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(head.encode())
        assert s.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_the_largest_size_is_read(call):
    text = "x" * (8 << 20)
    body = json.dumps({"spec": amdahl.spec_of(amdahl.heading(text[:-200]))}).encode()
    assert (8 << 20) - 200 < len(body) <= 8 << 20
    assert call("POST", "/pages/validate", body).status == 200


def test_garbage_on_the_wire(server, call):
    host, port = server.url[7:].split(":")
    for junk in (b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000,
                 b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"POST /api/platform/v1/pages HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"):
        with socket.create_connection((host, int(port)), timeout=30) as s:
            s.sendall(junk)
    assert call("GET", "/me").status == 200


# -- the budget --------------------------------------------------------------------------

def test_no_limit_by_default(call):
    assert "X-RateLimit-Limit" not in call("GET", "/me").headers


def test_rate_limit(start):
    call = Caller(start("--rate-limit", "5"))
    for remaining in (4, 3, 2, 1, 0):
        answer = call("GET", "/nope" if remaining == 2 else "/me")
        assert answer.headers["X-RateLimit-Limit"] == "5"
        assert answer.headers["X-RateLimit-Remaining"] == str(remaining)
        assert 1 <= int(answer.headers["X-RateLimit-Reset"]) <= 60
    answer = call("GET", "/me")
    assert (answer.status, answer.error["code"]) == (429, "rate_limited")
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert answer.json["retry_after"] == wait
    assert answer.error["details"]["retry_after_seconds"] == wait
    assert answer.headers["X-RateLimit-Remaining"] == "0"


def test_rate_limit_window(start):
    import time
    call = Caller(start("--rate-limit", "3/1"))
    assert [call("GET", "/me").status for _ in range(4)] == [200, 200, 200, 429]
    time.sleep(1.1)
    assert call("GET", "/me").status == 200


def test_the_guide_waits_and_tries_again(start, monkeypatch):
    """with_retry of the platform's Python guide, as it is printed."""
    pytest.importorskip("requests")
    server = start("--rate-limit", "1/1")
    monkeypatch.setenv("AMDAHL_URL", server.url)
    monkeypatch.setenv("API_KEY", server.keys["reader"])
    import importlib
    import guide_client
    guide = importlib.reload(guide_client)
    client = guide.AmdahlClient()
    for _ in range(2):
        assert guide.with_retry(lambda: client.get("/me"))["business_id"]
    with pytest.raises(guide.AmdahlError) as err:
        for _ in range(2):
            client.get("/me")
    assert err.value.status == 429 and err.value.body["retry_after"] == 1


# -- listening, starting, ending ---------------------------------------------------------

class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def run_for_usage(*arguments):
    return amdahl.run([amdahl.program("amdahl-local", "AMDAHL_LOCAL_BIN"), *arguments],
                      env={**os.environ, **amdahl.sanitizer_env()})


def test_unix_socket(tmp_path):
    path = tmp_path / "sock"
    old = socket.socket(socket.AF_UNIX)
    old.bind(str(path))   # a dead server's: replaced
    old.close()
    daemon = amdahl.Daemon([amdahl.program("amdahl-local", "AMDAHL_LOCAL_BIN"), "--dir",
                            tmp_path / "ws", "--socket", path], tmp_path / "log")
    try:
        line = daemon.process.stdout.readline().decode()
        assert line == f"amdahl-local: listening on unix:{path}\n", daemon.text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        keys = json.loads((tmp_path / "ws/keys.json").read_text())
        connection = UnixConnection(str(path))
        for _ in range(3):
            connection.request("GET", amdahl.PREFIX + "/me",
                               headers={"X-API-Key": keys["reader"]})
            response = connection.getresponse()
            assert response.status == 200 and json.loads(response.read())["scopes"]
        again = run_for_usage("--dir", tmp_path / "ws2", "--socket", path)
        assert again.returncode == 1 and "in use" in again.stderr
    finally:
        daemon.process.terminate()
        assert not daemon.finish()
    assert not path.exists()


def test_usage():
    assert run_for_usage("--help").returncode == 0
    assert run_for_usage("--version").stdout.startswith("amdahl-local ")
    for arguments in ([], ["--dir"], ["--dir", "x", "more"], ["--nope"],
                      ["--dir", "x", "--rate-limit", "many"],
                      ["--dir", "x", "--listen", "a:1", "--socket", "b"]):
        done = run_for_usage(*arguments)
        assert done.returncode == 2 and "--help" in done.stderr, arguments


def test_refused_starts(tmp_path, server):
    for arguments, why in ((["--listen", "nonsense"], "ADDR:PORT"),
                           (["--listen", server.url[7:]], "in use"),
                           (["--import", "/nonexistent.csv"], "No such file"),
                           (["--access-log", "/nonexistent/x"], "No such file")):
        done = run_for_usage("--dir", tmp_path / "other", *arguments)
        assert done.returncode == 1 and why in done.stderr, (arguments, done.stderr)
    done = run_for_usage("--dir", "/nonexistent/x")
    assert done.returncode == 1 and "/nonexistent/x" in done.stderr


def test_everything_is_there_after_a_restart(server):
    page = server.create("kept", SPEC)
    me = server.call("GET", "/me")
    server.stop()
    server.start()
    assert server.call("GET", f"/pages/{page['id']}")[1] == page
    assert server.call("GET", "/me") == me
    assert len(server.pages()) == 4, "the sample pages are made once"


def test_what_was_answered_survives_kill(server):
    page = server.create("kept", SPEC)
    os.kill(server.daemon.pid, signal.SIGKILL)
    server.daemon.process.wait()
    server.daemon = None
    server.start()
    assert server.call("GET", f"/pages/{page['id']}")[1] == page


def test_signals_end_it_at_once(server):
    idle = Caller(server)   # a kept connection must not hold it up
    assert idle("GET", "/me").status == 200
    server.daemon.process.send_signal(signal.SIGINT)
    assert server.daemon.process.wait(10 * amdahl.SLOW) == 0
    server.stop()


def test_access_log(server, call):
    server.forget()
    call("GET", "/pages?limit=2&q=a%20b")
    call("POST", "/pages", b'{"x')
    lines = server.access.read_text().splitlines()
    assert [server.count(), server.count("POST", "^/pages$")] == [2, 1]
    first, second = (json.loads(line) for line in lines)
    assert (first["query"], first["status"]) == ("limit=2&q=a%20b", 200)
    assert (second["status"], second["bytes"]) == (400, 3)
    assert not any(key in "\n".join(lines) for key in server.keys.values())
