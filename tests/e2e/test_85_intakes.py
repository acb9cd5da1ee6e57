# SPDX-License-Identifier: Apache-2.0
"""Other products' clients, unchanged but for the URL: what they send pages, and they like the answers."""
import gzip
import http.client
import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import base_settings
from harness import BUILD, HERE, Process, accepts, am_alert, free_port, request, wait_until

SENDERS = os.path.join(BUILD, "senders")
KEY = "abcdef0123456789abcdef0123456789"
SECOND = "00000000000000000000000000000001"
ALERTMANAGER = next((p for p in (os.path.join(SENDERS, "debian/usr/bin/prometheus-alertmanager"),
                                 shutil.which("prometheus-alertmanager")) if p and os.path.exists(p)), None)

needs_npm = pytest.mark.skipif(not os.path.exists(os.path.join(SENDERS, ".installed")), reason="make senders first")
needs_alertmanager = pytest.mark.skipif(not ALERTMANAGER, reason="make senders first")


@pytest.fixture
def intakes(vendors, tocsin):
    """All three, with one key each, and a second key of PagerDuty's that stands for a policy."""
    def make(tls=None):
        settings = base_settings(vendors, [("0s", ["pd"])])
        settings["http"] = {"tls": {"cert": tls.cert, "key": tls.key}} if tls else {}
        settings["policies"].append({"name": "second", "steps": [{"after": "0s", "notify": ["vo"]}]})
        settings["collectors"] += [
            {"name": "pd-in", "type": "intake", "format": "pagerduty",
             "keys": [{"key": "env:IN_KEY"}, {"key": "env:IN_SECOND", "policy": "second"}]},
            {"name": "og-in", "type": "intake", "format": "opsgenie", "keys": "env:IN_KEY",
             "routes": [{"name": "storage", "policy": "second"}]},
            {"name": "vo-in", "type": "intake", "format": "victorops", "keys": "env:IN_KEY",
             "routes": [{"name": "database", "policy": "second"}]}]
        t = tocsin(settings, env={"IN_KEY": KEY, "IN_SECOND": SECOND}, start=False)
        t.tls = tls.context() if tls else None
        return t.start()
    return make


def only(t, source):
    """The one incident of a collector."""
    found = [i for i in t.incidents() if i["source"] == source]
    assert len(found) <= 1, found
    return t.incident(found[0]["id"]) if found else None


def pd_event(t, action, key="disk/db-1", routing_key=KEY, **more):
    return t.request("POST", "/v2/enqueue", {"routing_key": routing_key, "event_action": action, "dedup_key": key,
                                             "payload": {"summary": "disk full", "source": "db-1",
                                                         "severity": "critical"}, **more})


def og(t, method, path, body=None, key=KEY):
    return t.request(method, path, body, {"Authorization": f"GenieKey {key}"})


# --- one after the other ------------------------------------------------------------------------

def test_pagerduty_life(intakes, vendors):
    t = intakes()
    answer = pd_event(t, "trigger")
    assert answer.status == 202
    assert answer.json == {"status": "success", "message": "Event processed", "dedup_key": "disk/db-1"}
    i = only(t, "pd-in")
    assert (i["state"], i["severity"], i["policy"], i["alerts"][0]["dedup_key"]) == ("triggered", "critical", "p",
                                                                                     "disk/db-1")
    vendors.wait_history("pd", i["id"], ["trigger"])   # what a pager is not told yet would be merged
    assert pd_event(t, "acknowledge").status == 202 and only(t, "pd-in")["state"] == "acknowledged"
    vendors.wait_history("pd", i["id"], ["trigger", "acknowledge"])
    assert pd_event(t, "resolve").status == 202 and only(t, "pd-in")["state"] == "resolved"
    vendors.wait_history("pd", i["id"], ["trigger", "acknowledge", "resolve"])
    assert pd_event(t, "acknowledge", key="never seen").status == 202
    assert len(t.incidents()) == 1


