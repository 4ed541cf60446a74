"""sql/ among the other files of a page: names from the platform, copies, removals, batches,
somebody else's edits, what the kernel keeps."""
import errno
import json
import os
import subprocess
import sys
import threading

import pytest

from amdahl import dumps, fails_with, heading, program, run, spec_of, wait_for, write
from fakeplatform import simple_spec

ONE = {"name": "one", "source": "sql", "sql": "SELECT 1 AS n"}
TWO = {"name": "two", "source": "sql", "sql": "SELECT 2 AS n"}
BOUND = spec_of({"type": "Table", "props": {"data": {"$query": "one"}}})


@pytest.fixture
def shared(fake, mount_at):
    """(mount, the page's directory, the page of the fake platform)"""
    page = fake.add_page("Shared", simple_spec("x"), [ONE, TWO])
    mount = mount_at(fake)
    mount.server = fake
    mount.names()
    return mount, mount.page("shared"), page


def control(mount, command):
    (mount.path / ".amdahl" / "ctl").write_text(command + "\n")


def queries(fake, page):
    return fake.pages[page]["declared_queries"]


def stored(mount, directory):
    about = json.loads((mount.page(directory) / "page.json").read_text())
    return mount.server.call("GET", f"/pages/{about['id']}")[1]["declared_queries"]


# -- names --------------------------------------------------------------------------------------

HOSTILE = ["../x", "a/b", "", "new\nline", ".hidden", "#auto#", "same", "same", "x.sql",
           "..", "n" * 300, "\u0000", "\u202egnp"]


def test_names_are_made_safe(fake, mount_at):
    sql = [{"name": name, "sql": f"SELECT {n}"} for n, name in enumerate(HOSTILE)]
    page = fake.add_page("Hostile", simple_spec("x"), sql)
    mount = mount_at(fake)
    mount.names()
    where = mount.page("hostile") / "sql"
    seen = sorted(os.listdir(where))
    assert len(seen) == len(HOSTILE)
    assert {"same.sql", "same~2.sql", "x.sql.sql"} <= set(seen)
    assert all(name.endswith(".sql") and name[0] not in ".#" for name in seen)
    assert sorted((where / name).read_text() for name in seen) == sorted(
        f"SELECT {n}\n" for n in range(len(HOSTILE)))
    numbers = {name: os.stat(where / name).st_ino for name in seen}
    assert len(set(numbers.values())) == len(seen)
    mount.restart()
    assert {name: os.stat(where / name).st_ino for name in os.listdir(where)} == numbers
    write(where / "same~2.sql", "SELECT 'second'\n")
    assert queries(fake, page)[7]["sql"] == "SELECT 'second'"
    assert queries(fake, page)[6]["sql"] == "SELECT 6"
    odd = next(name for name in seen if (where / name).read_text() == "SELECT 0\n")
    write(where / odd, "SELECT 'odd'\n")
    assert queries(fake, page)[0] == {"name": "../x", "sql": "SELECT 'odd'"}


def test_queries_that_are_no_list(fake, mount_at):
    fake.add_page("Odd", simple_spec("x"), {"a": 1})
    mount = mount_at(fake)
    mount.names()
    where = mount.page("odd")
    assert os.listdir(where / "sql") == []
    with fails_with(errno.EPROTO):
        write(where / "sql/new.sql", "SELECT 1\n")
    assert "sql/new.sql:1:1: error: [sql] queries.json" in (where / "errors").read_text()
    assert fake.count("PATCH") == 0


def test_scratch_stays_here(shared):
    mount, where, _ = shared
    os.listdir(where / "sql")
    mount.server.forget()
    for name in (".one.sql.swp", "4913", "one.sql~", "#one.sql#", "notes.txt"):
        write(where / "sql" / name, "not SQL at all {{{\n")
    os.symlink("user@host.1", where / "sql/.#one.sql")
    os.mkdir(where / "sql/sub")
    write(where / "sql/sub/x.sql", "also not\n")
    assert sorted(os.listdir(where / "sql")) == sorted(
        [".one.sql.swp", "4913", "one.sql~", "#one.sql#", "notes.txt", ".#one.sql", "sub",
         "one.sql", "two.sql"])
    with fails_with(errno.EACCES, errno.EEXIST):
        os.mkdir(where / "sql/dir.sql")
    with fails_with(errno.EACCES, errno.EEXIST):
        os.symlink("x", where / "sql/link.sql")
    assert mount.server.requests == []
    mount.restart()
    assert (where / "sql/notes.txt").read_text().startswith("not SQL")


