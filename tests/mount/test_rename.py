"""mv of a page's directory gives the page another name."""
import errno
import json
import os

from amdahl import fails_with, heading, run, spec_of, write


def test_mv_patches_the_name(weekly):
    old = weekly.server.page("Quarterly report")
    run("mv pages/quarterly-report pages/monthly", cwd=weekly.path, check=True)
    assert weekly.server.count("PATCH") == 1
    assert weekly.server.count("POST", r"^/pages$") == 0
    page = weekly.server.page("monthly")
    assert (page["id"], page["spec"]) == (old["id"], old["spec"])
    assert "monthly" in weekly.names() and "quarterly-report" not in weekly.names()
    about = json.loads((weekly.page("monthly") / "page.json").read_text())
    assert about["name"] == "monthly"
    assert os.readlink(weekly.path / "by-id" / old["id"]) == "../pages/monthly"


def test_the_inode_stays(weekly):
    before = os.stat(weekly.page("quarterly-report") / "spec.json").st_ino
    os.rename(weekly.page("quarterly-report"), weekly.page("monthly"))
    assert os.stat(weekly.page("monthly") / "spec.json").st_ino == before


def test_a_page_is_not_moved_over_another(weekly):
    weekly.server.create("Other", spec_of(heading("o")))
    weekly.restart()
    with fails_with(errno.ENOTEMPTY, errno.EEXIST):
        os.rename(weekly.page("quarterly-report"), weekly.page("other"))
    assert {"quarterly-report", "other"} <= set(weekly.names())


def test_a_new_name_in_page_json_shows_after_the_next_mount_or_at_once(weekly):
    where = weekly.page("quarterly-report")
    about = json.loads((where / "page.json").read_text())
    write(where / "page.json", json.dumps({**about, "name": "Yearly view"}))
    assert weekly.server.page("Yearly view")["id"] == about["id"]
    shown = [n for n in weekly.names() if n in ("quarterly-report", "yearly-view")]
    assert len(shown) == 1
