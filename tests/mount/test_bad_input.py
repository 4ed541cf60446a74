"""What is no JSON, or not what such a file must be: through every way of saving an error
at the call, its place and words in `errors`, no request, and the text kept byte for byte,
over a remount too, until a good save."""
import contextlib
import errno
import json
import os
import sys

import pytest

from amdahl import dumps, fails_with, write
from fakeplatform import simple_spec
from savingworld import by_mmap

BOM = b"\xef\xbb\xbf"
DEPTH = 1000                # json.h: JSON_LIMITS_USER
SAVED_MAX = 32 << 20        # the same; more is no document
KEPT_MAX = 64 << 20         # model.h: DOC_BYTES_MAX; more cannot be written


# -- good texts, with a place for a value -------------------------------------------------

def frame(file, page_id, value=b'"some"', title="good"):
    texts = {
        "spec.json": simple_spec(title),
        "queries.json": [{"name": "q", "sql": "select 1", "title": title}],
        "page.json": {"id": page_id, "name": "Kept", "description": title},
    }
    inner = texts[file]
    inner = {"spec.json": lambda: inner["root"]["children"][0]["props"],
             "queries.json": lambda: inner[0], "page.json": lambda: inner}[file]()
    inner["extra"] = "@"
    return dumps(texts[file]).encode().replace(b'"@"', value)


def nested(levels):
    return b"[" * levels + b"]" * levels


def levels_above(file):
    """How deep the frame's place is: what stands there may be so much less deep."""
    return {"spec.json": 5, "queries.json": 2, "page.json": 1}[file]


# -- the bad ones: ^ is where the fault is -------------------------------------------------

VALUES = {
    "duplicate keys": (b'{"a": 1,\n ^"a": 2}', "duplicate key"),
    "a duplicate by an escape": (b'{"a": 1, ^"\\u0061": 2}', "duplicate key"),
    "a NUL in a string": (b'"x^\0"', ""),
    "a NUL between tokens": (b"^\0 1", "NUL"),
    "not UTF-8": (b'"\xc3\xa9 ^\xff"', "UTF-8"),
    "an overlong form": (b'"^\xc0\xaf"', "UTF-8"),
    "a surrogate as UTF-8": (b'"^\xed\xa0\x80"', "UTF-8"),
    "a lone high surrogate": (b'"x^\\ud83d"', "surrogate"),
    "a lone low surrogate": (b'"x^\\ude00"', "surrogate"),
    "surrogates the wrong way": (b'"x^\\ude00\\ud83d"', "surrogate"),
    "a line end in a string": (b'"x^\n"', ""),
    "a comma too many": (b"[1^,]", "comma"),
    "a comment": (b"^// why\n1", "comments"),
    "single quotes": (b"^'x'", "double quotes"),
    "NaN": (b"^NaN", ""),
    "5,000 levels": (lambda up: b"[" * (DEPTH - up) + b"^" + nested(5000 - DEPTH)
                     + b"]" * (DEPTH - up), "nested deeper than 1000 levels"),
    "one level too deep": (lambda up: b"[" * (DEPTH - up) + b"^[" + b"]" * (DEPTH - up + 1),
                           "nested deeper than 1000 levels"),
}
WHOLE = {
    "a byte-order mark": (lambda t: b"^" + BOM + t, "byte-order mark"),
    "UTF-16": (lambda t: b"^" + t.decode().encode("utf-16"), "UTF-16"),
    "two documents": (lambda t: t + b"^" + t, "more text"),
    "garbage behind": (lambda t: t + b"\n  ^garbage", "more text"),
    "NULs behind": (lambda t: t + b"^" + bytes(5), ""),
    "cut short": (lambda t: t.rstrip()[:-1] + b"^", "ends inside"),
    "blanks alone": (lambda t: b" \n ^", "no value"),
    "a string": (lambda t: b'\n ^"text"', ""),
    "null": (lambda t: b"^null", ""),
}
KINDS = {   # what must be one thing and is another
    "spec.json": {"an array": (lambda i: b"\n ^[]\n", "a spec is an object")},
    "queries.json": {"an object": (lambda i: b"\n ^{}\n", "queries are an array")},
    "page.json": {
        "an array": (lambda i: b"^[]", "page.json is an object"),
        "an id changed": (lambda i: b'{"name": "x",\n "id": ^"%sx"}' % i, "keeps its id"),
        "an id that is null": (lambda i: b'{"id": ^null, "name": "x"}', "keeps its id"),
        "another page's id": (lambda i: b'{"id": ^"another", "name": "x"}', "keeps its id"),
        "a blank name": (lambda i: b'{"name": ^"\\t "}', "blank"),
        "a name that is none": (lambda i: b'{"name": ^7}', "string"),
        "tags that are none": (lambda i: b'{"tags": ["a", ^1]}', "strings"),
        "the spec": (lambda i: b'{"spec": ^{}}', "spec.json"),
        "the queries": (lambda i: b'{"declared_queries": ^[]}', "queries.json"),
        **{f"info.json's {key}": (lambda i, key=key: b'{"name": "x", "%s": ^7}' % key.encode(),
                                  "info.json")
           for key in ("status", "console_url", "created_at", "updated_at", "version")},
    },
}


