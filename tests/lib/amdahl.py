"""Servers, mounts and their daemons for the tests.

Paths come from the environment, which meson sets: AMDAHLFS_BIN, AMDAHL_LOCAL_BIN,
AMDAHLCTL_BIN. Each daemon's stderr goes to a file; a sanitizer's report in it, or an
exit that is not clean, fails the test that owned the daemon.
"""
import contextlib
import ctypes
import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

PREFIX = "/api/platform/v1"
SLOW = float(os.environ.get("AMDAHL_TEST_SLOW", "1"))   # stretches every wait
REPORT = re.compile(r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer"
                    r"|runtime error:|Assertion .* failed|SUMMARY: \w+Sanitizer")
AUTHORING = ("spec.json", "queries.json", "page.json")

libc = ctypes.CDLL(None, use_errno=True)


def program(name, variable):
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        raise RuntimeError(f"{name} not found: run this through `meson test`, "
                           f"or set {variable}")
    return path


def sanitizer_env():
    keep = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
            "TSAN_OPTIONS": "halt_on_error=0:exitcode=99:second_deadlock_stack=1"}
    return {k: os.environ.get(k) or v for k, v in keep.items()}


def wait_for(condition, seconds, what="condition", pause=0.02):
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds * SLOW:g} s for {what}"
        time.sleep(pause)


def run(command, *, check=False, timeout=60, **kw):
    """A command's CompletedProcess, text in and out. A list is run as it is, a string by
    bash; `check` fails the test with what the command printed."""
    if isinstance(command, str):
        command = ["bash", "-c", command]
    kw.setdefault("stdin", None if "input" in kw else subprocess.DEVNULL)
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          timeout=timeout * SLOW, **kw)
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


# -- FUSE ------------------------------------------------------------------------------------

def fuse_missing():
    """Why nothing can be mounted here; None when it can."""
    if not os.path.exists("/dev/fuse"):
        return "/dev/fuse is missing (docker run --device /dev/fuse --cap-add SYS_ADMIN ...)"
    try:
        fd = os.open("/dev/fuse", os.O_RDWR)
    except OSError as err:
        return f"/dev/fuse does not open: {err.strerror}"
    try:
        if os.geteuid() != 0:
            return None if shutil.which("fusermount3") else "fusermount3 is missing"
        return trial_mount(fd)
    finally:
        os.close(fd)


def trial_mount(fd):
    import tempfile
    where = tempfile.mkdtemp()
    try:
        options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"trial", where.encode(), b"fuse.trial", 0, options) != 0:
            return f"this container may not mount: {os.strerror(ctypes.get_errno())}"
        libc.umount2(where.encode(), 2)
        return None
    finally:
        os.rmdir(where)


def mounted(path):
    """Whether a file system is mounted right there; asks the kernel, not the daemon."""
    want = str(path)
    with open("/proc/self/mountinfo") as table:
        return any(line.split()[4].encode().decode("unicode_escape") == want for line in table)


def unmount(path, lazy=False):
    flags = ["-uz"] if lazy else ["-u"]
    if shutil.which("fusermount3"):
        return run(["fusermount3", *flags, path])
    return run(["umount", *(["-l"] if lazy else []), path])


# -- daemons ----------------------------------------------------------------------------------

class Daemon:
    """A child process with its stderr in a file and a verdict at its end."""

    def __init__(self, command, log, env=None):
        self.log = pathlib.Path(log)
        self.command = [str(c) for c in command]
        environment = {k: v for k, v in os.environ.items()
                       if k not in ("AMDAHL_URL", "API_KEY", "AMDAHL_API_KEY")}
        environment.update(sanitizer_env())
        environment.update(env or {})
        with open(self.log, "ab") as err:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                env=environment, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def finish(self, seconds=20):
        """Waits for the exit; returns what is to be complained of, "" for nothing."""
        try:
            code = self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"{self.command[0]} did not end by itself in {seconds * SLOW:g} s"
        found = REPORT.search(self.text())
        if found:
            return f"{self.command[0]}: {found.group(0)}"
        return "" if code in (0, -signal.SIGTERM) else f"{self.command[0]} ended with {code}"


def die_with_parent():
    libc.prctl(1, signal.SIGKILL)


def show_log(title, text, lines=60):
    """pytest prints this beneath a test that failed, and only then."""
    tail = text.splitlines()[-lines:]
    print(f"---- {title} ({len(tail)} last lines)")
    print("\n".join(tail))


