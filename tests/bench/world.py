"""The programs of a run: built, started when a figure needs them, all ended at its end."""
import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "lib"))

import amdahl  # noqa: E402
import pages  # noqa: E402
from harness import NotMeasured  # noqa: E402

BUILT = ("src/amdahlfs", "src/local/amdahl-local", "tests/bench/floor", "tests/bench/delay",
         "tests/bench/libfuse_debug.so", "tests/bench/rows")


def quiet_stop(daemon):
    with contextlib.redirect_stdout(io.StringIO()):    # the log is for tests that fail
        daemon.stop()


def build(directory):
    """A release build, made when it is not there: figures of others are not worth a look."""
    directory = pathlib.Path(directory)
    if not (directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", directory, ROOT, "--buildtype=release"],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", directory, "--quiet", *BUILT], check=True,
                   stdout=subprocess.DEVNULL)
    return directory.resolve()


class World:
    def __init__(self, build_dir, quick=False):
        self.build = build_dir
        self.quick = quick
        self.given = None       # a mounted tree of the user's to walk
        self.stack = contextlib.ExitStack()
        self.servers = {}
        self.serial = 0
        os.environ["AMDAHLFS_BIN"] = str(build_dir / "src/amdahlfs")
        os.environ["AMDAHL_LOCAL_BIN"] = str(build_dir / "src/local/amdahl-local")

    def __enter__(self):
        self.scratch = pathlib.Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-")))
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def rounds(self, usual):
        """At least 5, or the median means little."""
        return min(usual, 5) if self.quick else usual

    def directory(self, name):
        """A new one each time: what is cold must not find anybody's state."""
        self.serial += 1
        where = self.scratch / f"{self.serial:03}-{name}"
        where.mkdir()
        return where

    # -- servers ------------------------------------------------------------------------------
    def server(self, count, paragraphs=9):
        """The workspace of so many pages; one for all figures that want the same."""
        key = (count, paragraphs)
        if key not in self.servers:
            server = amdahl.Local(self.directory(f"server-{count}")).start()
            self.stack.callback(quiet_stop, server)
            self.servers[key] = pages.fill(server, count, paragraphs)
        self.servers[key].forget()
        return self.servers[key]

    @contextlib.contextmanager
    def far(self, url, one_way_ms=10):
        """The server's URL at a distance."""
        port = re.search(r":(\d+)$", url).group(1)
        log = self.directory("delay") / "log"
        daemon = amdahl.Daemon([self.build / "tests/bench/delay", port, one_way_ms], log)
        try:
            line = daemon.process.stdout.readline().decode()
            yield f"http://127.0.0.1:{int(line)}"
        finally:
            daemon.process.terminate()
            daemon.finish()

    # -- mounts -------------------------------------------------------------------------------
    @contextlib.contextmanager
    def mount(self, server, options="", url=None, where=None, env=None):
        """amdahlfs on the server, with state of its own unless `where` has some."""
        mount = amdahl.Mount(url or server.url, server.keys["author"],
                             where or self.directory("mount"), options, env)
        mount.start()
        try:
            yield mount
        finally:
            quiet_stop(mount)

    @contextlib.contextmanager
    def served(self, name, words, mountpoint, env=None):
        """Any other FUSE program, in the foreground; words end before the mount point."""
        log = self.directory(name) / "log"
        daemon = amdahl.Daemon([*words, mountpoint], log, env)
        try:
            amdahl.wait_for(lambda: amdahl.mounted(mountpoint) or not daemon.alive(), 20,
                            f"{name} to mount")
            if not daemon.alive():
                raise NotMeasured(f"{name} ended at once: {daemon.text()[-400:]}")
            yield daemon
        finally:
            if amdahl.mounted(mountpoint) and amdahl.unmount(mountpoint).returncode:
                amdahl.unmount(mountpoint, lazy=True)
            daemon.finish()

    def floor(self, tree, threads=1, env=None):
        mountpoint = self.directory("floor")
        words = [self.build / "tests/bench/floor", "--threads", threads, tree]
        return mountpoint, self.served("floor", words, mountpoint, env)


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))