def bad_texts(file, page_id):
    """{what: (bytes, line, column, words)}"""
    up = levels_above(file)
    marked = {what: (frame(file, page_id, value(up) if callable(value) else value), words)
              for what, (value, words) in VALUES.items()}
    marked |= {what: (make(frame(file, page_id)), words) for what, (make, words) in WHOLE.items()}
    marked |= {what: (make(page_id.encode()), words)
               for what, (make, words) in KINDS[file].items()}
    return {what: (text.replace(b"^", b"", 1), *place(text.index(b"^"), text), words)
            for what, (text, words) in marked.items()}


def place(offset, text):
    before = text[:offset]
    return before.count(b"\n") + 1, offset - before.rfind(b"\n")


# -- the ways of saving ----------------------------------------------------------------------

in_place = write


def by_rename(path, text):
    scratch = path.with_name("scratch")
    write(scratch, text)
    os.rename(scratch, path)


def by_fsync(path, text):
    """The verdict is heard twice; the second is the first one's."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        while text:
            text = text[os.write(fd, text):]
        os.fsync(fd)
    finally:
        with contextlib.suppress(OSError):
            os.fsync(fd)
        os.close(fd)


WAYS = {"in place": in_place, "fsync": by_fsync, "rename": by_rename, "mmap": by_mmap}
FILES = ("spec.json", "queries.json", "page.json")


class Kept:
    """A text that was refused: where it is, and what is said of it."""

    def __init__(self, where, file, way, what, text, line, column, words):
        self.where, self.file, self.what, self.text = where, file, what, text
        self.start = f"{file}:{line}:{column}: error: [json] "
        self.words = words
        self.beside = way == "rename"
        self.old = (where / file).read_bytes()

    def holds(self):
        said = (self.where / "errors").read_text()
        assert said.startswith(self.start), (self.what, self.start, said)
        assert self.words in said and said.count("\n") == 1, (self.what, said)
        rejected = self.where / f"{self.file}.rejected"
        if self.beside:
            assert rejected.read_bytes() == self.text, self.what
            assert (self.where / self.file).read_bytes() == self.old, self.what
        else:
            assert (self.where / self.file).read_bytes() == self.text, self.what
            assert not rejected.exists(), self.what
        verdict = json.loads((self.where / "verdict.json").read_text())
        assert verdict["ok"] is False and self.words in verdict["errors"][0]["message"]

    def is_cleared(self):
        names = os.listdir(self.where)
        assert (self.where / "errors").read_text() == "", self.what
        assert not [n for n in names if n.endswith(".rejected")], self.what


def error_of(save, *arguments):
    try:
        save(*arguments)
    except OSError as err:
        return err.errno
    return 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", FILES)
def test_bad_texts(fake, mount_at, file, way):
    """Each on a page of its own, so that each is there after the remount."""
    pages = {what: fake.add_page(f"Page {i:02}")
             for i, what in enumerate(bad_texts(file, "id"))}
    mount = mount_at(fake, options="refresh=3600,read_ahead=0")
    mount.names()
    kept = []
    for i, (what, page_id) in enumerate(pages.items()):
        where = mount.page(f"page-{i:02}")
        kept.append(Kept(where, file, way, what, *bad_texts(file, page_id)[what]))
        fake.forget()
        assert error_of(WAYS[way], where / file, kept[-1].text) == errno.EPROTO, what
        assert fake.requests == [], (what, fake.log_lines())
        kept[-1].holds()
    mount.restart()
    for each in kept:
        each.holds()
    fake.forget()
    for each, page_id in zip(kept, pages.values()):
        write(each.where / file, frame(file, page_id, title="mended"))
        each.is_cleared()
    assert fake.count("PATCH") == len(kept), fake.log_lines()
    status = json.loads((mount.path / ".amdahl" / "status.json").read_text())
    assert status["drafts"] == []


# -- odd, and good ---------------------------------------------------------------------------

GOOD = {
    "CRLF": lambda file, i: frame(file, i).replace(b"\n", b"\r\n"),
    "blanks around": lambda file, i: b"\n\t " + frame(file, i) + b" \r\n\n",
    "no line end": lambda file, i: frame(file, i).rstrip(),
    "NUL by an escape": lambda file, i: frame(file, i, b'"\\u0000"'),
    "a pair of surrogates": lambda file, i: frame(file, i, b'"\\ud83d\\ude00"'),
    "a key twice in two objects": lambda file, i: frame(file, i, b'[{"a": 1}, {"a": 2}]'),
    "odd numbers": lambda file, i: frame(file, i, b"[1.0, -0, 1E+2, 12345678901234567890]"),
    "as deep as may be": lambda file, i: frame(file, i, nested(DEPTH - levels_above(file))),
}


@pytest.fixture
def deep():
    """The fake platform walks what it gets by recursion."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * DEPTH)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", FILES)
