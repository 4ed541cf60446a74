"""What the daemon holds: resident memory, before, after, and when the kernel let go."""
import subprocess
import sys
import time

from harness import NotMeasured
from world import rss_kib

import pages

DROP = "/proc/sys/vm/drop_caches"
SETTLE = 2.5    # seconds: what a sweep left over is given back a second behind


def drop_caches():
    """The kernel forgets every inode that nobody holds, everywhere on this machine."""
    try:
        with open(DROP, "w") as control:
            control.write("2\n")
    except OSError as err:
        raise NotMeasured(f"{DROP}: {err.strerror}: this figure wants root") from None


def least_rss(pid, seconds=5):
    """FORGETs are worked off behind; the lowest of what is seen meanwhile."""
    least, end = rss_kib(pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.1)
        least = min(least, rss_kib(pid))
    return least


def read_elsewhere(mount, names):
    """All three files of every page, by a process that ends: what a process read last is
    remembered as long as it lives, since it is the base of what it may save."""
    paths = "\n".join(str(mount.page(n) / f) for n in names for f in pages.AUTHORING)
    code = "import sys\nprint(sum(len(open(p.rstrip()).read()) for p in sys.stdin))"
    done = subprocess.run([sys.executable, "-c", code], input=paths, text=True, check=True,
                          stdout=subprocess.PIPE)
    return int(done.stdout)


def walk(world, report):
    """every page of a large workspace is read once"""
    count = 1000 if world.quick else 10000
    with world.mount(world.server(count)) as mount:
        start = rss_kib(mount.daemon.pid)
        names = mount.names()
        time.sleep(SETTLE)
        listed = rss_kib(mount.daemon.pid)
        size = read_elsewhere(mount, names) / 2 ** 20
        walked = rss_kib(mount.daemon.pid)
        drop_caches()
        dropped = least_rss(mount.daemon.pid)
    report.add("memory", f"RSS after reading {count} pages", walked / 1024, 48, "MiB",
               f"{size:.1f} MiB were read; {start / 1024:.1f} at the start, "
               f"{listed / 1024:.1f} after ls")
    report.add("memory", "RSS after drop_caches, to that after ls", dropped / listed, 1.25,
               "times", f"{dropped / 1024:.1f} MiB; 1.25 is this suite's reading of `near`")
    report.table("memory", ["pages", "start_kib", "listed_kib", "walked_kib", "dropped_kib"],
                 [count, start, listed, walked, dropped])


FIGURES = {"memory": walk}
