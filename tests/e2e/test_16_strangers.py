# SPDX-License-Identifier: Apache-2.0
"""Well-formed requests that mean harm: who ends another's alerts, forges lines of a log, speaks through a browser of the
operator, lies about where it comes from, writes to a terminal, or costs much.
"""
import os
import re
import socket
import subprocess
import time

import pytest

from base import SLOW
from conftest import base_settings
from harness import BUILD, wait_until
from test_15_hostile import bomb, raw

EVIL = "\x1b[2J\x1b]0;owned\x07 \u009b31m \u202edetsurt \x7f\r\nall is well"


def test_nobody_ends_the_alerts_of_another_collector(tocsin, settings, vendors):
    values = settings()
    values["collectors"].append({"name": "stranger", "type": "webhook", "format": "json", "auth": "none"})
    t = tocsin(values)
    incident = t.fire("disk", status="firing")
    t.clear("disk", collector="stranger")
    assert t.fire("disk", collector="stranger") != incident
    t.clear("disk", collector="stranger")
    vendors.wait_history("pd", incident, ["trigger"])
    assert t.state(incident) == "triggered" and [a["status"] for a in t.alerts("source=local")] == ["firing"]


LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(debug|info|warn|error) comp=[a-z-]+ [^\x00-\x1f\x7f]*")
FORGED = 'x" msg="all is well"\n2026-01-31T12:00:00.000Z level=info comp=turn msg="nothing happened"\x1b[2J'


