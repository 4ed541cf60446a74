"""A batch, and what is saved beside it: neither takes along what is the other's."""
import contextlib
import errno
import json
import os
import subprocess
import threading

import pytest

from amdahl import dumps, wait_for, write
from fakeplatform import simple_spec
from test_batch import QUERIES, Batch, batch, drafts, pages, status, title  # noqa: F401

TAGGED = '{"id": "pg-0", "name": "Page 0", "tags": ["staged"]}'


class Holder:
    """A shell that holds a batch; the tests beside it are no part of that."""

    def __init__(self, mount):
        self.shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)
        self.do(f"exec 3<>{mount.path}/.amdahl/batch")

    def do(self, script):
        self.shell.stdin.write(f"{script}\necho; echo done $?\n")
        return self.until_done()

    def until_done(self):
        lines = []
        while not (line := self.shell.stdout.readline()).startswith("done"):
            assert line, "the shell is gone"
            lines.append(line)
        return "".join(lines)

    def commit(self):
        self.begin_commit()
        return self.end_commit()

    def write(self, path, text):
        self.do(f"cat > {path} <<'END'\n{text}\nEND")

    def begin_commit(self):
        self.shell.stdin.write("echo commit >&3; cat <&3\necho; echo done $?\n")

    def end_commit(self):
        out = self.until_done()
        return {v["page"]: v for v in map(json.loads, filter(str.strip, out.splitlines()))}

    def end(self):
        self.shell.stdin.close()
        self.shell.wait(20)
        self.shell.stdout.close()


@pytest.fixture
def holder(pages):
    made = Holder(pages)
    yield made
    made.end()


def test_a_save_beside_it_sends_nothing_that_is_staged(pages, holder):
    """Of a file that the batch has staged too: what it has of the page besides stays."""
    where = pages.page("page-0")
    holder.write(where / "spec.json", dumps(simple_spec("Staged")))
    holder.write(where / "queries.json", dumps(QUERIES))
    holder.write(where / "page.json", TAGGED)
    assert len(drafts(pages)) == 3
    write(where / "spec.json", dumps(simple_spec("Beside")))
    assert title(pages.server, "pg-0") == "Beside"
    assert pages.server.pages["pg-0"]["declared_queries"] != QUERIES
    assert not pages.server.pages["pg-0"].get("tags")
    assert sorted(drafts(pages)) == [("page-0", "page.json", "staged"),
                                     ("page-0", "queries.json", "staged")]
    assert holder.commit()["page-0"]["result"] == "saved"
    assert pages.server.pages["pg-0"]["declared_queries"] == QUERIES
    assert pages.server.pages["pg-0"]["tags"] == ["staged"]
    assert title(pages.server, "pg-0") == "Beside"


def test_a_new_page_beside_it(pages, holder):
    """The same where the page is not the platform's yet."""
    where = pages.page("fresh")
    holder.do(f"mkdir {where}")
    holder.write(where / "page.json", '{"name": "Staged", "tags": ["staged"]}')
    holder.write(where / "queries.json", dumps(QUERIES))
    write(where / "spec.json", dumps(simple_spec("Beside")))
    made = [p for p in pages.server.pages.values() if p["name"] == "fresh"]
    assert len(made) == 1 and made[0]["declared_queries"] == [] and not made[0].get("tags")
    assert json.loads((where / "queries.json").read_text()) == QUERIES
    assert holder.commit()["fresh"]["ok"]
    assert made[0]["declared_queries"] == QUERIES and made[0]["tags"] == ["staged"]


def test_a_page_that_is_just_made_beside_it(pages, holder):
    """It is not taken for the one that the batch removed: its save is on its way."""
    old, where = pages.page("page-0"), pages.page("again")
    about, spec = (old / "page.json").read_text(), (old / "spec.json").read_text()
    holder.do(f"rm {old}/spec.json {old}/queries.json {old}/page.json; rmdir {old}; mkdir {where}")
    holder.write(where / "page.json", about)
    pages.server.fault("POST", "/pages/validate$", "act_hang", times=1)
    thread = threading.Thread(target=lambda: write(where / "spec.json", spec))
    thread.start()
    wait_for(lambda: pages.server.count("POST") == 1, 20, "the request")
    holder.begin_commit()
    wait_for(lambda: pages.server.count("DELETE") == 1, 20, "what goes beside it")
    pages.server.heal()
    holder.end_commit()
    thread.join(60)
    assert [p["spec"] for p in pages.server.pages.values() if p["name"] == "again"] == [
        json.loads(spec)]
    assert (where / "spec.json").read_text() == spec
    assert (where / "page.json").read_text().strip() == about.strip()


def while_sent(pages, batch, method, path):
    """Commits; that request has arrived, and is not answered."""
    pages.server.fault(method, path, "act_hang", times=1)
    ends = []
    thread = threading.Thread(target=lambda: ends.append(batch.commit()))
    thread.start()
    wait_for(lambda: pages.server.count(method, path) == 1, 20, "the request")
    return thread, ends