# -- copies, removals, moves -----------------------------------------------------------------------

def test_a_page_is_copied(mount):
    mount.names()
    os.mkdir(mount.page("a"))
    write(mount.page("a") / "queries.json", dumps([ONE, TWO]))
    write(mount.page("a") / "spec.json", dumps(BOUND))
    assert sorted(os.listdir(mount.page("a") / "sql")) == ["one.sql", "two.sql"]
    mount.server.forget()
    run(["cp", "-r", "a", "b"], cwd=mount.pages, check=True)
    assert mount.server.count("POST", r"^/pages$") == 1
    assert mount.server.count("PATCH") == 0
    assert stored(mount, "b") == [ONE, TWO]
    assert sorted(os.listdir(mount.page("b") / "sql")) == ["one.sql", "two.sql"]
    assert (mount.page("b") / "errors").read_text() == ""
    write(mount.page("b") / "sql/one.sql", "SELECT 3 AS n\n")
    assert stored(mount, "b")[0]["sql"] == "SELECT 3 AS n"
    assert stored(mount, "a") == [ONE, TWO]


def test_a_template_is_copied(mount):
    mount.names()
    name = os.listdir(mount.path / "templates")[0]
    assert "sql" not in os.listdir(mount.path / "templates" / name)
    run(["cp", "-r", mount.path / "templates" / name, mount.page("made")], check=True)
    wait_for(lambda: os.listdir(mount.page("made") / "sql"), 5, "the queries' files")


def test_a_new_page_from_sql_files(mount):
    """sql/ is there once it is made, and shows what was written in it."""
    mount.names()
    where = mount.page("fresh")
    os.mkdir(where)
    assert not (where / "sql").exists()
    os.mkdir(where / "sql")
    assert os.listdir(where / "sql") == []
    write(where / "sql/one.sql", "SELECT 1 AS n\n")
    assert os.listdir(where / "sql") == ["one.sql"]
    assert json.loads((where / "queries.json").read_text()) == [ONE]
    mount.restart()
    assert (where / "sql/one.sql").read_text() == "SELECT 1 AS n\n"
    write(where / "spec.json", dumps(BOUND))
    assert mount.server.page("fresh")["declared_queries"] == [ONE]
    assert os.listdir(where / "sql") == ["one.sql"]


def test_a_new_page_by_renames(mount):
    mount.names()
    where = mount.page("fresh")
    os.mkdir(where)
    os.mkdir(where / "sql")
    for name, text in (("one", "SELECT 1 AS n\n"), ("two", "SELECT 0\n"), ("two", "SELECT 2 AS n\n")):
        write(where / "sql/new", text)
        os.rename(where / "sql/new", where / f"sql/{name}.sql")
    assert sorted(os.listdir(where / "sql")) == ["one.sql", "two.sql"]
    assert json.loads((where / "queries.json").read_text()) == [ONE, TWO]
    os.rename(where / "sql/two.sql", where / "sql/other.sql")
    assert sorted(os.listdir(where / "sql")) == ["one.sql", "other.sql"]
    write(where / "spec.json", dumps(BOUND))
    assert mount.server.page("fresh")["declared_queries"] == [ONE, {**TWO, "name": "other"}]


@pytest.mark.parametrize("command", ["rsync -a pages/a/ pages/b/",
                                     "cp -a pages/a pages/b",
                                     "tar -C pages/a -c . | (mkdir pages/b; tar -C pages/b -x)"])
def test_other_ways_of_copying(mount, command):
    mount.names()
    os.mkdir(mount.page("a"))
    write(mount.page("a") / "queries.json", dumps([ONE, TWO]))
    write(mount.page("a") / "spec.json", dumps(BOUND))
    mount.server.forget()
    run(command, cwd=mount.path)
    assert mount.server.count("POST", r"^/pages$") == 1, mount.server.log_lines()
    assert mount.server.count("PATCH") == 0, mount.server.log_lines()
    assert stored(mount, "b") == [ONE, TWO]
    assert sorted(os.listdir(mount.page("b") / "sql")) == ["one.sql", "two.sql"]
    assert (mount.page("b") / "errors").read_text() == ""


