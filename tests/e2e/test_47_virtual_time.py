# SPDX-License-Identifier: Apache-2.0
"""tocsin test: cases of rules and escalations in virtual time, without a daemon."""
import glob
import json
import os
import re
import subprocess

import pytest

from format_cases import FORMATS, cases_of, collector, secrets
from harness import BUILD, ROOT, cfg_file

COLLECTORS = [{"name": "any", "type": "webhook", "format": "json", "auth": "none"},
              {"name": "prom", "type": "webhook", "format": "alertmanager", "auth": "none"},
              {"name": "syslog", "type": "syslog", "format": "syslog", "listen": ["udp://127.0.0.1:5514"]},
              {"name": "pd-in", "type": "intake", "format": "pagerduty", "auth": "none"},
              {"name": "og-in", "type": "intake", "format": "opsgenie", "auth": "none"},
              {"name": "sensors", "type": "mqtt", "format": "heartbeat", "broker": "mqtt://localhost", "client_id": "t",
               "topics": ["alive/+host"], "heartbeat": {"every": "1m", "grace": "30s", "by": ["host"]}}]
PEOPLE = {"heartbeats": [{"name": "nightly", "every": "24h", "grace": "1h"}],
          "notifiers": [{"name": n, "plugin": "log"} for n in ("pd", "vo")],
          "policies": [{"name": "ml-oncall", "steps": [{"after": "0s", "notify": ["pd"]}, {"after": "5m", "notify": ["vo"]}],
                        "last_resort": ["pd"]}], "default_policy": "ml-oncall"}
DISK = {"summary": "disk full", "dedup_key": "disk", "labels": {"host": "db1"}}
LINE = "<38>1 - n7 sshd - - - Failed password for root"


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.settings = {"collectors": COLLECTORS, **PEOPLE}

    def rules(self, *rules):
        os.makedirs(self.folder / "rules", exist_ok=True)
        (self.folder / "rules/10.cfg").write_text(cfg_file({"rules": list(rules)}))
        self.settings["rules"] = str(self.folder / "rules")

    def run(self, *files, env=(), args=()):
        (self.folder / "tocsin.cfg").write_text(cfg_file(self.settings))
        return subprocess.run([os.path.join(BUILD, "tocsin"), "test", "-c", str(self.folder / "tocsin.cfg"), *args, *files],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              env={**os.environ, **dict(env), "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")})

    def case(self, *steps, env=(), **more):
        """The outcome of one case, as a document."""
        path = self.folder / "cases.json"
        path.write_text(json.dumps([{"name": "case", "steps": list(steps), **more}]))
        p = self.run(str(path), args=["--json"], env=env)
        assert p.returncode in (0, 1), p.stderr
        doc, = json.loads(p.stdout)
        assert doc["ok"] == (p.returncode == 0) == (doc["mistakes"] == []), doc
        return doc

    def holds(self, *steps, **more):
        doc = self.case(*steps, **more)
        assert doc["mistakes"] == [], doc["mistakes"]
        return doc


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def told(*sends, **more):
    return {"expect": {"told": list(sends), **more}}


def test_the_cases_of_the_shipped_rules_hold(bench):
    bench.settings["rules"] = os.path.join(ROOT, "rules")
    p = bench.run(*sorted(glob.glob(os.path.join(ROOT, "rules/cases/*.json"))))
    assert p.returncode == 0, p.stdout + p.stderr
    assert p.stdout.endswith("5 passed, 0 failed\n")


def test_the_example_of_the_manual_holds(bench):
    with open(os.path.join(ROOT, "rules/README.md"), encoding="utf-8") as f:
        example, = re.findall(r"```json\n(.*?)```", f.read(), re.S)
    bench.rules({"name": "patience", "match": ["host = db1"], "delay": "5m"})
    (bench.folder / "example.json").write_text(example)
    p = bench.run(str(bench.folder / "example.json"))
    assert p.returncode == 0, p.stdout + p.stderr
    bench.rules({"name": "patience", "match": ["host = db1"], "delay": "4m"})
    p = bench.run(str(bench.folder / "example.json"))
    assert p.returncode == 1 and 'step 2 (at 4m59s): told: expected none, got 1: "pd trigger"' in p.stdout
    assert "1 passed, 1 failed" in p.stdout


