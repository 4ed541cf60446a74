"""A program in a terminal of its own, by tmux: keys go in, the screen is read."""
import os
import time

from amdahl import run, wait_for


class Terminal:
    def __init__(self, command, cwd, home):
        self.socket = f"amdahlfs-{os.getpid()}-{time.monotonic_ns()}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c",
                  str(cwd), command, check=True, env={**os.environ, "HOME": str(home)})

    def tmux(self, *arguments, **kw):
        return run(["tmux", "-L", self.socket, *arguments], **kw)

    def keys(self, *sequence):
        self.tmux("send-keys", *sequence, check=True)

    def screen(self):
        return self.tmux("capture-pane", "-p").stdout

    def shows(self, text, seconds=15):
        try:
            wait_for(lambda: text in self.screen(), seconds)
        except AssertionError:
            raise AssertionError(f"no {text!r} on the screen:\n{self.screen()}") from None

    def cursor(self):
        """Column and row, from 0."""
        place = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}", check=True)
        return tuple(int(n) for n in place.stdout.split())

    def has_ended(self):
        return self.tmux("has-session").returncode != 0

    def close(self):
        self.tmux("kill-server")
