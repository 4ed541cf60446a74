"""The files that the platform knows nothing of are real files: each system call here and on
a plain directory of the same disk has the same result, or the same error."""
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import shutil
import stat
import subprocess
import time

import pytest

from amdahl import dumps, fails_with, heading, libc, run, spec_of, wait_for, write

NOREPLACE, EXCHANGE = 1, 2
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def renameat2(a, b, flags):
    check(libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags))


def fallocate(fd, mode, offset, length):
    check(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def outcome(work, *arguments):
    try:
        return work(*arguments)
    except OSError as err:
        return errno.errorcode[err.errno]


@pytest.fixture(params=["root", "page", "pages", "page/sub"])
def places(request, weekly):
    """(ours, plain): a directory of the mount and one beside it on the same disk."""
    ours = {"root": weekly.path / "notes", "page": weekly.page("quarterly-report"),
            "pages": weekly.pages / ".notes",
            "page/sub": weekly.page("quarterly-report") / "sub"}[request.param]
    ours.mkdir(exist_ok=True)
    plain = weekly.dir / "plain"
    plain.mkdir()
    # a rename in a page's directory asks for its documents, once
    (weekly.page("quarterly-report") / "spec.json").read_text()
    weekly.server.forget()
    yield ours, plain
    assert weekly.server.requests() == []


def compare(places, work, *arguments):
    ours, plain = (outcome(work, place, *arguments) for place in places)
    assert ours == plain, (work.__name__, arguments)
    return ours


def mode_of(path):
    return oct(os.lstat(path).st_mode)


# -- names ---------------------------------------------------------------------------------

KINDS = ["none", "file", "link", "empty", "full"]


def make(path, kind):
    if kind == "file":
        path.write_text(path.name)
    elif kind == "link":
        path.symlink_to("nowhere")
    elif kind != "none":
        path.mkdir()
        if kind == "full":
            (path / "inside").write_text("x")


def clear(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def kind_of(path):
    if not os.path.lexists(path):
        return "none"
    if path.is_symlink():
        return "link " + os.readlink(path)
    if path.is_dir():
        return sorted(os.listdir(path))
    return path.read_text()


@pytest.mark.parametrize("flags", [0, NOREPLACE, EXCHANGE])
def test_rename(places, flags):
    def rename(place, a, b):
        x, y = place / "x", place / "y"
        clear(x), clear(y)
        make(x, a), make(y, b)
        inodes = [os.lstat(p).st_ino if os.path.lexists(p) else 0 for p in (x, y)]
        result = outcome(renameat2, x, y, flags)
        # twice: as the kernel remembers it, and as the daemon does
        seen = [kind_of(x), kind_of(y)]
        os.stat(place)
        after = [os.lstat(p).st_ino if os.path.lexists(p) else 0 for p in (x, y)]
        moved = [inodes.index(i) if i else None for i in after]
        return result, seen, moved, sorted(n for n in os.listdir(place) if n in "xy")
    for a, b in itertools.product(KINDS, KINDS):
        compare(places, rename, a, b)


def test_rename_into_itself(places):
    def into_itself(place):
        (place / "a" / "b").mkdir(parents=True)
        return [outcome(os.rename, place / "a", place / "a" / "b" / "c"),
                outcome(os.rename, place / "a" / "b", place / "a"),
                outcome(os.rename, place / "a", place / "a")]
    compare(places, into_itself)


@pytest.mark.parametrize("kind", KINDS)
def test_on_each_kind(places, kind):
    calls = {
        "create": lambda p: os.close(os.open(p, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)),
        "open": lambda p: os.close(os.open(p, os.O_RDONLY)),
        "write": lambda p: os.close(os.open(p, os.O_WRONLY)),
        "nofollow": lambda p: os.close(os.open(p, os.O_RDONLY | os.O_NOFOLLOW)),
        "directory": lambda p: os.close(os.open(p, os.O_RDONLY | os.O_DIRECTORY)),
        "mkdir": os.mkdir,
        "rmdir": os.rmdir,
        "unlink": os.unlink,
        "symlink": lambda p: os.symlink("target", p),
        "readlink": os.readlink,
        "link": lambda p: os.link(p, p.parent / "other", follow_symlinks=False),
        "listdir": os.listdir,
        "truncate": lambda p: os.truncate(p, 3),
        "chmod": lambda p: os.chmod(p, 0o700),
        "utime": lambda p: os.utime(p, ns=(10 ** 18 + 1, 10 ** 18 + 2)),
        "lutime": lambda p: os.utime(p, ns=(5, 6), follow_symlinks=False),
        "access": lambda p: os.access(p, os.W_OK),
        "below": lambda p: os.stat(p / "below"),
        "type": lambda p: stat.S_IFMT(os.lstat(p).st_mode),
        "nlink": lambda p: os.lstat(p).st_nlink if not p.is_dir() else None,
        "size": lambda p: os.lstat(p).st_size if not p.is_dir() else None,
    }

    def call(place, name):
        path = place / "it"
        clear(path), clear(place / "other")
        make(path, kind)
        result = outcome(calls[name], path)
        return result, kind_of(path), kind_of(place / "other")
    for name in calls:
        compare(places, call, name)


def test_names(places):
    def long(place, n):
        return outcome(os.mkdir, place / ("n" * n))

    def odd(place):
        names = ["a b", "ü", "new\nline", "\udcff", "-", "..a", "~", "*"]
        for name in names:
            (place / name).write_text(name.encode("utf-8", "surrogateescape").hex())
        return sorted(n for n in os.listdir(place) if n in names)
    for n in (254, 255, 256, 300):
        compare(places, long, n)
    compare(places, odd)


def test_modes_and_umask(places):
    def modes(place):
        out = []
        for umask, mode in itertools.product((0, 0o22, 0o77), (0o777, 0o644, 0o444, 0o200)):
            old = os.umask(umask)
            try:
                name = f"m{umask}-{mode}"
                fd = os.open(place / name, os.O_CREAT | os.O_WRONLY, mode)
                os.write(fd, b"written though the mode forbids it")
                os.close(fd)
                os.mkdir(place / f"d{name}", mode)
                out += [mode_of(place / name), mode_of(place / f"d{name}"),
                        os.stat(place / name).st_size]
            finally:
                os.umask(old)
        for mode in (0o4755, 0o2755, 0o1777, 0, 0o7777):
            os.chmod(place / "m0-420", mode)
            out.append(mode_of(place / "m0-420"))
        return out
    compare(places, modes)


# -- bytes ---------------------------------------------------------------------------------

def test_reads_and_writes(places):
    def work(place):
        path, out = place / "bytes", []
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        out += [os.write(fd, b"0123456789" * 30000), os.pread(fd, 10, 299995),
                os.pread(fd, 10, 300000), os.pread(fd, 10, 10 ** 9),
                os.pwrite(fd, b"far", 1 << 22), os.fstat(fd).st_size,
                os.pread(fd, 6, (1 << 22) - 3)]
        os.ftruncate(fd, 5)
        out.append(os.pread(fd, 100, 0))
        os.ftruncate(fd, 8)
        out.append(os.pread(fd, 100, 0))
        other = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(other, b"appended")
        os.write(fd, b"!")
        out += [os.fstat(other).st_size, outcome(os.read, other, 1),
                outcome(os.fsync, other), outcome(os.fdatasync, fd)]
        reader = os.open(path, os.O_RDONLY)
        out += [outcome(os.write, reader, b"x"), outcome(os.ftruncate, reader, 0),
                outcome(os.fsync, reader)]
        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
        out += [os.fstat(reader).st_size, os.read(reader, 10)]
        for each in (fd, other, reader):
            os.close(each)
        return out
    compare(places, work)


def test_holes(places):
    def work(place):
        fd = os.open(place / "holes", os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, b"x" * 4096, 1 << 20)
        os.pwrite(fd, b"y" * 4096, 4 << 20)
        os.fsync(fd)
        out = [os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 1 << 20, os.SEEK_HOLE),
               os.lseek(fd, (1 << 20) + 4096, os.SEEK_DATA),
               outcome(os.lseek, fd, 5 << 20, os.SEEK_DATA),
               os.lseek(fd, 0, os.SEEK_END), os.fstat(fd).st_blocks]
        for mode in (0, KEEP_SIZE, KEEP_SIZE | PUNCH_HOLE, ZERO_RANGE, PUNCH_HOLE, 64):
            out.append(outcome(fallocate, fd, mode, 1 << 20, 6 << 20))
            out.append(os.fstat(fd).st_size)
        out += [os.pread(fd, 4, 1 << 20), os.posix_fallocate(fd, 0, 100)]
        os.close(fd)
        return out
    compare(places, work)


def test_mmap(places):
    def work(place):
        path = place / "mapped"
        path.write_bytes(b"a" * 10000)
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
            view[5000:5005] = b"bytes"
            view.flush()
            again = path.read_bytes()[4998:5007]
            os.unlink(path)
            view[0:3] = b"end"
            file.seek(0)
            return again, file.read(4)
    compare(places, work)


def test_copies_within(places):
    def work(place):
        (place / "from").write_bytes(os.urandom(1) * 300000)
        with open(place / "from", "rb") as a, open(place / "to", "wb") as b:
            os.copy_file_range(a.fileno(), b.fileno(), 100000)
            os.sendfile(b.fileno(), a.fileno(), 100000, 100000)
        return (place / "to").stat().st_size
    compare(places, work)


# -- links, and files without a name --------------------------------------------------------

def test_hard_links(places):
    def work(place):
        a, b, c = place / "a", place / "b", place / "c"
        a.write_text("one")
        os.link(a, b)
        out = [os.stat(a).st_nlink, os.path.samefile(a, b), outcome(os.link, a, b)]
        b.write_text("two")
        out.append(a.read_text())
        os.unlink(a)
        out += [b.read_text(), os.stat(b).st_nlink]
        (place / "sub").mkdir(exist_ok=True)
        os.link(b, place / "sub" / "d")
        os.rename(b, c)
        out += [os.path.samefile(c, place / "sub" / "d"), os.stat(c).st_nlink]
        os.rename(c, place / "sub" / "d")
        out += [c.exists(), (place / "sub" / "d").read_text()]
        shutil.rmtree(place / "sub")
        return out
    compare(places, work)


def test_unlinked_while_open(places):
    def work(place):
        path = place / "open"
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(fd, b"still")
        os.unlink(path)
        out = [path.exists(), os.fstat(fd).st_nlink, os.write(fd, b" here")]
        with open(f"/proc/self/fd/{fd}", "rb") as again:
            out.append(again.read())
        path.write_text("another")
        out += [os.pread(fd, 100, 0), os.fstat(fd).st_size]
        os.fchmod(fd, 0o640)
        os.ftruncate(fd, 2)
        out += [oct(os.fstat(fd).st_mode), os.pread(fd, 100, 0), path.read_text()]
        os.fsync(fd)
        os.close(fd)
        return out
    compare(places, work)


def test_replaced_while_open(places):
    def work(place):
        old, new = place / "old", place / "new"
        old.write_text("old bytes")
        new.write_text("new bytes")
        with open(old, "r+") as file:
            os.rename(new, old)
            file.write("OLD")
            file.flush()
            file.seek(0)
            return file.read(), old.read_text(), os.fstat(file.fileno()).st_nlink
    compare(places, work)


def test_a_directory_is_read_again(places):
    def work(place):
        (place / "here").mkdir()
        fd = os.open(place / "here", os.O_RDONLY)
        out = [os.listdir(fd)]
        for name in "abc":
            (place / "here" / name).write_text("")
            out.append(sorted(os.listdir(fd)))
        os.unlink(place / "here" / "b")
        out.append(sorted(os.listdir(fd)))
        with os.scandir(place / "here") as entries:
            out.append(all(e.inode() == e.stat().st_ino for e in entries))
        os.close(fd)
        return out
    compare(places, work)


def test_a_directory_removed_under_us(places):
    def work(place):
        where = place / "cwd"
        where.mkdir()
        fd = os.open(where, os.O_RDONLY)
        os.rmdir(where)
        out = [outcome(lambda: os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)),
               outcome(lambda: os.mkdir("x", dir_fd=fd)), os.fstat(fd).st_nlink,
               outcome(lambda: os.stat("x", dir_fd=fd))]
        os.close(fd)
        return out
    compare(places, work)


