# SPDX-License-Identifier: Apache-2.0
"""Requests that are broken or mean harm: each gets its 4xx with what and where, nothing of it stays, and others are served.

Those of HTTP are sent byte for byte; what they say of where a request ends is what two servers in a row could disagree on.
"""
import gzip
import json
import socket
import zlib

import pytest

from harness import accepts, gzipped

HEAD = b"POST /v1/in/local HTTP/1.1\r\nHost: tocsin\r\nContent-Type: application/json\r\n"
BODY = b'{"dedup_key":"smuggled","summary":"s"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def raw(port, data):
    """Everything that comes back until the connection ends, or an answer is complete and half a second is quiet."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(data)
        s.settimeout(10)
        answer = b""
        while True:
            try:
                more = s.recv(65536)
            except (TimeoutError, ConnectionResetError):
                break
            if not more:
                break
            answer += more
            s.settimeout(0.5)
        return answer


def problem_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    return json.loads(body)


# --- framing -----------------------------------------------------------------------------------

FRAMING = {
    "length and chunks": (HEAD + LENGTH + CHUNKED + b"\r\n" + CHUNKS, 400, "Content-Length"),
    "chunks and length": (HEAD + CHUNKED + LENGTH + b"\r\n" + CHUNKS, 400, "Content-Length"),
    "two lengths": (HEAD + LENGTH + b"Content-Length: 2\r\n\r\n" + BODY, 400, "Content-Length"),
    "the same length twice": (HEAD + LENGTH + LENGTH + b"\r\n" + BODY, 400, "Content-Length"),
    "two codings": (HEAD + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, 400, "Transfer-Encoding"),
    "a hidden coding": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS, 501, "Transfer-Encoding"),
    "two hosts": (HEAD + b"Host: other\r\n" + LENGTH + b"\r\n" + BODY, 400, "Host"),
    "no host": (HEAD.replace(b"Host: tocsin\r\n", b"") + LENGTH + b"\r\n" + BODY, 400, "Host"),
    "a header line that goes on": (HEAD + b"X-A: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY, 400, "continued"),
    "a length that goes on": (HEAD + b"Content-Length: 3\r\n 8\r\n\r\n" + BODY, 400, ""),
    "a bare LF in the head": (HEAD + b"X-A: a\n" + LENGTH + b"\r\n" + BODY, 400, "CR LF"),
    "a bare LF at the end of the head": (HEAD + LENGTH + b"\n" + BODY, 400, ""),
    "a bare CR in a value": (HEAD + b"X-A: a\rb\r\n" + LENGTH + b"\r\n" + BODY, 400, ""),
    "NUL in a value": (HEAD + b"X-A: a\0b\r\n" + LENGTH + b"\r\n" + BODY, 400, "NUL"),
    "a blank before the colon": (HEAD + b"Content-Length : %d\r\n\r\n" % len(BODY) + BODY, 400, "header line"),
    "NUL in the path": (b"GET /v1/in/local%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "NUL"),
    "a line break in the path": (b"GET /v1/%0d%0aX:a HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "TRACE"),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "CONNECT"),
    "65 header lines": (HEAD + b"".join(b"X-%d: a\r\n" % i for i in range(65)) + LENGTH + b"\r\n" + BODY, 431, "64"),
    "headers of 30 KiB": (HEAD + b"X-A: " + b"a" * 30000 + b"\r\n" + LENGTH + b"\r\n" + BODY, 431, "limit"),
    "a target of 9 KiB": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "limit"),
    "a length over the limit": (HEAD + b"Content-Length: 9999999\r\n\r\n", 413, "limit"),
    "a chunk that is no number": (HEAD + CHUNKED + b"\r\nzz\r\n" + BODY, 400, ""),
    "a chunk of more than 64 bits": (HEAD + CHUNKED + b"\r\nfffffffffffffffff\r\n" + BODY, 413, ""),
    "a chunk below zero": (HEAD + CHUNKED + b"\r\n-1\r\n" + BODY, 400, ""),
    "a chunk longer than it says": (HEAD + CHUNKED + b"\r\n1\r\n" + BODY + b"\r\n0\r\n\r\n", 400, ""),
    # these two are refused by the library, in words of its own
    "a length of more than 64 bits": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 413, ""),
    "a length that is no number": (HEAD + b"Content-Length: 0x26\r\n\r\n" + BODY, 400, ""),
    "an expectation": (HEAD + b"Expect: cake\r\n" + LENGTH + b"\r\n" + BODY, 417, "Expect"),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One daemon for all of them: it has to outlive the lot."""
    import conftest
    import harness
    folder = tmp_path_factory.mktemp("hostile")
    vendors = harness.Vendors(folder)
    t = harness.Tocsin(folder / "tocsin", conftest.base_settings(vendors)).start()
    yield t
    try:
        t.close()
    finally:
        vendors.close()


