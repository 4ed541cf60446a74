"""The ways in which the fake platform can answer badly: a mixin of its request handler.

Each fault_<kind>(arg) answers, or does not answer, the request at hand in place of
answer(*act()); FakePlatform.fault() chooses which requests meet it.
"""
import json
import socket
import struct
import threading
import time


class Quota:
    """So many requests in any 60 seconds."""

    def __init__(self, limit):
        self.limit, self.taken, self.lock = limit, [], threading.Lock()

    def take(self):
        now = time.monotonic()
        with self.lock:
            self.taken = [t for t in self.taken if t > now - 60]
            if len(self.taken) >= self.limit:
                return False
            self.taken.append(now)
            return True


class Faults:
    def drop(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()

    def fault_hang(self, arg):
        """No answer until heal(); then the connection just closes."""
        self.fake.released.wait(arg or 600)
        self.close_connection = True

    def fault_act_hang(self, arg):
        """Acts, and says nothing until heal()."""
        self.act()
        self.fault_hang(arg)

    def fault_drop_before(self, arg):
        self.drop()

    def fault_drop_after(self, arg):
        """Acts, then loses the answer. With arg "fin": closed in good order, no byte sent,
        which is what libcurl takes for a stale connection and repeats by itself."""
        self.act()
        if arg == "fin":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.drop()

    def fault_half(self, arg):
        status, value, _ = self.act()
        data = json.dumps(value).encode()
        self.send(status, data[:len(data) // 2], "application/json", length=len(data))
        self.drop()

    def fault_nonjson(self, arg):
        self.send(200, arg or b"{'this': is not JSON", "application/json")

    def fault_html(self, arg):
        self.send(200, b"<!doctype html><title>Sign in</title><p>Welcome to the hotel",
                  "text/html")

    def fault_deep(self, arg):
        depth = arg or 10_000
        self.send(200, b"[" * depth + b"]" * depth, "application/json")

    def fault_huge(self, arg):
        """A body of arg bytes (100 MB), sent without ever being held here."""
        size = arg or 100_000_000
        self.seen.status = 200
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b'{"id":"')
        chunk, left = b"x" * 65536, size - 9
        try:
            while left > 0:
                self.wfile.write(chunk[:left])
                left -= len(chunk)
            self.wfile.write(b'"}')
        except OSError:
            self.close_connection = True

    def fault_slow(self, arg):
        time.sleep(arg or 1)
        self.answer(*self.act())

    def fault_drip(self, arg):
        """The right answer, a byte at a time over arg seconds."""
        status, value, _ = self.act()
        data = json.dumps(value).encode()
        self.seen.status = status
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for i in range(len(data)):
            self.wfile.write(data[i:i + 1])
            self.wfile.flush()
            time.sleep((arg or 1) / len(data))

    def fault_status(self, arg):
        """arg: a status, or (status, body object or bytes)."""
        status, body = arg if isinstance(arg, tuple) else (arg, None)
        if body is None:
            body = self.error(status, "internal", "as the test wished")[1]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(status, data, "application/json")

    def fault_limit(self, arg):
        """429 with the wait of arg seconds where the shape puts it."""
        wait, where, headers = arg or 1, self.fake.shape.retry_after, {}
        body = {"error": {"code": "rate_limited", "message": "slow down"}}
        if where == "top":
            body["retry_after"] = wait
        elif where == "error.details":
            body["error"]["details"] = {"retry_after_seconds": wait}
        elif where == "details":
            body["details"] = {"retry_after_seconds": wait}
        else:
            headers["Retry-After"] = str(wait)
        self.answer(429, body, headers)

    def fault_quota(self, arg):
        """A Quota: beyond it 429, and not a word of how long to wait or how many there are."""
        if arg.take():
            self.answer(*self.act())
        else:
            self.send(429, b"", "text/plain")

    def fault_redirect(self, arg):
        self.send(302, b"", "text/plain", {"Location": arg or "http://127.0.0.1:1/"})

    def fault_edit(self, arg):
        """arg(answer) may change the object before it is sent."""
        status, value, headers = self.act()
        self.answer(status, arg(value), headers)