def test_a_directory_moves_under_open_files(places):
    def work(place):
        (place / "a" / "deep").mkdir(parents=True)
        path = place / "a" / "deep" / "file"
        path.write_text("here")
        fd = os.open(place / "a" / "deep", os.O_RDONLY)
        os.rename(place / "a", place / "b")
        other = os.open("file", os.O_RDONLY, dir_fd=fd)
        out = [os.read(other, 10), outcome(os.stat, path), outcome(os.fsync, fd),
               os.stat("file", dir_fd=fd).st_size]
        os.close(fd)
        os.close(other)
        return out
    compare(places, work)


# -- attributes, locks, times ----------------------------------------------------------------

def test_extended_attributes(places):
    def work(place):
        path = place / "attributes"
        path.write_text("x")
        out = [outcome(os.setxattr, path, "user.a", b"1" * 100),
               outcome(os.setxattr, path, "user.a", b"2", os.XATTR_CREATE),
               outcome(os.setxattr, path, "user.b", b"2", os.XATTR_REPLACE),
               outcome(os.setxattr, path, "user.empty", b""),
               outcome(os.setxattr, path, "user.big", b"x" * 3000),
               outcome(os.setxattr, path, "user.huge", b"x" * 65537),
               sorted(os.listxattr(path)), os.getxattr(path, "user.a"),
               outcome(os.getxattr, path, "user.no"),
               outcome(os.removexattr, path, "user.no"),
               outcome(os.removexattr, path, "user.a")]
        os.mkdir(place / "with")
        os.setxattr(place / "with", "user.d", b"dir")
        os.rename(path, place / "with" / "moved")
        return out + [os.getxattr(place / "with", "user.d"),
                      sorted(os.listxattr(place / "with" / "moved"))]
    compare(places, work)