def test_removing_a_page_that_was_read(shared):
    mount, where, page = shared
    os.listdir(where / "sql")
    (where / "sql/one.sql").read_text()
    mount.server.forget()
    run(["rm", "-r", where], check=True)
    assert [(r.method, r.path) for r in mount.server.requests] == [("DELETE", f"/pages/{page}")]
    assert "shared" not in mount.names()


def test_removing_a_page_that_nobody_read(shared):
    """One DELETE, and its queries are not read for that."""
    mount, where, page = shared
    mount.server.forget()
    run(["rm", "-r", where], check=True)
    assert [(r.method, r.path) for r in mount.server.requests] == [("DELETE", f"/pages/{page}")]


def test_scratch_in_it_keeps_a_page(shared):
    mount, where, _ = shared
    write(where / "sql/notes.txt", "mine")
    for name in ("queries.json", "spec.json", "page.json", "params.json"):
        os.unlink(where / name)
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(where / "sql")
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(where)
    assert mount.server.count("DELETE") == 0


def test_the_brake_brings_it_back(fake, mount_at):
    for n in range(3):
        fake.add_page(f"Page {n}", simple_spec("x"), [ONE])
    mount = mount_at(fake, options="archive_limit=2")
    mount.names()
    for n in range(3):
        (mount.page(f"page-{n}") / "sql/one.sql").read_text()
    done = run("rm -r pages/page-0 pages/page-1 pages/page-2", cwd=mount.path)
    assert done.returncode != 0
    left = mount.names()
    assert len(left) == 1 and os.listdir(mount.page(left[0]) / "sql") == ["one.sql"]


def test_a_page_is_moved(shared):
    mount, where, _ = shared
    write(where / "sql/notes.txt", "mine")
    number = os.stat(where / "sql/one.sql").st_ino
    os.rename(where, mount.page("elsewhere"))
    moved = mount.page("elsewhere")
    assert sorted(os.listdir(moved / "sql")) == ["notes.txt", "one.sql", "two.sql"]
    assert os.stat(moved / "sql/one.sql").st_ino == number
    write(moved / "sql/one.sql", "SELECT 3 AS n\n")


def test_rmdir_and_mkdir(shared):
    mount, where, _ = shared
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(where / "sql")
    for name in os.listdir(where / "sql"):
        os.unlink(where / "sql" / name)
    os.rmdir(where / "sql")
    assert "sql" not in os.listdir(where) and not (where / "sql").exists()
    mount.server.forget()
    os.mkdir(where / "sql")
    assert os.listdir(where / "sql") == []
    control(mount, "restore shared")
    assert sorted(os.listdir(where / "sql")) == ["one.sql", "two.sql"]
    assert mount.server.requests == []
    with fails_with(errno.EACCES, errno.EEXIST, errno.ENOTEMPTY):
        os.rename(where / "sql", where / "other")


def test_hidden(fake, mount_at):
    fake.add_page("Shared", simple_spec("x"), [ONE])
    mount = mount_at(fake, options="runtime=hidden")
    mount.names()
    where = mount.page("shared")
    assert "sql" not in os.listdir(where)
    assert (where / "sql/one.sql").read_text() == "SELECT 1 AS n\n"
    run(["rm", "-r", where], check=True)
    assert fake.count("DELETE") == 1


def test_passed_by(mount):
    assert "sql/" in (mount.path / ".gitignore").read_text()
    assert "sql/" in (mount.path / ".ignore").read_text()


# -- somebody else ------------------------------------------------------------------------------

def elsewhere(fake, page, sql):
    fake.change_page(page, declared_queries=sql)


def test_an_edit_elsewhere_is_seen(shared):
    mount, where, page = shared
    names = sorted(os.listdir(where / "sql"))
    assert names == ["one.sql", "two.sql"]
    with open(where / "sql/two.sql") as kept:
        assert kept.read() == "SELECT 2 AS n\n"
        elsewhere(mount.server, page, [ONE, {**TWO, "sql": "SELECT 22 AS n"},
                                       {"name": "three", "sql": "SELECT 3"}])
        control(mount, "refresh")
        assert (where / "sql/two.sql").read_text() == "SELECT 22 AS n\n"
        kept.seek(0)
        assert kept.read() == "SELECT 22 AS n\n"
        assert sorted(os.listdir(where / "sql")) == ["one.sql", "three.sql", "two.sql"]
    elsewhere(mount.server, page, [ONE])
    control(mount, "refresh")
    assert sorted(os.listdir(where / "sql")) == ["one.sql"]
    with fails_with(errno.ENOENT):
        os.stat(where / "sql/two.sql")


