"""The built-in agents over HTTP: runs, streams, pauses, budgets, restarts."""
import http.client
import json
import os
import re
import signal
import threading

import amdahl
import pytest
from agents import Stream, begin, events, in_background, resume, status, types, wait
from conftest import Caller

CSV = """Shop,Sold,Price,Bought At,Refunded
Ulm,3,10.5,2026-01-02,no
Ulm,5,2.5,2026-02-03,yes
Bonn,1,99,2026-02-04,no
Bonn,2,1,2026-03-04,no
Kiel,9,7,2026-03-05,yes
Kiel,4,8,2026-03-06,no
"""


def query(call, sql):
    answer = call("POST", "/data/query", {"sql": sql})
    assert answer.status == 200, answer.body
    return answer.json["rows"]


def started_steps(found):
    return [e["data"]["step"] for e in found if e["type"] == "step.started"]


# -- the guide's way ---------------------------------------------------------------------

def test_run_answers_as_the_guide_says(author):
    answer = author("POST", "/agents/run", {"profile_id": "researcher", "task": "x y",
                                            "input_params": {}, "async": True}).json
    assert re.fullmatch(r"as_[0-9A-HJKMNP-TV-Z]{26}", answer.pop("session_id"))
    assert answer.pop("created_at")
    assert answer == {"success": True, "status": "queued", "profile_id": "researcher",
                      "async": True}


def test_researcher(server, author):
    session = begin(author, "researcher", "Which channel closes best?")
    found = events(server, session)
    assert found[0]["type"] == "session.started"
    assert found[-1]["type"] == "session.completed"
    assert "session.awaiting_input" not in types(found), "a researcher never pauses"
    assert started_steps(found) == list(range(1, len(started_steps(found)) + 1))
    assert types(found).count("query.completed") >= 4
    ended = status(author, session)
    assert ended["status"] == "complete" and ended["completed_at"]
    report = ended["result"]["artifact"]
    assert report["artifact_type"] == "research_report" and report["format"] == "markdown"
    assert report["content"].startswith("# Which channel closes best?\n")
    assert found[-1]["data"]["result"] == ended["result"]


def test_the_figures_of_a_report_are_those_of_its_queries(server, author):
    session = begin(author, "researcher", "revenue per owner over time")
    found = [e["data"] for e in events(server, session) if e["type"] == "query.completed"]
    report = status(author, session)["result"]["artifact"]["content"]
    assert any('"owner"' in q["sql"] and "amount" in q["sql"] for q in found)
    assert any("month" in q["columns"] for q in found)
    for q in found:
        assert q["rows"] == query(author, q["sql"]), "another truth than /data/query"
        assert q["sql"] in report
        for row in q["rows"]:
            cells = ["" if v is None else str(v) if not isinstance(v, str)
                     else v.replace("_", "\\_") for v in row.values()]
            cells = [re.sub(r"\.0$", "", c) for c in cells]
            assert f"| {' | '.join(cells)} |" in report, (q["title"], row)


def test_researcher_of_an_imported_table(start_with):
    server = start_with(CSV)
    author = Caller(server, "author")
    session = begin(author, "researcher", "Which shop has the most refunded?")
    found = events(server, session)
    queries = [e["data"] for e in found if e["type"] == "query.completed"]
    assert any('"shop"' in q["sql"] and '"refunded"' in q["sql"] for q in queries)
    assert found[-1]["type"] == "session.completed", found[-1]
    assert not [e for e in found if e["type"] == "query.failed"]
    assert "Ulm" in status(author, session)["result"]["artifact"]["content"]


@pytest.fixture
def start_with(start, tmp_path):
    """A server whose table is this CSV."""
    def make(text):
        path = tmp_path / "import.csv"
        path.write_text(text)
        return start("--import", str(path))
    return make


@pytest.mark.parametrize("text", [
    "a\n", "a,b\n1,2\n", "x y,ünïcode,\"sel\"\"ect\",from\n1,2,3,4\n", "no,yes\nno,yes\nyes,no\n",
    "id\n1\n2\n3\n", "t\n2026-01-01\n2026-01-02\n", "v\n\n\n\n", "won\nlost\nwon\nlost\n"])
