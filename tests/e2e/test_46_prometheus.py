# SPDX-License-Identifier: Apache-2.0
"""What was made for Alertmanager points at tocsin: Prometheus, amtool; and its answers beside Alertmanager's own."""
import datetime
import http.server
import json
import os
import re
import subprocess
import threading

import pytest

import debian
from harness import request, wait_until

API = "/api/v2"


@pytest.fixture
def standing_in(tocsin, vendors):
    """tocsin as Alertmanager: an intake for alerts, and a rule that groups and routes as the peer's configuration."""
    def make(**more):
        settings = {
            "collectors": [{"name": "prometheus", "type": "intake", "format": "alertmanager", "auth": "none"}],
            "notifiers": [vendors.notifier("pagerduty")],
            "policies": [{"name": "ops", "steps": [{"after": "0s", "notify": ["pd"]}]},
                         {"name": "data", "steps": [{"after": "0s", "notify": ["pd"]}]}],
            "default_policy": "ops", **more}
        return tocsin(settings, [{"name": "group", "match": ['alertname =~ ".+"'], "group_by": ["alertname"]},
                                 {"name": "data", "match": ['team = "data"'], "policy": "data"}])
    return make


PEER = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  routes:
  - receiver: data
    matchers: ['team="data"']
receivers: [{name: ops}, {name: data}]
"""


# --- Prometheus ----------------------------------------------------------------------------------

class Exporter:
    """A page of one metric."""

    def __init__(self):
        exporter = self
        self.value = 1

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = f"broken {exporter.value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_prometheus_fires_and_resolves(standing_in, vendors, tmp_path, made):
    t, exporter = standing_in(), Exporter()
    made.append(exporter)
    folder = tmp_path / "prometheus"
    os.makedirs(folder)
    (folder / "rules.yml").write_text("""
groups:
- name: g
  interval: 1s
  rules:
  - alert: Broken
    expr: broken == 1
    labels: {severity: critical}
    annotations: {summary: "it broke"}
""")
    made.append(debian.prometheus(str(folder), f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{folder}/rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{t.port}"]}}]}}]}}
scrape_configs: [{{job_name: x, static_configs: [{{targets: ["127.0.0.1:{exporter.port}"]}}]}}]
"""))
    wait_until(t.incidents, 30, "an incident")
    incident = t.incidents()[0]
    assert incident["summary"] == "it broke" and incident["severity"] == "critical"
    vendors.wait_history("pd", incident["id"], ["trigger"])
    alert = t.alerts()[0]
    assert alert["labels"]["alertname"] == "Broken" and alert["labels"]["job"] == "x"
    exporter.value = 0
    vendors.wait_history("pd", incident["id"], ["trigger", "resolve"], 30)
    assert [a["status"] for a in t.alerts()] == ["resolved"]


# --- beside Alertmanager ---------------------------------------------------------------------------

ALERTS = [
    {"labels": {"alertname": "A", "severity": "page", "empty": ""}, "annotations": {"summary": "s"},
     "generatorURL": "http://prometheus.example/graph"},
    {"labels": {"alertname": "A", "severity": "page", "instance": "b:1"}, "startsAt": "2026-01-01T00:00:00Z"},
    {"labels": {"alertname": "B", "team": "data", "dc": " W \u00e9 \"q\" \\ \n"}},
]

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
LATER = ("mutedBy", "routeLabels")           # members that releases after Debian's have, as silences have annotations


def plain(value):
    """Without times, ids and what only newer releases answer."""
    if isinstance(value, dict):
        if "matchers" in value:
            value = {k: v for k, v in value.items() if k != "annotations"}
        return {k: plain(v) for k, v in value.items() if k not in LATER}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str) and UUID.match(value):
        return "id"
    if isinstance(value, str) and TIME.match(value) and not value.startswith("2026-01-01") \
            and not value.startswith("2099"):
        return "time"
    return value


