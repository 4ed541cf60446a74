"""rm -r archives with one DELETE; nothing less does; and not many at a time."""
import errno
import os

import pytest

from amdahl import fails_with, heading, run, spec_of, write


@pytest.fixture
def seven(local, mount_at):
    for i in range(7):
        local.create(f"p{i}", spec_of(heading(str(i))))
    made = mount_at(local)
    made.server = local
    made.names()
    return made


def names_there(server):
    return {p["name"] for p in server.pages()}


def test_rm_r_sends_one_delete(weekly):
    page = weekly.server.page("Quarterly report")
    weekly.server.forget()
    run("rm -r pages/quarterly-report", cwd=weekly.path, check=True)
    assert weekly.server.log_lines() == [
        line for line in weekly.server.log_lines() if line.startswith("DELETE")]
    assert weekly.server.count("DELETE", page["id"]) == 1
    assert "Quarterly report" not in names_there(weekly.server)
    assert "quarterly-report" not in weekly.names()


@pytest.mark.parametrize("name", ["spec.json", "queries.json", "page.json", "render.json",
                                  "errors", "verdict.json", "info.json"])
def test_removing_one_name_sends_nothing(weekly, name):
    where = weekly.page("quarterly-report")
    os.unlink(where / name)
    assert weekly.server.requests() == []
    assert not (where / name).exists()
    assert name not in os.listdir(where)
    weekly.restart()
    assert (where / name).exists(), "mounted anew, it is there again"


def test_a_removed_spec_can_be_written_again(weekly):
    """As git checkout does: unlink, create, write; an ordinary save."""
    where = weekly.page("quarterly-report")
    text = (where / "spec.json").read_text()
    weekly.server.forget()
    os.unlink(where / "spec.json")
    write(where / "spec.json", text.replace("Open pipeline", "Again"))
    assert weekly.server.count("PATCH") == 1
    assert weekly.server.count("POST", r"^/pages$") == 0
    assert weekly.server.page("Quarterly report")["spec"]["root"]["children"][0]["props"][
        "text"] == "Again"


def test_rmdir_of_a_full_page_is_refused(weekly):
    with fails_with(errno.ENOTEMPTY):
        os.rmdir(weekly.page("quarterly-report"))
    assert weekly.server.requests() == []


def test_the_sixth_of_one_process_is_refused(seven):
    done = run("rm -r pages/p0 pages/p1 pages/p2 pages/p3 pages/p4 pages/p5 pages/p6",
               cwd=seven.path)
    assert done.returncode != 0
    assert "Operation not permitted" in done.stderr
    assert seven.server.count("DELETE") == 5
    assert {"p5", "p6"} <= names_there(seven.server)
    for name in ("p5", "p6"):
        assert (seven.page(name) / "spec.json").read_text(), "what it unlinked comes back"


def test_the_limit_is_an_option(local, mount_at):
    for i in range(3):
        local.create(f"q{i}", spec_of(heading(str(i))))
    mount = mount_at(local, options="archive_limit=1")
    mount.names()
    done = run("rm -r pages/q0 pages/q1", cwd=mount.path)
    assert done.returncode != 0
    assert local.count("DELETE") == 1


def test_rm_rf_of_everything_stops(seven):
    done = run("rm -rf -- *", cwd=seven.path)
    assert done.returncode != 0
    assert seven.server.count("DELETE") <= 5
    assert seven.server.count("POST", "hard-delete") == 0


def test_an_archive_that_fails_brings_all_back(fake, mount_at):
    page = fake.add_page("Stubborn")
    mount = mount_at(fake)
    mount.names()
    fake.fault("DELETE", page, "status", arg=403)
    done = run("rm -r pages/stubborn", cwd=mount.path)
    assert done.returncode != 0
    assert (mount.page("stubborn") / "spec.json").read_text()