def test_keys_stand_for_policies(intakes, vendors):
    t = intakes()
    pd_event(t, "trigger", key="a", routing_key=SECOND)
    i = only(t, "pd-in")
    assert i["policy"] == "second"
    vendors.wait_history("vo", i["id"], ["trigger"])
    t.request("POST", f"/integrations/generic/20131114/alert/{KEY}/Database",
              {"message_type": "critical", "entity_id": "b", "state_message": "hot"}, {"Content-Type": "text/plain"})
    assert only(t, "vo-in")["policy"] == "second"
    og(t, "POST", "/v2/alerts", {"message": "c", "responders": [{"type": "team", "name": "storage"}]})
    assert only(t, "og-in")["policy"] == "second"


def test_bad_keys_and_bodies(intakes):
    t = intakes()
    answer = pd_event(t, "trigger", routing_key="f" * 32)
    assert (answer.status, answer.json["errors"]) == (400, ["Invalid routing key"])
    for key, status, message in ((SECOND, 422, "Key format is not valid!"), ("wrong", 422, "Key format is not valid!"),
                                 ("01234567-89ab-cdef-0123-456789abcdef", 401, "Could not authenticate")):
        answer = og(t, "POST", "/v2/alerts", {"message": "x"}, key=key)
        assert (answer.status, answer.json["message"]) == (status, message) and "took" in answer.json
    assert t.request("POST", "/v2/alerts", {"message": "x"}).status == 401
    assert t.request("POST", f"/integrations/generic/20131114/alert/wrong/r", {"message_type": "OK"}).status == 404
    assert t.request("POST", "/v2/enqueue", b"{").json["status"] == "Unrecognized object"
    answer = og(t, "POST", "/v2/alerts", {"alias": "x"})
    assert answer.status == 422 and "message" in answer.json["errors"]
    answer = t.request("POST", f"/any/prefix/alert/{KEY}/", {"entity_id": "x"})
    assert (answer.status, answer.json) == (400, {"result": "failure", "message": "Missing fields: message_type"})
    answer = t.get("/v2/enqueue")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert t.request("POST", "/v2/elsewhere", {}).status == 404
    assert t.incidents() == []


def test_unread_bodies_are_refused_in_the_vendors_words(intakes):
    """Too large and damaged ones never reach an integration's parser; still nobody is told problem+json."""
    t = intakes()
    victorops = f"/integrations/generic/20131114/alert/{KEY}/ml"
    answers = {"/v2/enqueue": ("status", "message", "errors"), "/generic/2010-04-15/create_event.json": ("errors",),
               "/v2/alerts": ("message", "took", "requestId"), "/jsm/ops/integration/v2/alerts/x/close": ("message",),
               victorops: ("result", "message"), "/v1/in/vo-in" + victorops: ("result",)}
    large, packed = b"[" + b" " * (1 << 20) + b"]", gzip.compress(b" " * (9 << 20))
    for path, members in answers.items():
        for body, headers, status in ((large, {}, 413), (packed, {"Content-Encoding": "gzip"}, 413),
                                      (packed[:-20], {"Content-Encoding": "gzip"}, 413),
                                      (b"\x1f\x8b x", {"Content-Encoding": "gzip"}, 400),
                                      (b"x", {"Content-Encoding": "br"}, 415)):
            answer = t.request("POST", path, body, headers)
            assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json"), (path, answer)
            assert not set(members) - set(answer.json), (path, answer)


def chunked(t, path, body, headers):
    connection = http.client.HTTPConnection("127.0.0.1", t.port, timeout=15)
    try:
        connection.request("POST", path, body=iter([body[:7], body[7:]]), headers=headers, encode_chunked=True)
        return connection.getresponse().status
    finally:
        connection.close()


def test_packed_and_chunked_bodies(intakes):
    t = intakes()
    victorops = f"/integrations/generic/20131114/alert/{KEY}/ml"
    pagerduty = {"routing_key": KEY, "event_action": "trigger", "payload": {"summary": "s", "source": "h",
                                                                              "severity": "info"}}
    sent = [("/v2/enqueue", pagerduty, {}, 202), ("/v2/alerts", {"message": "m"}, {"Authorization": f"GenieKey {KEY}"}, 202),
            (victorops, {"message_type": "INFO"}, {}, 200)]
    for path, doc, headers, status in sent:
        body = json.dumps(doc).encode()
        assert chunked(t, path, body, headers) == status, path
        packed = {**headers, "Content-Encoding": "gzip"}
        assert chunked(t, path, gzip.compress(body), packed) == status, path
        assert t.request("POST", path, gzip.compress(body), packed).status == status, path
        assert t.request("POST", path, body, {**headers, "Content-Type": "nonsense"}).status == status, path