def test_times(places):
    def work(place):
        path = place / "times"
        path.write_text("x")
        os.utime(path, ns=(1_000_000_000_123456789, 1_100_000_000_987654321))
        out = [os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns]
        os.chmod(path, 0o600)
        os.link(path, place / "times2")
        out.append(os.stat(path).st_mtime_ns)
        run(["touch", "-a", "-d", "2001-02-03 04:05:06", path], check=True)
        out += [os.stat(path).st_mtime_ns, os.stat(path).st_atime_ns]
        before = time.time() - 5
        os.utime(path)
        out.append(before < os.stat(path).st_mtime < time.time() + 5)
        mtime = os.stat(place).st_mtime_ns
        time.sleep(0.02)
        (place / "times3").write_text("")
        return out + [os.stat(place).st_mtime_ns > mtime]
    compare(places, work)


def test_locks(places):
    def work(place):
        path = place / "lock"
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            out = [run(["flock", "-n", path, "true"]).returncode]
            fcntl.flock(file, fcntl.LOCK_UN)
            out.append(run(["flock", "-n", path, "true"]).returncode)
            fcntl.lockf(file, fcntl.LOCK_EX)
            script = ("import fcntl, sys; f = open(sys.argv[1], 'w');"
                      "fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)")
            out.append(run(["/usr/bin/python3", "-c", script, path]).returncode)
        return out
    compare(places, work)


