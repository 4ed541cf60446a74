"""data/: SQL in files of this machine, and its results beside it."""
import csv
import errno
import io
import json
import os
import signal
import subprocess
import threading

import pytest

from amdahl import fails_with, run, wait_for, write
from fakeplatform import Shape

FORMS = ("csv", "ndjson", "json")
TOP = "SELECT channel, COUNT(*) AS n FROM interactions GROUP BY channel ORDER BY n DESC, channel"


def queries(server):
    return server.count("POST", r"/data/query$")


def attribute(path, name):
    try:
        return os.getxattr(path, f"user.amdahl.{name}").decode()
    except OSError as err:
        assert err.errno == errno.ENODATA
        return None


@pytest.fixture
def data(mount):
    """data/ of a mount of amdahl-local; data.server is that server."""
    class Path(type(mount.path)):
        pass
    where = Path(mount.path / "data")
    Path.server, Path.mount = mount.server, mount
    mount.names()
    mount.server.forget()
    return where


@pytest.fixture
def fake_data(fake, mount_at):
    """fake_data(options=...): data/ of a mount of the fake platform."""
    def make(**kw):
        made = mount_at(fake, **kw)
        made.names()
        fake.forget()
        return made.path / "data"
    return make


# -- with a real server ------------------------------------------------------------------------

def test_a_result_in_three_forms_for_one_request(data):
    write(data / "top.sql", TOP + "\n")
    assert queries(data.server) == 0
    rows = list(csv.DictReader(io.StringIO((data / "top.csv").read_text())))
    assert [r["channel"] for r in rows] and list(rows[0]) == ["channel", "n"]
    lines = [json.loads(line) for line in (data / "top.ndjson").read_text().splitlines()]
    assert json.loads((data / "top.json").read_text()) == lines
    assert [{k: str(v) for k, v in row.items()} for row in lines] == rows
    assert queries(data.server) == 1


def test_stat_and_ls_ask_nothing(data):
    write(data / "top.sql", TOP)
    run("ls -laR . ; find . -type f -printf '%s\\n'; getfattr -d -m - * || true", cwd=data, check=True)
    for form in FORMS:
        assert os.stat(data / f"top.{form}").st_size == 0, "0 before the first"
    assert data.server.count() == 0
    text = (data / "top.csv").read_bytes()
    assert os.stat(data / "top.csv").st_size == len(text), "then that of the last"
    size = os.stat(data / "top.json").st_size
    assert size == len((data / "top.json").read_bytes()), "in each of its forms"
    assert queries(data.server) == 1


def test_names(data):
    write(data / "top.sql", TOP)
    write(data / "notes.txt", "mine\n")
    write(data / ".#top.sql", "x")
    (data / "sub").mkdir()
    write(data / "sub" / "other.sql", TOP)
    expected = ["schema.json", "top.sql", "top.csv", "top.ndjson", "top.json", "notes.txt", ".#top.sql",
                "sub"]
    assert sorted(os.listdir(data)) == sorted(expected)
    assert os.listdir(data / "sub") == ["other.sql"], "only data/ itself has results"
    assert not (data / "other.csv").exists()
    os.rename(data / "top.sql", data / "best.sql")
    assert not (data / "top.csv").exists() and (data / "best.csv").exists()
    assert {"best.csv", "best.json"} <= set(os.listdir(data)) and "top.csv" not in os.listdir(data)
    os.unlink(data / "best.sql")
    assert not (data / "best.csv").exists() and "best.csv" not in os.listdir(data)
    write(data / "best.csv", "a local file now\n")
    assert (data / "best.csv").read_text() == "a local file now\n"
    assert data.server.count() == 0


def test_names_come_back(data):
    assert not (data / "top.csv").exists()
    write(data / "top.sql", "SELECT 1 AS one")
    assert (data / "top.csv").read_text() == "one\n1\n"
    os.unlink(data / "top.csv")
    os.unlink(data / "top.csv")
    assert (data / "top.csv").read_text() == "one\n1\n", "it is there while its SQL is"