@pytest.mark.parametrize("rule,more", [({"pattern": "cust-[0-9]+"}, {}), ({"path": "alias"}, {}),
                                       ({"pattern": "cust-[0-9]+"}, {"redact_key": "env:IN_KEY"}),
                                       ({"path": "alias", "action": "hash"}, {"redact_key": "env:IN_KEY"})],
                         ids=["mask", "mask-path", "mask-key", "hash-path"])
def test_opsgenie_redacted_alias(vendors, tocsin, rule, more):
    """The alias of a path is known as that of a body: what it names is found, acknowledged and closed."""
    settings = base_settings(vendors, [("0s", ["pd"])])
    settings["collectors"].append({"name": "og-in", "type": "intake", "format": "opsgenie", "keys": "env:IN_KEY",
                                   "redact": [rule], **more})
    t = tocsin(settings, env={"IN_KEY": KEY})
    one = "/v2/alerts/cust-17%2Fdisk{}?identifierType=alias"
    assert og(t, "POST", "/v2/alerts", {"message": "disk full", "alias": "cust-17/disk"}).status == 202
    answer = og(t, "GET", one.format(""))
    assert (answer.status, answer.json["data"]["alias"]) == (200, "cust-17/disk")   # who asks by a name is told by it
    shown = og(t, "GET", f"/v2/alerts/{answer.json['data']['id']}").json["data"]["alias"]
    assert shown.startswith("redacted:") and only(t, "og-in")["alerts"][0]["dedup_key"] == shown
    assert og(t, "GET", f"/v2/alerts/{shown}?identifierType=alias").json["data"]["tinyId"] == "1"
    assert og(t, "GET", "/v2/alerts/cust-18%2Fdisk?identifierType=alias").status == 404
    assert og(t, "GET", "/v2/alerts/count?query=alias%3Acust-17%2Fdisk").json["data"]["count"] == 1
    assert og(t, "POST", one.format("/acknowledge"), {}).status == 202
    assert only(t, "og-in")["state"] == "acknowledged"
    assert og(t, "POST", one.format("/close"), {}).status == 202
    assert only(t, "og-in")["state"] == "resolved"


def test_opsgenie_by_every_identifier(intakes):
    t = intakes()
    alias = "a b/c=d+e%"
    quoted = "a%20b%2Fc=d+e%25"
    created = og(t, "POST", "/v2/alerts", {"message": "full", "alias": alias, "priority": "P2", "tags": ["x", "y"],
                                           "details": {"mount": "/var"}, "description": "long"})
    assert created.status == 202 and created.json["result"] == "Request will be processed"
    assert created.headers["X-Request-ID"] == created.json["requestId"]
    assert created.headers["X-RateLimit-State"] == "OK" and created.headers["X-Response-Time"]
    t.restart(hard=True)           # the id says by itself what became of the request
    status = og(t, "GET", f"/v2/alerts/requests/{created.json['requestId']}").json["data"]
    assert (status["isSuccess"], status["action"], status["alias"]) == (True, "Create", alias)
    by_alias = og(t, "GET", f"/v2/alerts/{quoted}?identifierType=alias").json["data"]
    assert by_alias["id"] == status["alertId"] and by_alias["status"] == "open" and by_alias["priority"] == "P2"
    assert by_alias["tags"] == ["x", "y"] and by_alias["details"] == {"mount": "/var"}
    assert by_alias["description"] == "long"
    assert og(t, "GET", f"/v2/alerts/{by_alias['tinyId']}?identifierType=tiny").json["data"]["alias"] == alias
    assert og(t, "POST", f"/v2/alerts/{status['alertId']}/acknowledge", {"user": "anna"}).status == 202
    assert only(t, "og-in")["acknowledged_by"] == "anna"
    assert og(t, "POST", f"/v2/alerts/{quoted}/unacknowledge?identifierType=alias").status == 202
    assert only(t, "og-in")["state"] == "triggered"
    og(t, "PUT", f"/v2/alerts/{quoted}/message?identifierType=alias", {"message": "fuller"})
    assert og(t, "GET", f"/v2/alerts/{quoted}?identifierType=alias").json["data"]["message"] == "fuller"
    assert og(t, "GET", "/v2/alerts/count?query=status:open").json["data"]["count"] == 1
    og(t, "POST", f"/jsm/ops/integration/v2/alerts/{by_alias['tinyId']}/close?identifierType=tiny", {"note": "done"})
    assert og(t, "GET", f"/v2/alerts/{quoted}?identifierType=alias").json["data"]["status"] == "closed"
    assert og(t, "GET", "/v2/alerts/count?query=status:open").json["data"]["count"] == 0
    # the same id, when the alias is open again, is not the new alert
    og(t, "POST", "/v2/alerts", {"message": "full", "alias": alias})
    late = og(t, "POST", f"/v2/alerts/{status['alertId']}/close").json
    said = og(t, "GET", f"/v2/alerts/requests/{late['requestId']}").json["data"]
    assert (said["isSuccess"], said["status"]) == (False, "Alert does not exist")
    assert og(t, "GET", "/v2/alerts/count?query=status:open").json["data"]["count"] == 1
    assert og(t, "GET", "/v2/alerts/requests/4b2f6a1e-0000-4000-8000-000000000001").status == 404


