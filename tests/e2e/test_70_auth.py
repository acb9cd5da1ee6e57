# SPDX-License-Identifier: Apache-2.0
"""Who may send, who may read, who may act; TLS and its certificates."""
import base64
import hashlib
import hmac
import json
import os
import ssl
import subprocess

import pytest

from harness import BUILD, basic, wait_until

ONE = {"dedup_key": "k", "severity": "error", "summary": "s"}


def with_auth(settings, auth):
    values = settings()
    values["collectors"][0]["auth"] = auth
    return values


def sign(key, body):
    return hmac.new(key.encode(), body, hashlib.sha256)


def test_bearer(tocsin, settings, vendors):
    t = tocsin(with_auth(settings, {"bearer": ["file:" + vendors.secret("t1", "one-token"),
                                               "file:" + vendors.secret("t2", "two-token")]}))
    for token, status in (("one-token", 202), ("two-token", 202), ("three-token", 401), ("one-toke", 401), ("", 401)):
        t.send("local", ONE, {"Authorization": f"Bearer {token}"}, expect=status)
    answer = t.send("local", ONE, expect=401)
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    t.send("local", ONE, {"Authorization": basic("x", "one-token")}, expect=401)


def test_refusals_are_told_to_the_operator_once_a_minute(tocsin, settings, vendors):
    """Who rotates a token and forgets a sender finds out here; what a payload held is nobody's business."""
    values = with_auth(settings, {"bearer": "file:" + vendors.secret("t1", "one-token")})
    values["collectors"].append({"name": "open", "type": "webhook", "format": "json", "auth": "none"})
    t = tocsin(values)
    for _ in range(20):
        t.send("local", ONE, {"Authorization": "Bearer old-token"}, expect=401)
    for _ in range(20):
        t.send("open", {"summary": "s", "status": "canary"}, expect=422)
    t.send("nobody", ONE, expect=404)
    lines = [line for line in t.log().splitlines() if "comp=collector" in line]
    assert len(lines) == 2, lines
    assert 'subject="local"' in lines[0] and "127.0.0.1 was refused: credentials are missing or wrong" in lines[0]
    assert 'subject="open"' in lines[1] and "request makes no sense at $.status" in lines[1]
    assert "canary" not in t.log() and "old-token" not in t.log()


def test_basic(tocsin, settings, vendors):
    t = tocsin(with_auth(settings, {"user": "prom", "password": "file:" + vendors.secret("pw", "s3cret:with:colons")}))
    t.send("local", ONE, {"Authorization": basic("prom", "s3cret:with:colons")})
    for user, password in (("prom", "wrong"), ("other", "s3cret:with:colons"), ("", "")):
        t.send("local", ONE, {"Authorization": basic(user, password)}, expect=401)
    t.send("local", ONE, {"Authorization": "Basic %%%"}, expect=401)


def test_hmac(tocsin, settings, vendors):
    t = tocsin(with_auth(settings, {"hmac": ["file:" + vendors.secret("h1", "old-key"), "file:" + vendors.secret("h2", "new-key")],
                                    "header": "X-Hub-Signature-256", "prefix": "sha256="}))
    body = json.dumps(ONE).encode()
    head = "X-Hub-Signature-256"
    for key in ("old-key", "new-key"):
        t.send("local", body, {head: "sha256=" + sign(key, body).hexdigest()})
        t.send("local", body, {head: "sha256=" + base64.b64encode(sign(key, body).digest()).decode()})
    for value in ("sha256=" + sign("evil", body).hexdigest(), sign("old-key", body).hexdigest(), "sha256=", "sha256=zz"):
        t.send("local", body, {head: value}, expect=401)
    t.send("local", body + b" ", {head: "sha256=" + sign("old-key", body).hexdigest()}, expect=401)
    t.send("local", body, expect=401)
    assert len(t.alerts()) == 1


