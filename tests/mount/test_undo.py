"""amdahlctl undo, diff and push."""
import errno
import json
import os
import shutil

import pytest

from amdahl import dumps, fails_with, heading, program, run, sanitizer_env, spec_of, write

BAD = {"version": 1, "root": {"type": "Nope"}}


@pytest.fixture
def ctl(weekly):
    def call(*arguments, status=0):
        done = run([program("amdahlctl", "AMDAHLCTL_BIN"), *arguments, weekly.path],
                   env={**os.environ, **sanitizer_env()})
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr
    return call


def spec(weekly):
    return weekly.page("quarterly-report") / "spec.json"


def test_undo(weekly, ctl):
    before = spec(weekly).read_text()
    first = "\n" + dumps(spec_of(heading("First")))
    assert "nothing is known" in ctl("undo", "quarterly-report", status=1)
    write(spec(weekly), first)
    write(spec(weekly), dumps(spec_of(heading("Second"))))
    weekly.restart()
    weekly.names()
    weekly.server.forget()
    ctl("undo", "quarterly-report")
    assert spec(weekly).read_text() == first, "the text, not only the value"
    assert weekly.server.page("Quarterly report")["spec"] == json.loads(first)
    assert weekly.server.count("PATCH") == 1
    ctl("undo", "quarterly-report/spec.json")
    assert "Second" in spec(weekly).read_text(), "an undo can be undone"
    weekly.restart()
    assert "Second" in spec(weekly).read_text()
    assert before not in spec(weekly).read_text()


def test_undo_of_both_files(weekly, ctl):
    """A save that brought a spec and its query is undone as one."""
    where = weekly.page("quarterly-report")
    before = weekly.server.page("Quarterly report")
    new = json.loads(spec(weekly).read_text())
    new["root"]["children"][1]["props"]["data"]["$query"] = "fresh"
    with fails_with(errno.EPROTO):
        write(spec(weekly), dumps(new))
    queries = json.loads((where / "queries.json").read_text())
    write(where / "queries.json", dumps([{**queries[0], "name": "fresh"}]))
    weekly.server.forget()
    ctl("undo", "quarterly-report")
    after = weekly.server.page("Quarterly report")
    assert after["spec"] == before["spec"]
    assert after["declared_queries"] == before["declared_queries"]
    assert weekly.server.count("PATCH") == 1
    ctl("status")


def test_undo_spares_a_draft(weekly, ctl):
    write(spec(weekly), dumps(spec_of(heading("Saved"))))
    with fails_with(errno.EPROTO):
        write(spec(weekly), dumps(BAD))
    assert "push or discard" in ctl("undo", "quarterly-report", status=1)
    assert spec(weekly).read_text() == dumps(BAD)
    ctl("discard", "quarterly-report")
    ctl("undo", "quarterly-report")
    assert "Open pipeline" in spec(weekly).read_text()


def test_push(weekly, ctl):
    assert "no draft" in ctl("push", "quarterly-report", status=1)
    with fails_with(errno.EPROTO):
        write(spec(weekly), dumps(BAD))
    weekly.server.forget()
    assert "refused" in ctl("push", "quarterly-report", status=1)
    assert weekly.server.count("POST", "/pages/validate") == 1, "tried again"
    assert "no page" in ctl("push", "nowhere", status=1)


def test_diff(weekly, ctl):
    if not shutil.which("diff"):
        pytest.skip("diff is missing")
    where = weekly.page("quarterly-report")
    assert ctl("diff", "quarterly-report") == ""
    with fails_with(errno.EPROTO):
        write(spec(weekly), spec(weekly).read_text().replace('"BarChart"', '"BarrChart"'))
    weekly.restart()
    for argument in ("quarterly-report", "quarterly-report/spec.json", where):
        said = ctl("diff", argument, status=1).splitlines()
        assert any("BarChart" in line and line.startswith("-") for line in said)
        assert any("BarrChart" in line and line.startswith("+") for line in said)
    assert ctl("diff", "quarterly-report/queries.json") == ""
    assert "no page" in ctl("diff", "nowhere", status=1)
