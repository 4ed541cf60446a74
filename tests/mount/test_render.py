"""render.json runs a page's queries: at an open, never at a stat."""
import errno
import json
import os

from amdahl import fails_with, heading, run, spec_of, write


def renders(server):
    return server.count("POST", r"/render$")


def test_reading_renders(weekly):
    result = json.loads((weekly.page("quarterly-report") / "render.json").read_text())
    rows = result["results"]["deals"]["rows"]
    assert rows and {"stage", "count"} <= set(rows[0])
    assert renders(weekly.server) == 1


def test_stat_and_ls_never_render(weekly):
    where = weekly.page("quarterly-report")
    assert os.stat(where / "render.json").st_size == 0, "0 before the first"
    run("ls -laR . ; find . -type f -printf '%s\\n'", cwd=where, check=True)
    assert renders(weekly.server) == 0
    text = (where / "render.json").read_bytes()
    assert os.stat(where / "render.json").st_size == len(text), "then that of the last"


def test_one_open_is_one_snapshot(weekly):
    with open(weekly.page("quarterly-report") / "render.json", "rb", buffering=0) as file:
        parts = [file.read(7) for _ in range(5)]
        file.seek(0)
        assert file.read(35) == b"".join(parts)
    assert renders(weekly.server) == 1


def test_a_failing_query_fails_alone(fake, mount_at):
    page = fake.add_page("Two", queries=[{"name": "good", "sql": "select 1"},
                                         {"name": "bad", "sql": "select 2"}])

    def spoil(answer):
        answer["results"]["bad"] = {"rows": [], "error": "no such table"}
        return answer
    fake.fault("POST", "/render$", "edit", arg=spoil)
    mount = mount_at(fake)
    result = json.loads((mount.page("two") / "render.json").read_text())["results"]
    assert result["good"]["rows"] == [{"n": 1}]
    assert result["bad"]["error"] == "no such table"


def test_params_are_sent(fake, mount_at):
    fake.add_page("Two", queries=[{"name": "good", "sql": "select @region",
                                   "params": {"region": "string"}}])
    mount = mount_at(fake)
    write(mount.page("two") / "params.json", '{"region": "emea", "n": 1.0}')
    (mount.page("two") / "render.json").read_text()
    sent = fake.matching("POST", "/render$")[-1]
    assert sent.json == {"params": {"region": "emea", "n": 1}}
    assert b"1.0" in sent.body, "text stays text"


def test_a_render_that_fails_is_an_error_of_that_call(fake, mount_at):
    fake.add_page("Two")
    mount = mount_at(fake)
    fake.fault("POST", "/render$", "status", arg=404)
    with fails_with(errno.ENOENT, errno.EIO):
        (mount.page("two") / "render.json").read_bytes()
    fake.heal()
    assert (mount.page("two") / "render.json").read_bytes()


def test_render_is_read_only(weekly):
    with fails_with(errno.EACCES, errno.EPERM, errno.EROFS):
        write(weekly.page("quarterly-report") / "render.json", "{}")