def test_statfs_is_the_disk(places):
    def work(place):
        st = os.statvfs(place)
        return st.f_bsize, st.f_blocks, st.f_namemax, st.f_files
    compare(places, work)


# -- many of them ------------------------------------------------------------------------------

def descriptors(mount):
    try:
        return len(os.listdir(f"/proc/{mount.daemon.pid}/fd"))
    except PermissionError:
        pytest.skip("the daemon lets nobody but root look at its descriptors")


def test_thousands_of_files_hold_no_descriptors(mount):
    """64 directories, and the pipes of the workers' splice, are open at most."""
    top = mount.path / "many"
    top.mkdir()
    before = descriptors(mount)
    for d in range(100):
        (top / f"d{d}").mkdir()
        for f in range(40):
            (top / f"d{d}" / f"f{f}").write_text(f"{d} {f}")
    seen = [os.stat(path) for path in top.rglob("*")]
    assert len(seen) == 4100
    assert len({st.st_ino for st in seen}) == 4100
    assert descriptors(mount) <= before + 90
    files = [open(top / "d7" / f"f{f}") for f in range(40)]
    assert [file.read() for file in files] == [f"7 {f}" for f in range(40)]
    assert descriptors(mount) >= before + 40
    for file in files:
        file.close()
    wait_for(lambda: descriptors(mount) <= before + 90, 10, "the descriptors to be closed")
    shutil.rmtree(top)
    assert not top.exists()


