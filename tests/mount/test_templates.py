"""templates/ shows what the platform offers."""
import errno
import json
import os
import stat

from amdahl import fails_with, write

SLUGS = {"pipeline-health", "voice-of-customer", "competitive-battlecard", "win-rate-gauge",
         "pipeline-funnel", "deal-size-distribution"}


def test_the_six_are_there(mount):
    assert SLUGS <= set(os.listdir(mount.path / "templates"))


def test_a_template_is_readable(mount):
    where = mount.path / "templates" / "pipeline-health"
    assert set(os.listdir(where)) == {"spec.json", "queries.json", "page.json"}
    told = mount.server.call("GET", "/pages/templates/pipeline-health")[1]
    assert json.loads((where / "spec.json").read_text()) == told["spec"]
    assert json.loads((where / "queries.json").read_text()) == told["declared_queries"]
    for name in os.listdir(where):
        st = os.stat(where / name)
        assert st.st_size == len((where / name).read_bytes())
        assert stat.S_IMODE(st.st_mode) & 0o222 == 0


def test_templates_cannot_be_written(mount):
    with fails_with(errno.EACCES, errno.EPERM, errno.EROFS):
        write(mount.path / "templates" / "pipeline-health" / "spec.json", "{}")
    with fails_with(errno.EACCES, errno.EPERM, errno.EROFS):
        os.mkdir(mount.path / "templates" / "mine")


def test_a_platform_without_templates(fake, mount_at):
    mount = mount_at(fake)
    assert os.listdir(mount.path / "templates") == []
