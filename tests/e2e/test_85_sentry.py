# SPDX-License-Identifier: Apache-2.0
"""Sentry's SDKs with a DSN that points here: events, what is taken out of them, source maps, passing on."""
import glob
import gzip
import json
import os
import subprocess

import pytest
from harness import BUILD, HERE, Tocsin, wait_until
from sentry_fake import KEY, FakeSentry, Proxy, Tunnel

SENDERS = os.path.join(BUILD, "senders", "node_modules")
CANARIES = [b"canary-email", b"canary-password-1", b"canary-token-2", b"4111 1111 1111 1111", b"canary-cookie"]
PAGE = {"notifiers": [{"name": "log", "plugin": "log"}], "policies": [{"name": "p", "steps": [{"notify": ["log"]}]}]}

senders = pytest.mark.skipif(not os.path.isdir(SENDERS), reason="make senders")


def settings(folder, forward=None, **more):
    key = os.path.join(str(folder), "dsn.key")
    with open(key, "w") as f:
        f.write(KEY + "\n")
    collector = {"name": "shop", "type": "intake", "format": "sentry", "keys": [f"file:{key}"],
                 "redact": [{"path": "**.email", "action": "hash"}, {"path": "user.username", "action": "remove"}],
                 "redact_key": f"file:{key}", **more}
    if forward:
        to = os.path.join(str(folder), "forward.dsn")
        with open(to, "w") as f:
            f.write(forward.dsn + "\n")
        collector["forward_to"] = f"file:{to}"
    return {"collectors": [collector], **PAGE}


@pytest.fixture
def fakes():
    made = []

    def make(kind, *args):
        made.append(kind(*args))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def start(tmp_path):
    made = []

    def run(**more):
        made.append(Tocsin(tmp_path / "t", settings(tmp_path, **more)).start())
        return made[-1]

    yield run
    for one in made:
        one.close()


AUTH = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=curl/1, sentry_key={KEY}"}


def event(n=1, **more):
    return {"event_id": f"{n:032x}", "level": "error", "platform": "python", "release": "shop@1.0.0",
            "exception": {"values": [{"type": "ValueError", "value": f"cart {n} is empty", "stacktrace": {"frames": [
                {"filename": "lib/http.py", "function": "dispatch", "in_app": False, "lineno": n},
                {"filename": "shop/cart.py", "function": "pay", "in_app": True, "lineno": n}]}}]}, **more}


def store(t, doc, headers=AUTH, expect=200, path="/api/7/store/"):
    answer = t.request("POST", path, doc, headers)
    assert answer.status == expect, answer
    return answer


def envelope(items, **header):
    lines = [json.dumps(header).encode()]
    for kind, payload, more in items:
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        lines += [json.dumps({"type": kind, "length": len(payload), **more}).encode(), payload]
    return b"\n".join(lines) + b"\n"


def files_of(t):
    found = b""
    for path in glob.glob(t.db + "*") + [t.process.log_path]:
        with open(path, "rb") as f:
            found += f.read()
    return found


def node(*args, **env):
    done = subprocess.run(["node", os.path.join(HERE, "senders", "sentry.js"), *args], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "NODE_PATH": SENDERS, **env})
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def annotations(t, **labels):
    alerts = [a for a in t.alerts("source=shop") if all(a["labels"].get(k) == v for k, v in labels.items())]
    assert len(alerts) == 1, alerts
    return alerts[0]["annotations"]


# --- the protocol ------------------------------------------------------------------------------

