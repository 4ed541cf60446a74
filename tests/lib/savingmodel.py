"""What docs/saving.md and DESIGN's rules of saving promise of a page's three files, in
few words: the other side of tests/mount/test_model.py.

There is one saver, and it reads every file after each step: so the base of its saves is
what the file holds, and that of a draft what the file held when the draft began. Bytes
that nobody promises are None, and so are promises that nobody makes.
"""
import errno
import json

FILES = ("spec.json", "queries.json", "page.json")
FIELD = {"spec.json": "spec", "queries.json": "declared_queries"}
UNKNOWN = None


def meaning(name, text):
    """The value of a text that could be sent; None: it is none such."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list if name == "queries.json" else dict) else None


class File:
    def __init__(self, name, value):
        self.name = name
        self.value = value          # the platform's
        self.known = value          # the platform's, as far as this mount was told
        self.text = UNKNOWN         # what the file holds; UNKNOWN: known, in any spelling
        self.draft = False          # that is a text which the platform has not
        self.base = value           # the platform's, when the saver last read it here
        self.refused = None         # the newest text that was, until it is put aside
        self.rejected = None        # what is beside it as .rejected
        self.wrong = False          # errors speaks of it; UNKNOWN: may or may not
        self.theirs = None          # in a conflict: (base, the platform's value)
        self.gone = False           # its name was removed

    def told(self):
        if self.known != self.value:
            self.known = self.value
            if not self.draft:
                self.text = UNKNOWN

    def is_read(self):
        if not self.draft and not self.gone:
            self.base = self.known

    def clear(self, text):
        self.text, self.draft, self.gone = text, False, False
        self.wrong, self.refused, self.rejected, self.theirs = False, None, None, None

    def names(self):
        stem = self.name.removesuffix(".json")
        return ({self.name} if not self.gone else set()) | (
            {f"{self.name}.rejected"} if self.rejected is not None else set()) | (
            {f"{stem}.base.json", f"{stem}.remote.json"} if self.theirs else set())


class Page:
    def __init__(self, page, verify):
        self.files = {"spec.json": File("spec.json", page["spec"]),
                      "queries.json": File("queries.json", page["declared_queries"]),
                      "page.json": File("page.json", self.about(page))}
        self.verify = verify
        self.id = page["id"]
        self.stale = False          # it is to be read anew
        self.unread = False         # nothing of it was read in this mount
        self.scratch = {}           # name -> bytes
        self.replaced = {}          # name -> (text, value) before the newest PATCH

    @staticmethod
    def about(page):
        return {k: page[k] for k in ("id", "name", "tags", "description") if k in page}

    def told(self):
        """The page was read anew."""
        self.stale = self.unread = False
        for file in self.files.values():
            file.told()

    def swept(self):
        """Read at an open of what is no draft; what a sweep saw is left alone until there
        is no draft in the page."""
        clean = [f for f in self.files.values() if not f.draft and not f.gone]
        if (self.stale and not self.drafts()) or (self.unread and clean):
            self.told()

    # -- saving: 0 or the errno, and how many PATCHes --------------------------------------
    def save(self, name, text, beside=False, denied=False):
        file = self.files[name]
        value = meaning(name, text)
        base = file.base
        if value is None:
            return self.refuse(file, text, beside), 0
        if self.unread:
            self.told()
        if value == file.known:
            return self.put_back(file, text), 0
        if name == "page.json":
            return self.save_about(file, text, value, base, beside, denied)
        self.told()
        if not self.is_good({name: value}):
            return self.refuse(file, text, beside), 0
        if value == file.value:
            file.clear(text)
            return 0, 0
        if file.value != base:
            return self.collide(file, text, beside, base), 0
        if denied:
            return self.refuse(file, text, beside, errno.EACCES), 0
        sent = {name: (text, value), **self.other_draft(name, value)}
        self.patch(sent)
        return 0, 1

    def save_about(self, file, text, value, base, beside, denied):
        """page.json: members are saved one by one."""
        changed = {k: v for k, v in value.items() if base.get(k) != v}
        self.told()
        if any(file.value.get(k) not in (base.get(k), v) for k, v in changed.items()):
            return self.collide(file, text, beside, base), 0
        if denied:
            return self.refuse(file, text, beside, errno.EACCES), 0
        merged = {**file.value, **changed}
        if merged == file.value:
            file.clear(text if value == merged else UNKNOWN)
            return 0, 0
        self.patch({file.name: (text if merged == value else UNKNOWN, merged)})
        return 0, 1

    def is_good(self, values):
        spec, queries = (values.get(n, self.files[n].value) for n in FIELD)
        return self.verify(spec, queries)["ok"]

    def other_draft(self, name, value):
        """A good draft of the other file goes along, unless it collides."""
        other = self.files["queries.json" if name == "spec.json" else "spec.json"]
        draft = meaning(other.name, other.text) if other.draft and not other.gone else None
        if draft is None or other.base != other.value or draft == other.value:
            return {}
        return {other.name: (other.text, draft)} if self.is_good(
            {name: value, other.name: draft}) else {}

    def patch(self, sent):
        self.replaced = {}
        for name, (text, value) in sent.items():
            file = self.files[name]
            self.replaced[name] = (UNKNOWN if file.draft else file.text, file.value)
            file.value = file.known = file.base = value
            file.clear(text)

    def refuse(self, file, text, beside, error=errno.EPROTO):
        file.wrong, file.refused = True, text
        if beside:
            file.rejected, file.gone = text, False
        else:
            file.text, file.draft, file.gone = text, True, False
        return error

    def collide(self, file, text, beside, base):
        file.theirs = (base, file.value)
        return self.refuse(file, text, beside, errno.ESTALE)

    def put_back(self, file, text):
        """Nothing to send. After a refusal that is an editor putting the old bytes back."""
        if file.refused is not None:
            file.rejected, file.refused, file.wrong = file.refused, None, True
        elif file.rejected is None:
            file.wrong = False
        file.text = text if meaning(file.name, text) == file.known else UNKNOWN
        file.draft, file.gone = False, False
        return 0

    # -- other things that may happen -------------------------------------------------------
    def emptied(self, name):
        self.refuse(self.files[name], b"", beside=False)

    def unlink(self, name):
        file = self.files[name]
        if file.wrong:
            file.wrong = UNKNOWN
        file.gone, file.draft, file.text = True, False, UNKNOWN

    def restore(self):
        for file in self.files.values():
            if file.gone:
                file.gone, file.text = False, UNKNOWN

    def remount(self):
        for file in self.files.values():
            file.refused = None if file.wrong is UNKNOWN else file.refused
        self.restore()
        self.unread = True

    def discard(self):
        for file in self.files.values():
            was, gone = file.draft, file.gone
            file.clear(UNKNOWN if was else file.text)
            file.gone = gone

    def drafts(self):
        return [f for f in self.files.values() if f.draft and not f.gone]

    def push(self):
        """As if each were saved by whoever wrote it."""
        if not self.drafts():
            return errno.ENODATA, 0
        first, patches = 0, 0
        for name in FILES:
            file = self.files[name]
            if file.draft and not file.gone:
                error, sent = self.save(name, file.text)
                first, patches = first or error, patches + sent
        return first, patches

    def undo(self):
        if self.drafts():
            return errno.EEXIST, 0
        back = {n: v for n, v in self.replaced.items() if v[1] != self.files[n].known}
        if not back:
            return errno.ENODATA, 0
        if any(set(v[1]) < set(self.files[n].known) for n, v in back.items() if n == "page.json"):
            return None     # members are added by a save; what undoes that, nobody says
        self.told()
        self.patch(back)
        return 0, 1
