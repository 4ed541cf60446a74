"""Programs that go by times: what they set is what they find, so they find nothing to do."""
import os

import pytest

from amdahl import run

COPIES = {
    "rsync": ("rsync -a new.json $PAGE/spec.json",
              "rsync -a --itemize-changes --no-perms new.json $PAGE/spec.json"),
    "cp": ("cp -p new.json $PAGE/spec.json", "cp -uv new.json $PAGE/spec.json"),
    "install": ("install -pm 644 new.json $PAGE/spec.json",
                "cp -uv new.json $PAGE/spec.json"),
    "tar": ("tar --transform s/new/spec/ -c new.json | tar -C $PAGE -x",
            "cp -uv new.json $PAGE/spec.json"),
    "mv": ("cp -p new.json other.json; mv other.json $PAGE/spec.json",
           "cp -uv new.json $PAGE/spec.json"),
    "make": ("cp -p new.json $PAGE/spec.json",
             "printf '$(PAGE)/spec.json: new.json; cp $< $@' | make -sf - $PAGE/spec.json"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_has_the_time_it_was_given(desk, name):
    copy, again = COPIES[name]
    desk.new.write_text(desk.file.read_text().replace("Open pipeline", "Copied"))
    os.utime(desk.new, ns=(1_700_000_000_000_000_000,) * 2)
    env = {**os.environ, "PAGE": str(desk.dir)}
    run(copy, cwd=desk.new.parent, env=env, check=True)
    desk.is_saved("Copied")
    assert os.stat(desk.file).st_mtime_ns == 1_700_000_000_000_000_000
    assert run(again, cwd=desk.new.parent, env=env, check=True).stdout == ""
    assert desk.server.requests() == []


@pytest.mark.parametrize("touch", ["touch", "touch -d 2020-01-01", "touch -r errors",
                                   "chmod 600", "chown $(id -u)", "truncate -s +0"])
def test_what_changes_no_bytes_sends_nothing(desk, touch):
    text = desk.file.read_text()
    run(f"{touch} spec.json", cwd=desk.dir, check=True)
    assert desk.server.requests() == []
    assert (desk.file.read_text(), desk.errors(), desk.left_over()) == (text, "", set())