def test_events_are_grouped_and_answered(start):
    t = start()
    assert store(t, event(1)).json == {"id": f"{1:032x}"}
    store(t, event(2))                                    # another line, another number in the text: the same issue
    other = event(3)
    other["exception"]["values"][0]["stacktrace"]["frames"][1]["function"] = "refund"
    store(t, other)
    store(t, event(4, fingerprint=["mine"]))
    incidents = t.incidents()
    assert len(incidents) == 3
    assert sorted(a["count"] for a in t.alerts("source=shop")) == [1, 1, 2]
    assert {i["summary"] for i in incidents} == {"ValueError: cart 2 is empty", "ValueError: cart 3 is empty",
                                                 "ValueError: cart 4 is empty"}
    text = envelope([("event", event(5), {}), ("session", {"sid": "x"}, {}), ("attachment", b"\x00\n\xff", {}),
                     ("client_report", {}, {})], event_id=f"{5:032x}",
                    dsn=f"https://{KEY}@tocsin.example/7")
    answer = t.request("POST", "/some/prefix/api/7/envelope/", gzip.compress(text), {"Content-Encoding": "gzip"})
    assert (answer.status, answer.json) == (200, {"id": f"{5:032x}"})
    assert t.metric("tocsin_items_received_total", collector="shop", kind="event") == 5
    assert t.metric("tocsin_items_received_total", collector="shop", kind="attachment") == 1
    answer = t.request("POST", f"/api/7/envelope/?sentry_key={KEY}", envelope([("session", {"sid": "x"}, {})]))
    assert (answer.status, answer.json) == (200, {})
    assert len(t.incidents()) == 3


def test_refusals_are_sentrys(start):
    t = start()
    assert store(t, event(), {}, 401).json == {"detail": "missing authorization information"}
    wrong = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={'f' * 32}"}
    assert store(t, event(), wrong, 403).json == {"detail": "event submission rejected with_reason: ProjectId"}
    short = {"X-Sentry-Auth": "Sentry sentry_version=7, sentry_key=ffff"}
    assert store(t, event(), short, 400).json == {"detail": "bad sentry DSN public key", "causes": ["invalid project key"]}
    for text in ("{", "[]"):
        answer = store(t, text, AUTH, 400).json
        assert answer["detail"] == "invalid JSON data" and len(answer["causes"]) == 1
    assert store(t, b"", AUTH, 400).json == {"detail": "empty request body"}
    broken = b'{}\n{"type":"event","length":100}\n{}'
    answer = t.request("POST", "/api/7/envelope/", broken, AUTH)
    assert (answer.status, answer.json["detail"]) == (400, "invalid event envelope")
    assert answer.json["causes"][0].startswith("item 1: ")
    for path in ("/api/shop/store/", "/api/-7/envelope/", "/api/7a/store/"):
        assert store(t, event(), AUTH, 400, path).json == {"detail": "bad project path parameter",
                                                           "causes": ["invalid value for project id"]}
    for path in ("/api/7/store/", "/api/7/envelope/", "/some/prefix/api/7/envelope/"):
        packed = {**AUTH, "Content-Encoding": "gzip"}
        for damaged in (b"\x1f\x8b\x08 nonsense", gzip.compress(json.dumps(event()).encode())[:-9]):
            answer = store(t, damaged, packed, 400, path)
            assert answer.json["detail"] == "invalid request body" and len(answer.json["causes"]) == 1
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        answer = store(t, b"x", {**AUTH, "Content-Encoding": "zstd"}, 415, path)
        assert list(answer.json) == ["detail"]
    answer = store(t, gzip.compress(b" " * (32 << 20)), {**AUTH, "Content-Encoding": "gzip"}, 413)
    assert answer.json["detail"] == "envelope exceeded size limits"
    assert t.incidents() == []


def test_browsers_may_send(start):
    t = start(origins=["https://shop.example"])
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = t.request("OPTIONS", f"/api/7/envelope/?sentry_key={KEY}", None, ask)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "x-sentry-auth" in answer.headers["Access-Control-Allow-Headers"]
    answer = t.request("POST", "/api/7/store/", event(), {**AUTH, **ask})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "x-sentry-rate-limits" in answer.headers["Access-Control-Expose-Headers"]
    answer = t.request("POST", "/api/7/store/", event(), {**AUTH, "Origin": "https://evil.example"})
    assert answer.status == 200 and "Access-Control-Allow-Origin" not in answer.headers