def test_deeper_than_any_path(mount):
    """Three hundred levels: more than are kept open, and rename still finds both ends."""
    names = ["a deep directory"] * 300
    fd = os.open(mount.path, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=fd)
        down = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = down
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    top = os.open(mount.path, os.O_RDONLY)
    os.rename("file", "found", src_dir_fd=fd, dst_dir_fd=top)
    os.rename("found", "file", src_dir_fd=top, dst_dir_fd=fd)
    assert os.listdir(fd) == ["file"]
    os.close(fd)
    os.close(top)
    run(["rm", "-rf", mount.path / names[0]], check=True)


# -- inode numbers, remounts --------------------------------------------------------------------

def identity(path):
    st = os.lstat(path)
    return st.st_ino, st.st_mode, st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_nlink


def test_all_is_there_after_a_remount(weekly):
    page = weekly.page("quarterly-report")
    made = [weekly.path / "README.md", page / "notes.txt", page / "sub" / "deeper",
            weekly.pages / ".hidden", weekly.path / "twin"]
    (page / "sub").mkdir()
    for path in made[:-1]:
        path.write_text(path.name)
    os.link(made[0], made[-1])
    os.symlink("README.md", weekly.path / "link")
    os.setxattr(made[0], "user.mine", b"1")
    os.chmod(made[1], 0o751)
    before = [identity(path) for path in made]
    weekly.restart()
    weekly.names()
    assert [identity(path) for path in made] == before
    assert [path.read_text() for path in made] == [p.name for p in made[:-1]] + ["README.md"]
    assert os.readlink(weekly.path / "link") == "README.md"
    assert os.getxattr(made[0], "user.mine") == b"1"
    assert "notes.txt" in os.listdir(page)


def test_ignore_files_are_the_users(mount):
    (mount.path / ".ignore").unlink()
    (mount.path / ".gitignore").write_text("mine\n")
    mount.restart()
    assert not (mount.path / ".ignore").exists()
    assert (mount.path / ".gitignore").read_text() == "mine\n"


# -- scratch and its page ------------------------------------------------------------------------

def test_scratch_follows_its_page(weekly):
    (weekly.page("quarterly-report") / "notes.txt").write_text("mine")
    os.rename(weekly.page("quarterly-report"), weekly.page("annual"))
    assert (weekly.page("annual") / "notes.txt").read_text() == "mine"
    weekly.restart()
    weekly.names()
    assert (weekly.page("annual") / "notes.txt").read_text() == "mine"


