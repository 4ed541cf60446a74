"""Programs that make a whole page, from another or from files outside, and that remove one:
one POST, one DELETE."""
import json
import os
import shutil

import pytest

from amdahl import AUTHORING, run, show_log
from desk import TITLE

# In pages/; $FROM is a page there, $OUT a directory outside with its spec, queries and params.
MAKE = {
    "cp -r": "cp -r $FROM made",
    "cp -a": "cp -a $FROM made",
    "cp into an empty directory": "mkdir made && cp $OUT/* made",
    "install": "install -d made && install -m 644 $OUT/* made",
    "tar": "mkdir made && tar -C $FROM -c . | tar -C made -x",
    "rsync": "rsync -a --exclude={errors,{info,render,verdict}.json} $FROM/ made",
    "rsync from outside": "rsync -a $OUT/ made",
    "python": "/usr/bin/python3 -c 'import os, shutil; "
              "shutil.copytree(os.environ[\"OUT\"], \"made\")'",
    "git": "git -C $OUT init -q && git -C $OUT add -A && git -C $OUT -c user.name=t "
           "-c user.email=t@localhost commit -qm one && mkdir made && "
           "git --git-dir=$OUT/.git --work-tree=made checkout -q -- .",
    "vim": "mkdir made && for f in queries spec; do vim -N -es -u NONE -i "
           "NONE -c 'set backupskip= directory=.' -c \"0r $OUT/$f.json\" -c w -c q "
           "made/$f.json || exit; done",
}

REMOVE = {
    "rm -r": "rm -r made",
    "rm, then rmdir": "rm -r made/* && rmdir made",
    "find -delete": "find made -delete",
    "rsync --delete": "mkdir none && rsync -rd --delete none/ made && rmdir none made",
    "python": "/usr/bin/python3 -c 'import shutil; shutil.rmtree(\"made\")'",
    "perl": "perl -MFile::Path=remove_tree -e 'remove_tree(\"made\")'",
    "mv to outside": "mv made $OUT.moved",
}


@pytest.fixture
def pages(desk, tmp_path):
    """do(command): in pages/, where nothing is named `made` before and after."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("spec.json", "queries.json", "params.json"):
        shutil.copy(desk.dir / name, out)

    def do(command):
        for program in ("rsync", "vim", "git", "perl"):
            if program in command and not shutil.which(program):
                pytest.skip(f"{program} is missing")
        done = run(command, cwd=desk.dir.parent, env={
            **os.environ, "FROM": desk.dir.name, "OUT": str(out), "HOME": str(tmp_path)})
        show_log(command, done.stdout + done.stderr)
        return done

    yield do
    do("[ ! -d made ] || rm -r made")


def test_there_are_pages_to_copy(desk):
    assert set(AUTHORING) < desk.names


@pytest.mark.parametrize("name", MAKE)
def test_makes_a_page(desk, pages, name):
    done = pages(MAKE[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert desk.server.count("POST", "^/pages$") == 1, desk.server.log_lines()
    assert desk.server.count("PATCH") == desk.server.count("DELETE") == 0
    made = desk.dir.parent / "made"
    page_id = json.loads((made / "page.json").read_text())["id"]
    assert page_id != desk.before["id"]
    page = desk.server.call("GET", f"/pages/{page_id}")[1]
    assert (page["spec"], page["status"]) == (desk.before["spec"], desk.before["status"])
    assert set(os.listdir(made)) == desk.names
    assert (made / "spec.json").read_text() == desk.file.read_text()
    assert (made / "errors").read_text() == ""


@pytest.mark.parametrize("name", REMOVE)
def test_removes_a_page(desk, pages, name):
    pages("cp -r $OUT made")
    desk.server.forget()
    done = pages(REMOVE[name])
    assert (done.returncode, done.stderr) == (0, "")
    sent = desk.server.log_lines()
    assert desk.server.count("DELETE", "^/pages/") == 1, sent
    assert desk.server.count("PATCH") == desk.server.count("POST", "/pages$") == 0, sent
    assert not os.path.exists(desk.dir.parent / "made")


def test_removing_and_making_again(desk, pages):
    """rm -r and a copy kept: the same page, by the id in page.json."""
    pages("cp -r $OUT made")
    first = desk.server.page("made")["id"]
    pages("mv made $OUT.kept")
    desk.server.forget()
    pages("mkdir made && cp $OUT.kept/page.json $OUT.kept/queries.json $OUT.kept/spec.json made")
    assert desk.server.page("made")["id"] == first
    assert desk.server.count("POST", "^/pages$") == 0
    assert TITLE in (desk.dir.parent / "made" / "spec.json").read_text()
