"""What a reader sees: the tree, true contents, true sizes, identities that stay."""
import errno
import json
import os

import pytest

from amdahl import AUTHORING, dumps, fails_with, run, spec_of, heading

PAGE_FILES = {"spec.json", "queries.json", "page.json", "info.json", "verdict.json", "errors",
              "params.json", "render.json"}


def test_root_lists_the_tree(weekly):
    names = set(os.listdir(weekly.path))
    assert {"pages", "archived", "templates", "by-id"} <= names
    assert (weekly.path / ".amdahl").is_dir()


def test_page_lists_its_files(weekly):
    assert PAGE_FILES <= set(os.listdir(weekly.page("quarterly-report")))


def test_contents_are_the_platforms(weekly):
    page = weekly.server.page("Quarterly report")
    where = weekly.page("quarterly-report")
    assert json.loads((where / "spec.json").read_text()) == page["spec"]
    assert json.loads((where / "queries.json").read_text()) == page["declared_queries"]
    about = json.loads((where / "page.json").read_text())
    assert (about["id"], about["name"], about["tags"]) == (page["id"], page["name"],
                                                           page["tags"])
    info = json.loads((where / "info.json").read_text())
    assert info["status"] == page["status"]
    assert info["console_url"] == page["console_url"]


def test_a_page_in_order_has_no_errors(weekly):
    where = weekly.page("quarterly-report")
    assert (where / "errors").read_bytes() == b""
    json.loads((where / "verdict.json").read_text())


def test_sizes_equal_what_is_read(weekly):
    where = weekly.page("quarterly-report")
    for name in PAGE_FILES - {"render.json"}:
        size = os.stat(where / name).st_size
        assert size == len((where / name).read_bytes()), name


def test_identity_survives_a_remount(weekly):
    def identities():
        out = {}
        for name in AUTHORING:
            (weekly.page("quarterly-report") / name).read_bytes()
            st = os.stat(weekly.page("quarterly-report") / name)
            out[name] = (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
        return out

    before = identities()
    weekly.restart()
    assert identities() == before


def test_inode_numbers_differ_between_files_and_pages(weekly):
    weekly.server.create("Second", spec_of(heading("b")))
    weekly.restart()
    seen = [os.stat(weekly.page(p) / f).st_ino
            for p in ("quarterly-report", "second") for f in AUTHORING]
    assert len(set(seen)) == len(seen)


def test_attributes_name_the_page(weekly):
    page = weekly.server.page("Quarterly report")
    where = weekly.page("quarterly-report")
    assert os.getxattr(where, "user.amdahl.id").decode() == page["id"]
    assert os.getxattr(where, "user.amdahl.url").decode() == page["console_url"]
    assert os.getxattr(where, "user.amdahl.updated_at").decode() == page["updated_at"]
    assert os.getxattr(where / "spec.json", "user.amdahl.id").decode() == page["id"]
    with fails_with(errno.ENODATA):
        os.getxattr(where / "spec.json", "user.amdahl.error")
    with fails_with(errno.ENODATA):
        os.getxattr(where / "spec.json", "user.nobody.knows")


def test_by_id_leads_to_the_page(weekly):
    page = weekly.server.page("Quarterly report")
    link = weekly.path / "by-id" / page["id"]
    assert os.readlink(link) == "../pages/quarterly-report"
    assert json.loads((link / "spec.json").read_text()) == page["spec"]


@pytest.mark.parametrize("name, slug", [
    ("Über uns / Q3", "Über-uns-q3"),
    ("...hidden", "hidden"),
    ("x" * 300, "x" * 80),
    ("tab\there\n", "tab-here"),
])
def test_directory_names(local, mount_at, name, slug):
    local.create(name, spec_of(heading("a")))
    names = mount_at(local).names()
    assert slug in [n.strip("-") for n in names], names


def test_two_pages_of_one_name(local, mount_at):
    older = local.create("Twins", spec_of(heading("older")))
    newer = local.create("Twins", spec_of(heading("newer")))
    mount = mount_at(local)
    twins = [n for n in mount.names() if n.startswith("twins")]
    assert sorted(twins) in (["twins", f"twins~{newer['id'][:8]}"],
                             ["twins", f"twins~{older['id'][:8]}"])
    told = {json.loads((mount.page(n) / "spec.json").read_text())["root"]["children"][0]
            ["props"]["text"] for n in twins}
    assert told == {"older", "newer"}


def test_names_that_cannot_exist_cost_no_request(weekly):
    weekly.names()
    weekly.server.forget()
    for probe in (".Trash", ".git/HEAD", "pages/nobody", "pages/quarterly-report/.hidden",
                  "pages/quarterly-report/spec.json~", "autorun.inf"):
        assert not (weekly.path / probe).exists()
    assert weekly.server.requests() == []


def test_numbers_and_key_order_are_not_touched(local, mount_at):
    """What JSON libraries round or sort comes through as it was sent."""
    text = ('{"version":1,"root":{"type":"Section","children":[{"type":"Table","props":'
            '{"data":{"$query":"q"},"zeta":1.0,"alpha":[0.1,12345678901234567890,1e2]}}]}}')
    page = local.create("Numbers", json.loads(text),
                        [{"name": "q", "source": "sql", "sql": "SELECT 1 AS n"}])
    import urllib.request
    from amdahl import PREFIX
    body = b'{"spec":' + text.encode() + b"}"
    request = urllib.request.Request(
        f"{local.url}{PREFIX}/pages/{page['id']}", method="PATCH", data=body,
        headers={"X-API-Key": local.keys["admin"], "Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
    shown = (mount_at(local).page("numbers") / "spec.json").read_text()
    assert "".join(shown.split()) == text
    assert shown.count("\n") > 5, "re-indented for people"


def test_find_and_cat_everything_works(weekly):
    done = run(f"cd {weekly.path} && find . -type f -exec cat {{}} + | wc -c", check=True)
    assert int(done.stdout) > 100
    assert "rror" not in done.stderr


def test_listings_tell_the_inode_numbers_that_stat_tells(weekly):
    (weekly.pages / ".notes").write_text("x")
    for where in (weekly.pages, weekly.page("quarterly-report"), weekly.path / "by-id"):
        with os.scandir(where) as entries:
            for entry in entries:
                assert entry.inode() == os.lstat(entry.path).st_ino, entry.path