def test_scratch_of_a_page_that_is_made(mount):
    page = mount.page("fresh")
    page.mkdir()
    (page / "notes.txt").write_text("before")
    write(page / "spec.json", dumps(spec_of(heading("made here"))))
    assert mount.server.page("fresh")
    (page / "more.txt").write_text("after")
    mount.restart()
    mount.names()
    assert (page / "notes.txt").read_text() == "before"
    assert (page / "more.txt").read_text() == "after"


def test_scratch_of_a_draft_follows_its_rename(mount):
    mount.page("one").mkdir()
    (mount.page("one") / "notes.txt").write_text("mine")
    os.rename(mount.page("one"), mount.page("two"))
    assert (mount.page("two") / "notes.txt").read_text() == "mine"
    mount.page("one").mkdir()
    assert not (mount.page("one") / "notes.txt").exists()


def test_scratch_keeps_its_page_from_rmdir(weekly):
    page = weekly.page("quarterly-report")
    (page / "notes.txt").write_text("mine")
    for name in ("spec.json", "queries.json", "page.json"):
        (page / name).unlink()
    with fails_with(errno.ENOTEMPTY):
        page.rmdir()
    assert weekly.server.count("DELETE") == 0
    (page / "notes.txt").unlink()
    page.rmdir()
    assert weekly.server.count("DELETE") == 1


def test_scratch_outlives_a_page_that_goes_and_comes(weekly):
    page = weekly.page("quarterly-report")
    (page / "notes.txt").write_text("mine")
    made = weekly.server.page("Quarterly report")
    assert weekly.server.call("DELETE", f"/pages/{made['id']}")[0] < 300
    weekly.restart()
    wait_for(lambda: "quarterly-report" not in weekly.names(), 20, "the sweep")
    kept = [p for p in (weekly.dir / "state" / "overlay" / "page").rglob("notes.txt")]
    assert [p.read_text() for p in kept] == ["mine"]
    assert weekly.server.call("PATCH", f"/pages/{made['id']}", {"status": "draft"})[0] == 200
    weekly.restart()
    wait_for(lambda: "quarterly-report" in weekly.names(), 20, "the sweep")
    assert (page / "notes.txt").read_text() == "mine"


def test_templates_take_no_files(mount):
    name = sorted(os.listdir(mount.path / "templates"))[0]
    with fails_with(errno.EROFS, errno.EACCES):
        (mount.path / "templates" / name / "notes.txt").write_text("x")


# -- scratch and documents -------------------------------------------------------------------------

GOOD = dumps(spec_of(heading("renamed")))


def test_a_document_becomes_a_backup(weekly):
    page = weekly.page("quarterly-report")
    spec, backup = page / "spec.json", page / "spec.json~"
    text = spec.read_text()
    with open(spec, "r+") as file:
        os.rename(spec, backup)
        assert file.read() == text
        assert backup.read_text() == text
        file.seek(0)
        file.write("XX")
        file.flush()
        assert backup.read_text() == "XX" + text[2:]
        os.unlink(backup)
        file.seek(0)
        assert file.read(2) == "XX"
    assert weekly.server.count("PATCH") == 0


def test_a_backup_is_on_the_disk(weekly):
    page = weekly.page("quarterly-report")
    text = (page / "spec.json").read_text()
    mtime = os.stat(page / "spec.json").st_mtime_ns
    os.rename(page / "spec.json", page / "spec.json~")
    assert os.stat(page / "spec.json~").st_mtime_ns == mtime
    weekly.restart()
    weekly.names()
    assert (page / "spec.json~").read_text() == text
    assert (page / "spec.json").read_text() == text