def test_a_conflict_is_that_of_queries_json(shared):
    mount, where, page = shared
    (where / "sql/one.sql").read_text()
    elsewhere(mount.server, page, [ONE, {**TWO, "sql": "SELECT 22 AS n"}])
    with fails_with(errno.ESTALE):
        write(where / "sql/one.sql", "SELECT 'mine' AS n\n")
    assert (where / "sql/one.sql").read_text() == "SELECT 'mine' AS n\n"
    assert json.loads((where / "queries.remote.json").read_text())[1]["sql"] == "SELECT 22 AS n"
    assert json.loads((where / "queries.base.json").read_text()) == [ONE, TWO]
    assert "[conflict]" in (where / "errors").read_text()
    os.unlink(where / "queries.remote.json")
    write(where / "sql/one.sql", "SELECT 'mine' AS n\n")
    assert queries(mount.server, page)[0]["sql"] == "SELECT 'mine' AS n"
    assert (where / "errors").read_text() == ""


EDITOR = r"""
import sys
for line in sys.stdin:
    name, *text = line.rstrip("\n").split("\t")
    try:
        if text:
            with open(name, "w") as file:
                file.write(text[0] + "\n")
        else:
            open(name).read()
        print(0, flush=True)
    except OSError as err:
        print(err.errno, flush=True)
"""


