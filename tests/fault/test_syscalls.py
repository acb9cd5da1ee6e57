# SPDX-License-Identifier: Apache-2.0
"""System calls that fail once, at the n-th time: strace puts the error in the place of the call.

Whatever fails, and whatever comes of it (503, a lost answer, the end of the process): what was answered with 2xx is on
the disk, nobody waits long for an answer, and the next start finds a sound database.
"""
import http.client
import shutil
import subprocess
import time

import pytest

from harness import wait_until

# of the commit and of what is around it; which error is put in its place
CALLS = [("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("fsync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"),
         ("pread64", "EIO"), ("ftruncate", "EIO"), ("openat", "EMFILE"), ("openat", "EACCES"), ("fcntl", "EIO"), ("unlink", "EIO"),
         ("accept4", "EMFILE"), ("accept4", "ECONNABORTED"), ("recvfrom", "ECONNRESET"), ("recvfrom", "EINTR"),
         ("sendto", "EPIPE"), ("sendmsg", "EPIPE"), ("writev", "EIO"), ("epoll_wait", "EINTR"), ("epoll_ctl", "ENOMEM"),
         ("poll", "EINTR"), ("socket", "EMFILE"), ("connect", "ECONNREFUSED"), ("mmap", "ENOMEM"), ("futex", "EINTR")]
ALERTS, LONGEST_S = 12, 10


def works():
    """strace is there and may trace."""
    return shutil.which("strace") and subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True,
                                                     check=False).returncode == 0


def is_up(t):
    """It is ready, or (False) it has ended."""
    try:
        return not t.process.alive() or t.get("/-/ready").status == 200
    except (OSError, http.client.HTTPException):
        return None


def send(t):
    """Which of the alerts were answered with 202."""
    kept = set()
    for i in range(ALERTS):
        begin = time.monotonic()
        try:
            answer = t.request("POST", "/v1/in/local", {"dedup_key": f"k{i}", "severity": "critical", "summary": "s"})
            assert answer.status in (202, 503), answer
            if answer.status == 202:
                kept.add(f"k{i}")
        except (OSError, http.client.HTTPException):
            pass                             # its connection, or all of it, ended
        took = time.monotonic() - begin
        assert took < LONGEST_S, f"alert {i} waited {took:.1f} s"
        if not t.process.alive():
            break
    return kept


def life(t, call, error, n):
    """One life in which the n-th such call fails, and the start after it.  Whether it served."""
    t.under = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
               "-e", f"inject={call}:error={error}:when={n}"]
    t.start(ready=False)
    wait_until(lambda: is_up(t) is not None, 20, f"{call} {n} fails with {error}: ready, or the end")
    served = t.process.alive()
    kept = send(t) if served else set()
    if t.process.alive():
        t.kill9()
    t.under = []
    t.start()
    lost = kept - {a["dedup_key"] for a in t.alerts("limit=500")}
    assert not lost, f"{call} {n} failed with {error}, and of {len(kept)} accepted alerts {sorted(lost)} are lost"
    assert t.fire("afterwards")
    t.kill9()
    return served


def lives(t, call, error, times):
    served = [n for n in times if life(t, call, error, n)]
    assert served, f"it never served with {call} failing at {times}"


@pytest.fixture
def daemon(tocsin, settings):
    if not works():
        pytest.skip("strace is not there, or may not trace")
    values = settings()
    values["http"] = {"threads": 1}
    return tocsin(values, start=False)


@pytest.mark.parametrize("call, error, n", [("fdatasync", "EIO", 5), ("pwrite64", "ENOSPC", 30), ("recvfrom", "ECONNRESET", 4),
                                            ("accept4", "EMFILE", 3)])
def test_a_call_that_fails(daemon, call, error, n):
    life(daemon, call, error, n)


@pytest.mark.slow
@pytest.mark.parametrize("call, error", CALLS, ids=[f"{c}-{e}" for c, e in CALLS])
def test_each_call_fails(daemon, call, error):
    # files and memory: most such calls are the loader's
    lives(daemon, call, error, (60, 100, 150, 200, 300, 400, 600, 1000) if call in ("mmap", "openat")
          else (1, 2, 3, 5, 8, 13, 21, 34, 55))