def test_what_the_next_one_stages_is_the_next_ones(pages, batch):
    """While a batch is sent, the next one begins: the first sends nothing of it, and takes
    nothing out of it."""
    where = pages.page("page-0")
    write(where / "spec.json", dumps(simple_spec("First")))
    write(where / "page.json", TAGGED)
    thread, ends = while_sent(pages, batch, "PATCH", "/pages/pg-0$")
    with contextlib.closing(Batch(pages)) as following:
        write(where / "spec.json", dumps(simple_spec("Second")))
        write(where / "page.json", TAGGED.replace("staged", "second"))
        pages.server.heal()
        thread.join(60)
        assert ends[0][0] is None and ends[0][1]["page-0"]["result"] == "saved"
        assert pages.server.count("PATCH") == 1, pages.server.log_lines()
        assert sorted(drafts(pages)) == [("page-0", "page.json", "staged"),
                                         ("page-0", "spec.json", "staged")]
        assert following.commit()[1]["page-0"]["result"] == "saved"
        assert title(pages.server, "pg-0") == "Second"
        assert pages.server.pages["pg-0"]["tags"] == ["second"]


def test_what_comes_while_a_page_is_made_is_not_settled(pages, batch):
    """page.json of the next batch, while the POST of the first is not answered."""
    where = pages.page("fresh")
    os.mkdir(where)
    write(where / "page.json", '{"name": "Fresh", "tags": ["first"]}')
    write(where / "spec.json", dumps(simple_spec("New")))
    thread, ends = while_sent(pages, batch, "POST", "/pages$")
    with contextlib.closing(Batch(pages)) as following:
        write(where / "page.json", '{"name": "Fresh", "tags": ["second"]}')
        pages.server.heal()
        thread.join(60)
        assert ends[0][0] is None and ends[0][1]["fresh"]["result"] == "created"
        assert drafts(pages) == [("fresh", "page.json", "staged")]
        assert following.commit()[1]["fresh"]["result"] == "saved"
    made = [p for p in pages.server.pages.values() if p["name"] == "Fresh"]
    assert len(made) == 1 and made[0]["tags"] == ["second"]


def test_both_files_or_none_in_a_conflict(pages, batch):
    """Somebody else changed the file that goes along: the page is kept back whole."""
    where = pages.page("page-0")
    theirs = [{"name": "q", "sql": "select 'theirs'"}]
    write(where / "spec.json", dumps(simple_spec("Mine")))
    write(where / "queries.json", dumps(QUERIES))
    pages.server.change_page("pg-0", declared_queries=theirs)
    error, verdicts = batch.commit()
    assert error == errno.ESTALE and verdicts["page-0"]["result"] == "conflict"
    assert any("merge queries.remote.json" in line for line in verdicts["page-0"]["errors"])
    assert pages.server.count("PATCH") == 0
    assert sorted(drafts(pages)) == [("page-0", "queries.json", "conflict"),
                                     ("page-0", "spec.json", "refused")]
    assert json.loads((where / "queries.remote.json").read_text()) == theirs
    (where / "queries.remote.json").unlink()
    merged = [*theirs, *QUERIES]
    write(where / "queries.json", dumps(merged))
    assert pages.server.pages["pg-0"]["declared_queries"] == merged
    assert title(pages.server, "pg-0") == "Mine" and pages.server.count("PATCH") == 1
    assert drafts(pages) == [] and (where / "errors").read_text() == ""


def test_what_is_half_written_at_the_commit_is_told(pages, batch):
    """It stays a draft: nobody is told that the page is as it was to be."""
    path = pages.page("page-0") / "spec.json"
    with open(path, "r+", encoding="utf-8") as file:
        write(path, dumps(simple_spec("Staged")))
        file.write("x")
        file.flush()
        verdict = batch.commit()[1]["page-0"]
        assert verdict["result"] == "waiting" and not verdict["ok"]
        assert pages.server.requests == []
        file.seek(0)
        file.write(dumps(simple_spec("Staged")))
    assert title(pages.server, "pg-0") == "Staged"


@pytest.mark.parametrize("commits", [True, False])
def test_a_removed_page_that_is_made_again_beside_it(pages, holder, commits):
    """By its id it is the same page, and is there once: not archived, nor brought back."""
    where = pages.page("page-0")
    texts = {n: (where / n).read_text() for n in ("page.json", "queries.json", "spec.json")}
    holder.do(f"rm {where}/spec.json {where}/queries.json {where}/page.json; rmdir {where}")
    assert "page-0" not in pages.names()
    os.mkdir(where)
    for name, text in texts.items():
        write(where / name, text.replace("Page 0", "Again"))
    assert pages.server.pages["pg-0"]["name"] == "Again"
    if commits:
        holder.commit()
    else:
        holder.do("exec 3>&-")
        wait_for(lambda: not status(pages)["batches"], 20, "the end of the batch")
    assert pages.server.count("DELETE") == 0 and "pg-0" in pages.server.pages
    assert pages.names() == ["page-0", "page-1", "page-2"]
    assert len(pages.server.pages) == 3
    assert title(pages.server, "pg-0") == "Again"
    write(where / "spec.json", dumps(simple_spec("Later")))
    assert title(pages.server, "pg-0") == "Later"