@pytest.mark.parametrize("way", ["close", "delete", "note"])
def test_opsgenie_names_who_closed_and_counts_creates(intakes, way):
    """An update or a close is no occurrence; whoever closed it is named, with a note or without."""
    t, one = intakes(), "/v2/alerts/disk{}?identifierType=alias"
    for _ in range(2):
        og(t, "POST", "/v2/alerts", {"message": "disk full", "alias": "disk"})
    og(t, "PUT", one.format("/message"), {"message": "disk fuller"})
    og(t, "PUT", one.format("/priority"), {"priority": "P1"})
    assert og(t, "POST", one.format("/acknowledge"), {"user": "bert"}).status == 202
    assert only(t, "og-in")["acknowledged_by"] == "bert"
    og(t, "POST", "/v2/alerts", {"message": "disk full", "alias": "disk"})
    assert og(t, "GET", one.format("")).json["data"]["count"] == 3
    if way == "delete":
        assert og(t, "DELETE", one.format("") + "&user=anna").status == 202
    else:
        body = {"user": "anna", **({"note": "extended"} if way == "note" else {})}
        assert og(t, "POST", one.format("/close"), body).status == 202
    data = og(t, "GET", one.format("")).json["data"]
    assert (data["status"], data["count"], data["report"]["closedBy"]) == ("closed", 3, "anna")
    timeline = only(t, "og-in")["timeline"]
    assert [(e["actor"], e["text"]) for e in timeline if e["kind"] == "resolved"] == \
        [("anna", "told 'og-in' that it is over")]
    assert [(e["actor"], e["text"]) for e in timeline if e["kind"] == "note"] == \
        {"close": [], "note": [("anna", "extended")], "delete": [("anna", "the alert was deleted by its source")]}[way]
    # what is over is not changed any more, and does not open again by that
    late = og(t, "PUT", one.format("/message"), {"message": "late"})
    said = og(t, "GET", f"/v2/alerts/requests/{late.json['requestId']}").json["data"]
    assert (said["isSuccess"], said["status"]) == (False, "Alert does not exist")
    assert only(t, "og-in")["state"] == "resolved"


def test_opsgenie_took_is_a_decimal(intakes):
    t = intakes()
    for answer in (og(t, "POST", "/v2/alerts", {"message": "x"}), og(t, "GET", "/v2/alerts"), og(t, "GET", "/v2/alerts/x")):
        assert re.search(r'"took":\d+\.\d{1,3}[,}]', answer.text), answer
        assert re.fullmatch(r"\d+\.\d{3}", answer.headers["X-Response-Time"])


def test_nothing_is_answered_before_it_is_stored(intakes):
    t = intakes()
    for n in range(20):
        assert pd_event(t, "trigger", key=f"k{n}").status == 202
    t.restart(hard=True)
    assert {a["dedup_key"] for a in t.alerts("source=pd-in")} == {f"k{n}" for n in range(20)}


# --- their own programs ----------------------------------------------------------------------------