def test_odd_texts_are_saved(deep, fake, mount_at, file, way):
    """With one PATCH, sent as they are and read as they are, after a remount too."""
    pages = {what: fake.add_page(f"Page {i:02}") for i, what in enumerate(GOOD)}
    mount = mount_at(fake, options="refresh=3600,read_ahead=0")
    texts = {}
    for i, (what, page_id) in enumerate(pages.items()):
        path = mount.page(f"page-{i:02}") / file
        path.read_bytes()
        text = texts[path] = GOOD[what](file, page_id)
        fake.forget()
        assert error_of(WAYS[way], path, text) == 0, (what, (path.parent / "errors").read_text())
        assert fake.count("PATCH") == 1, (what, fake.log_lines())
        assert path.read_bytes() == text, what
        if file != "page.json":
            assert text.strip() in fake.matching("PATCH")[0].body, what
    mount.restart()
    for path, text in texts.items():
        assert path.read_bytes() == text, path
        assert (path.parent / "errors").read_text() == ""


def test_page_json_without_its_id(fake, mount_at):
    """It is the directory's page all the same, and nobody's id is sent."""
    page_id = fake.add_page("One", description="d")
    mount = mount_at(fake, options="read_ahead=0")
    path = mount.page("one") / "page.json"
    text = path.read_text()
    fake.forget()
    write(path, json.dumps({k: v for k, v in json.loads(text).items() if k != "id"}))
    assert fake.count("PATCH") == 0
    write(path, '{"name": "Two"}')
    assert [r.json for r in fake.matching("PATCH")] == [{"name": "Two"}]
    assert fake.pages[page_id]["name"] == "Two" and fake.pages[page_id]["description"] == "d"


# -- sizes -----------------------------------------------------------------------------------

def sized(size):
    """A spec of so many bytes."""
    text = dumps(simple_spec("@")).encode()
    return text.replace(b"@", b"x" * (size - len(text) + 1))


@pytest.fixture
def large(fake, mount_at):
    fake.add_page("Large")
    mount = mount_at(fake, options="timeout=120")
    path = mount.page("large") / "spec.json"
    path.read_bytes()
    fake.forget()
    return mount, path


@pytest.mark.parametrize("way", ["in place", "rename"])
@pytest.mark.parametrize("size", [SAVED_MAX + 1, KEPT_MAX])
def test_too_large_to_be_saved(fake, large, way, size):
    mount, path = large
    kept = Kept(path.parent, path.name, way, "large", sized(size), 1, 1,
                f"{size} bytes, and {SAVED_MAX} are allowed")
    assert error_of(WAYS[way], path, kept.text) == errno.EFBIG
    assert fake.requests == []
    kept.holds()
    mount.restart()
    kept.holds()
    write(path, dumps(simple_spec("small")))
    kept.is_cleared()
    assert fake.count("PATCH") == 1


def test_as_large_as_may_be(fake, large):
    mount, path = large
    text = sized(SAVED_MAX)
    write(path, text)
    assert fake.count("PATCH") == 1
    mount.restart()
    assert path.read_bytes() == text


def test_too_large_to_be_written(fake, large):
    """The write itself fails; what came before it is the draft."""
    mount, path = large
    text = sized(KEPT_MAX + 1)
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    written = 0
    with fails_with(errno.EFBIG):
        while written < len(text):
            written += os.write(fd, text[written:written + (1 << 20)])
    assert written == KEPT_MAX
    with fails_with(errno.EFBIG):
        os.ftruncate(fd, KEPT_MAX + 1)
    with fails_with(errno.EFBIG):
        os.close(fd)
    assert fake.requests == []
    assert f"{KEPT_MAX} bytes" in (path.parent / "errors").read_text()
    assert path.read_bytes() == text[:-1]


def test_too_large_to_be_renamed(fake, large):
    """It stays under the name that it has."""
    mount, path = large
    old, text, scratch = path.read_bytes(), sized(KEPT_MAX + 1), path.with_name("scratch")
    write(scratch, text)
    with fails_with(errno.EFBIG):
        os.rename(scratch, path)
    assert fake.requests == []
    assert scratch.read_bytes() == text and path.read_bytes() == old
    assert os.listdir(path.parent).count("spec.json.rejected") == 0
    os.unlink(scratch)
