"""render/: what a page's queries give, as csv, ndjson and json; one request for all of it."""
import csv
import errno
import io
import json
import os
import threading

import pytest

from amdahl import dumps, fails_with, run, wait_for, write

ROWS = [{"stage": "open", "n": 1, "note": "a,b \"c\"\nd"},
        {"stage": "won", "n": None, "extra": {"x": [1, None]}},
        {"stage": "nul\0byte", "n": 2.5, "note": "é"}]


def query(name, **params):
    return {"name": name, "source": "sql", "sql": "SELECT 1", "params": params}


def renders(server):
    return server.count("POST", "/render$")


@pytest.fixture
def board(fake, mount_at):
    """A page of two queries; `board.at` is its render/."""
    fake.add_page("Board", queries=[query("deals", region="string", top="number",
                                          all="boolean", since="date"),
                                    query("other")])
    fake.rows["deals"] = ROWS
    made = mount_at(fake)
    made.fake = fake
    made.at = made.page("board") / "render"
    made.names()
    return made


def test_names_are_those_of_the_queries(board):
    assert sorted(os.listdir(board.at)) == sorted(
        f"{q}.{form}" for q in ("deals", "other") for form in ("csv", "ndjson", "json"))
    assert "render" in os.listdir(board.page("board"))
    assert not renders(board.fake)


