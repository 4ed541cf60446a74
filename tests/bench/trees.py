"""One tree in many places: on the local disk, in the mount, in the floor, in the peers.

A Place is where the tree is and what the programs that walk it need: the same commands run
in each, with the same relative names, so that nothing but the file system differs.
"""
import contextlib
import os
import re
import shutil
import time

import amdahl
from harness import NotMeasured, command

QUIET_GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
             "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
             "GIT_CONFIG_VALUE_0": "*"}


def copy(source, target):
    """What a mount lists, on the disk, with its times. What cannot be read (a control
    file) ends it: then the trees would differ."""
    command(["cp", "-a", "--no-preserve=ownership", source, target])
    return target


def authored(root):
    """The files that cat and grep read: the authoring files where the tree has pages, else
    all; relative names, in the order of the directories."""
    names = []
    for where, directories, files in os.walk(root):
        directories.sort()
        names += [os.path.relpath(os.path.join(where, f), root) for f in sorted(files)
                  if os.path.isfile(os.path.join(where, f))]
    pages = [n for n in names if os.path.basename(n) in amdahl.AUTHORING]
    return pages or names


class Place:
    def __init__(self, label, root, work, files):
        """work: a directory on the local disk for this place's lists and git repository."""
        self.label, self.root, self.work = label, root, work
        self.list = work / "files"
        self.list.write_text("".join(f"{n}\0" for n in files))
        self.only = [f"--include={n}" for n in amdahl.AUTHORING] \
            if all(os.path.basename(f) in amdahl.AUTHORING for f in files) else []
        self.git_env = {**os.environ, **QUIET_GIT, "GIT_DIR": str(work / "git"),
                        "GIT_WORK_TREE": str(root)}

    def prepare_git(self, exclude):
        """An index of this place's own: inode numbers and times are its file system's."""
        command(["git", "init", "-q"], env=self.git_env)
        (self.work / "git/info/exclude").write_text(exclude)
        command(["git", "add", "-A", "."], cwd=self.root, env=self.git_env)
        time.sleep(1.1)         # or git takes the files for changed within its last second
        self.git_status()

    def find(self):
        command(["find", ".", "-ls"], cwd=self.root)

    def cat(self):
        command(["xargs", "-0", "-a", self.list, "cat"], cwd=self.root)

    def grep(self):
        command(["grep", "-r", *self.only, "no page has these words", "."], cwd=self.root,
                ok=(1,))

    def git_status(self):
        done = command(["git", "status", "--porcelain"], cwd=self.root, env=self.git_env)
        changed = [line for line in done.stdout.splitlines() if not line.startswith(b"A ")]
        if changed:
            raise NotMeasured(f"git in {self.label}: {changed[:3]}")


WALKS = {"git status": Place.git_status, "find -ls": Place.find, "cat": Place.cat,
         "grep -r": Place.grep}


@contextlib.contextmanager
def git_inside(world, root):
    """A repository in the tree itself, as a user has it; yields its `git status`."""
    env = {**os.environ, **QUIET_GIT}
    command(["git", "init", "-q"], cwd=root, env=env)
    command(["git", "add", "-A", "."], cwd=root, env=env)
    time.sleep(1.1)
    try:
        yield lambda: command(["git", "status", "--porcelain"], cwd=root, env=env)
    finally:
        shutil.rmtree(os.path.join(root, ".git"), ignore_errors=True)


# -- requests of the kernel -------------------------------------------------------------------

OPCODE = re.compile(r"opcode: (\w+) \(\d+\)")


def debug_env(world):
    return {"LD_PRELOAD": str(world.build / "tests/bench/libfuse_debug.so")}


def count_ops(daemon, walk):
    """{opcode: requests} that reach the daemon (started with debug_env) while `walk` runs
    warm. RELEASE and FORGET come behind; so the end is when the log grows no more."""
    walk()
    mark = settled(daemon)
    walk()
    settled(daemon)
    counts = {}
    with open(daemon.log, errors="replace") as log:
        log.seek(mark)
        for name in OPCODE.findall(log.read()):
            counts[name] = counts.get(name, 0) + 1
    return counts


def settled(daemon, quiet=0.15):
    """The log's size, once it stood still."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < quiet:
        now = daemon.log.stat().st_size
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.02)
    return size
