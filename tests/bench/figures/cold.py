"""At 20 ms from the platform, nothing cached: reading and saving beside plain clients."""
import http.client
import json
import math
import os
import statistics
import subprocess
import urllib.parse

import amdahl
import pages
from harness import NotMeasured, command, ms, paired, ratio, ratios, seconds, spread


def pages_of(world):
    return 200 if world.quick else 1000


# -- plain clients --------------------------------------------------------------------------------

class Bare:
    """One kept connection and prepared bytes: what HTTP alone costs in a process that is
    already there. Python's http.client, which sets TCP_NODELAY; a call of it takes some
    0.2 ms of its own beside a round trip of 20 ms."""

    def __init__(self, url, key):
        host = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(host.hostname, host.port)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        self.connection.request(method, amdahl.PREFIX + path, body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise NotMeasured(f"{method} {path}: {answer.status} {text[:200]}")
        return text


def curl_parallel(url, key, paths, at_once=64):
    """GETs all; curl's start is part of it. It draws its progress on standard error."""
    lines = [f'header = "Authorization: Bearer {key}"', "parallel",
             f"parallel-max = {at_once}", "silent", "fail"]
    for path in paths:
        lines += [f'url = "{url}{amdahl.PREFIX}{path}"', 'output = "/dev/null"']
    done = subprocess.run(["curl", "--config", "-"], input="\n".join(lines), text=True,
                          capture_output=True)
    if done.returncode:
        raise NotMeasured(f"curl ended with {done.returncode}: {done.stderr[-300:]}")


def page_paths(ids):
    return [f"/pages/{page_id}" for page_id in ids]


def guide_reader(url, key, ids):
    """The platform's guide's client, in this process: its start is not counted."""
    os.environ.update(AMDAHL_URL=url, API_KEY=key)
    import guide_client     # asks for both when it is imported
    client = guide_client.AmdahlClient(f"{url}{amdahl.PREFIX}", key)
    return lambda: [guide_client.get_page(client, page_id) for page_id in ids]


# -- figures ----------------------------------------------------------------------------------------

def proxy(world, report):
    """what the distance itself does: is it as far as it says, and never the bottleneck"""
    server = world.server(pages_of(world))
    key, ids = server.keys["author"], pages.ids(server, pages_of(world))
    with world.far(server.url, 10) as far, world.far(server.url, 0) as near:
        calls = {where: Bare(url, key) for where, url in
                 (("direct", server.url), ("near", near), ("far", far))}
        one = {w: (lambda b=b: b.call("GET", f"/pages/{ids[0]}")) for w, b in calls.items()}
        for way in one.values():
            way()
        times = paired(one, world.rounds(25), report, "proxy: one GET")
        added = sorted(a - b for a, b in zip(times["far"], times["direct"]))
        report.add("proxy", "round trip that the proxy adds", added[len(added) // 2] * 1000,
                   None, "ms", "20 meant")
        many = {"direct": lambda: curl_parallel(server.url, key, page_paths(ids)),
                "near": lambda: curl_parallel(near, key, page_paths(ids)),
                "far": lambda: curl_parallel(far, key, page_paths(ids))}
        times = paired(many, world.rounds(7), report, "proxy: curl --parallel")
        report.add("proxy", f"{len(ids)} GETs by curl --parallel, through it at 0 ms",
                   ratio(times, "near", "direct"), None, "times",
                   f"{ms(times['near'])}, direct {ms(times['direct'])}")
        trips = math.ceil(len(ids) / 64) + 1
        report.add("proxy", f"the same at 20 ms, in round trips; {trips} are the least",
                   statistics.median(times["far"]) / 0.02, None, "trips", ms(times["far"]))


def page_list(world, mount, count, reader):
    listing = world.directory("list") / "files"
    listing.write_text("".join(f"{mount.page(pages.slug(i))}/spec.json\0"
                               for i in range(count)))
    return lambda: command(["xargs", "-0", "-a", listing, *reader])


def cold_mount(world, server, url, count, reader):
    """Seconds of reading every page's spec in a mount that has only listed them."""
    with world.mount(server, url=url) as mount:
        assert len(mount.names()) == count
        return seconds(page_list(world, mount, count, reader))


def cold(world, report):
    """reading every page once"""
    count = pages_of(world)
    server = world.server(count)
    key, ids = server.keys["author"], pages.ids(server, count)
    readers = {"cat": ["cat"], "64 readers": ["-P", "64", "-n", "4", "cat"]}
    times = {label: [] for label in (*readers, "curl", "guide")}
    with world.far(server.url) as url:
        guide = guide_reader(url, key, ids)
        for i in range(5):      # a mount is cold but once, so paired() cannot do it
            for label, reader in readers.items():
                times[label].append(cold_mount(world, server, url, count, reader))
            times["curl"].append(seconds(lambda: curl_parallel(url, key, page_paths(ids))))
            times["guide"].append(seconds(guide))
    for label, values in times.items():
        report.samples += [("cold", label, i, t) for i, t in enumerate(values)]
    report.add("cold", f"{count} pages at 20 ms: cat, to curl --parallel-max 64",
               ratio(times, "cat", "curl"), 1.3, "times",
               f"{spread(ratios(times, 'cat', 'curl'))}; {ms(times['cat'])}, curl "
               f"{ms(times['curl'])}")
    report.add("cold", "the same: cat, to the guide's Python client",
               ratio(times, "cat", "guide"), 1 / 35, "times",
               f"{1 / ratio(times, 'cat', 'guide'):.1f} times faster, wanted 35; guide "
               f"{ms(times['guide'])}")
    report.add("cold", "the same: 64 readers at once, to curl",
               ratio(times, "64 readers", "curl"), None, "times",
               f"{ms(times['64 readers'])}: what read-ahead could reach")


def saving(world, report):
    """a save beside the two calls that it is made of"""
    server = world.server(200)
    key, ids = server.keys["author"], pages.ids(server, 200)
    serial = iter(range(10 ** 6))
    with world.far(server.url) as url, world.mount(server, url=url) as mount:
        path = mount.page(pages.slug(11)) / "spec.json"
        path.read_text()
        bare = Bare(url, key)

        def through_mount():
            amdahl.write(path, amdahl.dumps(pages.spec(f"round {next(serial)}")))

        def by_hand():
            body = json.dumps({"spec": pages.spec(f"round {next(serial)}")}).encode()
            bare.call("POST", "/pages/validate", body)
            bare.call("PATCH", f"/pages/{ids[12]}", body)
        ways = {"mount": through_mount, "two calls": by_hand}
        for way in ways.values():
            way()
        times = paired(ways, world.rounds(25), report, "far save")
    report.add("far-save", "a save at 20 ms, to two bare HTTP calls",
               ratio(times, "mount", "two calls"), 1.15, "times",
               f"{spread(ratios(times, 'mount', 'two calls'))}; {ms(times['mount'])}, "
               f"two calls {ms(times['two calls'])}")


FIGURES = {"proxy": proxy, "cold": cold, "far-save": saving}
