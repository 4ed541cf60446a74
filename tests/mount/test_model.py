"""Random operations on the pages of a mount, compared step by step with a simple model of
what is promised (tests/lib/savingmodel.py). AMDAHL_TEST_SEED repeats a run,
AMDAHL_TEST_STEPS says how long it is."""
import errno
import json
import os
import random

from amdahl import run, wait_for, write
from fakeplatform import simple_spec, verify
from savingmodel import FILES, UNKNOWN, Page, meaning
from savingworld import (IN_PLACE, World, as_git, as_vim, attempt, by_mmap, by_rename,
                         by_truncate)

# A build machine is to tell what a change broke, so it always goes the same way; by hand
# every run is another one.
SEED = int(os.environ.get("AMDAHL_TEST_SEED") or
           (3718155259 if os.environ.get("CI") else random.SystemRandom().randrange(1 << 32)))
STEPS = int(os.environ.get("AMDAHL_TEST_STEPS") or 1500)


# -- the operations: None (not now), or (what, errno, the model's, PATCHes[, other requests]) --

def save_with(world, how, beside=False, broken=False):
    where, page = world.pick()
    name = world.rng.choice(FILES)
    file = page.files[name]
    kind, text = world.text(page, name)
    if broken:
        kind, text = "broken", world.good(page, name).rstrip()[:-1]
    if (file.gone and how in (as_git, by_mmap, by_truncate)) or (
            file.theirs and kind == "same"):
        return None
    want = page.save(name, text, beside)
    return f"{how.__name__} {kind} {name} of {where.name}", attempt(
        how, where / name, text), *want


def save_in_place(world):
    return save_with(world, world.rng.choice(IN_PLACE))


def save_by_rename(world):
    return save_with(world, by_rename, beside=True)


def save_as_git(world):
    return save_with(world, as_git)


def save_as_vim(world):
    """Refused, it puts the old bytes back."""
    where, page = world.pick()
    name = world.rng.choice(FILES)
    file = page.files[name]
    kind, text = world.text(page, name)
    if file.gone or file.draft or (file.theirs and kind == "same"):
        return None
    old = file.text
    error, patches = page.save(name, text)
    if error:
        page.put_back(file, old)
    return f"{kind} {name} of {where.name}", attempt(as_vim, where / name, text), error, patches


def save_denied(world):
    """The platform takes no PATCH just now; the draft is good."""
    where, page = world.pick()
    name = world.rng.choice(FILES)
    beside = world.rng.random() < 0.5
    text = world.good(page, name)
    world.fake.fault("PATCH", page.id, "status", arg=403)
    want = page.save(name, text, beside, denied=True)
    got = attempt(by_rename if beside else write, where / name, text)
    world.fake.heal()
    return f"{name} of {where.name}", got, want[0], world.fake.count("PATCH")


def save_empty(world):
    """A shell's `> file`: no error, but at the last close a draft with one."""
    where, page = world.pick()
    name = world.rng.choice(FILES)
    if page.files[name].gone or page.files[name].text == b"":
        return None
    os.close(os.open(where / name, os.O_WRONLY | os.O_TRUNC))
    page.emptied(name)
    wait_for(lambda: f"{name}:1:1: error: [json] the file is empty" in
             (where / "errors").read_text(), 10, "the empty file to be noticed")
    return f"{name} of {where.name}", 0, 0, 0


def append(world):
    where, page = world.pick()
    name = world.rng.choice(FILES)
    file = page.files[name]
    tail = world.rng.choice([b"\n", b"  ", b"}"])
    if file.gone or file.draft or file.theirs:
        return None
    want = page.save(name, file.text + tail)

    def grow():
        with open(where / name, "ab") as out:
            out.write(tail)
    return f"{tail} to {name} of {where.name}", attempt(grow), *want


def touch(world):
    where, page = world.pick()
    name = world.rng.choice(FILES)
    if page.files[name].gone:
        return None
    return f"{name} of {where.name}", attempt(os.utime, where / name), 0, 0


def away_and_back(world):
    where, page = world.pick()
    name = world.rng.choice(FILES)
    file = page.files[name]
    if file.gone or file.draft or file.theirs:
        return None
    os.rename(where / name, where / "kept")
    assert (where / "kept").read_bytes() == file.text and not (where / name).exists()
    page.put_back(file, file.text)
    return f"{name} of {where.name}", attempt(os.rename, where / "kept", where / name), 0, 0


def link(world):
    """A document is in memory, and has one name."""
    where, page = world.pick()
    name = world.rng.choice(FILES)
    if page.files[name].gone:
        return None
    assert attempt(os.link, where / name, where / "linked") != 0
    return f"{name} of {where.name}", 0, 0, 0


def scratch(world):
    where, page = world.pick()
    name = world.rng.choice(["notes", ".swp", "other.json"])
    if name in page.scratch and world.rng.random() < 0.5:
        del page.scratch[name]
        return f"unlink {name}", attempt(os.unlink, where / name), 0, 0
    page.scratch[name] = world.rng.randbytes(world.rng.randrange(500))
    return f"write {name}", attempt(write, where / name, page.scratch[name]), 0, 0


def unlink(world):
    where, page = world.pick()
    name = world.rng.choice(FILES)
    if page.files[name].gone or page.files[name].theirs:
        return None
    page.unlink(name)
    return f"{name} of {where.name}", attempt(os.unlink, where / name), 0, 0


def command(world, line):
    fd = os.open(world.mount.path / ".amdahl" / "ctl", os.O_WRONLY)
    try:
        return attempt(os.write, fd, line.encode() + b"\n")
    finally:
        os.close(fd)