def test_one_request_serves_all_forms(board):
    table = list(csv.reader(io.StringIO((board.at / "deals.csv").read_text().replace("\0", "0"),
                                        newline="")))
    assert table == [["stage", "n", "note", "extra"],
                     ["open", "1", "a,b \"c\"\nd", ""],
                     ["won", "", "", '{"x":[1,null]}'],
                     ["nul0byte", "2.5", "é", ""]]
    lines = (board.at / "deals.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    assert json.loads((board.at / "deals.json").read_text()) == ROWS
    assert (board.at / "other.csv").read_text() == "n\n1\n"
    assert json.loads((board.page("board") / "render.json").read_text())["results"]["deals"]
    assert renders(board.fake) == 1


def test_a_stat_renders_nothing_and_sizes_are_those_of_the_last_answer(board):
    run("ls -laR . ; find . -type f -printf '%s\\n'", cwd=board.page("board"), check=True)
    assert os.stat(board.at / "deals.csv").st_size == 0
    assert not renders(board.fake)
    text = (board.at / "deals.csv").read_bytes()
    assert os.stat(board.at / "deals.csv").st_size == len(text)
    assert os.stat(board.at / "deals.json").st_size == len(
        (board.at / "deals.json").read_bytes())
    assert renders(board.fake) == 1


def test_params_of_a_directory_are_typed_as_the_query_says(board):
    where = board.at / "region=a%2Cb%3Dc%25,top=1.50,all=true,since=2026-01-01,free=7"
    assert (where / "deals.csv").read_bytes()
    assert json.loads((where / "render.json").read_text())["results"]
    assert renders(board.fake) == 1
    sent = board.fake.matching("POST", "/render$")[-1]
    assert sent.json == {"params": {"region": "a,b=c%", "top": 1.5, "all": True,
                                    "since": "2026-01-01", "free": "7"}}
    assert b"1.50" in sent.body, "a number keeps its letters"
    assert where.name in os.listdir(board.at), "in use, so listed"
    (board.at / "deals.csv").read_bytes()
    assert renders(board.fake) == 2, "other params are another answer"


def test_params_json_gives_what_the_name_does_not(board):
    write(board.page("board") / "params.json", '{"region": "emea", "top": 5}')
    (board.at / "top=7" / "deals.csv").read_bytes()
    assert board.fake.matching("POST", "/render$")[-1].json == {
        "params": {"region": "emea", "top": 7}}


@pytest.mark.parametrize("name", ["x", "=1", "a=1,", ",a=1", "a=1,a=2", "a=1,%61=2", "a=%",
                                  "a=%4", "a=%zz", "a=%ff", "a=1,b"])
def test_what_is_no_set_of_params_is_not_there(board, name):
    (board.at / "deals.csv").exists()
    before = len(board.fake.matching())
    with fails_with(errno.ENOENT):
        os.stat(board.at / name)
    assert len([r for r in board.fake.matching()[before:] if r.method != "GET"]) == 0


def test_a_saved_page_drops_the_answer(board):
    (board.at / "deals.csv").read_bytes()
    write(board.page("board") / "queries.json",
          dumps([query("deals"), query("more")]))
    assert "more.csv" in os.listdir(board.at)
    (board.at / "more.csv").read_bytes()
    assert renders(board.fake) == 2
    assert not (board.at / "other.csv").exists()


def test_refresh_drops_the_answer(board):
    (board.at / "deals.csv").read_bytes()
    run("echo refresh > .amdahl/ctl", cwd=board.path, check=True)
    (board.at / "deals.csv").read_bytes()
    assert renders(board.fake) == 2


def test_an_answer_gets_old(fake, mount_at):
    fake.add_page("Board", queries=[query("deals")])
    at = mount_at(fake, options="render_ttl=1").page("board") / "render"
    (at / "deals.csv").read_bytes()
    wait_for(lambda: (at / "deals.csv").read_bytes() and renders(fake) > 1, 30, "a second run")


def test_no_time_to_live_is_a_run_an_open(fake, mount_at):
    fake.add_page("Board", queries=[query("deals")])
    at = mount_at(fake, options="render_ttl=0").page("board") / "render"
    for i in range(3):
        (at / "deals.csv").read_bytes()
        assert renders(fake) == i + 1


def test_all_who_ask_at_once_share_one_request(board):
    got = []

    def read(name):
        got.append((board.at / name).read_bytes())
    readers = [threading.Thread(target=read, args=(f"deals.{form}",))
               for form in ("csv", "ndjson", "json") for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(got) == 15 and len(set(got)) == 3
    assert renders(board.fake) == 1


@pytest.mark.parametrize("error, said", [("no such table", "no such table"),
                                         ({"message": "bad", "code": 1}, "bad"),
                                         ({"code": 7}, '{"code":7}')])
def test_a_query_that_failed_is_eio(board, error, said):
    def spoil(answer):
        answer["results"]["deals"] = {"rows": [], "error": error}
        return answer
    board.fake.fault("POST", "/render$", "edit", arg=spoil)
    for form in ("csv", "ndjson", "json"):
        with fails_with(errno.EIO):
            (board.at / f"deals.{form}").read_bytes()
        assert os.getxattr(board.at / f"deals.{form}", "user.amdahl.error").decode() == said
    assert (board.at / "other.csv").read_text() == "n\n1\n"
    whole = json.loads((board.page("board") / "render.json").read_text())
    assert whole["results"]["deals"]["error"] == error
    assert renders(board.fake) == 1


@pytest.mark.parametrize("spoil, number", [
    (lambda a: {"results": {}}, errno.EIO), (lambda a: {"results": {"deals": {}}}, errno.EIO),
    (lambda a: {"results": {"deals": {"rows": {}}}}, errno.EIO), (lambda a: [], errno.EIO)])
def test_an_answer_without_rows_is_eio(board, spoil, number):
    board.fake.fault("POST", "/render$", "edit", arg=spoil)
    with fails_with(number):
        (board.at / "deals.csv").read_bytes()


def test_names_that_no_file_can_have_are_made_safe(fake, mount_at):
    names = ["../x", "a/b", "", "two\nlines", ".dot", "same", "same", "render", "nul\0",
             "a" * 300, "é"]
    fake.add_page("Board", queries=[query(n) for n in names])
    at = mount_at(fake).page("board") / "render"
    listed = sorted(n for n in os.listdir(at) if n.endswith(".csv"))
    assert len(listed) == len(set(names)) and len(set(listed)) == len(listed)
    assert {"same.csv", "é.csv"} <= set(listed)
    assert all("/" not in n and not n.startswith(".") and n.isprintable() for n in listed)
    for name in listed:
        assert (at / name).read_text() == "n\n1\n"
    assert sorted(n for n in os.listdir(at) if n.endswith(".csv")) == listed
    assert renders(fake) == 1


def test_nothing_here_is_written(board):
    for name in ("deals.csv", "new.csv"):
        with fails_with(errno.EACCES, errno.EPERM):
            write(board.at / name, "x")
    with fails_with(errno.EACCES, errno.EEXIST, errno.EPERM):
        os.mkdir(board.at / "top=1")
    with fails_with(errno.EACCES, errno.EEXIST, errno.EPERM):
        os.mkdir(board.at / "new")


def test_a_copy_and_an_archive_of_a_page(board, tmp_path):
    (board.at / "top=1" / "deals.csv").read_bytes()
    run("cp -r pages/board pages/copy", cwd=board.path, check=True)
    assert (board.page("copy") / "render" / "deals.csv").exists()
    run(["tar", "cf", str(tmp_path / "page.tar"), "board"], cwd=board.path / "pages",
        check=True)
    run("rm -r pages/copy", cwd=board.path, check=True)
    assert board.fake.count("DELETE") == 1
    assert not board.page("copy").exists()


def test_removed_names_come_back_when_restored(board):
    os.unlink(board.at / "deals.csv")
    assert "deals.csv" not in os.listdir(board.at)
    os.rmdir(board.at)
    assert "render" not in os.listdir(board.page("board"))
    run("echo restore board > .amdahl/ctl", cwd=board.path, check=True)
    assert "deals.csv" in os.listdir(board.at)


def test_hidden_names_open_all_the_same(fake, mount_at):
    fake.add_page("Board", queries=[query("deals")])
    page = mount_at(fake, options="runtime=hidden").page("board")
    assert not {"render", "render.json", "verdict.json", "errors"} & set(os.listdir(page))
    assert (page / "render" / "deals.csv").read_text() == "n\n1\n"


def test_a_large_result_is_read_in_pieces(fake, mount_at):
    fake.add_page("Board", queries=[query("deals")])
    fake.rows["deals"] = [{"id": i, "text": "x" * 90 + f",{i}"} for i in range(60000)]
    at = mount_at(fake).page("board") / "render"
    whole = (at / "deals.csv").read_bytes()
    assert len(list(csv.reader(io.StringIO(whole.decode())))) == 60001
    with open(at / "deals.csv", "rb", buffering=0) as file:
        for off in (len(whole) - 10, 3_000_000, 0, len(whole), len(whole) + 5):
            assert os.pread(file.fileno(), 1000, off) == whole[off:off + 1000]
    assert renders(fake) == 1
