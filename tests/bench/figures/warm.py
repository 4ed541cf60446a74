"""A warm tree beside the same tree on the local disk, in the floor and in the peers; and
what of it reaches the daemon at all."""
import contextlib
import os
import pathlib

import amdahl
import peers
import trees
from harness import NotMeasured, ms, paired, ratio, ratios, spread

WANTED = {  # walk: (beside what, at most)
    "git status": ("disk", 1.2), "find -ls": ("disk", 1.2),
    "cat": ("floor", 1.15), "grep -r": ("floor", 1.15),
}
THREADS = 8     # as many as the file system has: how often they change is in the figure
REST = 1.2      # seconds: usual time-outs of a second are no warmth
# Nobody waits for these, but for STATFS, which find and grep ask once a run.
HOUSEKEEPING = {"RELEASE", "FORGET", "BATCH_FORGET", "INTERRUPT", "STATFS"}


def pages_of(world):
    return 200 if world.quick else 1000


@contextlib.contextmanager
def one_processor(world):
    """What is started meanwhile stays on one: with several, it is the scheduler's choice,
    another each second, whether a reader and the server it waits for share one, and that
    costs more than all that either does. A mount that was there before is left where it is."""
    before = os.sched_getaffinity(0)
    if not world.given:
        os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def git_exclude(root):
    """The mount's own .gitignore, for a work tree that begins at its pages/."""
    ignore = pathlib.Path(root).parent / ".gitignore"
    return ignore.read_text().replace("**/pages/*/", "*/") if ignore.exists() else ""


@contextlib.contextmanager
def own_tree(world, count):
    """A mount's pages/. Hidden views are no part of it: to read them is to ask the
    platform."""
    with world.mount(world.server(count), "runtime=hidden") as mount:
        mount.names()
        yield mount.pages


def tree_of(world, count):
    return contextlib.nullcontext(world.given) if world.given else own_tree(world, count)


def place(world, label, root, files, exclude):
    where = trees.Place(label, pathlib.Path(root), world.directory(f"{label}-work"), files)
    where.prepare_git(exclude)
    return where


@contextlib.contextmanager
def side_by_side(world, count):
    """The same tree as Places: "mount", "disk", "floor"."""
    with tree_of(world, count) as root:
        disk = trees.copy(root, world.directory("copy") / "tree")
        files = trees.authored(disk)
        floor, serving = world.floor(disk, threads=THREADS)
        with serving:
            exclude = git_exclude(root)
            yield [place(world, label, where, files, exclude)
                   for label, where in (("mount", root), ("disk", disk), ("floor", floor))]


def walk_all(world, report, places, rounds, figure):
    """{walk: times of each place}."""
    result = {}
    for name, walk in trees.WALKS.items():
        ways = {p.label: (lambda p=p: walk(p)) for p in places}
        result[name] = paired(ways, rounds, report, f"{figure}: {name}", REST)
    return result


def beside(world, report):
    """the same walks on the disk and in the floor"""
    with one_processor(world), side_by_side(world, pages_of(world)) as places:
        times = walk_all(world, report, places, world.rounds(9), "warm")
    files = len((places[0].work / "files").read_text().split("\0")) - 1
    for name, (base, wanted) in WANTED.items():
        t = times[name]
        report.add("warm", f"{name}, {files} files, to the {base}", ratio(t, "mount", base),
                   wanted, "times",
                   f"{spread(ratios(t, 'mount', base))}; {ms(t['mount'])}, disk "
                   f"{ms(t['disk'])}, floor {ms(t['floor'])}")


def repository(world, report):
    """git status where the repository is in the mount itself"""
    with world.mount(world.server(pages_of(world)), "runtime=hidden") as mount:
        mount.names()
        disk = world.directory("copy") / "tree"
        disk.mkdir()
        for name in ("pages", ".gitignore"):
            trees.copy(mount.path / name, disk / name)
        with trees.git_inside(world, mount.path) as ours, \
                trees.git_inside(world, disk) as theirs:
            times = paired({"mount": ours, "disk": theirs}, world.rounds(9), report,
                           "repository", REST)
    report.add("repository", "git status, .git in the tree, to the disk",
               ratio(times, "mount", "disk"), 1.2, "times",
               f"{spread(ratios(times, 'mount', 'disk'))}; {ms(times['mount'])}, disk "
               f"{ms(times['disk'])}")


def against_peers(world, report):
    """the same walks in what else Debian has"""
    count = 40 if world.quick else 200      # with more, httpdirfs and rclone take minutes
    with side_by_side(world, count) as places, contextlib.ExitStack() as stack:
        disk = places[1]
        files = trees.authored(disk.root)
        exclude = (disk.work / "git/info/exclude").read_text()
        for name, peer in peers.PEERS.items():
            root = stack.enter_context(peer(world, disk.root))
            places.append(place(world, name, root, files, exclude))
        times = walk_all(world, report, places, world.rounds(5), "peers")
    labels = [p.label for p in places if p.label != "disk"]
    for name in trees.WALKS:
        for label in labels:
            report.add("peers", f"{name}, {len(files)} files: {label} to the disk",
                       ratio(times[name], label, "disk"), None, "times",
                       ms(times[name][label]))
        report.table("peers", ["walk", *labels],
                     [name, *(round(ratio(times[name], label, "disk"), 3) for label in labels)])


# -- what reaches the daemon --------------------------------------------------------------------

def ops(world, report):
    """requests of the kernel during a warm walk, counted"""
    if world.given:
        raise NotMeasured("requests are counted in a mount of the benchmark's own")
    with world.mount(world.server(pages_of(world)), "runtime=hidden",
                     env=trees.debug_env(world)) as mount:
        mount.names()
        here = place(world, "mount", mount.pages, trees.authored(mount.pages),
                     git_exclude(mount.pages))
        report_ops(world, report, "mount", here, mount.daemon)
    disk = trees.copy(here_tree(world), world.directory("copy") / "tree")
    floor, serving = world.floor(disk, env=trees.debug_env(world))
    with serving as daemon:
        there = place(world, "floor", floor, trees.authored(floor), "")
        report_ops(world, report, "floor", there, daemon)


def here_tree(world):
    """Something for the floor to serve: as many pages, whatever is in them."""
    root = world.directory("made") / "pages"
    for i in range(pages_of(world)):
        (root / f"{i:04}").mkdir(parents=True)
        for name in amdahl.AUTHORING:
            (root / f"{i:04}" / name).write_text("{}\n")
    return root


def report_ops(world, report, label, where, daemon):
    files = len(where.list.read_text().split("\0")) - 1
    for name, walk in trees.WALKS.items():
        counts = trees.count_ops(daemon, lambda: walk(where))
        asked = sum(n for op, n in counts.items() if op not in HOUSEKEEPING)
        wanted = 0.0 if WANTED[name][0] == "disk" else 1.0
        report.add("ops", f"{label}: {name}, {files} files: requests a file",
                   round(asked / files, 2), wanted if label == "mount" else None, "a file",
                   " ".join(f"{op} {n}" for op, n in sorted(counts.items())))
        report.table("ops", ["where", "walk", "opcode", "requests"],
                     *([label, name, op, n] for op, n in sorted(counts.items())))


FIGURES = {"warm": beside, "repository": repository, "ops": ops, "peers": against_peers}
