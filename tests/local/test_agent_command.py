"""--agent-command: any program as the agent."""
import json
import os
import shlex
import sys

import amdahl
import pytest
from agents import Stream, begin, events, in_background, resume, status, types, wait
from conftest import Caller

PRELUDE = """
import json, sys, time
request = json.loads(sys.stdin.readline())
def say(type, **data):
    print(json.dumps({"type": type, "data": data}), flush=True)
def ask(**data):
    say("awaiting_input", **data)
    return json.loads(sys.stdin.readline())["input"]
"""


@pytest.fixture
def agent(start, tmp_path):
    """agent("say(...)"): a server whose agents are this program, and a caller."""
    def agent(body, name="agent.py"):
        path = tmp_path / name
        path.write_text(PRELUDE + body)
        server = start("--agent-command",
                       f"exec {shlex.quote(sys.executable)} {shlex.quote(str(path))}")
        return server, Caller(server, "author")
    return agent


def programs(server):
    """The pids of the server's children."""
    out = []
    for task in os.listdir(f"/proc/{server.daemon.pid}/task"):
        path = f"/proc/{server.daemon.pid}/task/{task}/children"
        out += open(path).read().split()
    return out


def restart(server):
    server.stop()
    server.start()
    return Caller(server, "author")


def test_events_and_result(agent):
    server, author = agent("say('note', request=request); say('completed', result={'n': 1.50})")
    session = begin(author, "copilot", "do it", input_params={"a": [1]})
    assert wait(author, session, "complete")["result"] == {"n": 1.5}
    found = events(server, session)
    assert types(found) == ["session.started", "note", "session.completed"]
    assert found[1]["data"]["request"] == {
        "type": "start", "session_id": session, "profile_id": "copilot", "task": "do it",
        "input_params": {"a": [1]}, "turn_budget": 15, "events_before": 0}
    amdahl.wait_for(lambda: not programs(server), 20, "the program to be gone")


def test_a_shell_line_is_enough(start):
    server = start("--agent-command", "read request; echo '{\"type\":\"hello\"}'")
    author = Caller(server, "author")
    session = begin(author, "researcher", "x")
    assert wait(author, session, "complete")["result"] is None
    assert types(events(server, session)) == ["session.started", "hello",
                                              "session.completed"]


def test_a_pause_and_its_answer(agent):
    server, author = agent("a = ask(message='which?'); say('completed', result=a)")
    session = begin(author, "copilot", "x")
    stream = Stream(server, session)
    thread, out = in_background(stream.events)
    asked = wait(author, session, "awaiting_input")
    assert asked["input_request"] == {"message": "which?"}
    resume(author, session, {"choice": ["this", None]})
    assert wait(author, session, "complete")["result"] == {"choice": ["this", None]}
    thread.join(60 * amdahl.SLOW)
    assert types(out[0]) == ["session.started", "session.awaiting_input", "session.resumed",
                             "session.completed"]
    resume(author, session, {}, expect=409)


@pytest.mark.parametrize("body,code,word", [
    ("print('no JSON')", "agent_command_protocol", "no JSON"),
    ("print('[1]')", "agent_command_protocol", "[1]"),
    ("print('{}')", "agent_command_protocol", "{}"),
    ("print('{\"type\": 7}')", "agent_command_protocol", "7"),
    ("print('{\"type\": \"session.started\"}')", "agent_command_protocol", "session.started"),
    ("sys.stdout.buffer.write(b'\\xff\\n')", "agent_command_protocol", "\ufffd"),
    ("say('note', x='y' * 2000000)", "too_much_output", ""),
    ("for i in range(30000): print('{\"type\":\"note\"}')", "too_much_output", "events"),
    ("say('awaiting_input'); say('awaiting_input'); time.sleep(1000)",
     "agent_command_protocol", "again"),
    ("sys.exit('sorry')", "agent_command_failed", "sorry"),
    ("import os; os.kill(os.getpid(), 9)", "agent_command_failed", "signal 9"),
    ("say('awaiting_input')", "agent_command_failed", "awaited an answer"),
    ("say('failed', message='cannot')", "agent_failed", "cannot"),
])
def test_what_goes_wrong_is_said(agent, body, code, word):
    server, author = agent(body)
    session = begin(author, "copilot", "x")
    ended = amdahl.wait_for(
        lambda: (s := status(author, session))["status"] == "failed" and s, 60, "its failure")
    assert ended["error"]["code"] == code, ended["error"]
    assert word in json.dumps(ended["error"], ensure_ascii=False).replace("\\\"", "\"")
    assert types(events(server, session))[-1] == "session.failed"
    amdahl.wait_for(lambda: not programs(server), 20, "the program to be gone")