def test_steps_come_in_their_time_and_an_acknowledgement_stops_them(bench):
    bench.holds({"send": "any", "payload": DISK, **told({"at": "0s", "target": "pd", "change": "trigger", "severity": "error"})},
                {"at": "4m59s", **told()}, {"at": "5m", **told("vo trigger")},
                {"at": "6m", "act": "ack", "by": "anna", **told("pd acknowledge", "vo acknowledge")},
                {"at": "5h", **told(incidents=[{"state": "acknowledged", "acknowledged_by": "anna", "steps_told": 2}])},
                {"send": "any", "payload": {**DISK, "status": "resolved"}, **told(
                    "pd resolve", "vo resolve", incidents=[{"state": "resolved", "resolved_at": "5h"}])})


def test_a_threshold_counts_in_virtual_time(bench):
    bench.rules({"name": "guessing", "match": ['summary =~ "Failed.*"'], "set": {"severity": "critical"},
                 "threshold": {"count": 3, "window": "10m", "by": ["host"]}})
    reached = {"severity": "critical", "alerts": [{"dedup_key": "threshold/guessing/host=n7", "count": 1}]}
    bench.holds({"send": "syslog", "payload": LINE, "times": 2, "every": "1m", **told(incidents=[])},
                {"after": "10m", "send": "syslog", "payload": LINE, **told(incidents=[])},      # the first two are too old
                {"after": "1s", "send": "syslog", "payload": LINE + "\n" + LINE.replace("n7", "n8"), **told()},
                {"after": "1s", "send": "syslog", "payload": LINE, **told("pd trigger", incidents=[reached])},
                {"after": "9m59s", "act": "ack", **told("vo trigger", "pd acknowledge", "vo acknowledge")},
                {"after": "1s", **told("pd resolve", "vo resolve", incidents=[{"resolved_by": "timer"}])})


def test_an_alert_below_its_threshold_is_recorded_and_told_nobody(bench):
    bench.rules({"name": "many", "match": ["host = db1"], "threshold": {"count": 2, "window": "1h"}, "group_by": ["host"]})
    bench.holds({"send": "any", "payload": DISK, **told(incidents=[{"suppressed": True}])},
                {"at": "20m", "send": "any", "payload": DISK, **told()},                      # the same alert counts once
                {"at": "30m", "send": "any", "payload": {**DISK, "dedup_key": "other"}, **told("pd trigger", incidents=[
                    {"suppressed": False, "alerts": [{"suppressed": True}, {"suppressed": False}]}])})


def test_an_alert_of_several_own_keys(bench):
    """As in the daemon: over when all are, found by what its senders know, also through an intake."""
    bench.rules({"name": "one", "match": ["status = firing"], "dedup_key": "{{ .source }}: all"})
    a, b = ({**DISK, "dedup_key": n} for n in "ab")
    over = {"status": "resolved", "summary": "s"}
    bench.holds({"send": "any", "payload": [a, b], **told("pd trigger")},
                {"after": "1s", "send": "any", "payload": {**over, "dedup_key": "c"}, **told()},
                {"after": "1s", "send": "any", "payload": {**over, "dedup_key": "a"},
                 **told(incidents=[{"state": "triggered", "alerts": [{"dedup_key": "any: all"}]}])},
                {"after": "1s", "send": "any", "payload": {**over, "dedup_key": "b"}, **told("pd resolve")})
    event = {"routing_key": "k", "dedup_key": "a", "payload": {"summary": "s", "source": "h", "severity": "critical"}}
    bench.holds({"send": "pd-in", "payload": {**event, "event_action": "trigger"}, **told("pd trigger")},
                {"after": "1s", "send": "pd-in", "payload": {"routing_key": "k", "dedup_key": "a", "event_action": "acknowledge"},
                 **told("pd acknowledge")},
                {"after": "1s", "send": "pd-in", "payload": {"routing_key": "k", "dedup_key": "a", "event_action": "resolve"},
                 **told("pd resolve")})


