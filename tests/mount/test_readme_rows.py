"""The README's commands on render/, run as printed."""
import json
import os

import pytest

import readme
from amdahl import run


@pytest.fixture
def page(fake, mount_at):
    fake.add_page("Deals", queries=[
        {"name": "deals", "source": "sql", "sql": "SELECT 1", "params": {"stage": "string"}},
        {"name": "targets", "source": "sql", "sql": "SELECT 2"}])
    fake.rows["deals"] = [{"owner": o, "stage": s, "amount": a} for o, s, a in
                          [("zoe", "open", 1500), ("ann", "won", 10), ("ann", "open", 200),
                           ("zoe", "open", 500.5), ("bob", "won", 7)]]
    fake.rows["targets"] = [{"owner": "zoe", "target": 3000}, {"owner": "ann", "target": 250}]
    made = mount_at(fake)
    made.names()
    return made.page("deals")


def out(page, word):
    found = [c for c in readme.commands("Rows for the shell") if c.startswith(word)]
    assert len(found) == 1, found
    result = run(found[0], cwd=page)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_all_commands_are_tried():
    assert [c.split()[0] for c in readme.commands("Rows for the shell")] == [
        "awk", "join", "gnuplot", "jq"]


def test_awk(page):
    assert sorted(out(page, "awk").splitlines()) == ["ann 200", "zoe 2000.5"]


def test_join(page, fake):
    assert out(page, "join").splitlines() == [
        "owner,stage,amount,target", "ann,open,200,250", "ann,won,10,250",
        "zoe,open,1500,3000", "zoe,open,500.5,3000"]
    assert fake.count("POST", "/render$") == 1, "four reads, one request"


def test_gnuplot(page):
    text = out(page, "gnuplot")
    assert "target" in text and "zoe" in text and "ann" in text


def test_jq(page, fake):
    assert [json.loads(line) for line in out(page, "jq").splitlines()] == [
        {"owner": "zoe", "stage": "open", "amount": 1500}]
    assert fake.matching("POST", "/render$")[-1].json == {"params": {"stage": "open"}}
    assert "stage=open" in os.listdir(page / "render")