def restore(world):
    where, page = world.pick()
    page.restore()
    return where.name, command(world, f"restore {where.name}"), 0, 0


def discard(world):
    where, page = world.pick()
    if any(f.gone or f.wrong is UNKNOWN for f in page.files.values()):
        return None
    page.discard()
    return where.name, command(world, f"discard {where.name}"), 0, 0


def push(world):
    where, page = world.pick()
    if any(f.wrong is UNKNOWN for f in page.files.values()):
        return None
    want = page.push()
    return where.name, command(world, f"push {where.name}"), *want


def undo(world):
    where, page = world.pick()
    if page.replaced is None or any(
            f.gone or f.wrong is not False or f.value != f.known for f in page.files.values()):
        return None
    want = page.undo()
    if want is None:
        return None
    return where.name, command(world, f"undo {where.name}"), *want


def somebody_else(world):
    """Edits a field; mostly the list is read anew after that."""
    where, page = world.pick()
    name = world.rng.choice(FILES)
    if name == "page.json":
        member = world.rng.choice(["description", "tags"])
        fields = {member: [f"s{world.number()}"] if member == "tags" else f"s{world.number()}"}
        page.files[name].value = {**page.files[name].value, **fields}
    else:
        value = meaning(name, world.good(page, name))
        fields = {"spec" if name == "spec.json" else "declared_queries": value}
        page.files[name].value = value
    world.fake.change_page(page.id, **fields)
    swept = world.rng.random() < 0.7
    if swept:
        assert command(world, "refresh") == 0
        for each in world.pages.values():
            each.stale = True
    return f"{list(fields)} of {where.name}, seen: {swept}", 0, 0, 0


def theirs(world):
    """A conflict is settled in their favour, or in ours."""
    for where, page in world.pages.items():
        for name, file in page.files.items():
            if not file.theirs or file.gone:
                continue
            path = world.mount.page(where) / name
            remote = path.with_name(name.replace(".json", ".remote.json"))
            if world.rng.random() < 0.5 and file.theirs[1] == file.known:
                file.clear(remote.read_bytes())
                run(["cp", remote, path], check=True)
                return f"cp {remote.name} {name} of {where}", 0, 0, 0
            os.unlink(remote)
            file.base = file.theirs[1]
            want = page.save(name, text := world.good(page, name))
            return f"rm {remote.name} of {where}", attempt(write, path, text), *want
    return None


def start_again(world):
    world.mount.start()
    world.mount.names()
    for page in world.pages.values():
        page.remount()


def remount(world):
    world.mount.stop()
    start_again(world)
    return "", 0, 0, 0


def kill(world):
    """In the midst of nothing: a refusal is told once it is on the disk, and with it all
    that came before."""
    told = save_with(world, world.rng.choice(IN_PLACE), broken=True)
    if told is not None:
        world.mount.kill()
        start_again(world)
    return told


def remove_page(world):
    if len(world.pages) < 2:
        return None
    where, page = world.pick()
    del world.pages[where.name]
    return where.name, run(["rm", "-r", where]).returncode, 0, 0, {"DELETE": 1}


def new_page(world):
    """Made with one POST, once its files are good together."""
    if len(world.pages) > 2:
        return None
    where = world.mount.page(f"n{world.number()}")
    os.mkdir(where)
    if world.rng.random() < 0.5:
        bad = json.dumps(simple_spec("new")).replace("Heading", "Heding")
        assert attempt(write, where / "spec.json", bad) == errno.EPROTO
    if world.rng.random() < 0.5:
        attempt(write, where / "queries.json",    # judged with a spec that is refused
                world.spelled([{"name": "q", "sql": "select 1"}]))
    got = attempt(write, where / "spec.json", world.spelled(simple_spec("new")))
    made = list(world.fake.pages.values())[-1]
    assert made["name"] == where.name
    world.pages[where.name] = Page(made, verify)
    return where.name, got, 0, 0, {"POST": 1}


def move_page(world):
    where, page = world.pick()
    about = page.files["page.json"]
    if about.wrong is not False or about.draft or about.gone:
        return None
    to = world.mount.page(f"m{world.number()}")
    world.pages[to.name] = world.pages.pop(where.name)
    about.value, page.stale = {**about.value, "name": to.name}, True
    page.replaced = None
    return f"{where.name} to {to.name}", attempt(os.rename, where, to), 0, 1


OPERATIONS = ([save_in_place] * 8 + [save_by_rename] * 5 + [save_as_git] * 4 + [save_as_vim] * 4
              + [somebody_else] * 5 + [theirs] * 4 + [push] * 3
              + [save_denied, save_empty, append, touch, away_and_back, link, scratch, unlink] * 2
              + [restore, discard, undo, undo, remount, kill, kill, remove_page, new_page, move_page])


def test_random_operations(fake, mount_at):
    print(f"AMDAHL_TEST_SEED={SEED} AMDAHL_TEST_STEPS={STEPS}")
    rng = random.Random(SEED)
    mount = mount_at(fake, options="refresh=3600,archive_limit=1000,read_ahead=0", start=False)
    world = World(fake, mount, rng, OPERATIONS)
    world.add()
    world.add()
    mount.start()
    mount.names()
    world.compare()
    try:
        steps = 0
        while steps < STEPS:
            steps += world.step()
    except BaseException:
        print("\n".join(world.done[-200:]))
        print(f"step {len(world.done)} of seed {SEED}")
        raise