def silence(**more):
    return {"matchers": [{"name": "alertname", "value": "B", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
            "endsAt": "2099-01-01T00:00:00.000Z", "createdBy": "anna", "comment": "works", **more}


# each: method, path, body; the bodies of answers are compared unless it says that only the status is
ASKED = [
    ("GET", "/receivers", None),
    ("GET", "/alerts", None),
    ("GET", "/silences", None),
    ("POST", "/alerts", []),
    ("POST", "/alerts", ALERTS),
    ("GET", "/alerts", None),
    ("GET", "/alerts?filter=alertname%3D%22A%22", None),
    ("GET", "/alerts?filter=instance%3D%22%22&filter=alertname%3D~%22A|B%22", None),
    ("GET", "/alerts?receiver=da.*", None),
    ("GET", "/alerts?receiver=at", None),
    ("GET", "/alerts?active=false", None),
    ("GET", "/alerts?active=maybe", None),
    ("GET", "/alerts/groups", None),
    ("GET", "/alerts/groups?receiver=data", None),
    ("POST", "/silences", silence()),
    ("GET", "/silences", None),
    ("GET", "/silences?filter=alertname%3D%22B%22", None),
    ("GET", "/silences?filter=alertname%3D~%22B%22", None),
    ("GET", "/alerts?silenced=false", None),
    ("GET", "/alerts?active=false", None),
    ("GET", "/alerts/groups?active=false", None),
    ("POST", "/silences", silence(matchers=[{"name": "a", "value": ".*", "isRegex": True}])),
    ("POST", "/silences", silence(matchers=[])),
    ("POST", "/silences", silence(startsAt="2098-01-01T00:00:00Z", endsAt="2097-01-01T00:00:00Z")),
    ("POST", "/silences", silence(endsAt="2021-01-01T00:00:00Z")),
    ("POST", "/silences", silence(id="01234567-0123-0123-0123-012345678901")),
    ("POST", "/silences", {}),
    ("GET", "/silence/01234567-0123-0123-0123-012345678901", None),
    ("GET", "/silence/xyz", None),
    ("DELETE", "/silence/xyz", None),
    ("POST", "/alerts", [{"labels": {"alertname": "C"}}, {"labels": {}},
                         {"labels": {"a": "b"}, "startsAt": "2026-11-22T00:00:00Z", "endsAt": "2020-01-01T00:00:00Z"}]),
    ("GET", "/alerts?filter=alertname%3D%22C%22", None),
    ("POST", "/alerts", [{"annotations": {"summary": "s"}}]),
    ("POST", "/alerts", [{"labels": {"alertname": "C"}, "endsAt": "2026-01-01T00:00:00Z",
                          "startsAt": "2026-01-01T00:00:00Z"}]),
    ("GET", "/alerts?filter=alertname%3D%22C%22", None),
]
STATUS_ONLY = [
    ("POST", "/silences", b"{bad"), ("POST", "/alerts", b"{bad"), ("POST", "/alerts", {"x": 1}),
    ("POST", "/silences", silence(matchers=[{"name": "a", "value": "[", "isRegex": True}])),
    ("GET", "/alerts?filter=bad", None), ("GET", "/alerts?receiver=%5B", None), ("GET", "/silences?filter=bad", None),
]


def test_answers_are_those_of_alertmanager(standing_in, tmp_path, made):
    t = standing_in()
    peer = debian.alertmanager(str(tmp_path / "peer"), PEER)
    made.append(peer)

    def both(method, path, body):
        return [request(port, method, API + path, body) for port in (t.port, peer.port)]

    for method, path, body in ASKED:
        ours, theirs = both(method, path, body)
        assert ours.status == theirs.status, (method, path, ours, theirs)
        if path.startswith("/alerts/groups"):           # the peer's groups form some time after the alerts came
            wait_until(lambda: all(len(a.json) for a in both(method, path, body)), 10, path)
            ours, theirs = both(method, path, body)
            order = lambda a: sorted(plain(a.json), key=lambda g: json.dumps(g["labels"]))  # noqa: E731
            assert order(ours) == order(theirs), path
        elif theirs.body:
            assert plain(ours.json) == plain(theirs.json), (method, path)
        else:
            assert ours.body == b"", (method, path)
    for method, path, body in STATUS_ONLY:
        ours, theirs = both(method, path, body)
        assert (ours.status, type(ours.json)) == (theirs.status, type(theirs.json)), (method, path, ours, theirs)
    status = [a.json for a in both("GET", "/status", None)]
    assert [sorted(s) for s in status][0] == [sorted(s) for s in status][1]
    assert all(status[0]["versionInfo"].keys() == s["versionInfo"].keys() for s in status)
    assert status[0]["versionInfo"]["version"] == status[1]["versionInfo"]["version"]


def test_silence_is_ended_and_changed(standing_in, vendors):
    t = standing_in()
    made = t.request("POST", API + "/silences", silence()).json["silenceID"]
    assert t.request("POST", API + "/alerts", ALERTS).status == 200
    wait_until(lambda: len(t.incidents()) == 2, 5, "two incidents")
    held = next(i for i in t.incidents() if i["policy"] == "data")
    assert made in held["suppressed_by"] and vendors.history("pd", held["id"]) == []
    started = t.get(f"{API}/silence/{made}").json["startsAt"]
    same = t.request("POST", API + "/silences", silence(id=made, startsAt=started, comment="longer"))
    assert same.json["silenceID"] == made and t.get(f"{API}/silence/{made}").json["comment"] == "longer"
    other = silence(id=made, matchers=[{"name": "alertname", "value": "Z", "isRegex": False}])
    assert t.request("POST", API + "/silences", other).json["silenceID"] != made
    assert t.get(f"{API}/silence/{made}").json["status"]["state"] == "expired"
    vendors.wait_history("pd", held["id"], ["trigger"])
    assert t.request("DELETE", f"{API}/silence/{made}").status == 200
    assert t.request("DELETE", API + "/silence/01234567-0123-0123-0123-012345678901").status == 404


def test_headers_and_what_is_gone(standing_in):
    t = standing_in()
    a = t.get(API + "/receivers", headers={"Origin": f"http://127.0.0.1:{t.port}"})
    assert a.headers["Access-Control-Allow-Origin"] == "*" and a.headers["Cache-Control"] == "no-store"
    assert t.get(API + "/alerts", headers={"Origin": "http://evil.example"}).status == 401
    asked = t.request("OPTIONS", API + "/silences", headers={"Origin": "http://karma.example",
                                                              "Access-Control-Request-Method": "POST"})
    assert asked.status == 200 and "POST" in asked.headers["Access-Control-Allow-Methods"]
    for path in ("/api/v1/alerts", "/api/v1/silence/x"):
        assert t.get(path).status == 410 and t.get(path).json["status"] == "deprecated"
    assert t.metric("alertmanager_build_info", version="0.25.0") == 1


def test_alerts_of_other_sources_can_be_silenced_by_what_is_shown(standing_in):
    """A client makes a silence of the labels that it sees; so what it sees must be what silences match."""
    t = standing_in(collectors=[{"name": "local", "type": "webhook", "format": "json", "auth": "none"}])
    t.fire("disk", summary="disk full", host="db1")
    alert = t.get(API + "/alerts").json[0]
    assert alert["labels"] == {"alertname": "disk full", "host": "db1", "severity": "critical", "source": "local"}
    t.request("POST", API + "/silences", silence(matchers=[
        {"name": n, "value": v, "isRegex": False, "isEqual": True} for n, v in alert["labels"].items()]))
    wait_until(lambda: t.incidents()[0]["suppressed_by"], 5, "held")
    assert t.get(API + "/alerts").json[0]["status"]["state"] == "suppressed"


# --- amtool ------------------------------------------------------------------------------------------

@pytest.fixture
def amtool():
    tool = debian.program("prometheus-alertmanager", "amtool")

    def run(t, *words, expect=0, stdin=None):
        got = subprocess.run([tool, f"--alertmanager.url=http://127.0.0.1:{t.port}", *words], capture_output=True,
                             text=True, timeout=60, input=stdin, env={**os.environ, "TZ": "UTC", "HOME": "/nonexistent"})
        assert got.returncode == expect, got
        assert "version" not in got.stderr, got.stderr          # it compares ours with its own
        return got.stdout
    return run


def test_amtool_alerts(standing_in, amtool):
    t = standing_in()
    amtool(t, "alert", "add", "alertname=Disk", "severity=critical", "host=db1", "--annotation=summary=disk full")
    amtool(t, "alert", "add", "Net", "host=db2")
    wait_until(lambda: len(t.incidents()) == 2, 5, "two incidents")
    rows = [line.split() for line in amtool(t, "alert", "query").splitlines()]
    assert rows[0] == ["Alertname", "Starts", "At", "Summary", "State"]
    assert sorted((r[0], r[-1]) for r in rows[1:]) == [("Disk", "active"), ("Net", "active")]
    only = json.loads(amtool(t, "alert", "query", "host=db1", "-o", "json"))
    assert [a["labels"]["alertname"] for a in only] == ["Disk"] and only[0]["annotations"] == {"summary": "disk full"}
    assert json.loads(amtool(t, "alert", "query", "--receiver=none", "-o", "json")) == []


def test_amtool_silences(standing_in, amtool, tmp_path):
    t = standing_in()
    amtool(t, "alert", "add", "alertname=Disk", "host=db1")
    wait_until(t.incidents, 5, "an incident")
    made = amtool(t, "silence", "add", "alertname=Disk", "host=~db.", "--author=anna", "--comment=new disk",
                  "--duration=2h").strip()
    assert UUID.match(made)
    wait_until(lambda: t.incidents()[0]["suppressed_by"], 5, "held")
    assert amtool(t, "alert", "query").splitlines()[1:] == []
    assert "suppressed" in amtool(t, "alert", "query", "--silenced")
    table = amtool(t, "silence", "query")
    assert made in table and 'alertname="Disk"' in table and 'host=~"db."' in table and "new disk" in table
    exported = amtool(t, "silence", "query", "-o", "json")
    assert amtool(t, "silence", "query", "-q", "alertname=Disk").strip() == made
    updated = amtool(t, "silence", "update", made, "--duration=3h", "--comment=longer")
    assert made in updated and "longer" in updated
    amtool(t, "silence", "expire", made)
    assert made not in amtool(t, "silence", "query")
    assert made in amtool(t, "silence", "query", "--expired")
    wait_until(lambda: not t.incidents()[0]["suppressed_by"], 5, "let go")
    path = tmp_path / "silences.json"
    path.write_text(exported)
    amtool(t, "silence", "import", str(path))
    wait_until(lambda: len([s for s in t.get("/v1/silences?state=active").json["silences"]]) == 1, 5, "imported")
    amtool(t, "silence", "add", "x=~.*", "--author=a", "--comment=c", expect=1)
    amtool(t, "silence", "expire", "01234567-0123-0123-0123-012345678901", expect=1)


def test_amtool_configuration(standing_in, amtool):
    t = standing_in()
    shown = amtool(t, "config", "show")
    assert "receiver: ops" in shown or 'receiver: "ops"' in shown
    assert amtool(t, "config", "routes", "test", "team=data").strip() == "data"
    assert amtool(t, "config", "routes", "test", "team=web").strip() == "ops"
    tree = amtool(t, "config", "routes", "show")
    assert "default-route" in tree and "data" in tree
    assert "disabled" in amtool(t, "cluster", "show")


# --- who may ------------------------------------------------------------------------------------------

def test_reading_and_silencing_have_their_roles(standing_in, vendors):
    tokens = [{"name": role, "token": "file:" + vendors.secret(role, f"{role}-secret"), "role": role}
              for role in ("viewer", "responder")]
    t = standing_in(auth={"tokens": tokens}, collectors=[
        {"name": "prometheus", "type": "intake", "format": "alertmanager",
         "auth": {"bearer": "file:" + vendors.secret("prom", "sender-secret")}}])

    def status(token, method, path, body=None):
        return t.request(method, API + path, body, {"Authorization": f"Bearer {token}-secret"}).status

    assert [status(who, "GET", "/alerts") for who in ("nobody", "sender", "viewer", "responder")] == [401, 401, 200, 200]
    assert [status(who, "POST", "/silences", silence()) for who in ("nobody", "viewer", "responder")] == [401, 403, 200]
    assert [status(who, "POST", "/alerts", ALERTS) for who in ("nobody", "responder", "sender")] == [401, 401, 200]
    made = t.request("GET", "/v1/silences", headers={"Authorization": "Bearer viewer-secret"}).json["silences"][0]
    assert made["created_by"] == "anna (token responder)"
    assert [status(who, "DELETE", f"/silence/{made['id']}") for who in ("viewer", "responder")] == [403, 200]


def test_an_alert_without_an_end_gets_one(standing_in):
    """resolve_timeout after the latest report; an end that the sender gave stands."""
    t = standing_in(collectors=[{"name": "prometheus", "type": "intake", "format": "alertmanager", "auth": "none",
                                 "resolve_timeout": "7m"}])
    sent = [{"labels": {"alertname": "Open"}}, {"labels": {"alertname": "Ends"}, "endsAt": "2099-01-01T00:00:00Z"}]
    assert t.request("POST", API + "/alerts", sent).status == 200
    shown = {a["labels"]["alertname"]: a for a in t.get(API + "/alerts").json}
    began, ends = (datetime.datetime.fromisoformat(shown["Open"][k].replace("Z", "+00:00"))
                   for k in ("updatedAt", "endsAt"))
    assert abs((ends - began).total_seconds() - 420) < 5
    assert shown["Ends"]["endsAt"] == "2099-01-01T00:00:00.000Z"