@pytest.fixture
def editors(shared):
    """Two processes that stand in the page and stay: (name) reads, (name, text) saves."""
    made = [subprocess.Popen([sys.executable, "-c", EDITOR], cwd=shared[1], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in "ab"]

    def caller(process):
        def call(*words):
            process.stdin.write("\t".join(words) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())
        return call
    yield [caller(each) for each in made]
    for each in made:
        each.stdin.close()
        each.wait(30)
        each.stdout.close()


def test_two_editors_of_two_queries(shared, editors):
    """Each knows the other's query as it is now: its own text goes in beside it."""
    mount, where, page = shared
    one, two = editors
    assert one("sql/one.sql") == two("sql/two.sql") == 0
    for turn in range(3):
        assert one("sql/one.sql", f"SELECT 1{turn} AS n") == 0
        assert two("sql/two.sql", f"SELECT 2{turn} AS n") == 0
    assert [q["sql"] for q in queries(mount.server, page)] == ["SELECT 12 AS n", "SELECT 22 AS n"]


def test_two_editors_of_one_query(shared, editors):
    mount, where, page = shared
    one, two = editors
    assert one("sql/one.sql") == two("sql/one.sql") == 0
    assert one("sql/one.sql", "SELECT 'a' AS n") == 0
    assert two("sql/one.sql", "SELECT 'b' AS n") == errno.ESTALE
    assert queries(mount.server, page)[0]["sql"] == "SELECT 'a' AS n"
    assert (where / "sql/one.sql").read_text() == "SELECT 'b' AS n\n"


def test_a_conflict_at_a_rename(shared):
    """The VFS repeats a rename once that ends with ESTALE."""
    mount, where, page = shared
    (where / "sql/one.sql").read_text()
    write(where / "sql/new", "SELECT 'mine' AS n\n")
    elsewhere(mount.server, page, [{**ONE, "sql": "SELECT 11 AS n"}, TWO])
    mount.server.forget()
    with fails_with(errno.ESTALE):
        os.replace(where / "sql/new", where / "sql/one.sql")
    assert mount.server.count("POST", r"^/pages/validate$") == 1
    assert (where / "sql/new").read_text() == "SELECT 'mine' AS n\n"
    assert (where / "sql/one.sql.rejected").read_text() == "SELECT 'mine' AS n\n"
    assert (where / "queries.remote.json").exists()


# -- together -----------------------------------------------------------------------------------

def test_a_batch_stages_it(mount):
    mount.names()
    os.mkdir(mount.page("a"))
    write(mount.page("a") / "queries.json", dumps([ONE, TWO]))
    write(mount.page("a") / "spec.json", dumps(BOUND))
    mount.server.forget()
    script = """
        printf 'SELECT 5 AS n\\n' > pages/a/sql/one.sql
        cat pages/a/sql/one.sql
        printf 'SELECT 6 AS n\\n' > pages/a/sql/new && mv pages/a/sql/new pages/a/sql/two.sql
        printf 'SELECT 7 AS n\\n' > pages/a/sql/three.sql
        getfattr --only-values -n user.amdahl.state pages/a/queries.json || true
    """
    done = run([program("amdahlctl", "AMDAHLCTL_BIN"), "batch", mount.path, "--", "bash", "-ec",
                script], cwd=mount.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SELECT 5 AS n" in done.stdout
    sent = [(r["method"], r["path"].split("/")[-1]) for r in mount.server.requests()]
    assert [m for m, _ in sent].count("PATCH") == 1, mount.server.log_lines()
    assert sent.count(("POST", "validate")) == 1
    assert [q["sql"] for q in mount.server.page("a")["declared_queries"]] == [
        "SELECT 5 AS n", "SELECT 6 AS n", "SELECT 7 AS n"]


def test_many_writers_lose_nothing(mount):
    """Each puts its own query; all of them are there at the end."""
    mount.names()
    os.mkdir(mount.page("a"))
    write(mount.page("a") / "queries.json", dumps([{**ONE, "name": f"q{n}"} for n in range(8)]))
    write(mount.page("a") / "spec.json", dumps(spec_of(heading("x"))))
    errors = []

    def save(n):
        try:
            for turn in range(3):
                write(mount.page("a") / f"sql/q{n}.sql", f"SELECT {n}{turn} AS n\n")
        except OSError as err:
            errors.append(err)
    threads = [threading.Thread(target=save, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    sql = [q["sql"] for q in mount.server.page("a")["declared_queries"]]
    assert sql == [f"SELECT {n}2 AS n" for n in range(8)]
    assert [(mount.page("a") / f"sql/q{n}.sql").read_text() for n in range(8)] == [
        f"{s}\n" for s in sql]


def replace(path, text):
    write(path.parent / "new", text)
    os.replace(path.parent / "new", path)


def test_into_a_page_whose_text_left_the_memory(fake, mount_at):
    """By a name that the kernel has kept."""
    for n in range(60):
        fake.add_page(f"Page {n:02}", simple_spec("x" * 100000), [ONE])
    mount = mount_at(fake, options="read_ahead=0")
    (mount.path / "new").write_text("SELECT 5 AS n\n")
    names = mount.names()
    for name in names:
        assert (mount.page(name) / "sql/one.sql").read_text() == "SELECT 1 AS n\n"
    first = mount.page(names[0])
    os.rename(mount.path / "new", first / "sql/one.sql")
    assert (first / "sql/one.sql").read_text() == "SELECT 5 AS n\n"
    with open(mount.page(names[1]) / "sql/one.sql", "r+") as file:
        file.write("SELECT 6")
    assert (mount.page(names[1]) / "sql/one.sql").read_text() == "SELECT 6 AS n\n"
    assert fake.count("PATCH") == 2


@pytest.mark.parametrize("save", [write, replace])
def test_killed_while_it_is_validated(shared, save):
    mount, where, page = shared
    (where / "sql/one.sql").read_text()
    mount.server.fault("POST", r"/pages/validate$", "hang")
    saving = threading.Thread(target=lambda: pytest.raises(
        OSError, save, where / "sql/one.sql", "SELECT 'kept' AS n\n"))
    saving.start()
    wait_for(lambda: mount.server.count("POST", r"/pages/validate$"), 10, "the validation")
    mount.kill()
    saving.join()
    mount.server.heal()
    mount.start()
    assert (where / "sql/one.sql").read_text() == "SELECT 'kept' AS n\n"
    assert (where / "sql/two.sql").read_text() == "SELECT 2 AS n\n"
    assert "kept" in (where / "queries.json").read_text()
    control(mount, "push shared")
    assert queries(mount.server, page)[0]["sql"] == "SELECT 'kept' AS n"


def test_a_key_that_cannot_write(local, mount_at):
    local.create("Report", spec_of(heading("x")), [ONE])
    mount = mount_at(local, key=local.keys["reader"])
    mount.names()
    where = mount.page("report")
    assert os.stat(where / "sql/one.sql").st_mode & 0o777 == 0o444
    for name in ("one.sql", "more.sql"):
        with fails_with(errno.EACCES):
            write(where / "sql" / name, "SELECT 2\n")
