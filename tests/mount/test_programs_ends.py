"""What ends badly by no fault of the text: programs that are killed in the middle of a save,
and a platform that is away."""
import concurrent.futures
import re
import signal
import subprocess

import pytest

from amdahl import Local, Mount, wait_for
from desk import TITLE, Desk, fill
from programs import FAILS, IN_FILE, SCRIPTS, TOOLS, python

# What has happened when the program is killed, and what it then says of the file.
KILLED = {
    "half a document": ('f = open("spec.json", "w"); f.write(new[:60]); f.flush()',
                        "a string that is not closed"),
    "nothing written": ('f = open("spec.json", "w")', "the file is empty"),
    "half of it behind a backup": ('os.rename("spec.json", "spec.json~"); '
                                   'f = open("spec.json", "w"); f.write(new[:60]); f.flush()',
                                   "a string that is not closed"),
}


def kill(desk, body, number):
    """Runs the program up to the end of body, and sends it the signal."""
    command = python(body + '\nprint("there", flush=True); import time; time.sleep(60)')
    process = subprocess.Popen(["bash", "-c", "exec " + command], cwd=desk.dir,
                               env=desk.environment(TITLE, "First"), stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"there\n"
    process.send_signal(number)
    process.wait(10)
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("name", KILLED)
def test_what_a_killed_program_leaves(desk, name, number):
    """Its half of the text stays here with the reason; the next save is an ordinary one."""
    body, reason = KILLED[name]
    kill(desk, body, number)
    wait_for(desk.errors, 10, "the reason")
    assert reason in desk.errors()
    assert desk.server.requests() == []
    desk.file.write_text(desk.new.read_text())
    desk.is_saved("First", leaves=desk.left_over() & {"spec.json~"})


def test_a_whole_text_of_a_killed_program_is_saved(desk):
    kill(desk, 'f = open("spec.json", "w"); f.write(new); f.flush()', signal.SIGKILL)
    wait_for(lambda: desk.server.count("PATCH"), 10, "the save")
    desk.is_saved("First")


AWAY = {**{name: TOOLS[name] for name in (
    "bash builtin", "bash external", "tee", "dd conv=fsync", "cp", "mv inside", "install",
    "sed -i", "as JetBrains saves", "ed")},
    **{name: SCRIPTS[name] for name in (
        "perl -pi", "python with", "python json.dump without close", "python os.replace")}}


def test_the_platform_is_away(fuse, tmp_path):
    """Every program hears of it where it hears of a refusal, all of them at once."""
    server = Local(tmp_path / "server").start()
    fill(server)
    mount = Mount(server.url, server.keys["author"], tmp_path / "mount").start()
    mount.names()
    desks = {}
    for number, name in enumerate(AWAY):
        (tmp_path / str(number)).mkdir()
        desks[name] = Desk(server, mount, number, tmp_path / str(number))
    server.stop()
    with concurrent.futures.ThreadPoolExecutor(len(AWAY)) as pool:
        runs = {name: pool.submit(desks[name].run, AWAY[name], AWAY[name].save, TITLE, "Away")
                for name in AWAY}
    try:
        for name, run in runs.items():
            is_kept(desks[name], AWAY[name], run.result())
    finally:
        mount.stop()


def is_kept(desk, program, done):
    if program.status is FAILS:
        assert done.returncode != 0
    else:
        assert done.returncode == program.status
    says = program.says.replace("Protocol error", "Connection refused")
    says = says.replace(r"OSError: \[Errno 71\]", r"\[Errno 111\]")
    assert re.search(says, done.stdout + done.stderr), done.stderr
    assert "Away" in (desk.dir / program.keeps).read_text()
    assert program.keeps == IN_FILE or TITLE in desk.file.read_text()
    assert desk.errors().startswith("spec.json:1:1: error: [network] ")
