"""Many at once: savers, readers and listers, on different pages and on one."""
import json
import os
import threading

from amdahl import SLOW, dumps, write
from fakeplatform import simple_spec


def together(*works):
    """Runs them in threads of their own and returns what went wrong."""
    problems = []

    def guard(work):
        try:
            work()
        except Exception as err:    # noqa: BLE001 - told by the test
            problems.append(repr(err))
    threads = [threading.Thread(target=guard, args=(w,)) for w in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120 * SLOW)
        assert not thread.is_alive(), "somebody hangs"
    return problems


def test_pages_apart(fake, mount_at):
    for i in range(8):
        fake.add_page(f"n{i}", page_id=f"pg-{i}")
    mount = mount_at(fake, options="max_requests=100000")
    stop = threading.Event()

    def saver(i):
        for k in range(10):
            write(mount.page(f"n{i}") / "spec.json", dumps(simple_spec(f"{i} {k}")))

    def lister():
        while not stop.is_set():
            for name in mount.names():
                os.stat(mount.page(name) / "spec.json")
                (mount.page(name) / "errors").read_text()

    watchers = [threading.Thread(target=lister) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    problems = together(*(lambda i=i: saver(i) for i in range(8)))
    stop.set()
    for watcher in watchers:
        watcher.join(30 * SLOW)
    assert problems == []
    for i in range(8):
        assert fake.pages[f"pg-{i}"]["spec"] == simple_spec(f"{i} 9")


def test_one_page(fake, mount_at):
    """Both files of one page, by two hands: neither loses."""
    page = fake.add_page("One")
    mount = mount_at(fake, options="max_requests=100000")
    where = mount.page("one")

    def specs():
        for k in range(10):
            write(where / "spec.json", dumps(simple_spec(f"s{k}")))

    def queries():
        for k in range(10):
            write(where / "queries.json", dumps([{"name": f"q{k}", "sql": "select 1"}]))

    assert together(specs, queries) == []
    assert fake.pages[page]["spec"] == simple_spec("s9")
    assert fake.pages[page]["declared_queries"] == [{"name": "q9", "sql": "select 1"}]


def test_one_file(fake, mount_at):
    """Eight hands on one file: each save is told well or refused, and in the end the mount
    and the platform agree."""
    page = fake.add_page("One")
    mount = mount_at(fake, options="max_requests=100000")
    path = mount.page("one") / "spec.json"

    def saver(i):
        for k in range(5):
            temporary = mount.page("one") / f"tmp{i}"
            write(temporary, dumps(simple_spec(f"{i} {k}")))
            os.rename(temporary, path)

    assert together(*(lambda i=i: saver(i) for i in range(8))) == []
    assert json.loads(path.read_text()) == fake.pages[page]["spec"]
    assert fake.count("PATCH") <= 40
