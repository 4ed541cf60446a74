"""What else mounts a remote tree on Debian, each with its own defaults, on this machine;
httpdirfs with its cache, since without one it sleeps 100 ms at each read.

Each peer is a context manager over (world, directory to serve) that gives the directory
where the tree is mounted. What they serve is a plain directory on the local disk: they
have no platform to ask, so that they are ahead of a mount that has one.
"""
import contextlib
import getpass
import os
import pathlib
import socket
import subprocess

import amdahl
from harness import NotMeasured


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with contextlib.closing(socket.socket()) as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(world, name, words, port):
    daemon = amdahl.Daemon(words, world.directory(name) / "log")
    try:
        amdahl.wait_for(lambda: answers(port) or not daemon.alive(), 20, name)
        if not daemon.alive():
            raise NotMeasured(f"{name} ended at once: {daemon.text()[-400:]}")
        yield
    finally:
        daemon.process.terminate()
        daemon.process.wait(20)


def mountpoint(world, name):
    return world.directory(f"{name}-mount")


# -- sshfs -----------------------------------------------------------------------------------

SSHD = """ListenAddress 127.0.0.1
Port {port}
HostKey {dir}/host
AuthorizedKeysFile {dir}/user.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def privilege_separation():
    """sshd as root wants this directory of the system's sshd; it may not be installed as a
    service here."""
    where = pathlib.Path("/run/sshd")
    made = os.geteuid() == 0 and not where.exists()
    if made:
        where.mkdir(mode=0o755)
    try:
        yield
    finally:
        if made:
            with contextlib.suppress(OSError):
                where.rmdir()


@contextlib.contextmanager
def sshfs(world, tree):
    where, port = world.directory("sshd"), free_port()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", where / key],
                       check=True)
    (where / "config").write_text(SSHD.format(port=port, dir=where))
    target = mountpoint(world, "sshfs")
    words = ["sshfs", "-f", "-p", port, "-o", f"IdentityFile={where / 'user'}",
             "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={where / 'known'}",
             "-o", "IdentitiesOnly=yes", f"{getpass.getuser()}@127.0.0.1:{tree}"]
    with privilege_separation(), \
            running(world, "sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", where / "config"],
                    port), \
            world.served("sshfs", words, target):
        yield target


# -- rclone ----------------------------------------------------------------------------------

@contextlib.contextmanager
def rclone(world, tree):
    target, port = mountpoint(world, "rclone"), free_port()
    alone = ["rclone", "--config", "/dev/null"]
    with running(world, "rclone-serve",
                 [*alone, "serve", "webdav", "--read-only", "--addr", f"127.0.0.1:{port}",
                  tree], port), \
            world.served("rclone", [*alone, "mount", "--read-only",
                                    f":webdav,url='http://127.0.0.1:{port}':"], target):
        yield target


# -- httpdirfs -------------------------------------------------------------------------------

# httpdirfs reads the listings of usual web servers; at rclone's it crashes.
LIGHTTPD = """server.modules = ("mod_dirlisting")
server.document-root = "{tree}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-keep-alive-requests = 1000000
dir-listing.activate = "enable"
"""


@contextlib.contextmanager
def httpdirfs(world, tree):
    target, port = mountpoint(world, "httpdirfs"), free_port()
    cache = world.directory("httpdirfs-cache")
    config = world.directory("lighttpd") / "config"
    config.write_text(LIGHTTPD.format(tree=tree, port=port))
    with running(world, "lighttpd", ["/usr/sbin/lighttpd", "-D", "-f", config], port), \
            world.served("httpdirfs", ["httpdirfs", "-f", "--cache", "--cache-location", cache,
                                       f"http://127.0.0.1:{port}/"], target):
        yield target


PEERS = {"sshfs": sshfs, "rclone": rclone, "httpdirfs": httpdirfs}