def test_results_are_nobodys_to_write(data):
    write(data / "top.sql", "SELECT 1 AS one")
    write(data.parent / "x.csv", "mine")
    for name in ("top.csv", "schema.json"):
        with fails_with(errno.EACCES, errno.EPERM):
            write(data / name, "x")
        with fails_with(errno.EACCES, errno.EPERM):
            os.rename(data.parent / "x.csv", data / name)
    with fails_with(errno.EACCES, errno.EPERM):
        os.rename(data / "top.csv", data / "other.csv")
    with fails_with(errno.EACCES, errno.EPERM):
        os.truncate(data / "top.csv", 0)
    assert data.server.count() == 0, "and nothing was asked for that"
    run(["mv", data / "top.csv", data.parent / "kept.csv"], check=True)
    assert (data.parent / "kept.csv").read_text() == "one\n1\n", "mv copies it"
    with fails_with(errno.EPERM):
        os.rmdir(data)


def test_an_edit_is_a_new_question(data):
    write(data / "top.sql", "SELECT 1 AS one")
    assert (data / "top.csv").read_text() == "one\n1\n"
    write(data / "top.sql", "SELECT 2 AS two")
    assert (data / "top.csv").read_text() == "two\n2\n"
    write(data / "top.sql", "SELECT 2 AS two")
    assert (data / "top.json").read_text(), "written anew with the same text"
    assert queries(data.server) == 2


def test_a_refusal(data):
    write(data / "top.sql", "SELECT channel\nFROM interactions\nWHERE  nope = 1\n")
    for form in FORMS:
        with fails_with(errno.EPROTO):
            (data / f"top.{form}").read_bytes()
        said = attribute(data / f"top.{form}", "error")
        assert said.startswith("data/top.sql:3:8: ") and "nope" in said
    assert queries(data.server) == 1, "asked once, told three times"
    assert "data/top.sql:3:8: " in (data.mount.path / ".amdahl" / "log").read_text()
    write(data / "top.sql", "SELECT 1 AS one")
    assert (data / "top.csv").read_text() == "one\n1\n"
    assert attribute(data / "top.csv", "error") is None


@pytest.mark.parametrize("text, why", [("", "no SQL"), (" \n\t", "no SQL"), ("SELECT '\0'", "NUL"),
                                       (b"SELECT '\xff'", "UTF-8")])
def test_what_cannot_be_sent_is_not(data, text, why):
    write(data / "top.sql", text)
    with fails_with(errno.EPROTO):
        (data / "top.csv").read_bytes()
    assert why in attribute(data / "top.csv", "error")
    assert data.server.count() == 0


def test_params(data):
    write(data / "by.sql", "SELECT @c AS c, @n + 1 AS n, @t AS t, @z AS z, COUNT(*) AS rows "
                           "FROM interactions WHERE channel = @c")
    where = data / "c=email,n=41,t=true,z=01"
    row = json.loads((where / "by.json").read_text())[0]
    assert (row["c"], row["n"], row["t"], row["z"]) == ("email", 42, 1, "01") and row["rows"] > 0
    assert sorted(os.listdir(where)) == ["by.csv", "by.json", "by.ndjson"]
    odd = data / "c=a%2Cb%3D%25%C3%A9%2F,n=0"
    assert json.loads((odd / "by.json").read_text())[0]["c"] == "a,b=%é/"
    assert queries(data.server) == 2
    assert (where / "by.csv").read_text(), "its own answer is kept"
    assert queries(data.server) == 2
    assert "c=email,n=41,t=true,z=01" not in os.listdir(data), "there are too many to list"
    for name in ("=1", "a=%", "a=%2", "a=%zz", "a=%00", "a=%ff", "a=1,a=2", "a=1,", "a=1,b", ",a=1"):
        assert not (data / name).exists(), name
    with fails_with(errno.EPERM, errno.EACCES):
        write(where / "new.sql", "SELECT 1")


def test_truncated(data):
    write(data / "all.sql", "SELECT a.id FROM interactions a, interactions b")
    assert len((data / "all.ndjson").read_text().splitlines()) == 10000
    assert attribute(data / "all.csv", "truncated") == "true"
    assert "data/all.sql: the platform left rows out" in (
        data.mount.path / ".amdahl" / "log").read_text()
    write(data / "all.sql", "SELECT 1 AS one")
    assert (data / "all.csv").read_text() and attribute(data / "all.csv", "truncated") is None