def test_the_log_cannot_be_forged(tocsin, settings, vendors):
    t = tocsin(settings(), rules=[{"name": "fails", "match": ["source = local"],
                                   "set": {"summary": "{{ .labels.n | tonumber }}"}}])
    incident = t.fire(FORGED, summary=FORGED, n=FORGED)
    t.act(incident, "note", by=FORGED.replace("\n", " "), note=FORGED)
    t.request("POST", "/v1/in/local", {"dedup_key": FORGED, "status": FORGED})
    quoted = "".join(f"%{b:02x}" for b in FORGED.encode())
    for method, path in (("POST", f"/v1/in/{quoted}"), ("GET", f"/{quoted}"), ("POST", f"/v1/heartbeat/{quoted}")):
        t.request(method, path, {}, {"User-Agent": "a\tb", "Authorization": "Bearer " + "é" * 40})
    raw(t.port, b"GET / HTTP/1.1\r\nHost: a\r\n" + FORGED.encode().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    vendors.mode("pd", "reject")
    t.fire("other", summary=FORGED)
    wait_until(lambda: t.delivery(t.alerts()[0]["incident"], "pd")["attempts"] > 0, 10, "the vendor refuses it")
    lines = t.log().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert not any("nothing happened" in line and "comp=turn" in line.split(" msg=")[0] for line in lines)


@pytest.mark.parametrize("headers", [{"Host": "tocsin.attacker.example"}, {"Origin": "http://attacker.example"},
                                     {"Origin": "null"}, {"X-Forwarded-For": "127.0.0.1"}, {"Via": "1.1 proxy"}],
                         ids=lambda h: " ".join(f"{k} {v}" for k, v in h.items()))
def test_a_browser_of_the_operator_is_not_the_operator(tocsin, headers):
    """Without tokens this machine may do everything; pages of others, read on it, must not."""
    t = tocsin()
    incident = t.fire("disk")
    silence = {"matchers": ["host = a"], "ends_at": "2099-01-01T00:00:00Z", "by": "x", "comment": "c"}
    for method, path, body in (("POST", f"/v1/incidents/{incident}/ack", {"by": "x"}), ("POST", "/v1/silences", silence),
                               ("POST", "/-/reload", None), ("GET", "/v1/incidents", None), ("GET", "/metrics", None)):
        answer = t.request(method, path, body, headers)
        assert answer.status in (401, 403), (method, path, answer)
        assert incident not in answer.text
    assert t.state(incident) == "triggered" and t.get("/v1/silences").json["silences"] == []


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_an_address_list_believes_no_header(tocsin, settings, name):
    values = settings()
    values["collectors"][0].update({"auth": {"allow": ["10.0.0.0/8"]}})
    t = tocsin(values)
    for value in ("10.0.0.1", "for=10.0.0.1", "10.0.0.1, 127.0.0.1"):
        t.send("local", {"dedup_key": "k"}, {name: value}, expect=403)
    assert t.alerts() == []


def test_a_terminal_is_told_words_only(tocsin, settings):
    t = tocsin()
    incident = t.fire(EVIL, summary=EVIL, host=EVIL)
    t.act(incident, "note", by=EVIL.replace("\r\n", " "), note=EVIL)
    env = {**os.environ, "TOCSIN_URL": f"http://127.0.0.1:{t.port}"}
    for words in (["incidents"], ["incidents", "show", incident]):
        done = subprocess.run([os.path.join(BUILD, "tocsin"), *words], env=env, capture_output=True, timeout=30)
        out = (done.stdout + done.stderr).decode()
        assert "all is well" in out and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", out), (words, out)


# --- bombs for the ways in that take more --------------------------------------------------------

@pytest.mark.parametrize("path, kind", [("/_bulk", "application/x-ndjson"), ("/v1/logs", "application/json"),
                                        ("/v1/logs", "application/x-protobuf"), ("/api/v2/alerts", "application/json")])
def test_bombs(tocsin, vendors, path, kind):
    values = base_settings(vendors)
    values["collectors"] += [{"name": f, "type": "intake", "format": f, "auth": "none"}
                             for f in ("elastic-bulk", "otlp", "alertmanager")]
    t = tocsin(values)
    before = t.rss_kib()
    answer = t.request("POST", path, bomb(1, 40_000_000), {"Content-Encoding": "gzip", "Content-Type": kind})
    assert answer.status == 413, answer
    assert t.rss_kib() - before < 64 * 1024 and t.alerts() == []


# --- what costs much --------------------------------------------------------------------------------

def test_a_pattern_that_explodes_costs_its_rule_and_not_the_page(tocsin, settings, vendors):
    t = tocsin(settings(), rules=[
        {"name": "explodes", "match": ['summary =~ "(a+)+b"'], "drop": True},
        {"name": "template", "match": ["source = local"], "set": {"x": '{{ .labels.a | test("(a+)+$") }}'}}])
    begin = time.monotonic()
    incident = t.fire("k", summary="a" * 1000 + "!", a="a" * 1000 + "!")
    assert time.monotonic() - begin < 2 * SLOW
    vendors.wait_history("pd", incident, ["trigger"])
    assert t.metric("tocsin_rule_failures_total") >= 1


def test_slow_senders_take_nothing_from_others(tocsin, settings):
    """A byte now and then, of heads and of bodies: they are ended, and meanwhile everybody else is served."""
    values = settings()
    values["http"] = {"header_timeout": "2s", "body_timeout": "2s"}
    t = tocsin(values)
    head = b"POST /v1/in/local HTTP/1.1\r\nHost: a\r\n"
    slow = [socket.create_connection(("127.0.0.1", t.port)) for _ in range(200)]
    for i, s in enumerate(slow):
        s.sendall(head if i % 2 else head + b"Content-Length: 100\r\n\r\n")
    gone, served, end = set(), 0, time.monotonic() + 20 * SLOW
    while len(gone) < len(slow) and time.monotonic() < end:
        for i, s in enumerate(slow):
            try:
                if i not in gone:
                    s.sendall(b"a" if i % 2 else b" ")
                    s.setblocking(False)
                    answer = s.recv(4096)
                    assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0], answer
                    gone.add(i)
            except BlockingIOError:
                s.setblocking(True)
            except OSError:
                gone.add(i)
        begin = time.monotonic()
        t.fire(f"good-{served}")
        served += 1
        assert time.monotonic() - begin < 1 * SLOW, "a good sender waits for slow ones"
        time.sleep(0.05)
    for s in slow:
        s.close()
    assert len(gone) == len(slow) and served > 5
    assert {a["dedup_key"] for a in t.alerts()} == {f"good-{i}" for i in range(served)}
