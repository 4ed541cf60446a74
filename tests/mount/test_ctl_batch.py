"""amdahlctl batch: a command, what it saved sent at its end, and one exit status of both."""
import json
import os
import signal

import pytest

from amdahl import dumps, program, run, sanitizer_env
from fakeplatform import simple_spec


@pytest.fixture
def page(fake, mount_at, tmp_path):
    for number in range(2):
        fake.add_page(f"Page {number}", page_id=f"pg-{number}")
    made = mount_at(fake)
    made.server = fake
    for name in made.names():
        (made.page(name) / "spec.json").read_text()
    (tmp_path / "good").write_text(dumps(simple_spec("Good")))
    (tmp_path / "bad").write_text(dumps(simple_spec("Bad")).replace("Heading", "Heding"))
    fake.forget()
    return made


@pytest.fixture
def batch(page, tmp_path):
    """batch(shell script, options...): in which $P is pages/, $GOOD and $BAD are specs."""
    def call(script, *options, where=(page.path,), cwd="/"):
        return run([program("amdahlctl", "AMDAHLCTL_BIN"), *options, "batch", *where, "--",
                    "bash", "-c", script], cwd=cwd,
                   env={**os.environ, **sanitizer_env(), "P": str(page.pages),
                        "GOOD": str(tmp_path / "good"), "BAD": str(tmp_path / "bad")})
    return call


def drafts(mount):
    status = json.loads((mount.path / ".amdahl" / "status.json").read_text())
    return [(d["page"], d["state"]) for d in status["drafts"]]


def test_all_is_well(page, batch):
    done = batch("cp $GOOD $P/page-0/spec.json; cat $P/page-0/spec.json | grep -c Good")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\nsaved       page-0\n" and not done.stderr
    assert page.server.count("PATCH") == 1


def test_a_refused_page(page, batch):
    done = batch("cp $BAD $P/page-0/spec.json; cp $GOOD $P/page-1/spec.json")
    assert done.returncode == 1
    rows = done.stdout.splitlines()
    assert "saved       page-1" in rows
    at = rows.index("refused     page-0")
    assert rows[at + 1].startswith("            spec.json:") and "Heding" in rows[at + 1]
    assert drafts(page) == [("page-0", "refused")]


def test_verdicts_as_json(page, batch):
    done = batch("cp $BAD $P/page-0/spec.json; rm -r $P/page-1", "--json")
    assert done.returncode == 1
    verdicts = {v["page"]: v for v in map(json.loads, done.stdout.splitlines())}
    assert verdicts["page-0"]["ok"] is False and "Heding" in verdicts["page-0"]["errors"][0]
    assert verdicts["page-1"] == {"page": "page-1", "result": "archived", "ok": True,
                                  "message": None, "errors": []}


@pytest.mark.parametrize("script, status", [
    ("exit 7", 7), ("cp $GOOD $P/page-0/spec.json; exit 7", 7),
    ("cp $BAD $P/page-0/spec.json; exit 7", 7), ("cp $BAD $P/page-0/spec.json; exit 0", 1)])
def test_the_worse_status_counts(page, batch, script, status):
    done = batch(script)
    assert done.returncode == status
    assert page.server.count("PATCH") == ("$GOOD" in script)


def test_a_command_that_is_killed_leaves_drafts(page, batch):
    done = batch("cp $GOOD $P/page-0/spec.json; kill -TERM $$")
    assert done.returncode == 128 + signal.SIGTERM
    assert "drafts" in done.stderr and not done.stdout
    assert page.server.requests == []
    assert drafts(page) == [("page-0", "draft")]


def test_the_platform_is_away(page, batch):
    page.server.vanish()
    done = batch("cp $GOOD $P/page-0/spec.json")
    assert done.returncode == 3
    assert "failed      page-0" in done.stdout and "[network]" in done.stdout
    assert [name for name, _ in drafts(page)] == ["page-0"]


def test_no_such_command(page):
    ctl = program("amdahlctl", "AMDAHLCTL_BIN")
    assert run([ctl, "batch", page.path, "--", "./no-such-command"]).returncode == 127
    assert run([ctl, "batch", page.path, "--", page.path]).returncode == 126


@pytest.mark.parametrize("arguments", [["batch"], ["batch", "--"], ["batch", "/tmp"],
                                       ["batch", "/tmp", "true"],
                                       ["batch", "/tmp", "/tmp", "--", "true"]])
def test_usage(arguments):
    done = run([program("amdahlctl", "AMDAHLCTL_BIN"), *arguments])
    assert done.returncode == 2 and "usage" in done.stderr


def test_no_mount(tmp_path):
    done = run([program("amdahlctl", "AMDAHLCTL_BIN"), "batch", tmp_path, "--", "touch",
                tmp_path / "ran"])
    assert done.returncode == 3 and not (tmp_path / "ran").exists()


def test_the_mount_is_found_from_where_one_stands(page, batch):
    done = batch("cp $GOOD spec.json", where=(), cwd=page.page("page-0"))
    assert done.returncode == 0 and done.stdout == "saved       page-0\n"


def test_options_of_the_command_are_its_own(page):
    done = run([program("amdahlctl", "AMDAHLCTL_BIN"), "batch", page.path, "--", "echo",
                "--json", "--help", "--"])
    assert done.returncode == 0 and done.stdout == "--json --help --\n"


def test_nested(page, batch, tmp_path):
    """The inner one sends its own at its end, the outer one the rest."""
    ctl = program("amdahlctl", "AMDAHLCTL_BIN")
    done = batch(f"cp $GOOD $P/page-0/spec.json; {ctl} batch {page.path} -- "
                 "cp $GOOD $P/page-1/spec.json; cat $P/../.amdahl/status.json")
    assert done.returncode == 0, done.stderr
    inner, rest = done.stdout.split("\n", 1)
    assert inner == "saved       page-1"
    assert '"staged"' in rest and rest.endswith("saved       page-0\n")
