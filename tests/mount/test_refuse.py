"""What the verifier or the parser refuses: an error at the call, the text kept, the
platform untouched, the reason in `errors`. What programs make of it: test_programs_*.py."""
import errno
import json
import os

import pytest

from amdahl import fails_with, run, wait_for, write


@pytest.fixture
def bad(weekly, tmp_path):
    """(page's directory, a file outside with a spec of an unknown component)"""
    where = weekly.page("quarterly-report")
    copy = tmp_path / "bad.json"
    copy.write_text((where / "spec.json").read_text().replace("Heading", "Heding"))
    weekly.server.forget()
    return where, copy


def untouched(weekly):
    assert weekly.server.count("PATCH") == 0, weekly.server.log_lines()
    kinds = [c["type"] for c in weekly.server.page("Quarterly report")["spec"]["root"]["children"]]
    assert kinds == ["Heading", "BarChart"]


def test_fsync_and_close_say_the_same_with_one_request(weekly, bad):
    """VS Code swallows what fsync says, vim believes it: both must hear it, once asked."""
    where, copy = bad
    fd = os.open(where / "spec.json", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, copy.read_bytes())
    for _ in range(2):
        with fails_with(errno.EPROTO):
            os.fsync(fd)
    with fails_with(errno.EPROTO):
        os.close(fd)
    assert weekly.server.count("POST", r"^/pages/validate$") <= 2
    untouched(weekly)


def test_a_refused_page_says_so_everywhere(weekly, bad):
    where, copy = bad
    with fails_with(errno.EPROTO):
        write(where / "spec.json", copy.read_text())
    said = (where / "errors").read_text()
    lines = (where / "spec.json").read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if "Heding" in line)
    column = 1 + lines[number - 1].index('"Heding"')
    assert said.startswith(f"spec.json:{number}:{column}: error: [compile] "), said
    assert os.getxattr(where / "spec.json", "user.amdahl.error").decode().strip() in said
    verdict = json.loads((where / "verdict.json").read_text())
    assert verdict["ok"] is False and verdict["errors"]
    assert os.stat(where / "errors").st_size == len(said)


def test_a_good_save_ends_the_errors(weekly, bad):
    where, copy = bad
    good = (where / "spec.json").read_text()
    with fails_with(errno.EPROTO):
        write(where / "spec.json", copy.read_text())
    write(where / "spec.json", good.replace("Open pipeline", "Mended"))
    assert (where / "errors").read_text() == ""
    assert json.loads((where / "verdict.json").read_text())["ok"] is True
    with fails_with(errno.ENODATA):
        os.getxattr(where / "spec.json", "user.amdahl.error")


BROKEN = {
    "cut short": ('{"version": 1, "root": {', 1, 25),
    "trailing comma": ('{\n  "version": 1,\n}', 2, 15),
    "duplicate key": ('{\n  "version": 1,\n  "version": 1\n}', 3, 3),
    "not UTF-8": (b'{\n"a": "\xff"}', 2, 7),
    "two documents": ("{}\n{}", 2, 1),
    "bare word": ("nope", 1, 1),
}


@pytest.mark.parametrize("what", BROKEN)
def test_bad_json_is_refused_here(weekly, bad, what):
    """Line and column, and not one request."""
    where, _ = bad
    text, line, column = BROKEN[what]
    with fails_with(errno.EPROTO):
        write(where / "spec.json", text)
    assert weekly.server.requests() == []
    said = (where / "errors").read_text()
    assert said.startswith(f"spec.json:{line}:"), said
    assert abs(int(said.split(":")[2]) - column) <= 1, said
    kept = (where / "spec.json").read_bytes()
    assert kept == (text if isinstance(text, bytes) else text.encode())


def test_an_empty_file_is_a_draft_with_an_error(weekly, bad):
    where, _ = bad
    run(": > spec.json", cwd=where, check=True)
    wait_for(lambda: (where / "errors").read_text(), 5, "an error about the empty file")
    assert weekly.server.requests() == []
    untouched(weekly)


def test_a_refused_query_points_into_the_sql(weekly, bad):
    where, _ = bad
    queries = (where / "queries.json").read_text()
    weekly.server.forget()
    with fails_with(errno.EPROTO):
        write(where / "queries.json", queries.replace("GROUP BY stage", "GROUP BY stagge"))
    said = (where / "errors").read_text()
    line = 1 + queries[:queries.index('"sql":')].count("\n")
    assert said.startswith(f"queries.json:{line}:") and "[query]" in said, said
    assert "SQL line 3" in said, said
    untouched(weekly)


def test_all_faults_are_listed(weekly, bad):
    where, copy = bad
    text = copy.read_text().replace('"deals"', '"dealz"').replace("BarChart", "BarChard")
    with fails_with(errno.EPROTO):
        write(where / "spec.json", text)
    said = (where / "errors").read_text()
    assert "Heding" in said and "BarChard" in said
    assert len(said.splitlines()) >= 2


def test_drafts_of_other_files_block_nothing(weekly, bad):
    """An old refused spec beside it: the queries are saved all the same, it is not sent."""
    where, copy = bad
    with fails_with(errno.EPROTO):
        write(where / "spec.json", copy.read_text())
    queries = json.loads((where / "queries.json").read_text())
    queries[0]["sql"] += " ORDER BY 2"
    write(where / "queries.json", json.dumps(queries))
    page = weekly.server.page("Quarterly report")
    assert page["declared_queries"] == queries
    assert page["spec"]["root"]["children"][0]["type"] == "Heading"
    assert "Heding" in (where / "spec.json").read_text()


def test_emptied_by_one_closed_last_by_another(weekly):
    """Two handles: which of them closes last does not decide whether the empty file is
    told of."""
    path = weekly.page("quarterly-report") / "spec.json"
    path.read_text()
    other = os.open(path, os.O_WRONLY)
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
    os.close(other)
    errors = weekly.page("quarterly-report") / "errors"
    wait_for(lambda: "the file is empty" in errors.read_text(), 10, "the reason")
    assert weekly.server.count("PATCH") == 0
