# SPDX-License-Identifier: Apache-2.0
"""What was made for Alertmanager points at tocsin: Prometheus, amtool; and its answers beside Alertmanager's own."""
import datetime
import http.server
import json
import os
import shutil
import subprocess
import threading

import pytest

import alertmanager_asked as asked
import debian
from alertmanager_asked import ALERTS, API, UUID, silence
from harness import wait_until

needs_alertmanager = pytest.mark.skipif(not (shutil.which("prometheus-alertmanager") or shutil.which("apt-get")),
                                        reason="needs Debian's prometheus-alertmanager")


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
        return tocsin(settings, [{"name": "group", "match": ['alertname =~ ".*"'], "group_by": ["alertname"]},
                                 {"name": "data", "match": ['team = "data"'], "policy": "data"}])
    return make


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

def differences(answers, record):
    """What is not as it is on record, with the deliberate differences told apart."""
    assert len(answers) == len(record) == len(asked.STEPS)
    found = []
    for step, answer, (words, *expected) in zip(asked.STEPS, answers, record):
        assert words == f"{step[0]} {step[1]}", "the record is of other questions: write it again"
        own = asked.ours(step)
        if (asked.comparable(answer) != expected) if own is None else (answer[0] != own or own == expected[0]):
            found.append((asked.told(step), answer, expected))
    return found


def test_answers_are_those_of_alertmanager_on_record(standing_in):
    """All questions, good and bad, in a row: status, type and body of each answer."""
    answers = asked.Talk(standing_in().port).all()
    assert differences(answers, asked.golden()) == []


@needs_alertmanager
def test_the_record_is_what_alertmanager_answers(tmp_path, made):
    peer = asked.alertmanager(str(tmp_path / "peer"))
    made.append(peer)
    answers = [asked.comparable(a) for a in asked.Talk(peer.port).all()]
    assert [(asked.told(s), a, e) for s, a, (_, *e) in zip(asked.STEPS, answers, asked.golden()) if a != e] == []


@needs_alertmanager
def test_status_is_shaped_as_there(standing_in, tmp_path, made):
    t, peer = standing_in(), asked.alertmanager(str(tmp_path / "peer"))
    made.append(peer)
    ours, theirs = (asked.Talk(port).ask("GET", "/status").json for port in (t.port, peer.port))
    assert sorted(ours) == sorted(theirs) and ours["versionInfo"].keys() == theirs["versionInfo"].keys()
    assert ours["versionInfo"]["version"] == theirs["versionInfo"]["version"]
    assert ours["cluster"] == theirs["cluster"] and asked.TIME.match(ours["uptime"])


def test_what_is_read_more_leniently(standing_in):
    """Names of other characters, as newer releases take them, and a link that is none: the alert counts."""
    t = standing_in()
    sent = [{"labels": {"alertname": "A", "a-b": "c"}, "generatorURL": "no uri"},
            {"labels": {"alertname": "B"}, "generatorURL": 1, "annotations": {"empty": ""}}]
    assert t.request("POST", API + "/alerts", sent).status == 200
    shown = {a["labels"]["alertname"]: a for a in t.get(API + "/alerts?filter=alertname%3D~%22A%7CB%22").json}
    assert shown["A"]["labels"] == {"alertname": "A", "a-b": "c"} and "generatorURL" not in shown["A"]
    assert t.get(API + "/alerts?filter=%22a-b%22%3Dc").json == [shown["A"]]
    s = silence(matchers=[{"name": "a-b", "value": "c", "isRegex": False}])
    assert t.request("POST", API + "/silences", s).status == 200


def test_head_and_large_and_damaged(standing_in):
    """What the server itself refuses is worded as the API's other refusals."""
    t = standing_in()
    head = t.request("HEAD", API + "/alerts")
    assert (head.status, head.headers["Allow"]) == (405, "GET,POST")
    large = t.request("POST", API + "/silences", b"[" + b" " * 100000 + b"]")
    assert (large.status, large.headers["Content-Type"], large.json["code"]) == (413, "application/json", 413)
    for path in (API + "/alerts", "/v1/in/prometheus" + API + "/alerts"):
        damaged = t.request("POST", path, b"\x1f\x8b nonsense", {"Content-Encoding": "gzip"})
        assert (damaged.status, damaged.headers["Content-Type"], damaged.json["code"]) == (400, "application/json", 400)
        packed = t.request("POST", path, b"[]", {"Content-Encoding": "br"})
        assert (packed.status, packed.json["code"]) == (415, 415)


