"""A key that may only read."""
import errno
import os
import stat

import pytest

from amdahl import AUTHORING, dumps, fails_with, heading, run, spec_of, write


@pytest.fixture
def reader(local, mount_at):
    local.create("Weekly", spec_of(heading("a")))
    made = mount_at(local, key=local.keys["reader"])
    made.server = local
    return made


def test_files_are_read_only(reader):
    for name in AUTHORING:
        mode = os.stat(reader.page("weekly") / name).st_mode
        assert stat.S_IMODE(mode) & 0o222 == 0, oct(mode)


def test_an_authors_files_are_writable(weekly):
    for name in AUTHORING:
        mode = os.stat(weekly.page("quarterly-report") / name).st_mode
        assert stat.S_IMODE(mode) & 0o200, oct(mode)


def test_saving_is_refused(reader):
    with fails_with(errno.EACCES):
        write(reader.page("weekly") / "spec.json", dumps(spec_of(heading("b"))))
    assert reader.server.count("PATCH") == 0
    if os.geteuid() == 0:   # others are stopped by the kernel, which asks nobody
        assert "pages:write" in reader.daemon.text(), "the log names the scope"


def test_creating_renaming_archiving_are_refused(reader):
    with fails_with(errno.EACCES):
        os.mkdir(reader.page("fresh"))
        write(reader.page("fresh") / "spec.json", dumps(spec_of(heading("b"))))
    with fails_with(errno.EACCES):
        os.rename(reader.page("weekly"), reader.page("monthly"))
    assert run("rm -r pages/weekly", cwd=reader.path).returncode != 0
    assert [p["name"] for p in reader.server.pages()].count("Weekly") == 1
    assert (reader.page("weekly") / "spec.json").read_text()


def test_a_reader_renders(reader):
    assert "results" in (reader.page("weekly") / "render.json").read_text()


def test_a_custom_node_needs_an_admin(local, mount_at):
    page = local.create("Plain", spec_of(heading("a")))
    custom = spec_of(heading("a"), {"type": "Custom", "props": {"code": "export default 1"}})
    mount = mount_at(local)
    with pytest.raises(OSError):
        write(mount.page("plain") / "spec.json", dumps(custom))
    assert (mount.page("plain") / "errors").read_text()
    assert local.call("GET", f"/pages/{page['id']}")[1]["spec"] == page["spec"]
