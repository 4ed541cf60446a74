"""git and ripgrep see what people wrote, and pass by what changes by itself."""
import os
import stat

from amdahl import AUTHORING, run, write

GIT = "git -c init.defaultBranch=main -c safe.directory='*' -c user.name=t -c user.email=t@t"


def test_ripgrep_sees_authoring_files_alone(weekly):
    listed = run("rg --files --sort path pages/quarterly-report", cwd=weekly.path).stdout
    assert {os.path.basename(p) for p in listed.split()} == set(AUTHORING)


def test_ripgrep_renders_nothing(weekly):
    run("rg nothing-at-all .", cwd=weekly.path)
    assert weekly.server.count("POST") == 0


def test_git_sees_authoring_files_alone(weekly, tmp_path):
    where, repo = weekly.path, tmp_path / "repo.git"
    git = f"{GIT} --git-dir={repo} --work-tree={where}"
    run(f"{git} init -q && {git} add -A", cwd=where, check=True)
    tracked = run(f"{git} ls-files pages/quarterly-report", cwd=where, check=True).stdout
    assert {os.path.basename(p) for p in tracked.split()} == set(AUTHORING)


def test_a_repository_inside_the_mount(weekly):
    """Commit, edit, status, checkout of the old text: an ordinary save."""
    where = weekly.path
    run(f"{GIT} init -q && {GIT} add -A && {GIT} commit -qm one", cwd=where, check=True)
    assert run(f"{GIT} status --porcelain", cwd=where, check=True).stdout == ""
    spec = weekly.page("quarterly-report") / "spec.json"
    old = spec.read_text()
    write(spec, old.replace("Open pipeline", "Edited"))
    changed = run(f"{GIT} status --porcelain", cwd=where, check=True).stdout
    assert changed.strip() == "M pages/quarterly-report/spec.json"
    run(f"{GIT} checkout -q -- pages/quarterly-report/spec.json", cwd=where, check=True)
    assert spec.read_text() == old
    assert weekly.server.page("Quarterly report")["spec"]["root"]["children"][0]["props"][
        "text"] == "Open pipeline"
    assert weekly.server.count("DELETE") == 0


def test_the_lists_can_be_changed(weekly):
    for name in (".gitignore", ".ignore"):
        assert stat.S_ISREG(os.stat(weekly.path / name).st_mode)
        write(weekly.path / name, "mine\n")
        assert (weekly.path / name).read_text() == "mine\n"
