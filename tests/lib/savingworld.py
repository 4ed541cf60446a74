"""A mount and the model of it, side by side: what tests/mount/test_model.py does its
operations on. After each step everything is compared that can be seen."""
import errno
import json
import mmap
import os

from amdahl import write
from fakeplatform import simple_spec, verify
from savingmodel import UNKNOWN, Page

ALWAYS = {"info.json", "verdict.json", "errors", "params.json", "render.json", "render", "sql"}


def attempt(work, *arguments):
    try:
        work(*arguments)
    except OSError as err:
        return err.errno
    return 0


# -- how programs save -----------------------------------------------------------------------

def by_rename(path, text):
    write(path.with_name("new.tmp"), text)
    try:
        os.rename(path.with_name("new.tmp"), path)
    except OSError:
        os.unlink(path.with_name("new.tmp"))
        raise


def by_fsync(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644)
    try:
        os.write(fd, text)
        os.fsync(fd)
    finally:
        os.close(fd)


def as_git(path, text):
    os.unlink(path)
    with open(path, "xb") as file:
        file.write(text)


def as_vim(path, text):
    os.rename(path, path.with_name("spec~"))
    try:
        with open(path, "xb") as file:
            file.write(text)
    except OSError:
        os.unlink(path)
        os.rename(path.with_name("spec~"), path)
        raise
    os.unlink(path.with_name("spec~"))


def by_truncate(path, text):
    os.truncate(path, 0)
    with open(path, "r+b") as file:
        file.write(text)


def by_append(path, text):
    with open(path, "ab") as file:
        file.truncate(0)
        file.write(text)


def by_mmap(path, text):
    fd = os.open(path, os.O_RDWR)
    try:
        os.ftruncate(fd, len(text))
        with mmap.mmap(fd, len(text)) as area:
            area[:] = text
            os.fsync(fd)    # area.flush() would keep this process's other threads waiting
    finally:
        os.close(fd)


IN_PLACE = [write, by_fsync, by_truncate, by_append, by_mmap]


class World:
    def __init__(self, fake, mount, rng, operations):
        self.fake, self.mount, self.rng, self.operations = fake, mount, rng, operations
        self.pages = {}         # directory -> Page
        self.serial = 0
        self.done = []          # what was done, for the report

    def number(self):
        self.serial += 1
        return self.serial

    def add(self):
        number = self.number()
        page_id = self.fake.add_page(f"p{number}", description="first")
        self.pages[f"p{number}"] = Page(self.fake.pages[page_id], verify)

    def pick(self):
        where = self.rng.choice(sorted(self.pages))
        return self.mount.page(where), self.pages[where]

    # -- texts -------------------------------------------------------------------------------
    def spelled(self, value):
        return json.dumps(value, indent=self.rng.choice([None, 1, 3])).encode() + (
            b"\n" * self.rng.randrange(3))

    def good(self, page, name):
        title = f"t{self.number()}"
        if name == "spec.json":
            return self.spelled(simple_spec(title))
        if name == "queries.json":
            return self.spelled([{"name": "q", "sql": f"select '{title}'"}])
        return self.spelled({**page.files[name].known, "description": title})

    def text(self, page, name):
        """(what kind, a text of that kind)"""
        kind = self.rng.choice(["good"] * 5 + ["refused", "refused", "broken", "same"])
        good = self.good(page, name)
        if kind == "refused":
            good = good.replace(b"Heading", b"Heding").replace(b"select", b"delete")
            if name == "page.json":
                kind, good = "broken", good[:-4]
        if kind == "broken":
            good = good.rstrip()[:-1]
        if kind == "same":
            file = page.files[name]
            good = good if file.draft else self.spelled(file.known)
        return kind, good

    # -- a step ------------------------------------------------------------------------------
    def step(self):
        self.fake.forget()
        operation = self.rng.choice(self.operations)
        told = operation(self)
        if told is None:
            return False
        what, got, want, patches, *more = told
        said = errno.errorcode.get(got, "well") if got else "well"
        self.done.append(f"{operation.__name__}: {what}: {said}, {self.fake.count('PATCH')} sent")
        assert got == want, (errno.errorcode.get(got), errno.errorcode.get(want))
        sent = {m: self.fake.count(m) for m in ("PATCH", "DELETE")}
        sent["POST"] = self.fake.count("POST", "^/pages$")
        wanted = {"PATCH": patches, "DELETE": 0, "POST": 0, **(more[0] if more else {})}
        assert sent == wanted, self.fake.log_lines()
        self.compare()
        return True

    def compare(self):
        there = {p["id"]: p for p in self.fake.pages.values() if p["status"] != "archived"}
        assert {p.id for p in self.pages.values()} == set(there)
        assert set(self.mount.names()) == set(self.pages)
        listed = json.loads((self.mount.path / ".amdahl" / "status.json").read_text())["drafts"]
        for where, page in self.pages.items():
            self.compare_page(self.mount.page(where), page, there[page.id],
                              {d["file"] for d in listed if d["page"] == where})

    def compare_page(self, where, page, there, listed):
        page.swept()
        names = set(os.listdir(where))
        assert names - ALWAYS == set(page.scratch).union(
            *(f.names() for f in page.files.values())), where
        for name, file in page.files.items():
            self.compare_file(where / name, file)
        held = Page(there, verify).files
        for name, file in page.files.items():
            assert held[name].value == file.value, (name, "at the platform")
        wrong = {f.name for f in page.files.values() if f.wrong}
        maybe = {f.name for f in page.files.values() if f.wrong is UNKNOWN}
        errors = (where / "errors").read_text()
        assert {line.split(":")[0] for line in errors.splitlines()} - maybe == wrong, errors
        assert listed - maybe == wrong
        state = os.getxattr(where, "user.amdahl.state").decode()
        if not maybe:
            assert (state == "saved") == (not wrong), state
        for name, text in page.scratch.items():
            assert (where / name).read_bytes() == text

    def compare_file(self, path, file):
        if file.rejected is not None:
            assert path.with_name(path.name + ".rejected").read_bytes() == file.rejected
        if file.theirs:
            for side, value in zip(("base", "remote"), file.theirs):
                beside = path.with_name(path.name.replace(".json", f".{side}.json"))
                assert json.loads(beside.read_text()) == value, beside.name
        if file.gone:
            return
        text = path.read_bytes()
        file.is_read()
        if file.text is UNKNOWN:
            assert json.loads(text) == file.known, (path, text, vars(file))
            file.text = text
        assert text == file.text, (path, text, file.text, vars(file))
