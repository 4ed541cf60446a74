"""Fixtures of the server's tests: a server a test, and a caller that sends any bytes."""
import http.client
import json
import pathlib
import sys
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import amdahl  # noqa: E402


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The envelope of contract section 4, checked."""
        error = self.json["error"]
        assert isinstance(error["code"], str) and error["message"], self.body
        assert set(error) <= {"code", "message", "details"}
        return error


class Caller:
    """Requests on one kept connection. A body that is no bytes is sent as JSON."""

    def __init__(self, server, key="admin"):
        host = urllib.parse.urlsplit(server.url).netloc
        self.connection = http.client.HTTPConnection(host, timeout=60)
        self.headers = {"Authorization": f"Bearer {server.keys[key]}"} if key else {}

    def __call__(self, method, path, body=None, headers=None, prefix=amdahl.PREFIX):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.connection.request(method, prefix + path, body,
                                self.headers if headers is None else headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())


@pytest.fixture
def start(tmp_path):
    """start("--rate-limit", "5"): as many servers as a test needs."""
    made = []

    def start(*arguments, name=None):
        server = amdahl.Local(tmp_path / (name or f"server{len(made)}"), *arguments)
        made.append(server)
        return server.start()

    yield start
    for server in made:
        server.stop()


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def call(server):
    return Caller(server)


@pytest.fixture
def author(server):
    return Caller(server, "author")


@pytest.fixture
def reader(server):
    return Caller(server, "reader")


SPEC = amdahl.spec_of(amdahl.heading("Hello"))


@pytest.fixture
def page(call):
    answer = call("POST", "/pages", {"name": "A page", "tags": ["x"], "spec": SPEC})
    assert answer.status == 201, answer.body
    return answer.json
