"""Agents as a client of the platform's guide sees them, and streams by hand."""
import http.client
import json
import threading
import urllib.parse

import amdahl

ENDS = {"complete", "failed", "canceled"}


def begin(call, profile, task, **more):
    answer = call("POST", "/agents/run", {"profile_id": profile, "task": task, **more})
    assert answer.status == 200, answer.body
    assert answer.json["success"] is True and answer.json["session_id"].startswith("as_")
    return answer.json["session_id"]


def status(call, session):
    answer = call("GET", f"/agents/{session}/status")
    assert answer.status == 200, answer.body
    return answer.json


def wait(call, session, *wanted, seconds=60):
    """Until it has one of these statuses (or has ended, when none are given)."""
    wanted = set(wanted) or ENDS

    def reached():
        now = status(call, session)
        assert now["status"] in wanted or now["status"] not in ENDS, now
        return now if now["status"] in wanted else None
    return amdahl.wait_for(reached, seconds, f"{session} to be {wanted}", pause=0.05)


def resume(call, session, answer, expect=200):
    done = call("POST", f"/agents/{session}/resume", {"input": answer})
    assert done.status == expect, done.body
    return done


class Stream:
    """One connection to a stream; its events so far, and whether it has ended."""

    def __init__(self, server, session, key="author", last=None):
        host = urllib.parse.urlsplit(server.url).netloc
        self.connection = http.client.HTTPConnection(host, timeout=60 * amdahl.SLOW)
        headers = {"Authorization": f"Bearer {server.keys[key]}"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", f"{amdahl.PREFIX}/agents/{session}/stream",
                                headers=headers)
        self.response = self.connection.getresponse()
        self.comments = 0

    def frames(self):
        """Each frame's (id, event), by the seed's rules: LF, `data: `, a blank line."""
        number = None
        while line := self.response.readline():
            assert line.endswith(b"\n") and b"\r" not in line, line
            if line.startswith(b"id: "):
                number = int(line[4:])
            elif line.startswith(b"data: "):
                yield number, json.loads(line[6:])
            elif line.startswith(b":"):
                self.comments += 1
            else:
                assert line == b"\n", line

    def events(self):
        return [event for _, event in self.frames()]

    def close(self):
        self.connection.close()


def events(server, session, **more):
    """All of them, once the session has ended; numbered from 1 without a gap."""
    stream = Stream(server, session, **more)
    out = list(stream.frames())
    stream.close()
    for number, event in out:
        assert number == event["seq"] and event["session_id"] == session
    first = more.get("last", 0) + 1
    assert [n for n, _ in out] == list(range(first, first + len(out)))
    return [event for _, event in out]


def types(found):
    return [event["type"] for event in found]


def in_background(work):
    """A thread, and the list that its value comes into."""
    out = []
    thread = threading.Thread(target=lambda: out.append(work()), daemon=True)
    thread.start()
    return thread, out