def test_a_command_that_is_none(start):
    server = start("--agent-command", "/no/such/program")
    author = Caller(server, "author")
    error = wait(author, begin(author, "copilot", "x"), "failed")["error"]
    assert "status 127" in error["message"] and "not found" in error["detail"]


def test_cancel_kills_it_and_its_children(agent):
    server, author = agent("import subprocess; p = subprocess.Popen(['sleep', '1000']);"
                           "say('child', pid=p.pid); time.sleep(1000)")
    session = begin(author, "copilot", "x")
    stream = Stream(server, session)
    child = next(e for _, e in stream.frames() if e["type"] == "child")["data"]["pid"]
    assert author("POST", f"/agents/{session}/cancel").json["status"] == "canceled"
    amdahl.wait_for(lambda: not programs(server), 20, "the program to be gone")
    amdahl.wait_for(lambda: gone(child), 20, "its child to be gone")
    assert types(events(server, session))[-2:] == ["session.canceled", "session.failed"]
    stream.close()


def gone(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_servers_end_kills_it(agent):
    server, author = agent("say('pid', pid=__import__('os').getpid()); time.sleep(1000)")
    session = begin(author, "copilot", "x")
    stream = Stream(server, session)
    pid = next(e for _, e in stream.frames() if e["type"] == "pid")["data"]["pid"]
    stream.close()
    server.stop()
    assert gone(pid)


def test_after_a_restart_nothing_is_told_twice(agent):
    server, author = agent("say('a'); say('b'); x = ask(message='1'); say('got', x=x);"
                           "y = ask(message='2'); say('completed', result=[x, y])")
    session = begin(author, "copilot", "x")
    wait(author, session, "awaiting_input")
    resume(author, session, 1)
    amdahl.wait_for(lambda: (status(author, session)["input_request"] or {}).get("message")
                    == "2", 60, "the second question")
    author = restart(server)
    assert status(author, session)["input_request"] == {"message": "2"}
    resume(author, session, 2)
    assert wait(author, session, "complete")["result"] == [1, 2]
    assert types(events(server, session)) == [
        "session.started", "a", "b", "session.awaiting_input", "session.resumed", "got",
        "session.awaiting_input", "session.resumed", "session.completed"]


def test_a_program_that_goes_another_way_after_a_restart(agent):
    server, author = agent(
        "say('a'); say('run', n=request['events_before']);"
        "time.sleep(0 if request['events_before'] else 1000)")
    session = begin(author, "copilot", "x")
    amdahl.wait_for(lambda: status(author, session)["event_count"] == 3, 60, "its events")
    author = restart(server)
    wait(author, session, "complete")
    found = events(server, session)
    assert types(found) == ["session.started", "a", "run", "run", "session.completed"]
    assert [e["data"]["n"] for e in found if e["type"] == "run"] == [0, 2]


def test_without_the_command_its_sessions_fail(agent):
    server, author = agent("say('a'); time.sleep(1000)")
    session = begin(author, "copilot", "x")
    wait(author, session, "running")
    server.stop()
    server.arguments = ()
    server.start()
    author = Caller(server, "author")
    assert wait(author, session, "failed")["error"]["code"] == "no_agent_command"


def test_more_sessions_than_places(agent):
    server, author = agent("a = ask(); say('completed', result=a)")
    sessions = [begin(author, "copilot", "x") for _ in range(36)]
    amdahl.wait_for(lambda: len(programs(server)) == 32, 60, "32 programs")
    done = 0
    while done < len(sessions):
        waiting = author("GET", "/agent-runs?status=awaiting_input").json["items"]
        for run in waiting:
            resume(author, run["id"], "go")
            done += 1
        if not waiting:
            amdahl.wait_for(lambda: author(
                "GET", "/agent-runs?status=awaiting_input").json["items"], 60, "a question")
    for session in sessions:
        assert wait(author, session, "complete")["result"] == "go"