def test_odd_tables_are_researched_too(start_with, text):
    server = start_with(text)
    author = Caller(server, "author")
    session = begin(author, "researcher", "which v won 'best\" by month; drop table x?")
    found = events(server, session)
    assert not [e for e in found if e["type"] == "query.failed"], found
    assert found[-1]["type"] == "session.completed", found[-1]


def test_copilot(server, author):
    session = begin(author, "copilot", "How many interactions by topic?")
    assert "pricing" in wait(author, session, "complete")["result"]["answer"]
    assert 1 <= types(events(server, session)).count("query.completed") <= 2


# -- a run that is waited for ------------------------------------------------------------

def test_async_false(author):
    answer = author("POST", "/agents/run", {"profile_id": "copilot", "async": False,
                                            "task": "How many rows by channel?"})
    assert answer.status == 200
    assert answer.json["status"] == "complete" and answer.json["async"] is False
    assert "meeting" in answer.json["result"]["answer"]
    answer = author("POST", "/agents/run", {"profile_id": "content_writer", "async": False,
                                            "task": "A post about topics"})
    assert answer.json["status"] == "awaiting_input"


# -- the writer's pause ------------------------------------------------------------------

def test_content_writer_pauses_and_goes_on(server, author):
    session = begin(author, "content_writer", "A post on sentiment by channel")
    stream = Stream(server, session)
    thread, out = in_background(stream.events)
    asked = wait(author, session, "awaiting_input")
    assert asked["input_request"]["type"] == "approval"
    assert asked["input_request"]["outline"]["sections"]
    assert thread.is_alive(), "the stream goes on over a pause"
    resume(author, session, {"action": "approve"})
    ended = wait(author, session, "complete")
    piece = ended["result"]["artifact"]
    assert piece["artifact_type"] == "content_piece" and "channel" in piece["content"]
    thread.join(60 * amdahl.SLOW)
    assert out and types(out[0])[-1] == "session.completed"
    assert types(out[0]).count("session.awaiting_input") == 1
    assert types(out[0]).count("session.resumed") == 1


def test_changes_make_another_outline(author):
    session = begin(author, "content_writer", "A post by topic")
    first = wait(author, session, "awaiting_input")["input_request"]["outline"]
    assert any("topic" in s["title"] for s in first["sections"])
    resume(author, session, {"action": "changes", "title": "Anew",
                             "changes": "by channel, without topic"})
    second = wait(author, session, "awaiting_input")["input_request"]["outline"]
    assert second["title"] == "Anew"
    assert any("channel" in s["title"] for s in second["sections"])
    assert not any("topic" in s["title"] for s in second["sections"])
    resume(author, session, {"approve": True})
    assert "topic" not in wait(author, session, "complete")["result"]["artifact"]["content"]