def test_schema(data):
    assert os.stat(data / "schema.json").st_size == 0
    schema = json.loads((data / "schema.json").read_text())
    assert schema["tables"][0]["name"] == "interactions"
    assert (data / "schema.json").read_text().startswith('{\n  "')
    assert data.server.count("POST", "/data/explore$") == 1
    assert not (data / "schema.csv").exists()


def test_refresh_asks_anew(data):
    write(data / "top.sql", "SELECT 1 AS one")
    for _ in range(2):
        assert (data / "top.csv").read_text() and (data / "schema.json").read_text()
        (data.mount.path / ".amdahl" / "ctl").write_text("refresh\n")
    assert queries(data.server) == 2 and data.server.count("POST", "/data/explore$") == 2


def test_they_stay_over_a_remount(data):
    write(data / "top.sql", "SELECT 1 AS one")
    assert (data / "top.csv").read_text() == "one\n1\n"
    before = {n: os.stat(data / n).st_ino for n in os.listdir(data)}
    data.mount.restart()
    assert {n: os.stat(data / n).st_ino for n in os.listdir(data)} == before
    assert len(set(before.values())) == len(before)
    assert (data / "top.csv").read_text() == "one\n1\n"


def test_git_has_the_sql_alone(data):
    write(data / "top.sql", "SELECT 1 AS one")
    git = "git -c init.defaultBranch=main -c safe.directory='*' -c user.name=t -c user.email=t@t"
    run(f"{git} init -q && {git} add -A && {git} commit -qm one", cwd=data.parent, check=True)
    assert run(f"{git} ls-files data", cwd=data.parent, check=True).stdout == "data/top.sql\n"
    write(data / "top.sql", "SELECT 2 AS two")
    assert (data / "top.csv").read_text() == "two\n2\n"
    run(f"{git} checkout -q -- data", cwd=data.parent, check=True)
    assert (data / "top.csv").read_text() == "one\n1\n"
    assert run(f"{git} status --porcelain", cwd=data.parent, check=True).stdout == ""
    data.server.forget()
    assert run("rg --files data", cwd=data.parent).stdout == "data/top.sql\n"
    run("rg nothing-at-all .", cwd=data.parent)
    assert data.server.count("POST") == 0


def test_local_data_of_an_older_mount_is_kept(local, mount_at):
    made = mount_at(local, start=False)
    old = made.dir / "state"
    made.start()
    made.stop()
    (top,) = old.rglob("overlay")
    (top / "data-local").rmdir()
    (top / "root" / "data").mkdir()
    (top / "root" / "data" / "mine.txt").write_text("kept\n")
    made.start()
    assert (made.path / "data" / "mine.txt").read_text() == "kept\n"
    assert os.listdir(made.path).count("data") == 1


def test_hidden(local, mount_at):
    where = mount_at(local, options="runtime=hidden").path / "data"
    write(where / "top.sql", "SELECT 1 AS one")
    assert os.listdir(where) == ["top.sql"]
    assert (where / "top.csv").read_text() == "one\n1\n"


# -- with one that misbehaves --------------------------------------------------------------------

@pytest.mark.parametrize("shape", [Shape(), Shape(rows="rowCount"), Shape(wrap=True)])
def test_both_shapes_of_an_answer(fake, fake_data, shape):
    fake.shape = shape
    where = fake_data()
    fake.tables["SELECT x"] = [{"b": 1, "a": 'say "hi", you'}, {"b": None, "a": "two\nlines"},
                               {"a": "", "b": [1, {"k": "e"}], "c": True}]
    write(where / "x.sql", "SELECT x\n")
    assert (where / "x.csv").read_text() == (
        'b,a,c\n1,"say ""hi"", you",\n,"two\nlines",\n"[1,{""k"":""e""}]",,true\n')
    assert [json.loads(l) for l in (where / "x.ndjson").read_text().splitlines()] == \
        fake.tables["SELECT x"]
    assert json.loads((where / "x.json").read_text()) == fake.tables["SELECT x"]
    assert queries(fake) == 1
    assert fake.matching("POST", "/data/query$")[0].json == {"sql": "SELECT x\n"}, "and nothing else"