# --- passing on ----------------------------------------------------------------------------------

def test_down_then_up_loses_nothing(start, fakes):
    target, proxy = fakes(FakeSentry), fakes(Proxy)
    target.mode = "down"
    t = start(forward=target, forward_proxy=proxy.url)
    for n in range(1, 21):
        store(t, event(n, user={"email": "canary-email@example.com", "username": "joe"}))
    wait_until(lambda: target.refused, what="it was tried")
    t.restart(hard=True)                                  # kill -9
    for n in range(21, 26):
        store(t, event(n))
    target.mode = "ok"
    wait_until(lambda: len(target.events()) >= 25, 60, "all are there")
    assert {e["event_id"] for e in target.events()} == {f"{n:032x}" for n in range(1, 26)}
    assert "username" not in target.events()[0]["user"]
    assert b"canary" not in target.seen()
    assert all(r.startswith(f"http://127.0.0.1:{target.port}/") for r in proxy.requests)
    wait_until(lambda: t.metric("tocsin_outbox_rows", kind="forward") == 0, what="the outbox is empty")
    t.restart()
    assert t.metric("tocsin_outbox_rows") in (None, 0)


def test_https_goes_through_a_tunnel(start, fakes, certificates, tmp_path):
    """The proxy sees where to, not what; it is given a password, the other side shows a certificate of our authority."""
    target, tunnel = fakes(FakeSentry, certificates.cert, certificates.key), fakes(Tunnel)
    proxy = tmp_path / "proxy.url"
    proxy.write_text(tunnel.url + "\n")
    t = start(forward=target, forward_proxy=f"file:{proxy}", forward_ca_file=certificates.ca)
    for n in range(1, 4):
        store(t, event(n, user={"username": "joe"}))
    wait_until(lambda: len(target.events()) == 3, 30, "all are there")
    assert {e["event_id"] for e in target.events()} == {f"{n:032x}" for n in range(1, 4)}
    assert "username" not in target.events()[0]["user"]
    assert tunnel.requests and set(tunnel.requests) == {f"127.0.0.1:{target.port}"}
    assert tunnel.bytes and b"ValueError" not in tunnel.bytes and KEY.encode() not in tunnel.bytes
    assert "swordfish" not in t.log()


def test_a_foreign_certificate_behind_the_tunnel(start, fakes, certificates, tmp_path):
    target, tunnel = fakes(FakeSentry, certificates.cert, certificates.key), fakes(Tunnel)
    proxy = tmp_path / "proxy.url"
    proxy.write_text(tunnel.url + "\n")
    t = start(forward=target, forward_proxy=f"file:{proxy}")          # the machine's authorities do not know it
    store(t, event(1))
    wait_until(lambda: tunnel.requests, 30, "it was tried")
    wait_until(lambda: "certificate" in t.log(), 30, "the log says why")
    assert target.events() == [] and t.metric("tocsin_outbox_rows", kind="forward") == 1


def test_bounded_and_refused_for_good(start, fakes):
    target = fakes(FakeSentry)
    target.mode = "down"
    t = start(forward=target, forward_queue="4KiB")
    for n in range(1, 31):
        store(t, event(n))
    dropped = t.metric("tocsin_outbox_dropped_total", kind="forward")
    assert dropped and dropped + t.metric("tocsin_outbox_rows", kind="forward") == 30
    assert "is dropped" in t.log()
    target.mode = "refuses"
    wait_until(lambda: t.metric("tocsin_outbox_dropped_total", kind="forward") == 30, 30, "what it refuses is dropped")
    assert "is given up: 400" in t.log()
    target.mode = "forbids"
    store(t, event(40))
    wait_until(lambda: 403 in target.refused, 10, "refused")
    target.mode = "ok"                                    # a wrong key is mended, and nothing is lost by it
    wait_until(lambda: len(target.events()) == 1, 30, "sent after all")