@pytest.fixture(autouse=True)
def unharmed(target):
    yield
    assert target.process.alive() and accepts(target.port), target.log()[-3000:]
    assert target.alerts() == [], "something of it stayed"


@pytest.mark.parametrize("data, status, where", FRAMING.values(), ids=FRAMING)
def test_framing(target, data, status, where):
    # a request behind it: if it were read as part of the first, or the first's rest as a request, more would be answered
    answer = raw(target.port, data + b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    if status != 404:
        assert b" 200 " not in answer, answer
    if where:
        problem = problem_of(answer)
        assert problem["status"] == status and where in json.dumps(problem), problem


def test_chunks_over_the_limit(target):
    """Read to their end and refused; what follows is a request of its own."""
    chunks = b"10000\r\n%s\r\n" % (b" " * 65536) * 20 + b"0\r\n\r\n"
    before = target.rss_kib()
    answer = raw(target.port, HEAD + CHUNKED + b"\r\n" + chunks + b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ") and b"limit" in answer and answer.count(b"HTTP/1.1 ") <= 2, answer
    assert target.rss_kib() - before < 16 * 1024


# --- JSON --------------------------------------------------------------------------------------

def members(n):
    return json.dumps({f"k{i}": i for i in range(n)}).encode()


def alert(**more):
    return json.dumps({"dedup_key": "k", "summary": "s", **more}).encode()


def labels(n, length=1):
    return alert(labels={f"l{i}": "v" * length for i in range(n)})


JSON = {
    "33 levels": (b"[" * 33 + b"]" * 33, 400, "32 levels"),
    "a hundred thousand levels": (b'{"a":' * 100_000, 400, "32 levels"),
    "half a million values": (b"[" + b"0," * 500_000 + b"0]", 413, "500000 values"),
    "5,000 members": (members(5000), 413, "4096 members"),
    "a member twice": (b'{"dedup_key":"k","summary":"a","summary":"b"}', 400, "duplicate"),
    "a member twice, once in escapes": (b'{"dedup_key":"k","summary":"a","\\u0073ummary":"b"}', 400, "duplicate"),
    "a member twice, deep inside": (b'{"dedup_key":"k","labels":{"a":"1","a":"2"}}', 400, "duplicate"),
    "bytes that are not UTF-8": (b'{"summary":"\xff"}', 400, "decode byte"),
    "an overlong form": (b'{"summary":"\xc0\xaf"}', 400, "decode byte"),
    "a surrogate as bytes": (b'{"summary":"\xed\xa0\x80"}', 400, "decode byte"),
    "UTF-16": ('{"summary":"s"}'.encode("utf-16"), 400, "UTF-16"),
    "NUL behind the text": (b'{"dedup_key":"k"}\0', 400, ""),
    "two texts": (b'{"dedup_key":"k"}{"dedup_key":"l"}', 400, ""),
    "NaN": (b'{"summary":NaN}', 400, ""),
    "a number of a thousand digits": (b'{"dedup_key":"k","starts_at":1e' + b"9" * 1000 + b"}", 400, ""),
    "a comma too many": (b'[{"dedup_key":"k"},]', 400, ""),
    "a comment": (b'{"dedup_key":"k" /* ha */}', 400, ""),
    "10,001 alerts": (b"[" + b",".join(alert(dedup_key=str(i)) for i in range(10_001)) + b"]", 413, "10000 alerts in one payload (http.alerts_max)"),
    "65 labels": (labels(65), 413, "64 labels"),
    "65 annotations": (alert(annotations={f"a{i}": "v" for i in range(65)}), 413, "64 annotations"),
    "labels that are a list": (alert(labels=["a"]), 422, "$.labels"),
    "an object for a summary": (alert(summary={"a": 1}), 422, "$.summary"),
}


@pytest.mark.parametrize("body, status, where", JSON.values(), ids=JSON)
def test_json(target, body, status, where):
    answer = target.request("POST", "/v1/in/local", body)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["status"] == status and where in json.dumps(answer.json), answer


# --- costs -------------------------------------------------------------------------------------

def test_many_targets_of_one_alert_cost_no_more_than_they_are_long(tocsin, settings):
    values = settings()
    values["collectors"].append({"name": "azure", "type": "webhook", "format": "azure", "auth": "none"})
    t = tocsin(values)
    essentials = {"alertId": "/a/1", "alertRule": "r", "severity": "Sev0", "monitorCondition": "Fired",
                  "firedDateTime": "2026-01-31T11:58:24Z", "alertTargetIDs": [f"/t/{i}" for i in range(60_000)]}
    before = t.rss_kib()
    t.send("azure", {"schemaId": "azureMonitorCommonAlertSchema",
                     "data": {"essentials": essentials, "alertContext": {}}})
    assert t.rss_kib() - before < 128 * 1024
    kept, = t.alerts()
    assert kept["annotations"]["targets"].startswith("/t/0 /t/1 ") and kept["annotations"]["targets"].endswith("\u2026")


# --- packed bodies -----------------------------------------------------------------------------

def bomb(layers=1, size=20_000_000):
    data = b" " * size
    for _ in range(layers):
        data = gzip.compress(data)
    return data


PACKED = {
    "a bomb": (bomb(), "gzip", 413, "limit"),
    "a bomb in deflate": (zlib.compress(b" " * 20_000_000), "deflate", 413, "limit"),
    "over 100:1 below the largest size": (gzip.compress(b" " * 1_000_000), "gzip", 413, ""),
    "a bomb within a bomb": (bomb(2), "gzip", 400, ""),
    "a bomb in two members": (bomb(1, 5_000_000) + bomb(1, 5_000_000), "gzip", 413, ""),
    "cut off": (gzipped({"dedup_key": "k"})[:-9], "gzip", 400, ""),
    "a wrong sum": (gzipped({"dedup_key": "k"})[:-8] + b"\0\0\0\0\0\0\0\0", "gzip", 400, ""),
    "something behind it": (gzipped({"dedup_key": "k"}) + b"rest", "gzip", 400, ""),
    "two codings": (gzip.compress(gzipped({"dedup_key": "k"})), "gzip, gzip", 415, "Content-Encoding"),
    "a coding that nobody has": (BODY, "zstd", 415, "Content-Encoding"),
}


@pytest.mark.parametrize("body, coding, status, where", PACKED.values(), ids=PACKED)
def test_packed(target, body, coding, status, where):
    before = target.rss_kib()
    answer = target.request("POST", "/v1/in/local", body, {"Content-Encoding": coding, "Content-Type": "application/json"})
    assert answer.status == status, answer
    assert answer.json["status"] == status and where in json.dumps(answer.json), answer
    assert target.rss_kib() - before < 64 * 1024, "unpacked in memory before it was refused"


# --- long, but allowed -------------------------------------------------------------------------

def test_what_is_too_long_is_cut_with_a_mark(tocsin, unharmed):
    t = tocsin()
    t.send("local", {"dedup_key": "d" * 5000, "severity": "error", "summary": "s" * 5000,
                     "labels": {"l": "é" * 5000, "n" * 300: "v", **{f"l{i}": "v" for i in range(62)}}})
    kept, = t.alerts()
    values = kept["labels"]
    assert len(values) == 64
    assert len(values["l"].encode()) <= 4096 and values["l"].endswith("é…")
    assert len(kept["summary"].encode()) <= 1024 and kept["summary"].endswith("s…")
    assert len(kept["dedup_key"].encode()) <= 1024 and kept["dedup_key"].startswith("ddd")
    long, = [name for name in values if name.startswith("nnn")]
    assert len(long.encode()) <= 128 and long.endswith("…")


def test_half_a_surrogate_pair_costs_no_alert(tocsin, vendors):
    # JavaScript cuts texts between the halves of an emoji
    t = tocsin()
    incident = t.fire("half", summary="down \ud83d")
    assert t.incident(incident)["summary"] == "down \ufffd"
    vendors.wait_history("pd", incident, ["trigger"])


def test_nul_is_data(tocsin, vendors):
    t = tocsin()
    incident = t.fire("nul\u0000key", summary="a\u0000b", host="h\u0000i")
    found = t.incident(incident)
    assert "\u0000" not in json.dumps(found, ensure_ascii=False)
    assert found["summary"].startswith("a") and found["summary"].endswith("b")
    assert t.fire("nul\u0000other") != incident, "a key is not cut at its NUL"
    vendors.wait_history("pd", incident, ["trigger"])