def test_times_of_rules(bench):
    bench.rules({"name": "patience", "match": ["host = db1"], "delay": "5m"},
                {"name": "ends", "match": ["host = db2"], "resolve_after": "30m"})
    bench.holds({"send": "any", "payload": DISK, **told(incidents=[{"state": "delayed", "opened_at": None}])},
                {"at": "5m", **told("pd trigger", incidents=[{"state": "triggered", "opened_at": "5m"}])},
                {"at": "10m", **told("vo trigger")})
    bench.holds({"send": "any", "payload": {**DISK, "labels": {"host": "db2"}}}, {"at": "1m", "act": "ack"},
                {"at": "20m", "send": "any", "payload": {**DISK, "labels": {"host": "db2"}}, "expect": {}},
                {"at": "49m59s", "expect": {"incidents": [{"state": "acknowledged"}]}},
                {"at": "50m", "expect": {"incidents": [{"state": "resolved", "resolved_at": "50m"}]}})


def test_heartbeats(bench):
    silent = {"summary": "heartbeat 'nightly' is silent since 2026-01-31T12:00:00.000Z (expected every 1d)"}
    bench.holds({"beat": "nightly", **told(incidents=[])}, {"at": "24h59m59s", **told()},
                {"at": "25h", **told("pd trigger", incidents=[silent])}, {"after": "1m", "beat": "nightly", **told("pd resolve")})
    bench.holds({"at": "30h", **told()})                   # nobody asked for it
    bench.holds({"at": "24h", **told()}, {"at": "25h", **told("pd trigger")}, watch=["nightly"])
    bench.holds({"send": "sensors", "topic": "alive/n7", "payload": "x"}, {"send": "sensors", "topic": "alive/n8", "payload": ""},
                {"after": "1m", "send": "sensors", "topic": "alive/n8", "payload": "x", **told()},
                {"after": "30s", **told("pd trigger", incidents=[{"alerts": [{"labels": {"host": "n7"}}]}])})
    assert "send one" in bench.case({"beat": "sensors"})["mistakes"][0]


def test_intakes_act_on_what_they_opened(bench):
    event = {"routing_key": "k", "dedup_key": "d", "payload": {"summary": "s", "source": "h", "severity": "critical"}}
    bench.holds({"send": "pd-in", "payload": {**event, "event_action": "trigger"}, **told("pd trigger")},
                {"after": "1m", "send": "pd-in", "payload": {"routing_key": "k", "dedup_key": "d", "event_action": "acknowledge"},
                 **told("pd acknowledge", incidents=[{"state": "acknowledged", "acknowledged_by": "pd-in"}])},
                {"send": "og-in", "payload": {"message": "m", "alias": "a"}, **told("pd trigger")},
                {"send": "og-in", "path": "/v2/alerts/a/close", "query": {"identifierType": "alias"}, "payload": {},
                 **told("pd resolve", incidents=[{"state": "acknowledged"}, {"state": "resolved"}])},
                {"send": "og-in", "path": "/nowhere", "payload": {}, "refused": "has no path"},
                {"send": "any", "payload": "{", "refused": "line 1"})


def test_silences_and_pagers_that_are_down(bench):
    bench.holds({"silence": ["host=db1"], "for": "1h"},
                {"send": "any", "payload": DISK, **told(incidents=[{"suppressed": True}])},
                {"at": "59m", **told()}, {"at": "1h", **told("pd trigger", incidents=[{"suppressed": False}])})
    doc = bench.holds({"down": ["pd"]}, {"send": "any", "payload": DISK, **told()},
                      {"at": "1m", **told("vo trigger")},          # failed over
                      {"at": "90s", "up": ["pd"]}, {"at": "5m", **told("pd trigger")})
    assert [t["failed"] for t in doc["told"]][:3] == [True, True, True]