def test_a_rule_that_holds_is_named(tocsin, vendors):
    settings = {"collectors": [{"name": "prometheus", "type": "intake", "format": "alertmanager", "auth": "none"}],
                "notifiers": [vendors.notifier("pagerduty")],
                "policies": [{"name": "ops", "steps": [{"after": "0s", "notify": ["pd"]}]}], "default_policy": "ops"}
    t = tocsin(settings, [{"name": "known", "match": ["alertname = B"], "suppress": True}])
    assert t.request("POST", API + "/alerts", [{"labels": {"alertname": n}} for n in "AB"]).status == 200
    groups = t.get(API + "/alerts/groups").json
    assert [(g["labels"], a["status"]) for g in groups for a in g["alerts"]] == [
        ({"alertname": "A"}, {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"}),
        ({"alertname": "B"}, {"inhibitedBy": [], "mutedBy": ["known"], "silencedBy": [], "state": "suppressed"})]
    for query, names in (("active=false", "B"), ("inhibited=false", "A"), ("muted=false", "A"), ("silenced=false", "AB"),
                         ("unprocessed=false", "AB"), ("active=false&inhibited=false", "")):
        for path in ("/alerts", "/alerts/groups"):
            if path == "/alerts" and query == "muted=false":
                continue                     # a parameter of groups
            found = t.get(f"{API}{path}?{query}").json
            alerts = found if path == "/alerts" else [a for g in found for a in g["alerts"]]
            assert sorted(a["labels"]["alertname"] for a in alerts) == list(names), (path, query)


def test_silence_is_ended_and_changed(standing_in, vendors):
    t = standing_in()
    made = t.request("POST", API + "/silences", silence()).json["silenceID"]
    assert t.request("POST", API + "/alerts", ALERTS).status == 200
    wait_until(lambda: len(t.incidents()) == 3, 5, "three incidents")
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
    gone = t.request("DELETE", f"{API}/silence/{asked.NOBODY}")
    assert (gone.status, gone.body, gone.headers["Content-Type"]) == (404, b"", None)
    before = len(t.get(API + "/silences").json)
    for nobody in (asked.NIL, asked.NOBODY):                 # an id that nobody has makes no new one
        refused = t.request("POST", API + "/silences", silence(id=nobody))
        assert (refused.status, refused.json) == (404, "silence not found")
    assert len(t.get(API + "/silences").json) == before


def test_headers_and_what_is_gone(standing_in):
    t = standing_in()
    a = t.get(API + "/receivers", headers={"Origin": f"http://127.0.0.1:{t.port}"})
    assert a.headers["Access-Control-Allow-Origin"] == "*" and a.headers["Cache-Control"] == "no-store"
    assert t.get(API + "/alerts", headers={"Origin": "http://evil.example"}).status == 401
    allowed = t.request("OPTIONS", API + "/silences", headers={"Origin": "http://karma.example",
                                                              "Access-Control-Request-Method": "POST"})
    assert allowed.status == 200 and "POST" in allowed.headers["Access-Control-Allow-Methods"]
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
    for flags in ((), ("--active",), ("--active", "--silenced", "--inhibited", "--unprocessed")):
        assert len(json.loads(amtool(t, "alert", "query", *flags, "-o", "json"))) == 2, flags
    for flags in (("--silenced",), ("--inhibited",), ("--unprocessed",)):    # each switches the others off
        assert json.loads(amtool(t, "alert", "query", *flags, "-o", "json")) == [], flags
    for matcher in ("host=~db.", "host!~x", 'alertname="Disk"', "alertname=~Disk|Net"):
        assert "Disk" in amtool(t, "alert", "query", matcher), matcher
    assert "host" in amtool(t, "alert", "query", "-o", "extended")
    amtool(t, "alert", "add", "alertname=Net", "host=db2", "--start=2026-01-01T00:00:00Z", "--end=2026-01-01T01:00:00Z")


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


def test_amtool_configuration(standing_in, amtool, tmp_path):
    t = standing_in()
    shown = amtool(t, "config", "show")
    served = tmp_path / "served.yml"
    served.write_text(t.get(API + "/status").json["config"]["original"])
    checked = amtool(t, "check-config", str(served))
    assert "SUCCESS" in checked and "2 receivers" in checked and "FAILED" not in checked
    assert amtool(t, "config", "routes", "show", f"--config.file={served}") == amtool(t, "config", "routes")
    assert amtool(t, "config", "routes", "test", f"--config.file={served}", "team=data").strip() == "data"
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
