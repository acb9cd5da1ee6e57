# SPDX-License-Identifier: Apache-2.0
"""What the harness stands on: waiting, ports, child processes, libconfig text, one HTTP request."""
import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
# how much longer than usual everything may take: for builds with sanitizers, and busy machines
SLOW = float(os.environ.get("TOCSIN_TEST_SLOW", "1"))


# --- waiting -----------------------------------------------------------------------------------

def wait_until(check, timeout=10.0, what="", every=0.02):
    """The first true value of check(); AssertionError after timeout, with what check() gave last."""
    timeout *= SLOW
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or getattr(check, '__name__', 'condition')}"
                                 f" (last: {value!r})")
        time.sleep(every)


def stays(check, seconds, what="", every=0.05):
    """check() is true all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check(), f"did not hold for {seconds} s: {what}"
        time.sleep(every)


def free_port():
    """A port that is free now and lies outside the range from which the system picks by itself."""
    for _ in range(200):
        port = 10000 + int.from_bytes(os.urandom(2), "big") % 20000
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
        return True
    except OSError:
        return False


# --- processes ---------------------------------------------------------------------------------

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child with its output in a file.  It also ends when the test run is killed."""

    def __init__(self, argv, log_path, env=None):
        self.log_path = log_path
        with open(log_path, "ab") as out:
            self.popen = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                          env={**os.environ, **(env or {})}, cwd=ROOT, preexec_fn=_end_with_parent)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def end(self, number=signal.SIGTERM, timeout=20):
        """Its exit status; kills it, and fails, when it does not end in time."""
        if self.alive():
            self.send(number)
        try:
            return self.popen.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.popen.args[0]} did not end within {timeout} s of signal {number}:\n"
                                 + self.log()[-3000:])


# --- configuration -----------------------------------------------------------------------------

def cfg(value, depth=0):
    """A Python value as libconfig text.  A dict is a group, a list of dicts a list, other lists arrays."""
    pad = "  " * depth
    if isinstance(value, dict):
        inner = "".join(f"{pad}  {k} = {cfg(v, depth + 1)};\n" for k, v in value.items() if v is not None)
        return "{\n" + inner + pad + "}"
    if isinstance(value, (list, tuple)):
        items = ", ".join(cfg(v, depth + 1) for v in value)
        return f"( {items} )" if value and isinstance(value[0], (dict, list, tuple)) else f"[ {items} ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def cfg_file(settings):
    return "".join(f"{k} = {cfg(v)};\n" for k, v in settings.items() if v is not None)


# --- answers -----------------------------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:400]}>"


def request(port, method, path, body=None, headers=None, tls=None, timeout=15):
    """One request; body: bytes, text, or anything else as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    if body is not None and "Content-Type" not in headers:
        headers["Content-Type"] = "application/json"
    cls = http.client.HTTPConnection if tls is None else http.client.HTTPSConnection
    extra = {} if tls is None else {"context": tls}
    conn = cls("127.0.0.1", port, timeout=timeout * SLOW, **extra)
    try:
        conn.request(method, path, body=body, headers=headers)
        r = conn.getresponse()
        return Answer(r.status, r.headers, r.read())
    finally:
        conn.close()