# --- real senders ----------------------------------------------------------------------------------

@senders
def test_sdk(start, fakes):
    target = fakes(FakeSentry)
    t = start(forward=target)
    dsn = f"http://{KEY}@127.0.0.1:{t.port}/7"
    assert node(dsn) == {"sent": True}
    by_summary = {i["summary"]: i for i in t.incidents()}
    assert set(by_summary) == {"TypeError: cannot read cart 4711 of customer 1234",
                               "disk of node7 is 93% full, [redacted]", "payment with card [card] failed"}
    assert by_summary["payment with card [card] failed"]["severity"] == "critical"
    assert by_summary["disk of node7 is 93% full, [redacted]"]["severity"] == "warning"
    labels = [a for a in t.alerts("source=shop") if a["severity"] == "error"][0]["labels"]
    assert (labels["environment"], labels["host"], labels["tag_region"], labels["project"]) == \
        ("production", "web-1", "eu-1", "7")
    assert "user" not in labels
    for kind in ("event", "transaction", "attachment"):
        assert t.metric("tocsin_items_received_total", kind=kind) >= 1, kind
    assert (t.metric("tocsin_items_received_total", kind="session") or 0) + \
        (t.metric("tocsin_items_received_total", kind="sessions") or 0) >= 1
    wait_until(lambda: len(target.events()) == 3 and target.items("transaction"), 20, "all went on")
    assert target.items("attachment") == []               # files cannot be redacted, and were not asked for
    everything = files_of(t) + target.seen()
    for canary in CANARIES + [b"canary-attachment-3"]:
        assert canary not in everything, canary
    assert node(dsn) == {"sent": True}                    # the same again is no new incident
    assert len(t.incidents()) == 3


@senders
def test_source_map(start, tmp_path):
    maps = tmp_path / "maps"
    (maps / "shop@2.0.0").mkdir(parents=True)
    source = tmp_path / "src"
    source.mkdir()
    (source / "cart.js").write_text("'use strict';\n\nfunction explodeOnPurpose(cartNumber) {\n"
                                    "  const customer = { name: 'joe' };\n\n"
                                    "  throw new RangeError(`cart ${cartNumber} of ${customer.name} is too full`);\n}\n\n"
                                    "function payForCart(cartNumber) {\n  return explodeOnPurpose(cartNumber + 1) + 1;\n}\n\n"
                                    "exports.run = () => payForCart(41);\n")
    terser = os.path.join(SENDERS, "terser", "bin", "terser")
    subprocess.run(["node", terser, "cart.js", "--toplevel", "--mangle", "--compress", "reduce_funcs=false,inline=false,"
                    "reduce_vars=false", "--source-map", "includeSources,filename='cart.min.js.map'",
                    "-o", "cart.min.js"], cwd=source, check=True, capture_output=True)
    (source / "cart.min.js.map").rename(maps / "shop@2.0.0" / "cart.min.js.map")
    (source / "cart.js").unlink()
    assert "explodeOnPurpose" not in (source / "cart.min.js").read_text()
    t = start(source_maps=str(maps))
    dsn = f"http://{KEY}@127.0.0.1:{t.port}/7"
    assert node(dsn, str(source / "cart.min.js"), "shop@2.0.0") == {"sent": True}
    told = annotations(t, type="RangeError")
    assert told["location"].startswith("cart.js:6:"), told
    assert "throw new RangeError(" in told["source_line"]
    assert "explodeOnPurpose (cart.js:6:" in told["stacktrace"], told["stacktrace"]
    assert "payForCart (cart.js:10:" in told["stacktrace"], told["stacktrace"]
    assert ">    6 |   throw new RangeError(" in told["source"]
    assert told["culprit"] == "cart.js in explodeOnPurpose"
    assert "at explodeOnPurpose in cart.js" in told["grouping"]