def test_an_empty_result(fake, fake_data):
    where = fake_data()
    fake.tables["SELECT x"] = []
    write(where / "x.sql", "SELECT x")
    assert ((where / "x.csv").read_text(), (where / "x.ndjson").read_text(),
            (where / "x.json").read_text()) == ("", "", "[]\n")
    assert queries(fake) == 1


def test_values_are_the_platforms_own(fake, fake_data):
    where = fake_data()
    fake.fault("POST", "/data/query$", "status", arg=(
        200, b'{"columns":[{"name":"a"},{"name":"b"}],"rows":[{"b":1.0,"a":12345678901234567890},'
             b'{"a":"\\u00e9\\u0000x","b":1e400}],"truncated":true}'))
    write(where / "x.sql", "SELECT x")
    assert (where / "x.csv").read_bytes() == b"b,a\n1.0,12345678901234567890\n1e400,\xc3\xa9\0x\n"
    assert (where / "x.ndjson").read_bytes().splitlines()[0] == b'{"b":1.0,"a":12345678901234567890}'
    assert attribute(where / "x.csv", "truncated") == "true"


@pytest.mark.parametrize("kind, arg", [
    ("nonjson", None), ("html", None), ("deep", None), ("half", None),
    ("status", (200, {"ok": True})), ("status", (200, {"rows": {}})), ("status", (200, 7)),
    ("status", (200, b"")), ("status", 500)])
def test_garbage(fake, fake_data, kind, arg):
    where = fake_data(options="timeout=2")
    fake.fault("POST", "/data/query$", kind, arg=arg)
    write(where / "x.sql", "SELECT x")
    with fails_with(errno.EIO, errno.ECONNRESET):
        (where / "x.csv").read_bytes()
    assert attribute(where / "x.csv", "error")
    fake.heal()
    assert (where / "x.csv").read_text() == "n\n1\n", "such an error is not kept"


@pytest.mark.parametrize("errors", ["object", "code", "sentence", "flat", "string", "success_false"])
def test_refusals_of_every_shape(fake, fake_data, errors):
    fake.shape.errors = errors
    where = fake_data()
    write(where / "x.sql", "DROP TABLE x")
    with fails_with(errno.EPROTO):
        (where / "x.csv").read_bytes()
    assert "one plain SELECT, please" in attribute(where / "x.csv", "error")
    assert attribute(where / "x.csv", "error").startswith(
        "data/x.sql:1:1: " if errors == "object" else "data/x.sql: ")


def test_a_missing_scope(fake, fake_data):
    fake.scopes = ["pages:read", "pages:write"]
    where = fake_data()
    write(where / "x.sql", "SELECT x")
    for name in ("x.csv", "schema.json"):
        with fails_with(errno.EACCES):
            (where / name).read_bytes()
        assert "data:read" in attribute(where / name, "error")


def test_a_time_to_live_of_nothing(fake, fake_data):
    where = fake_data(options="render_ttl=0")
    write(where / "x.sql", "SELECT x")
    for _ in range(3):
        assert (where / "x.csv").read_text() == "n\n1\n"
    assert queries(fake) == 3


def test_an_old_answer_is_asked_for_anew(fake, fake_data):
    where = fake_data(options="render_ttl=1")
    write(where / "x.sql", "SELECT x")
    assert (where / "x.csv").read_text() == "n\n1\n"
    fake.tables["SELECT x"] = [{"n": 22}]
    wait_for(lambda: (where / "x.csv").read_text() == "n\n22\n", 20, "the new answer")
    wait_for(lambda: os.stat(where / "x.csv").st_size == 5, 20, "its size")
    size = os.stat(where / "x.csv").st_size
    assert size == 5, "known also when its bytes have left the memory"