def test_a_file_becomes_the_document(weekly):
    page = weekly.page("quarterly-report")
    spec, new = page / "spec.json", page / "new"
    new.write_text(GOOD)
    with open(new, "r+") as file:
        os.rename(new, spec)
        assert weekly.server.count("PATCH") == 1
        assert spec.read_text() == GOOD
        assert file.read() == GOOD
        changed = GOOD.replace("renamed", "written")
        file.seek(0)
        file.write(changed)
    assert weekly.server.count("PATCH") == 2
    assert spec.read_text() == changed
    stored = weekly.server.page("Quarterly report")["spec"]
    assert stored["root"]["children"][0]["props"]["text"] == "written"
    assert not new.exists()
    assert not [n for n in os.listdir(page) if n not in
                {"spec.json", "queries.json", "page.json", "params.json", "info.json",
                 "verdict.json", "errors", "render.json", "render", "sql"}]


def test_there_and_back(weekly):
    """An open file that is a document, a backup, and the document again."""
    page = weekly.page("quarterly-report")
    spec, backup = page / "spec.json", page / "spec.json~"
    text = spec.read_text()
    with open(spec, "r+") as file:
        for _ in range(3):
            os.rename(spec, backup)
            os.rename(backup, spec)
        assert file.read() == text
        file.seek(0)
        file.truncate()
        file.write(GOOD)
    assert weekly.server.count("PATCH") == 1
    assert spec.read_text() == GOOD


def test_a_document_has_one_name(weekly):
    """rename(2) of a file with two names would leave the other one: `mv` copies."""
    page = weekly.page("quarterly-report")
    (page / "a").write_text(GOOD)
    os.link(page / "a", page / "b")
    with fails_with(errno.EXDEV):
        os.rename(page / "a", page / "spec.json")
    run(["mv", page / "a", page / "spec.json"], check=True)
    assert weekly.server.count("PATCH") == 1
    (page / "b").write_text("another")
    assert (page / "spec.json").read_text() == GOOD
    assert os.stat(page / "b").st_nlink == 1
    with fails_with(errno.EPERM):
        os.link(page / "spec.json", page / "c")


def test_what_cannot_move(weekly, local):
    local.create("Other", spec_of(heading("other")))
    run(["ls", weekly.pages])
    page = weekly.page("quarterly-report")
    (page / "x").write_text(GOOD)
    (page / "d").mkdir()
    (page / "l").symlink_to("x")
    weekly.restart()
    wait_for(lambda: "other" in weekly.names(), 20, "the sweep")
    for a, b, flags, number in [
            ("x", "spec.json", NOREPLACE, errno.EEXIST),
            ("x", "spec.json", EXCHANGE, errno.EINVAL),
            ("spec.json", "x", NOREPLACE, errno.EEXIST),
            ("spec.json", "x", EXCHANGE, errno.EINVAL),
            ("spec.json", "queries.json", 0, errno.EXDEV),
            ("spec.json", "../other/backup", 0, errno.EXDEV),
            ("x", "../other/x", 0, errno.EXDEV),
            ("x", "errors", 0, errno.EACCES),
            ("errors", "y", 0, errno.EACCES),
            ("l", "spec.json", 0, errno.EINVAL)]:
        with fails_with(number):
            renameat2(page / a, page / b, flags)
    assert (page / "x").read_text() == GOOD
    assert weekly.server.count("PATCH") == 0


def test_too_large_for_a_document(weekly):
    page = weekly.page("quarterly-report")
    with open(page / "large", "wb") as file:
        file.truncate((64 << 20) + 1)
    with fails_with(errno.EFBIG):
        os.rename(page / "large", page / "spec.json")
    assert (page / "large").stat().st_size == (64 << 20) + 1


def test_a_refused_file_stays(weekly):
    page = weekly.page("quarterly-report")
    before = (page / "spec.json").read_text()
    (page / "bad").write_text('{"version": 1, "root": {"type": "Nonsense"}}')
    inode = os.stat(page / "bad").st_ino
    with fails_with(errno.EPROTO):
        os.rename(page / "bad", page / "spec.json")
    assert os.stat(page / "bad").st_ino == inode
    assert (page / "spec.json").read_text() == before
    assert "Nonsense" in (page / "spec.json.rejected").read_text()
    weekly.restart()
    weekly.names()
    assert "Nonsense" in (page / "spec.json.rejected").read_text()