def test_address_list(tocsin, settings):
    values = with_auth(settings, {"allow": ["10.0.0.0/8", "2001:db8::/32"]})
    values["collectors"][1]["auth"] = {"allow": ["127.0.0.0/8"]}
    values["collectors"][1]["format"] = "json"
    t = tocsin(values)
    t.send("local", ONE, expect=403)
    t.send("am", ONE)


def test_secret_never_shows(tocsin, settings, vendors):
    t = tocsin(with_auth(settings, {"bearer": "env:TOCSIN_TEST_TOKEN"}), env={"TOCSIN_TEST_TOKEN": "very-secret-word"})
    t.send("local", ONE, {"Authorization": "Bearer very-secret-word"})
    t.send("local", ONE, {"Authorization": "Bearer very-secret-wore"}, expect=401)
    everything = t.log() + "".join(t.get(p).text for p in ("/metrics", "/v1/collectors", "/v1/notifiers", "/v1/incidents"))
    assert "very-secret" not in everything and vendors.KEYS["pagerduty"]["routing_key"] not in everything


def test_api_roles(tocsin, settings, vendors):
    values = settings()
    values["auth"] = {"tokens": [{"name": n, "token": "file:" + vendors.secret("token-" + n, f"{n}-word-0123456789"), "role": n}
                                 for n in ("viewer", "responder", "admin")]}
    t = tocsin(values)
    incident = t.fire("guarded")

    def status(role, method, path, body=None):
        head = {"Authorization": f"Bearer {role}-word-0123456789"} if role else {}
        return t.request(method, path, body, head).status

    table = [("GET", "/v1/incidents", None, (401, 200, 200, 200)),
             ("POST", f"/v1/incidents/{incident}/note", {"note": "n"}, (401, 403, 200, 200)),
             ("POST", "/-/reload", None, (401, 403, 403, 200)),
             ("GET", "/-/healthy", None, (200, 200, 200, 200))]
    for method, path, body, expected in table:
        got = tuple(status(role, method, path, body) for role in (None, "viewer", "responder", "admin"))
        assert got == expected, (method, path, got)
    t.token = "responder-word-0123456789"
    assert "responder" in t.act(incident, "ack", by="anna")["acknowledged_by"]


def test_tls_and_new_certificate_on_reload(tocsin, settings, certificates):
    values = settings()
    values["http"] = {"tls": {"cert": certificates.cert, "key": certificates.key}}
    t = tocsin(values, start=False)
    t.tls = certificates.context()
    t.start()
    assert t.fire("over-tls")

    def serial():
        with ssl.create_default_context(cafile=certificates.ca).wrap_socket(
                __import__("socket").create_connection(("127.0.0.1", t.port)), server_hostname="localhost") as s:
            return s.getpeercert()["serialNumber"]

    first = serial()
    certificates.issue("server")
    t.reload()
    wait_until(lambda: serial() != first, 5, "new connections see the new certificate")
    assert t.fire("with-the-new-one")
    with pytest.raises(OSError):
        t.request("GET", "/-/healthy", tls=ssl.create_default_context())
    ask = [os.path.join(BUILD, "tocsin"), "incidents", "--url", f"https://localhost:{t.port}"]
    assert subprocess.run(ask, capture_output=True).returncode == 1
    known = subprocess.run([*ask, "--ca-file", certificates.ca], capture_output=True, text=True)
    assert known.returncode == 0 and "with-the-new-one" in known.stdout, known


def test_client_certificates(tocsin, settings, certificates):
    values = with_auth(settings, {"client_cert": ["sender-*"]})
    values["http"] = {"tls": {"cert": certificates.cert, "key": certificates.key, "client_ca": certificates.ca}}
    t = tocsin(values, start=False)
    t.tls = certificates.context()
    t.start()
    t.send("local", ONE, expect=401)
    t.send("local", ONE, tls=certificates.context(*certificates.issue("c1", "sender-7")))
    stranger = t.request("POST", "/v1/in/local", ONE, tls=certificates.context(*certificates.issue("c2", "stranger")))
    assert stranger.status in (401, 403), stranger
