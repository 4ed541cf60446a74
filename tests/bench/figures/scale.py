"""Cost against the number of pages: 1,000, 10,000, 100,000; and that the last works."""
import math
import statistics

import pages
from harness import seconds
from world import rss_kib

from .cold import curl_parallel

COLUMNS = ["pages", "list_seconds", "relist_seconds", "requests", "rss_kib", "curl_seconds",
           "us_per_page", "kib_per_page"]


def sizes_of(world):
    return (200, 1000, 5000) if world.quick else (1000, 10000, 100000)


def one_mount(world, server, count, where):
    """mount, ls, one cat: (seconds of both, requests, RSS after, list requests that were
    answered when ls had its answer)."""
    server.forget()
    with world.mount(server, where=where) as mount:
        listed = []
        took = seconds(lambda: listed.extend(mount.names()))
        swept = server.count("GET", r"^/pages$")
        assert len(listed) == count, f"{len(listed)} names of {count} pages"
        text = (mount.page(pages.slug(count - 1)) / "spec.json").read_text()
        assert pages.name(count - 1) in text, "another page's text"
        return took, len(server.requests()), rss_kib(mount.daemon.pid), swept


def plain_sweep(server, count):
    """The same list by curl: the server's own cost grows with the offset too."""
    paths = [f"/pages?limit=200&offset={i}" for i in range(0, count, 200)]
    return seconds(lambda: curl_parallel(server.url, server.keys["author"], paths, 8))


def one_size(world, count):
    """Pages are short here: a list does not show their text, and 100,000 are made sooner."""
    server = world.server(count, paragraphs=0)
    first, again, curl = [], [], []
    for _ in range(5):
        where = world.directory("mount")
        first.append(one_mount(world, server, count, where))
        again.append(one_mount(world, server, count, where))
        curl.append(plain_sweep(server, count))

    def middle(of, i):
        return statistics.median(run[i] for run in of)
    return {"count": count, "list": middle(first, 0), "relist": middle(again, 0),
            "curl": statistics.median(curl),
            "to_curl": statistics.median(run[0] / c for run, c in zip(first, curl)),
            "requests": max(run[1] for run in first), "rss": middle(first, 2),
            "again_swept": max(run[3] for run in again)}


def scale(world, report):
    """mount and ls of more and more pages"""
    sizes = sizes_of(world)
    results = []
    for count in sizes:
        r = one_size(world, count)
        results.append(r)
        report.table("scale", COLUMNS, [
            count, round(r["list"], 4), round(r["relist"], 4), r["requests"], r["rss"],
            round(r["curl"], 4), round(r["list"] / count * 1e6, 2), round(r["rss"] / count, 3)])
        report.add("scale", f"{count} pages: mount, ls, one cat", r["requests"],
                   math.ceil(count / 200) + 2, "requests",
                   f"ls {r['list']:.3f} s, {r['list'] / count * 1e6:.0f} us a page; curl "
                   f"reads that list in {r['curl']:.3f} s")
        report.add("scale", f"{count} pages: ls after the mount, to curl's reading of it",
                   r["to_curl"], None, "times", "curl 8 at once, its start included")
    small, large = results[0], results[-1]
    report.add("scale", f"RSS with {large['count']} pages listed", large["rss"] / 1024,
               160, "MiB", " ".join(f"{r['count']}: {r['rss'] / 1024:.1f}" for r in results))
    sweep = math.ceil(large["count"] / 200)
    report.add("scale", f"warm remount of {large['count']}: list requests before ls returns",
               large["again_swept"], sweep - 1, "requests",
               f"{sweep} are a whole sweep; ls {large['relist']:.3f} s")
    report.add("scale", f"time to curl's, {large['count']} to {small['count']} pages",
               large["to_curl"] / small["to_curl"], 1.5, "times",
               "1: no dearer a page than the server itself gets; 1.5 is read as linear")


FIGURES = {"scale": scale}
