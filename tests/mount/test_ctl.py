"""amdahlctl: the hand tool, beside a mount and without one."""
import errno
import json
import os
import pathlib
import re
import shutil

import pytest

from amdahl import dumps, fails_with, heading, program, run, sanitizer_env, spec_of, write

HOOK = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "git-pre-commit"
BAD = {"version": 1, "root": {"type": "Section", "children": [{"type": "Heding"}]}}


@pytest.fixture
def ctl(request):
    """ctl(*arguments, cwd=..., **environment) in a neutral directory."""
    def call(*arguments, cwd="/", **env):
        base = {k: v for k, v in os.environ.items()
                if k not in ("AMDAHL_URL", "API_KEY", "AMDAHL_API_KEY")}
        return run([program("amdahlctl", "AMDAHLCTL_BIN"), *arguments], cwd=cwd,
                   env={**base, **sanitizer_env(), **env})
    return call


def refuse(weekly):
    """Leaves a refused draft in quarterly-report/spec.json."""
    with fails_with(errno.EPROTO):
        write(weekly.page("quarterly-report") / "spec.json", dumps(BAD))


# -- the command line ------------------------------------------------------------------------

def test_help_and_version(ctl):
    done = ctl("--help")
    assert done.returncode == 0
    for name in ("status", "refresh", "discard", "restore", "allow-archive", "validate", "diff", "push",
                 "undo", "batch"):
        assert re.search(rf"^  {name} ", done.stdout, re.M)
    assert re.fullmatch(r"amdahlctl \d+\.\d+\.\d+\n", ctl("--version").stdout)


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["status", "/", "/"], ["discard"], ["--fly"], ["validate"],
    ["allow-archive", "1000000000", "/"], ["validate", "/etc/passwd"]])