class Local:
    """amdahl-local with a store of its own."""

    def __init__(self, where, *arguments):
        self.dir = pathlib.Path(where)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.store = self.dir / "store"
        self.access = self.dir / "access.log"
        self.arguments = arguments
        self.url = None
        self.daemon = None
        self.mark = 0

    def start(self):
        self.daemon = Daemon(
            [program("amdahl-local", "AMDAHL_LOCAL_BIN"), "--dir", self.store,
             "--listen", "127.0.0.1:0", "--access-log", self.access, *self.arguments],
            self.dir / "amdahl-local.log")
        line = self.daemon.process.stdout.readline().decode()
        match = re.match(r"amdahl-local: listening on (http://127\.0\.0\.1:\d+)", line)
        assert match, f"amdahl-local said {line!r}\n{self.daemon.text()}"
        self.url = match.group(1)
        self.keys = json.loads((self.store / "keys.json").read_text())
        return self

    def stop(self):
        if not self.daemon:
            return
        if self.daemon.alive():
            self.daemon.process.terminate()
        complaint = self.daemon.finish()
        show_log("amdahl-local", self.daemon.text())
        self.daemon = None
        assert not complaint, complaint

    def requests(self):
        """Every request since forget(): objects with method, path (no prefix), status."""
        if not self.access.exists():
            return []
        out = []
        for line in self.access.read_text().splitlines()[self.mark:]:
            entry = json.loads(line)
            entry["path"] = entry["path"].split("?")[0].removeprefix(PREFIX)
            out.append(entry)
        return out

    def forget(self):
        self.mark += len(self.requests())

    def count(self, method=None, path=None):
        return len([r for r in self.requests()
                    if (method is None or r["method"] == method)
                    and (path is None or re.search(path, r["path"]))])

    def log_lines(self):
        return [f"{r['method']} {r['path']} -> {r['status']}" for r in self.requests()]

    def call(self, method, path, body=None, key="admin"):
        """(status, object) straight from the server: what really arrived there."""
        request = urllib.request.Request(
            self.url + PREFIX + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.keys[key]}",
                     "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as err:
            status, text = err.code, err.read()
        return status, json.loads(text) if text else None

    def pages(self):
        """All summaries, however many."""
        out = []
        while True:
            part = self.call("GET", f"/pages?limit=200&offset={len(out)}")[1]
            out += part["items"]
            if not part["has_more"]:
                return out

    def page(self, name):
        """The full page of that name."""
        found = [p for p in self.pages() if p["name"] == name]
        assert len(found) == 1, f"{len(found)} pages are named {name!r}"
        return self.call("GET", f"/pages/{found[0]['id']}")[1]

    def create(self, name, spec, queries=(), **fields):
        status, page = self.call("POST", "/pages", {
            "name": name, "spec": spec, "declared_queries": list(queries), **fields})
        assert status in (200, 201), page
        return page


class Mount:
    """amdahlfs on a directory of its own, in the foreground unless told otherwise."""

    def __init__(self, url, key, where, options="", env=None):
        self.url, self.key, self.options, self.env = url, key, options, env or {}
        self.log_mark = 0
        self.dir = pathlib.Path(where)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.path = self.dir / "mnt"
        self.path.mkdir(exist_ok=True)
        self.key_file = self.dir / "key"
        self.key_file.write_text(key + "\n")
        self.key_file.chmod(0o600)
        self.daemon = None

    def command(self, *flags):
        state = f"state_dir={self.dir / 'state'},cache_dir={self.dir / 'cache'}"
        options = f"{state},{self.options}" if self.options else state
        return [program("amdahlfs", "AMDAHLFS_BIN"), *flags, "--key-file", self.key_file,
                "-o", options, self.path]

    def start(self):
        log = self.dir / "amdahlfs.log"
        self.daemon = Daemon(self.command("-f"), log, {"AMDAHL_URL": self.url, **self.env})
        try:
            wait_for(lambda: mounted(self.path) or not self.daemon.alive(), 20, "the mount")
            assert self.daemon.alive(), f"amdahlfs ended at once\n{self.daemon.text()}"
        except AssertionError:
            show_log("amdahlfs", self.daemon.text())
            raise
        return self

    def stop(self):
        """Unmounts and waits for the daemon, whose end is judged."""
        if not self.daemon:
            return
        complaint = ""
        try:    # a process that was just killed takes a moment
            wait_for(lambda: not mounted(self.path) or unmount(self.path).returncode == 0, 5)
        except AssertionError:
            complaint = "the mount point was still busy at the end of the test"
            unmount(self.path, lazy=True)
        complaint = self.daemon.finish() or complaint
        show_log("amdahlfs", self.daemon.text())
        self.daemon = None
        assert not complaint, complaint

    def kill(self):
        """kill -9, and the dead mount point is taken away."""
        self.daemon.process.kill()
        self.daemon.process.wait()
        found = REPORT.search(self.daemon.text())
        self.daemon = None
        unmount(self.path, lazy=True)
        assert not found, found.group(0)

    def restart(self):
        self.stop()
        return self.start()

    def calls(self):
        """What the kernel asked since the last look, by name; of a mount with -o debug."""
        text = self.daemon.text()
        found = re.findall(r"^unique: \d+, opcode: (\w+) ", text[self.log_mark:], re.M)
        self.log_mark = len(text)
        return {name: found.count(name) for name in set(found)}

    def threads(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/task"))

    # -- the tree -----------------------------------------------------------------------------
    @property
    def pages(self):
        return self.path / "pages"

    def page(self, slug):
        return self.pages / slug

    def names(self):
        return sorted(os.listdir(self.pages))


# -- small tools of the tests --------------------------------------------------------------------

def heading(text, **props):
    return {"type": "Heading", "props": {"text": text, **props}}


def spec_of(*nodes):
    return {"version": 1, "root": {"type": "Section", "children": list(nodes)}}


def dumps(value):
    return json.dumps(value, indent=2) + "\n"


@contextlib.contextmanager
def fails_with(*numbers):
    """The block must fail with one of these errnos."""
    try:
        yield
    except OSError as err:
        names = [errno.errorcode.get(n, n) for n in numbers]
        got = errno.errorcode.get(err.errno, err.errno)
        assert err.errno in numbers, f"failed with {got}, not with {names}"
    else:
        raise AssertionError(f"went well, but {[errno.errorcode[n] for n in numbers]} was due")


def write(path, text):
    """Open, truncate, write, close, as most programs save; errors of close included."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(fd, data):]
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
