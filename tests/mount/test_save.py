"""Saving: what arrives at the platform, and with how many requests. Which programs save:
test_programs_*.py."""
import json
import mmap
import os

import pytest

from amdahl import dumps, heading, run, spec_of, wait_for, write

TITLE = "Open pipeline"
NEW = "A better title"


def title(server):
    return server.page("Quarterly report")["spec"]["root"]["children"][0]["props"]["text"]


@pytest.fixture
def files(weekly, tmp_path):
    """(directory of the page, a changed copy of its spec outside the mount)"""
    where = weekly.page("quarterly-report")
    copy = tmp_path / "new.json"
    copy.write_text((where / "spec.json").read_text().replace(TITLE, NEW))
    weekly.server.forget()
    return where, copy


def test_the_text_is_the_users(weekly, files):
    """Odd blanks, escapes and key order stay, also over a remount."""
    where, copy = files
    odd = ('{ "root":{"type" : "Section","children":[\n\n\t{"props":{"text":"\\u0041 \\/ b",'
           '"odd":1.0},"type":"Text"} ]},\t"version":1 }')
    write(where / "spec.json", odd)
    assert (where / "spec.json").read_text() == odd
    assert os.stat(where / "spec.json").st_size == len(odd)
    before = os.stat(where / "spec.json")
    weekly.restart()
    assert (where / "spec.json").read_text() == odd
    after = os.stat(where / "spec.json")
    assert (before.st_mtime_ns, before.st_ctime_ns, before.st_size, before.st_ino) == (
        after.st_mtime_ns, after.st_ctime_ns, after.st_size, after.st_ino)


def test_a_text_comes_back_only_for_its_value(weekly, files):
    """Changed elsewhere while nothing was mounted: the platform's text is shown."""
    where, copy = files
    write(where / "spec.json", "\n" + copy.read_text())
    page = weekly.server.page("Quarterly report")
    weekly.stop()
    page["spec"]["root"]["children"][0]["props"]["text"] = "Changed elsewhere"
    weekly.server.call("PATCH", f"/pages/{page['id']}", {"spec": page["spec"]})
    weekly.start()
    text = (where / "spec.json").read_text()
    assert "Changed elsewhere" in text and not text.startswith("\n")


def test_the_same_value_sends_nothing(weekly, files):
    where, copy = files
    value = json.loads((where / "spec.json").read_text())
    weekly.server.forget()
    write(where / "spec.json", json.dumps(value))
    assert weekly.server.requests() == []
    assert (where / "spec.json").read_text() == json.dumps(value)


def test_closing_without_writing_sends_nothing(weekly, files):
    where, copy = files
    (where / "spec.json").read_text()
    weekly.server.forget()
    run("touch spec.json && exec 3>>spec.json && exec 3>&-", cwd=where, check=True)
    assert weekly.server.requests() == []


def test_requests_of_reading(weekly, files):
    """First read one request, second none."""
    weekly.server.create("Unread", spec_of(heading("u")))
    weekly.restart()
    wait_for(lambda: "unread" in weekly.names(), 10, "the sweep behind the list of the last mount")
    weekly.server.forget()
    (weekly.page("unread") / "spec.json").read_text()
    assert weekly.server.log_lines() == [
        f"GET /pages/{weekly.server.page('Unread')['id']} -> 200"]
    weekly.server.forget()
    (weekly.page("unread") / "spec.json").read_text()
    (weekly.page("unread") / "queries.json").read_text()
    assert weekly.server.requests() == []


def test_neither_bytes_nor_times_change_after_a_save(weekly, files):
    where, copy = files
    write(where / "spec.json", copy.read_text())
    before = os.stat(where / "spec.json")
    (where / "info.json").read_text()
    import time
    time.sleep(1.5)
    after = os.stat(where / "spec.json")
    assert (before.st_mtime_ns, before.st_size, before.st_ino) == (
        after.st_mtime_ns, after.st_size, after.st_ino)
    assert (where / "spec.json").read_text() == copy.read_text()


def test_mmap_write_arrives(weekly, files):
    where, copy = files
    text = (where / "spec.json").read_bytes()
    with open(where / "spec.json", "r+b") as file:
        with mmap.mmap(file.fileno(), 0) as area:
            at = text.index(TITLE.encode())
            area[at:at + len(TITLE)] = TITLE.upper().encode()
    wait_for(lambda: title(weekly.server) == TITLE.upper(), 10, "the mapped bytes to arrive")
    assert weekly.server.count("PATCH") == 1


def test_append(weekly, files):
    where, copy = files
    run("printf '\\n' >> spec.json", cwd=where, check=True)
    assert weekly.server.count("PATCH") == 0, "blanks are no new value"


def test_queries_are_saved_alone(weekly, files):
    where, _ = files
    queries = json.loads((where / "queries.json").read_text())
    queries[0]["sql"] += " ORDER BY stage"
    write(where / "queries.json", dumps(queries))
    assert weekly.server.page("Quarterly report")["declared_queries"] == queries


def test_spec_and_its_new_query_in_either_order(weekly, files):
    """The spec that names a query still missing fails; the query then brings both."""
    where, _ = files
    spec = json.loads((where / "spec.json").read_text())
    spec["root"]["children"][1]["props"]["data"]["$query"] = "fresh"
    queries = json.loads((where / "queries.json").read_text())
    queries.append({**queries[0], "name": "fresh"})
    with pytest.raises(OSError):
        write(where / "spec.json", dumps(spec))
    write(where / "queries.json", dumps(queries))
    page = weekly.server.page("Quarterly report")
    assert page["declared_queries"] == queries
    assert page["spec"] == spec
    assert (where / "errors").read_text() == ""


def test_page_json_carries_name_and_tags(weekly, files):
    where, _ = files
    about = json.loads((where / "page.json").read_text())
    about["tags"] = ["one", "two"]
    write(where / "page.json", dumps(about))
    assert weekly.server.page("Quarterly report")["tags"] == ["one", "two"]


def test_the_id_is_fixed(weekly, files):
    where, _ = files
    about = json.loads((where / "page.json").read_text())
    with pytest.raises(OSError):
        write(where / "page.json", dumps({**about, "id": "another"}))
    assert weekly.server.page("Quarterly report")["id"] == about["id"]


def test_params_stay_here(weekly, files):
    where, _ = files
    write(where / "params.json", '{"region": "emea"}\n')
    assert (where / "params.json").read_text() == '{"region": "emea"}\n'
    assert weekly.server.requests() == []


def test_other_names_stay_here(weekly, files):
    where, _ = files
    for name in ("notes.txt", ".spec.json.swp", "4913", "#spec.json#"):
        write(where / name, "local")
        assert (where / name).read_text() == "local"
    os.symlink("nowhere", where / ".#spec.json")
    os.mkdir(where / "sub")
    write(where / "sub" / "deep.txt", "deep")
    os.rename(where / "notes.txt", where / "notes.old")
    assert not (where / "notes.txt").exists()
    run("rm -r sub .#spec.json notes.old", cwd=where, check=True)
    assert weekly.server.requests() == []