def node(script, *args, **env):
    done = subprocess.run(["node", os.path.join(HERE, "senders", script), *args], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "SENDERS": SENDERS, **env})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@needs_npm
def test_pdjs(intakes, vendors, certificates):
    t, told = intakes(tls=certificates), []    # it knows no other way than https
    for action, state in (("trigger", "triggered"), ("acknowledge", "acknowledged"), ("resolve", "resolved")):
        answer = node("pagerduty.js", f"localhost:{t.port}", KEY, "disk/db-1", action,
                      NODE_EXTRA_CA_CERTS=certificates.ca)
        assert answer == {"status": 202, "data": {"status": "success", "message": "Event processed",
                                                  "dedup_key": "disk/db-1"}}
        told.append(action)
        assert only(t, "pd-in")["state"] == state
        vendors.wait_history("pd", only(t, "pd-in")["id"], told)


@needs_npm
def test_opsgenie_sdk(intakes, vendors):
    t = intakes()
    out = node("opsgenie.js", f"http://127.0.0.1:{t.port}", KEY, "disk/db-1")
    assert out["status"]["data"]["isSuccess"] is True and out["status"]["data"]["alias"] == "disk/db-1"
    assert out["get"]["data"]["acknowledged"] is True and out["get"]["data"]["owner"] == "anna"
    assert [a["alias"] for a in out["list"]["data"]] == ["disk/db-1"]
    assert out["closed"]["data"]["status"] == "closed"
    i = only(t, "og-in")
    assert i["state"] == "resolved" and "extending the volume" in [e["text"] for e in i["timeline"]]
    wait_until(lambda: vendors.history("pd", i["id"])[-1:] == ["resolve"], 10, "the pager is told that it is over")


RECEIVERS = """
global: { resolve_timeout: 5m }
route: { receiver: all, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: all
    pagerduty_configs:
      - { routing_key: %(key)s, url: 'http://127.0.0.1:%(port)d/v2/enqueue', severity: '{{ .CommonLabels.severity }}' }
    opsgenie_configs:
      - { api_key: %(key)s, api_url: 'http://127.0.0.1:%(port)d/', priority: P1, update_alerts: true }
    victorops_configs:
      - { api_key: %(key)s, api_url: 'http://127.0.0.1:%(port)d/integrations/generic/20131114/alert/', routing_key: ml }
"""


class Alertmanager:
    """Debian's, sending to the three intakes."""

    def __init__(self, folder, port):
        self.port = free_port()
        path = os.path.join(folder, "alertmanager.yml")
        with open(path, "w") as f:
            f.write(RECEIVERS % {"key": KEY, "port": port})
        self.process = Process([ALERTMANAGER, f"--config.file={path}", f"--storage.path={folder}/am",
                                f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
                               os.path.join(folder, "alertmanager.log"))
        wait_until(lambda: accepts(self.port), 20, "Alertmanager listens")

    def post(self, **times):
        alert = {**am_alert("DiskFull", instance="db-1"), **times}
        answer = request(self.port, "POST", "/api/v2/alerts",
                         [{k: alert[k] for k in ("labels", "annotations", "startsAt", "endsAt") if k in times or
                           k in ("labels", "annotations")}])
        assert answer.status == 200, answer

    def close(self):
        self.process.end()


@needs_alertmanager
def test_alertmanager_as_a_client(intakes, vendors, tmp_path, made):
    t = intakes()
    am = Alertmanager(str(tmp_path), t.port)
    made.append(am)
    am.post()
    sources = ("pd-in", "og-in", "vo-in")
    wait_until(lambda: all(only(t, s) for s in sources), 20, "all three receivers opened an incident")
    first = {s: only(t, s) for s in sources}
    for incident in first.values():
        assert incident["state"] == "triggered" and incident["severity"] == "critical", incident
        assert len(incident["alerts"][0]["dedup_key"]) >= 64
    am.post(startsAt="2026-01-31T12:00:00Z", endsAt="2026-01-31T12:30:00Z")
    for s in sources:
        t.wait_state(first[s]["id"], "resolved", 30)
        wait_until(lambda s=s: vendors.history("pd", first[s]["id"])[-1:] == ["resolve"], 15, f"{s}: the pager knows")
    assert "Notify for alerts failed" not in am.process.log()
