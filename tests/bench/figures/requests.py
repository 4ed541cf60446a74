"""What things cost at the platform: requests, counted in the server's own access log."""
import math
import os
import time

import amdahl
import pages


def pages_of(world):
    return 200 if world.quick else 1000


def listing(world, report):
    """mount + ls"""
    for count in (200, pages_of(world)) if not world.quick else (200,):
        server = world.server(count)
        with world.mount(server) as mount:
            names = len(mount.names())
            assert names == count, f"{names} names of {count} pages"
            report.add("list", f"mount + ls of {count} pages", len(server.requests()),
                       math.ceil(count / 200) + 1, "requests")


def read_all(mount):
    """All three files of every page; how many bytes."""
    total = 0
    for name in mount.names():
        for file in pages.AUTHORING:
            total += len((mount.page(name) / file).read_bytes())
    return total


def requests_of(server, work):
    server.forget()
    work()
    return len(server.requests())


def reading(world, report):
    """the three files of every page"""
    count = pages_of(world)
    server = world.server(count)
    where = world.directory("mount")
    sweep = math.ceil(count / 200) + 1
    with world.mount(server, where=where) as mount:
        mount.names()
        cold = requests_of(server, lambda: read_all(mount))
        report.add("read", f"all three files of {count} pages, cold", cold / count, 1.0,
                   "GET/page")
        warm = requests_of(server, lambda: read_all(mount))
        report.add("read", "the same, warm", warm, 0, "requests")
    server.forget()
    with world.mount(server, where=where) as mount:
        read_all(mount)
        report.add("read", "the same, after a remount", len(server.requests()), sweep,
                   "requests", "wanted: the sweep and /me alone")


def saving(world, report):
    """a save: requests, and how many of them one behind another"""
    server = world.server(200)
    with world.mount(server) as mount:
        mount.names()
        files = {"spec.json": amdahl.dumps(pages.spec("saved")),
                 "queries.json": amdahl.dumps([{"name": "recent", "sql": "SELECT 1"}])}
        for i, (file, text) in enumerate(files.items()):
            path = mount.page(pages.slug(i)) / file
            path.read_text()
            cost = requests_of(server, lambda: amdahl.write(path, text))
            report.add("save", f"a save of {file}", cost, 3, "requests",
                       " ".join(f"{r['method']}" for r in server.requests()))
            cost = requests_of(server, lambda: amdahl.write(path, text))
            report.add("save", f"a save of {file}, nothing changed", cost, 0, "requests")
    round_trips(world, report)


def round_trips(world, report):
    """At 100 ms, what is not sent together shows: time over the round trip."""
    server = world.server(200)
    with world.far(server.url, one_way_ms=50) as url, world.mount(server, url=url) as mount:
        path = mount.page(pages.slug(7)) / "spec.json"
        path.read_text()
        trips = []
        for i in range(5):
            start = time.perf_counter()
            amdahl.write(path, amdahl.dumps(pages.spec(f"trip {i}")))
            trips.append((time.perf_counter() - start) / 0.1)
        report.add("save", "a save, in round trips", round(sorted(trips)[2]), 2,
                   "trips", f"{sorted(trips)[2]:.2f} times 100 ms")


def idle(world, report):
    """somebody's shell is in the mount"""
    server, refresh, spans = world.server(200), 2, 6
    with world.mount(server, options=f"refresh={refresh}") as mount:
        mount.names()
        (mount.page(pages.slug(0)) / "spec.json").read_text()
        here = os.getcwd()      # this process is the shell
        try:
            os.chdir(mount.page(pages.slug(0)))
            silent = requests_of(server, lambda: time.sleep(refresh * spans))
            report.add("idle", f"a silent shell, {spans} times `refresh`", silent / spans, 1.0,
                       "requests", "in `refresh` seconds")
            busy = requests_of(server, lambda: prompt(refresh * spans))
            report.add("idle", f"a prompt and an ls every 0.2 s, {spans} times", busy / spans,
                       1.0, "requests", "in `refresh` seconds; one sweep is 1 request")
        finally:
            os.chdir(here)


def prompt(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.stat(".")
        os.listdir(".")
        os.listdir("..")
        time.sleep(0.2)


def herd(world, report):
    """many processes open one cold page at the same moment"""
    server, processes = world.server(200), 100
    with world.far(server.url, one_way_ms=50) as url, world.mount(server, url=url) as mount:
        mount.names()
        path = mount.page(pages.slug(3)) / "spec.json"
        server.forget()
        sizes = open_at_once(path, processes)
        assert len(set(sizes)) == 1 and sizes[0] > 0, f"they read different sizes: {sizes}"
        report.add("herd", f"{processes} processes opening one cold page",
                   server.count("GET", r"^/pages/[^?]+"), 1, "GET")


def open_at_once(path, processes):
    """Children that wait at a pipe until all are there; what each read."""
    gate, go = os.pipe()
    results, tell = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(gate, 1)                    # ends when the parent closes the gate
            os.write(tell, b"%d\n" % len(path.read_bytes()))
            os._exit(0)
        children.append(child)
    os.close(gate)
    os.close(tell)
    time.sleep(0.3)
    os.close(go)
    for child in children:
        os.waitpid(child, 0)
    with os.fdopen(results) as answers:
        return [int(line) for line in answers]


FIGURES = {"list": listing, "read": reading, "save": saving, "idle": idle, "herd": herd}