def test_a_bare_answer_is_taken(author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    assert author("POST", f"/agents/{session}/resume", {"action": "approve"}).status == 200
    wait(author, session, "complete")


def test_a_wrong_answer_is_refused_and_it_still_waits(author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    for answer in ({}, {"action": "perhaps"}, {"action": "changes"}, 7, None, "no"):
        refused = resume(author, session, answer, expect=400)
        assert refused.error["code"] == "invalid_argument"
        assert "approve" in refused.error["message"]
    for body in (b"", b"{", b"[]", b"7"):
        assert author("POST", f"/agents/{session}/resume", body).status == 400
    assert status(author, session)["status"] == "awaiting_input"
    resume(author, session, "approve")
    wait(author, session, "complete")


def test_resume_when_nothing_is_awaited(author):
    session = begin(author, "copilot", "rows by topic")
    wait(author, session, "complete")
    refused = resume(author, session, {"action": "approve"}, expect=409)
    assert refused.error["code"] == "not_awaiting_input"


# -- turn budgets ------------------------------------------------------------------------

def test_a_used_budget_pauses(server, author):
    session = begin(author, "copilot", "rows by topic", input_params={"max_turns": 1})
    asked = wait(author, session, "awaiting_input")
    assert asked["input_request"]["type"] == "continue_or_finish"
    assert (asked["turns_used"], asked["turn_budget"]) == (1, 1)
    resume(author, session, {"action": "perhaps"}, expect=400)
    resume(author, session, {"action": "continue"})
    ended = wait(author, session, "complete")
    assert ended["turn_budget"] > ended["turns_used"] > 1
    steps = started_steps(events(server, session))
    assert steps == sorted(set(steps)), "a step was begun twice"


def test_finish_makes_an_end_with_what_there_is(server, author):
    for turns, queries, skipped in ((1, 0, 1), (2, 1, 0)):
        session = begin(author, "copilot", "rows by topic",
                        input_params={"max_turns": turns})
        assert wait(author, session, "awaiting_input")["turns_used"] == turns
        resume(author, session, {"action": "finish"})
        ended = wait(author, session, "complete")
        found = types(events(server, session))
        assert found.count("query.completed") == queries
        assert found.count("step.skipped") == skipped
        assert ("pricing" in ended["result"]["answer"]) == (queries > 0)


def test_a_researcher_plans_within_its_turns(author):
    session = begin(author, "researcher", "topics", input_params={"max_turns": 3})
    ended = wait(author, session, "complete")
    assert ended["turns_used"] == 3


# -- sub-agents --------------------------------------------------------------------------

def test_orchestrator(server, author):
    session = begin(author, "orchestrator",
                    "How many rows by topic? Then write a post about owners.")
    ended = wait(author, session, "complete")
    assert "pricing" in ended["result"]["answer"] and "owner" in ended["result"]["answer"]
    children = author("GET", f"/agent-runs/{session}").json["sub_agents"]
    assert sorted(c["profile_id"] for c in children) == ["content_writer", "copilot"]
    assert all(c["parent_session_id"] == session for c in children)
    found = types(events(server, session))
    assert found.count("agent.started") == found.count("agent.completed") == 2


# -- cancel ------------------------------------------------------------------------------

def test_cancel(server, author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    stream = Stream(server, session)
    thread, out = in_background(stream.events)
    for _ in range(2):
        done = author("POST", f"/agents/{session}/cancel")
        assert done.status == 200 and done.json["status"] == "canceled"
    thread.join(60 * amdahl.SLOW)
    assert types(out[0])[-2:] == ["session.canceled", "session.failed"]
    assert out[0][-1]["data"]["status"] == "canceled", "a reader of the guide ends, too"
    assert status(author, session)["error"]["code"] == "canceled"
    resume(author, session, {"action": "approve"}, expect=409)


def test_cancel_of_what_has_ended(author):
    session = begin(author, "copilot", "rows by topic")
    wait(author, session, "complete")
    refused = author("POST", f"/agents/{session}/cancel")
    assert (refused.status, refused.error["code"]) == (409, "session_ended")


# -- streams -----------------------------------------------------------------------------

def test_last_event_id(server, author):
    session = begin(author, "copilot", "rows by topic")
    wait(author, session, "complete")
    every = events(server, session)
    assert events(server, session, last=3) == every[3:]
    assert events(server, session, last=len(every)) == []
    for odd in ("x", "-3", ""):
        stream = Stream(server, session, last=odd)
        assert stream.events() == every
        stream.close()


def test_stream_headers(server, author):
    session = begin(author, "copilot", "rows by topic")
    stream = Stream(server, session)
    assert stream.response.status == 200
    assert stream.response.getheader("Content-Type") == "text/event-stream"
    stream.close()


def test_the_guides_reader(server, author):
    """The httpx variant of the guide, letter by letter: chunks, "\\n\\n", `data: `."""
    session = begin(author, "researcher", "topics by channel")
    stream = Stream(server, session)
    buffer, seen = "", []
    while chunk := stream.response.read1(97).decode("utf-8", "surrogateescape"):
        buffer += chunk
        while "\n\n" in buffer:
            frame, buffer = buffer.split("\n\n", 1)
            for line in frame.splitlines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
    stream.close()
    assert buffer == "" and seen[-1]["type"] == "session.completed"
    assert all({"type", "data"} <= set(event) for event in seen)


def thread_count(server):
    return len(os.listdir(f"/proc/{server.daemon.pid}/task"))


def test_many_readers_are_no_threads(server, author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    first = Stream(server, session)
    before = thread_count(server)
    readers = [first] + [Stream(server, session) for _ in range(300)]
    assert all(r.response.status == 200 for r in readers)
    assert status(author, session)["status"] == "awaiting_input", "others are answered"
    assert thread_count(server) <= before + 2, "the pool may have grown by a request"
    resume(author, session, {"action": "approve"})
    every = events(server, session)
    assert every[-1]["type"] == "session.completed"
    for reader in readers:
        assert reader.events() == every
        reader.close()


def test_readers_that_go_away(server, author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    for _ in range(50):
        Stream(server, session).close()
    resume(author, session, {"action": "approve"})
    wait(author, session, "complete")
    assert events(server, session)[-1]["type"] == "session.completed"


def test_a_stream_ends_with_the_server(server, author):
    session = begin(author, "content_writer", "A post by topic")
    wait(author, session, "awaiting_input")
    stream = Stream(server, session)
    thread, out = in_background(
        lambda: pytest.raises(http.client.IncompleteRead, stream.response.read))
    server.stop()
    thread.join(60 * amdahl.SLOW)
    assert out, "it must not look like the session's end"
    stream.close()


# -- restarts ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_in_the_middle(server, how):
    """Many sessions at work, so that some are in the middle of something."""
    author = Caller(server, "author")
    sessions = [begin(author, "researcher", f"rows by topic and channel {i}") for i in range(6)]
    paused = begin(author, "content_writer", "A post by topic")
    wait(author, paused, "awaiting_input")
    server.daemon.process.send_signal(how)
    server.daemon.process.wait()
    server.daemon = None
    server.start()
    author = Caller(server, "author")
    for session in sessions:
        wait(author, session, "complete", seconds=120)
        found = events(server, session)
        assert types(found).count("session.started") == 1
        assert types(found).count("session.completed") == 1
        steps = started_steps(found)
        assert steps == list(range(1, len(steps) + 1)), "a step was told of twice"
        done = [e["data"]["step"] for e in found if e["type"] == "step.completed"]
        assert done == steps
    assert status(author, paused)["status"] == "awaiting_input"
    resume(author, paused, {"action": "approve"})
    wait(author, paused, "complete")


# -- lists -------------------------------------------------------------------------------

def test_runs(author, reader):
    ids = [begin(author, "copilot", f"rows by topic {i}") for i in range(5)]
    for session in ids:
        wait(author, session, "complete")
    paused = begin(author, "content_writer", "A post by topic")
    wait(author, paused, "awaiting_input")
    every = author("GET", "/agent-runs").json
    assert [r["session_id"] for r in every["items"]] == [paused] + ids[::-1]
    assert (every["total"], every["has_more"], every["next_cursor"]) == (6, False, None)
    assert "input_params" not in every["items"][0]
    waiting = author("GET", "/agent-runs?status=awaiting_input").json
    assert [r["session_id"] for r in waiting["items"]] == [paused] and waiting["total"] == 1
    seen, cursor = [], ""
    while cursor is not None:
        part = author("GET", f"/agent-runs?limit=2&cursor={cursor}").json
        seen += [r["session_id"] for r in part["items"]]
        cursor = part["next_cursor"]
    assert seen == [paused] + ids[::-1]
    assert author("GET", "/agent-runs?limit=2&offset=4").json["items"][0]["id"] == ids[1]
    for wrong in ("status=nope", "cursor=zz", "limit=x", "offset=-1"):
        assert author("GET", f"/agent-runs?{wrong}").status == 400, wrong
    assert reader("GET", "/agent-runs").status == 403


def test_one_run_whole(server, author):
    session = begin(author, "copilot", "rows by topic", input_params={"max_turns": 15})
    wait(author, session, "complete")
    run = author("GET", f"/agent-runs/{session}").json
    assert run["input_params"] == {"max_turns": 15}
    assert run["events"] == events(server, session)
    assert [s["done"] for s in run["steps"]] == [True] * run["progress"]["steps"]
    assert run["token_usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_profiles(author):
    profiles = {p["id"]: p for p in author("GET", "/agent-profiles").json["items"]}
    assert {k: p["producesArtifactType"] for k, p in profiles.items()} == {
        "content_writer": "content_piece", "researcher": "research_report",
        "copilot": None, "orchestrator": None}
    for p in profiles.values():
        assert p["name"] and p["description"]
        assert p["inputParamsSchema"]["properties"]["max_turns"]["maximum"] in (15, 20, 25, 50)


# -- what is refused ---------------------------------------------------------------------

@pytest.mark.parametrize("body,field", [
    ({"task": "x"}, "profile_id"), ({"profile_id": "nope", "task": "x"}, "profile_id"),
    ({"profile_id": 7, "task": "x"}, "profile_id"), ({"profile_id": "copilot"}, "task"),
    ({"profile_id": "copilot", "task": ""}, "task"),
    ({"profile_id": "copilot", "task": " \n\t"}, "task"),
    ({"profile_id": "copilot", "task": ["x"]}, "task"),
    ({"profile_id": "copilot", "task": "x" * 20000}, "task"),
    ({"profile_id": "copilot", "task": "x", "input_params": []}, "input_params"),
    ({"profile_id": "copilot", "task": "x", "input_params": {"a": "y" * 300000}},
     "input_params"),
    ({"profile_id": "copilot", "task": "x", "input_params": {"max_turns": 0}},
     "input_params.max_turns"),
    ({"profile_id": "copilot", "task": "x", "input_params": {"max_turns": 16}},
     "input_params.max_turns"),
    ({"profile_id": "researcher", "task": "x", "input_params": {"max_turns": 2}},
     "input_params.max_turns"),
    ({"profile_id": "copilot", "task": "x", "input_params": {"max_turns": 1.5}},
     "input_params.max_turns"),
    ({"profile_id": "copilot", "task": "x", "async": "no"}, "async"),
    ({"profile_id": "copilot", "task": "x", "profile": "y"}, "profile")])
def test_runs_refused(author, body, field):
    answer = author("POST", "/agents/run", body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_argument")
    assert answer.error["details"]["field"] == field


def test_unknown_sessions(author, page):
    unknown = ["as_01J00000000000000000000000", page["id"], "x" * 100, "as_", "..", "%00"]
    for session in unknown:
        for method, what in (("GET", "/status"), ("GET", "/stream"), ("POST", "/resume"),
                             ("POST", "/cancel")):
            answer = author(method, f"/agents/{session}{what}",
                            b"{}" if method == "POST" else None)
            assert answer.status == 404, (session, what, answer.body)
        assert author("GET", f"/agent-runs/{session}").status == 404


def test_any_task_and_params_come_back_as_they_were(server, author):
    task = 'quotes " \\ and \u2028 \U0001f600 \x01 <script>'
    params = {"a b": [1, {"\u0000": "x\n\n"}], "n": 1.50}
    session = begin(author, "copilot", task, input_params=params)
    first = events(server, session)[0]["data"]
    assert first["task"] == task and first["input_params"] == params
    assert status(author, session)["task"] == task


def test_many_sessions_at_once(server, author):
    sessions = [begin(author, "copilot", "rows by topic") for _ in range(20)]
    threads = [threading.Thread(target=lambda s=s: events(server, s)) for s in sessions[:10]]
    [t.start() for t in threads]
    for session in sessions:
        wait(author, session, "complete", seconds=120)
    [t.join() for t in threads]