def test_everybody_who_asks_at_once(fake, fake_data):
    where = fake_data()
    write(where / "x.sql", "SELECT x")
    fake.fault("POST", "/data/query$", "hang")
    got = []
    readers = [threading.Thread(target=lambda i=i: got.append(run(["cat", where / f"x.{FORMS[i % 3]}"])))
               for i in range(30)]
    for reader in readers:
        reader.start()
    wait_for(lambda: queries(fake) == 1, 20, "the request")
    assert os.listdir(where), "nobody else waits"
    fake.faults.clear()
    # The one that hangs is cut off and, as it changes nothing, sent again for all of them.
    fake.heal()
    for reader in readers:
        reader.join()
    assert [r.returncode for r in got] == [0] * 30
    assert queries(fake) <= 2


def test_an_open_file_is_one_snapshot(fake, fake_data):
    where = fake_data()
    fake.tables["SELECT 1"] = [{"n": 11}]
    fake.tables["SELECT 2"] = [{"n": 22}]
    write(where / "x.sql", "SELECT 1")
    with open(where / "x.csv", "rb", buffering=0) as file:
        first = file.read(3)
        write(where / "x.sql", "SELECT 2")
        assert (where / "x.csv").read_text() == "n\n22\n"
        assert first + file.read() == b"n\n11\n"


def test_sql_that_changes_while_it_is_asked(fake, fake_data):
    where = fake_data()
    fake.tables["SELECT 2"] = [{"n": 22}]
    write(where / "x.sql", "SELECT 1")
    fake.fault("POST", "/data/query$", "hang", times=1)
    reader = subprocess.Popen(["cat", where / "x.csv"], stdout=subprocess.PIPE)
    try:
        wait_for(lambda: queries(fake) == 1, 20, "the request")
        write(where / "x.sql", "SELECT 2")
        assert (where / "x.csv").read_text() == "n\n22\n"
        fake.heal()
        assert reader.communicate(timeout=60)[0] == b"n\n22\n", "the answer to what stands there"
    finally:
        reader.kill()
        reader.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_reader(fake, fake_data, number):
    where = fake_data()
    write(where / "x.sql", "SELECT x")
    fake.fault("POST", "/data/", "hang")
    reader = subprocess.Popen(["cat", where / "x.csv"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: queries(fake) == 1, 20, "the request")
        reader.send_signal(number)
        reader.wait(20)
        assert reader.returncode != 0
        assert (where / "x.sql").read_text() == "SELECT x"
    finally:
        reader.kill()
        reader.wait()


def test_a_result_that_is_read_while_its_sql_goes(fake, fake_data):
    where = fake_data()
    write(where / "x.sql", "SELECT x")
    fd = os.open(where / "x.csv", os.O_RDONLY)
    try:
        os.unlink(where / "x.sql")
        assert os.read(fd, 100) == b"n\n1\n"
        assert not (where / "x.csv").exists()
    finally:
        os.close(fd)


def test_a_large_file_of_sql(fake, fake_data):
    where = fake_data()
    write(where / "x.sql", "SELECT '" + "x" * (2 << 20) + "'")
    with fails_with(errno.EFBIG):
        (where / "x.csv").read_bytes()
    assert queries(fake) == 0


def test_a_large_result(fake, fake_data):
    """10 MB, read in pieces from anywhere, with the sizes that stat tells."""
    where = fake_data()
    fake.tables["SELECT big"] = [{"id": i, "text": f"row {i}, " + "x" * 100} for i in range(75000)]
    write(where / "big.sql", "SELECT big")
    texts = {form: (where / f"big.{form}").read_bytes() for form in FORMS}
    assert json.loads(texts["json"]) == fake.tables["SELECT big"]
    assert len(texts["csv"].splitlines()) == 75001
    for form, text in texts.items():
        assert os.stat(where / f"big.{form}").st_size == len(text)
        with open(where / f"big.{form}", "rb", buffering=0) as file:
            for at in (len(text) - 10, 0, len(text) // 2, 5):
                file.seek(at)
                assert file.read(10) == text[at:at + 10]
    assert run(["tail", "-n1", where / "big.ndjson"]).stdout.startswith('{"id":74999,')
    assert queries(fake) == 1