def test_people(bench):
    bench.holds({"send": "any", "payload": DISK}, {"send": "any", "payload": {"summary": "other", "dedup_key": "o"}},
                {"act": "resolve", "by": "anna", "incident": {"summary": "disk full"},
                 "expect": {"incidents": [{"state": "resolved", "resolved_by": "anna"}, {"state": "triggered"}]}},
                {"act": "resolve", "incident": {"summary": "other"}, "expect": {}})
    bench.holds({"send": "any", "payload": DISK, **told("pd trigger")}, {"act": "snooze", "for": "1h"},
                {"at": "59m", **told("pd acknowledge")}, {"at": "61m", **told("pd unacknowledge")},
                {"act": "note", "note": "mine", "by": "anna", **told("pd note")},
                {"act": "escalate", **told("vo trigger", "vo note")})
    assert "there is none that is open and like this" in bench.case(
        {"send": "any", "payload": DISK}, {"act": "ack", "incident": {"summary": "other"}})["mistakes"][0]
    assert "note" in bench.case({"send": "any", "payload": DISK}, {"act": "note"})["mistakes"][0]


def test_mistakes_in_cases_are_told(bench):
    for step, says in (({"sned": "any"}, "step 1 (at 0s): unknown member 'sned'; did you mean 'send'?"),
                       ({"send": "sislog", "payload": {}}, "there is no collector 'sislog'; did you mean 'syslog'?"),
                       ({"send": "any"}, "expected a payload, or the file that holds one"),
                       ({"send": "any", "file": "nowhere.json"}, "nowhere.json"),
                       ({"send": "any", "payload": {}, "times": 0}, "times: expected a whole number"),
                       ({"at": "5"}, "at: expected a duration"), ({"at": "5m", "after": "5m"}, "and not both"),
                       ({"act": "dance"}, "act: expected ack"), ({"act": "ack"}, "there is none that is open"),
                       ({"beat": "x"}, "there is no heartbeat 'x'"), ({"down": ["x"]}, "there is no notifier 'x'"),
                       ({"silence": ["="], "for": "1h"}, "silence[0]"), ({"silence": ["a=b"]}, "for: expected a duration"),
                       ({"expect": {"tolt": []}}, "unknown member 'tolt'; did you mean 'told'?"),
                       ({"expect": {"incidents": [{}]}}, "incidents: expected 1, got 0: none")):
        doc = bench.case(step)
        assert len(doc["mistakes"]) == 1 and says in doc["mistakes"][0], (step, doc["mistakes"])
    doc = bench.case({"send": "any", "payload": DISK, "expect": {"incidents": [{"severity": "info", "sumary": "x"}]}})
    assert doc["mistakes"] == ['step 1 (at 0s): incidents[0].severity: expected "info", got "error"',
                               'step 1 (at 0s): incidents[0].sumary: expected "x", got nothing']
    doc = bench.case({"at": "2m"}, {"at": "1m"})
    assert doc["mistakes"] == ["step 2: at: it is 2m already"]
    (bench.folder / "broken.json").write_text("[ {")
    p = bench.run(str(bench.folder / "broken.json"))
    assert p.returncode == 2 and "broken.json:1" in p.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_sent(bench, name):
    """The cases of an integration, as steps: none is refused, and what is an alert opens an incident."""
    for case in cases_of(name)[:4]:
        bench.settings["collectors"] = [collector(name, case)]
        step = {"send": case.get("collector", "test"), "payload": case.get("payload", "")}
        step.update({k: case[k] for k in ("topic", "path", "method", "headers", "query", "content_type") if k in case})
        if "peer" in case.get("topic_labels", {}) and "topic" not in case:
            step["peer"] = case["topic_labels"]["peer"]
        doc = bench.case(step, begin=case.get("received_at", "2026-01-31T12:00:00Z"), env=secrets(case))
        assert doc["mistakes"] == [], (case["name"], doc["mistakes"])
        alerts = [a for a in case["expect"].get("alerts", []) if not a.get("record")]
        firing = {a.get("dedup_key") for a in alerts if a["status"] == "firing"}
        if firing and None not in firing and all(a["status"] == "firing" for a in alerts):
            assert doc["incidents"] and sum(len(i["alerts"]) for i in doc["incidents"]) == len(firing), case["name"]