def test_never_out_of_the_overlay(mount):
    """A link is the kernel's to follow, in the mount: the daemon never does."""
    secret = mount.dir / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    (mount.path / "d").mkdir()
    (mount.path / "d" / "file").write_text("mine")
    fd = os.open(mount.path / "d", os.O_RDONLY)
    real = mount.dir / "state" / "overlay" / "root" / "d"
    os.rename(real, real.parent / "away")
    os.symlink(secret, real)
    result = outcome(lambda: open(os.open("file", os.O_RDONLY, dir_fd=fd)).read())
    assert result != "secret"
    os.close(fd)
    real.unlink()


# -- git --------------------------------------------------------------------------------------------

def git(mount, *arguments):
    done = run(["git", "-C", mount.path, "-c", "user.name=T", "-c", "user.email=t@example.com",
                "-c", "init.defaultBranch=main", *arguments], timeout=120)
    assert done.returncode == 0, f"git {arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_git_lives_in_the_mount(weekly):
    git(weekly, "init")
    git(weekly, "add", "-A")
    git(weekly, "commit", "-m", "first")
    listed = git(weekly, "ls-files").split()
    assert "pages/quarterly-report/spec.json" in listed
    assert not [n for n in listed if n.endswith(("info.json", "errors", "render.json"))]
    (weekly.path / "README.md").write_text("a readme\n")
    write(weekly.page("quarterly-report") / "spec.json", GOOD)
    git(weekly, "add", "-A")
    git(weekly, "commit", "-m", "second")
    for i in range(30):
        (weekly.path / f"note{i}").write_text(f"note {i}\n" * 50)
        git(weekly, "add", "-A")
    git(weekly, "commit", "-m", "notes")
    git(weekly, "gc", "--quiet")
    git(weekly, "fsck", "--full", "--strict")
    assert git(weekly, "status", "--porcelain") == ""
    git(weekly, "checkout", "-q", "-b", "side")
    git(weekly, "rm", "-q", "note3")
    git(weekly, "mv", "note4", "moved")
    git(weekly, "commit", "-m", "side")
    git(weekly, "checkout", "-q", "main")
    git(weekly, "merge", "-q", "--no-ff", "-m", "merge", "side")
    git(weekly, "stash", "list")
    assert not (weekly.path / "note3").exists()
    weekly.restart()
    weekly.names()
    git(weekly, "fsck", "--full", "--strict")
    assert git(weekly, "status", "--porcelain") == ""
    assert len(git(weekly, "log", "--oneline").splitlines()) == 5


def test_git_clone_into_the_mount(mount, tmp_path):
    source = tmp_path / "source"
    run(["git", "init", "-q", source], check=True)
    for i in range(200):
        (source / f"f{i}").write_text(f"{i}\n")
    run(f"cd {source} && git add -A && git -c user.name=T -c user.email=t@x commit -qm x",
        check=True)
    run(["git", "clone", "-q", source, mount.path / "clone"], check=True, timeout=120)
    run(["git", "-C", mount.path / "clone", "fsck", "--full"], check=True)
    assert run(["git", "-C", mount.path / "clone", "status", "--porcelain"]).stdout == ""


def test_many_processes(mount):
    """Names made, moved and removed by eight at once: nobody sees another's."""
    top = mount.path / "busy"
    top.mkdir()
    script = ("cd $0 && for i in $(seq 60); do mkdir d$1; echo $i > d$1/f; mv d$1 e$1; "
              "ln e$1/f l$1; cat e$1/f l$1 shared >> out$1 2>/dev/null; echo $1 > t$1; "
              "mv t$1 shared; rm l$1 e$1/f; rmdir e$1; done")
    work = [subprocess.Popen(["sh", "-c", script, str(top), str(n)]) for n in range(8)]
    assert [each.wait(120) for each in work] == [0] * 8
    assert sorted(os.listdir(top)) == sorted([f"out{n}" for n in range(8)] + ["shared"])