def test_usage_errors(ctl, arguments):
    done = ctl(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stderr and not done.stdout


def test_no_mount_there(ctl, tmp_path):
    done = ctl("status", tmp_path)
    assert done.returncode == 3 and "not in a mount" in done.stderr
    assert ctl("status", cwd=tmp_path).returncode == 3
    # A copy of a mount's files is no mount.
    (tmp_path / ".amdahl").mkdir()
    (tmp_path / ".amdahl" / "status.json").write_text("{}")
    assert ctl("status", tmp_path).returncode == 3


# -- beside a mount --------------------------------------------------------------------------

def test_status(weekly, ctl):
    done = ctl("status", weekly.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "127.0.0.1" in done.stdout and re.search(r"unsent +nothing", done.stdout)
    assert "\033" not in done.stdout
    refuse(weekly)
    done = ctl("status", weekly.path)
    assert done.returncode == 1
    assert "quarterly-report/spec.json" in done.stdout and "refused" in done.stdout
    first = (weekly.page("quarterly-report") / "errors").read_text().splitlines()[0]
    assert first in done.stdout


def test_status_as_json(weekly, ctl):
    refuse(weekly)
    done = ctl("--json", "status", weekly.path)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [(d["page"], d["file"], d["state"]) for d in told["drafts"]] == [
        ("quarterly-report", "spec.json", "refused")]
    there = json.loads((weekly.path / ".amdahl" / "status.json").read_text())
    assert told.keys() == there.keys()


def test_the_mount_is_found_from_within(weekly, ctl):
    for where in (weekly.path, weekly.pages, weekly.page("quarterly-report")):
        assert ctl("status", cwd=where).returncode == 0
        assert ctl("status", where).returncode == 0


@pytest.mark.parametrize("how", ["name", "file", "below the mount", "absolute", "here"])
def test_discard(weekly, ctl, how):
    where = weekly.page("quarterly-report")
    before = (where / "spec.json").read_text()
    refuse(weekly)
    arguments, cwd = {
        "name": (["quarterly-report", weekly.path], "/"),
        "file": (["quarterly-report/spec.json", weekly.path], "/"),
        "below the mount": (["pages/quarterly-report"], where),
        "absolute": ([where / "spec.json"], "/"),
        "here": (["./spec.json"], where),
    }[how]
    done = ctl("discard", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert (where / "spec.json").read_text() == before
    assert (where / "errors").read_text() == ""
    assert ctl("status", weekly.path).returncode == 0


def test_no_such_page(weekly, ctl):
    done = ctl("discard", "nobody", weekly.path)
    assert done.returncode == 1 and "no page 'nobody'" in done.stderr
    done = ctl("--json", "restore", "nobody", weekly.path)
    assert done.returncode == 1 and json.loads(done.stdout)["ok"] is False
    done = ctl("discard", "/etc/passwd", weekly.path)
    assert done.returncode == 2, "a path outside of the mount"


def test_restore(weekly, ctl):
    where = weekly.page("quarterly-report")
    os.unlink(where / "spec.json")
    assert not (where / "spec.json").exists()
    done = ctl("restore", where / "spec.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((where / "spec.json").read_text())["version"] == 1


def test_refresh(weekly, ctl):
    weekly.server.create("Made elsewhere", spec_of(heading("x")))
    done = ctl("refresh", cwd=weekly.path)
    assert done.returncode == 0 and done.stdout
    assert "made-elsewhere" in weekly.names()


def test_allow_archive(local, mount_at, ctl):
    for n in range(3):
        local.create(f"Old {n}", spec_of(heading("x")))
    made = mount_at(local, options="archive_limit=1")
    old = [made.page(f"old-{n}") for n in range(3)]
    remove = "import shutil,sys\nfor p in sys.argv[1:]: shutil.rmtree(p)"
    assert run(["python3", "-c", remove, *old]).returncode != 0
    left = [p for p in old if p.exists()]
    assert len(left) == 2
    done = ctl("allow-archive", "2", made.path)
    assert done.returncode == 0 and "2" in done.stdout
    run(["python3", "-c", remove, *left], check=True)


# -- without one -----------------------------------------------------------------------------

@pytest.fixture
def platform(local):
    return {"AMDAHL_URL": local.url, "API_KEY": local.keys["author"]}


@pytest.fixture
def good(tmp_path):
    where = tmp_path / "good"
    where.mkdir()
    (where / "spec.json").write_text(dumps(spec_of(
        heading("x"), {"type": "Table", "props": {"data": {"$query": "n"}}})))
    (where / "queries.json").write_text(dumps(
        [{"name": "n", "source": "sql", "sql": "SELECT COUNT(*) AS n FROM interactions"}]))
    return where


def test_validate_good_files(local, ctl, platform, good):
    local.forget()
    done = ctl("validate", good, **platform)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert local.log_lines() == ["POST /pages/validate -> 200"]
    local.forget()
    done = ctl("validate", "spec.json", "./queries.json", cwd=good, **platform)
    assert done.returncode == 0, done.stderr
    assert local.count("POST") == 1, "the two files are one page"
    assert len(local.pages()) == 3, "nothing is saved"


def test_validate_says_where(ctl, platform, good):
    spec = (good / "spec.json").read_text().replace('"n"', '"m"')
    (good / "spec.json").write_text(spec)
    line = next(i for i, s in enumerate(spec.splitlines(), 1) if '"$query"' in s)
    for argument, cwd, prefix in ((good, "/", f"{good}/"), ("good/", good.parent, "good/"),
                                  ("spec.json", good, ""), (".", good, "")):
        done = ctl("validate", argument, cwd=cwd, **platform)
        assert done.returncode == 1, done.stderr
        found = re.match(rf"{re.escape(prefix)}spec\.json:(\d+):\d+: error: \[bind\] ",
                         done.stdout)
        assert found, done.stdout
        assert abs(int(found.group(1)) - line) <= 1


def test_validate_no_json_asks_nobody(local, ctl, good, platform):
    (good / "queries.json").write_text("[\n  nope\n]\n")
    done = ctl("validate", good)
    assert done.returncode == 1
    assert re.match(rf"{re.escape(str(good))}/queries\.json:2:3: error: \[json\] ", done.stdout)


def test_validate_in_a_mount(weekly, ctl, platform):
    assert ctl("validate", weekly.page("quarterly-report"), **platform).returncode == 0


def test_validate_as_json(ctl, platform, good, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "spec.json").write_text(dumps(BAD))
    done = ctl("validate", "--json", good, bad, **platform)
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    assert first["ok"] and first["verdict"]["ok"] and first["errors"] == []
    assert not second["ok"] and not second["verdict"]["ok"] and "Heding" in second["errors"][0]


def test_validate_without_a_platform(ctl, good, local):
    done = ctl("validate", good, API_KEY="x")
    assert done.returncode == 2 and "AMDAHL_URL" in done.stderr
    done = ctl("validate", good, AMDAHL_URL=local.url, API_KEY="wrong")
    assert done.returncode == 3 and done.stderr
    done = ctl("validate", good, AMDAHL_URL=local.url)
    assert done.returncode == 3 and "key" in done.stderr
    assert ctl("validate", good / "nothing", AMDAHL_URL=local.url).returncode == 2


def test_validate_takes_a_key_file(ctl, good, local, tmp_path):
    key = tmp_path / "key"
    key.write_text(local.keys["author"] + "\n")
    key.chmod(0o600)
    done = ctl("validate", "--url", local.url, "--key-file", key, good)
    assert done.returncode == 0, done.stderr


# -- the hook --------------------------------------------------------------------------------

@pytest.fixture
def repository(good, tmp_path, ctl, platform):
    if not shutil.which("git"):
        pytest.skip("git is missing")
    top = tmp_path / "repository"
    shutil.copytree(good, top / "reports" / "a page")
    env = {**os.environ, **sanitizer_env(), "HOME": str(tmp_path),
           "AMDAHLCTL": program("amdahlctl", "AMDAHLCTL_BIN"), **platform,
           **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER")
              for what in ("NAME", "EMAIL")}}

    def git(*arguments, **more):
        return run(["git", *arguments], cwd=top, env={**env, **more})

    git("init", "-q")
    shutil.copy(HOOK, top / ".git" / "hooks" / "pre-commit")
    git("add", ".")
    return top, git


def test_hook_lets_good_pages_pass(repository, local):
    _, git = repository
    local.forget()
    done = git("commit", "-q", "-m", "good")
    assert done.returncode == 0, done.stderr
    assert local.count("POST", "validate") == 1


def test_hook_stops_bad_pages_as_staged(repository):
    top, git = repository
    spec = top / "reports" / "a page" / "spec.json"
    text = spec.read_text()
    spec.write_text(dumps(BAD))
    git("add", ".")
    spec.write_text(text)  # what is staged counts, not what lies in the work tree
    done = git("commit", "-q", "-m", "bad")
    assert done.returncode != 0
    assert "reports/a page/spec.json:" in done.stdout + done.stderr


def test_hook_passes_removed_pages_and_other_files(repository, local):
    top, git = repository
    git("commit", "-q", "-m", "good")
    local.forget()
    git("rm", "-q", "-r", "reports")
    (top / "README").write_text("x")
    git("add", "README")
    done = git("commit", "-q", "-m", "gone")
    assert done.returncode == 0, done.stderr
    assert local.count("POST") == 0


def test_hook_without_the_platform(repository):
    _, git = repository
    nowhere = {"AMDAHL_URL": "http://127.0.0.1:9"}
    git("config", "amdahl.strict", "true")
    assert git("commit", "-q", "-m", "x", **nowhere).returncode != 0
    git("config", "amdahl.strict", "false")
    done = git("commit", "-q", "-m", "x", **nowhere)
    assert done.returncode == 0 and "not asked" in done.stderr
