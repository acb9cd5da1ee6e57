# SPDX-License-Identifier: Apache-2.0
"""tocsin explain: what a payload would become, without a daemon."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT, cfg, cfg_file

TOCSIN = os.path.join(BUILD, "tocsin")
PAYLOAD = {"id": 7, "what": "disk full", "prio": "warning", "machine": "db1"}
MAPPING = ".body | { dedup_key: \"disk/\\(.id)\", summary: .what, severity: .prio, labels: { host: .machine } }\n"


class Bench:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder / "rules")
        self.mapping(MAPPING)
        self.rules([])
        (folder / "tocsin.cfg").write_text(cfg_file({
            "collectors": [
                {"name": "mine", "type": "webhook", "format": "json", "auth": "none", "mapping": str(folder / "m.jq")},
                {"name": "plain", "type": "webhook", "format": "json", "auth": "none"},
                {"name": "logs", "type": "webhook", "format": "journald", "auth": "none"},
                {"name": "train", "type": "mqtt", "format": "json", "broker": "mqtt://localhost", "client_id": "t",
                 "topics": ["train/+cluster/+host/alert"]}],
            "notifiers": [{"name": "a", "plugin": "log"}, {"name": "b", "plugin": "log"}],
            "policies": [{"name": "night", "steps": [{"after": "0s", "notify": ["a"]}, {"after": "5m", "notify": ["b"]}],
                          "last_resort": ["a"]}],
            "default_policy": "night", "rules": str(folder / "rules")}))

    def add(self, **settings):
        """One more collector, before the others."""
        path = self.folder / "tocsin.cfg"
        path.write_text(path.read_text().replace("collectors = (", "collectors = ( " + cfg(settings) + ", ", 1))

    def mapping(self, text):
        (self.folder / "m.jq").write_text(text)

    def rules(self, rules):
        (self.folder / "rules/10.cfg").write_text(cfg_file({"rules": rules}) if rules else "")

    def run(self, *words, payload=PAYLOAD, status=0):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        p = subprocess.run([TOCSIN, "explain", "-c", str(self.folder / "tocsin.cfg"), *words, "-"], input=text, text=True,
                           env={**os.environ, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")},
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert p.returncode == status, p.stdout + p.stderr
        return p.stdout if status == 0 else p.stderr

    def doc(self, *words, payload=PAYLOAD):
        return json.loads(self.run("--json", *words, payload=payload))

    def alert(self, *words, payload=PAYLOAD):
        alert, = self.doc("--collector", "mine", *words, payload=payload)["alerts"]
        return alert


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_the_whole_way_is_shown(bench):
    bench.rules([{"name": "loud", "match": ["host = db1"], "set": {"severity": "critical", "team": "storage"}},
                 {"name": "ratio", "match": ["host = db1"], "set": {"r": "{{ 1 / (.labels.zero | tonumber) }}"}},
                 {"name": "other", "match": ["host = db2"], "set": {"severity": "info"}}])
    a = bench.alert()
    assert (a["dedup_key"], a["status"], a["severity"], a["source_severity"]) == ("disk/7", "firing", "critical", "warning")
    assert a["labels"] == {"host": "db1", "team": "storage"} and a["pages"] is True
    assert [(r["name"], r["failed"]) for r in a["rules"]] == [("loud", False), ("ratio", True)]
    assert a["rules"][0]["at"] == f"{bench.folder}/rules/10.cfg:1" and "warning -> critical" in a["rules"][0]["text"]
    assert a["group_key"] == "mine/disk/7"
    assert a["policy"] == {"name": "night", "routed_by": "default policy", "last_resort": ["a"],
                           "steps": [{"after": "0s", "notify": ["a"]}, {"after": "5m", "notify": ["b"]}]}
    text = bench.run("--collector", "mine")
    assert "critical firing: disk full" in text and "FAILED" in text and "after 5m: b" in text


def test_an_edit_of_the_mapping_or_a_rule_is_seen_at_once(bench):
    assert bench.alert()["summary"] == "disk full"
    bench.mapping(MAPPING.replace(".what", '("DISK: " + .what)'))
    assert bench.alert()["summary"] == "DISK: disk full"
    bench.rules([{"name": "dev", "match": ["host = db1"], "suppress": True}])
    a = bench.alert()
    assert a["pages"] is False and "suppressed by rule 'dev'" in a["effect"]
    assert "after 5m" not in bench.run("--collector", "mine")


@pytest.mark.parametrize("payload, says", [
    ({"summary": "s", "severity": "info"}, "info pages nobody"),
    ({"summary": "s", "status": "resolved"}, "ends the alert"),
    ({"summary": "s", "status": "unknown"}, "neither pages nor ends"),
])
def test_what_pages_nobody_says_why(bench, payload, says):
    a, = bench.doc("--collector", "plain", payload=payload)["alerts"]
    assert a["pages"] is False and says in a["effect"]


def test_request_and_topic_belong_to_the_payload(bench):
    a, = bench.doc("--collector", "train", "--topic", "train/alps/n7/alert", payload={"summary": "s"})["alerts"]
    assert a["labels"] == {"cluster": "alps", "host": "n7"}
    doc = bench.doc("--collector", "train", payload={"summary": "s"})
    assert doc["topic"] == "train/cluster/host/alert" and doc["alerts"][0]["labels"]["host"] == "host"
    assert "matches none" in bench.run("--collector", "train", "--topic", "x/y", status=2)
    bench.mapping('{ summary: .body, labels: { who: .headers["x-who"], q: .query.q } }')
    a = bench.alert("--header", "X-Who: anna", "--query", "q=1", payload="words")
    assert a["summary"] == "words" and a["labels"] == {"q": "1", "who": "anna"}


def test_a_daemon_is_asked_what_is_in_force(tocsin, settings):
    t = tocsin(settings())
    name = next(c["name"] for c in t.settings["collectors"] if c["type"] == "webhook" and c["format"] == "json")

    def effect(payload, *words):
        p = subprocess.run([TOCSIN, "explain", "-c", t.path, "--collector", name, "--live", "--url",
                            f"http://127.0.0.1:{t.port}", "--json", *words, "-"], input=json.dumps(payload), text=True,
                           stdout=subprocess.PIPE, check=True,
                           env={**os.environ, **t.env, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")})
        alert, = json.loads(p.stdout)["alerts"]
        return alert["pages"], alert["effect"]

    disk = {"summary": "disk full", "dedup_key": "disk", "labels": {"host": "db1"}}
    over = {**disk, "status": "resolved"}
    assert effect(disk) == (True, "opens an incident and pages, or joins the open incident of its group")
    assert effect(over) == (False, "nothing happens, unless a rule gave it another key when it fired: "
                                   "no alert of this key is open")
    incident = t.send(name, disk).json["alerts"][0]["incident"]
    pages, text = effect(disk)
    assert not pages and text.startswith(f"fires already, in incident {incident}")
    assert effect(over) == (False, "ends the alert of this key, which is open")
    made = t.request("POST", "/v1/silences", {"matchers": ["host=db2"], "for": "2h", "by": "anna", "comment": "new disk"})
    assert made.status in (200, 201), made
    pages, text = effect({**disk, "dedup_key": "other", "labels": {"host": "db2"}})
    assert not pages and f"held back by silence '{made.json['id']}' (anna): new disk, until 20" in text
    t.stop()
    p = subprocess.run([TOCSIN, "explain", "-c", t.path, "--collector", name, "--live", "--url",
                        f"http://127.0.0.1:{t.port}", "-"], input=json.dumps(disk), text=True, stderr=subprocess.PIPE,
                       env={**os.environ, **t.env, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")})
    assert p.returncode == 1 and "cannot reach the daemon" in p.stderr


def test_a_mapping_is_given_the_same_headers_by_the_daemon(tocsin, settings, tmp_path):
    mapping = tmp_path / "headers.jq"
    mapping.write_text('{ summary: .headers["x-who"] }')
    values = settings()
    values["collectors"].append({"name": "mapped", "type": "webhook", "format": "json", "auth": "none",
                                 "mapping": str(mapping)})
    t = tocsin(values)
    for i, name in enumerate(("X-Who", "x-who", "X-WHO")):
        answer = t.request("POST", "/v1/in/mapped", "{}", {name: f"anna{i}"})
        assert answer.status == 202, answer
        assert t.incident(answer.json["alerts"][0]["incident"])["summary"] == f"anna{i}"


def test_lines_of_a_log_are_alerts_only_by_a_rule(bench):
    line = {"MESSAGE": "oom: killed process 7", "PRIORITY": "3", "_HOSTNAME": "n7", "__REALTIME_TIMESTAMP": "1700000000000000"}
    doc = bench.doc("--collector", "logs", "--content-type", "application/json", payload=line)
    assert (doc["alerts"], doc["lines_without_a_rule"]) == ([], 1)
    bench.rules([{"name": "oom", "match": ['summary =~ "oom:.*"'], "set": {"severity": "critical"}}])
    doc = bench.doc("--collector", "logs", "--content-type", "application/json", payload=line)
    assert doc["lines_without_a_rule"] == 0 and doc["alerts"][0]["rules"][0]["name"] == "oom"


GUESSING = {"name": "guessing", "match": ['summary =~ "Failed password.*"'],
            "threshold": {"count": 3, "window": "10m", "by": ["host"]}, "set": {"severity": "critical"}}


def syslog_lines(*texts, host="n7"):
    return "".join(f"<38>1 2026-01-31T12:00:00Z {host} sshd 12 - - {t}\n" for t in texts)


def test_a_line_below_a_threshold_says_what_is_missing(bench):
    bench.add(name="syslog", type="syslog", listen=["udp://127.0.0.1:5514"], format="syslog")
    bench.rules([GUESSING, {"name": "oom", "match": ["host = n8"]}])
    doc = bench.doc("--collector", "syslog", payload=syslog_lines("Failed password for root"))
    assert (doc["alerts"], doc["lines"], doc["lines_without_a_rule"]) == ([], 1, 1)
    line, = doc["line_details"]
    assert line["pages"] is False and "2 more come within 10m" in line["effect"]
    rule, = line["rules"]
    assert rule["threshold"] == {"of": "host=n7", "seen": 1, "count": 3, "missing": 2, "window": "10m"}
    assert [r["why"] for r in line["other_rules"]] == ["host = n8 (it is 'n7')"]
    then = line["once_reached"]
    assert (then["severity"], then["dedup_key"], then["pages"]) == ("critical", "threshold/guessing/host=n7", True)
    assert then["resolve_after"] == "10m"
    text = bench.run("--collector", "syslog", payload=syslog_lines("Failed password for root"))
    assert "threshold 1 of 3 in 10m (counted for host=n7, in this payload alone: 2 more reach it)" in text
    assert "once the threshold is reached: critical firing" in text and "after 5m: b" in text


def test_lines_of_one_file_reach_a_threshold(bench):
    bench.add(name="syslog", type="syslog", listen=["udp://127.0.0.1:5514"], format="syslog")
    bench.rules([GUESSING])
    lines = syslog_lines(*[f"Failed password for u{i}" for i in range(4)], "session opened") + \
        syslog_lines("Failed password for root", host="n8")
    doc = bench.doc("--collector", "syslog", payload=lines)
    alert, = doc["alerts"]                           # the third and the fourth; two were counted before
    assert (alert["dedup_key"], alert["lines"], alert["pages"]) == ("threshold/guessing/host=n7", 2, True)
    assert (doc["lines"], doc["lines_without_a_rule"]) == (6, 4)
    assert [line["summary"] for line in doc["line_details"]] == ["session opened", "Failed password for root"]
    assert doc["line_details"][1]["rules"][0]["threshold"]["of"] == "host=n8"


def test_an_alert_below_a_threshold_does_not_say_that_it_pages(bench):
    bench.rules([{"name": "many", "match": ["host = db1"], "threshold": {"count": 5, "window": "1h"}}])
    a = bench.alert()
    assert a["pages"] is False and a["effect"].startswith("below the threshold of rule 'many'")
    assert a["rules"][0]["threshold"]["missing"] == 4 and a["once_reached"]["pages"] is True
    assert "after 5m: b" in bench.run("--collector", "mine")


def test_a_delayed_alert_says_until_when_and_what_would_happen(bench):
    bench.rules([{"name": "patience", "match": ["host = db1"], "delay": "5m", "resolve_after": "30m"}])
    a = bench.alert("--at", "2026-01-31T12:00:00Z")
    assert (a["delay"], a["delayed_until"]) == ("5m", "2026-01-31T12:05:00.000Z")
    assert (a["resolve_after"], a["expires_at"]) == ("30m", "2026-01-31T12:30:00.000Z")
    assert a["effect"].startswith("waits 5m (rule 'patience'") and "there never was one" in a["effect"]
    text = bench.run("--collector", "mine")
    assert "which begins when the incident opens, after 5m" in text and "30m after the last news of it" in text


def test_alerts_of_one_payload_know_of_each_other(bench):
    bench.rules([{"name": "together", "match": ["rack != \"\""], "group_by": ["rack"]}])
    alerts = [{"summary": n, "dedup_key": n, "labels": {"rack": r}} for n, r in (("a", "1"), ("b", "1"), ("c", "2"))]
    doc = bench.doc("--collector", "plain", payload=[*alerts, {**alerts[0], "status": "resolved"}])
    effects = [a["effect"] for a in doc["alerts"]]
    assert effects[0] == effects[2] and effects[0].startswith("opens an incident")
    assert effects[1] == "joins the incident of alert 1, which has the same group"
    assert effects[3] == "ends alert 1, which has the same dedup_key"


def test_own_keys_under_the_key_of_a_rule(bench):
    bench.rules([{"name": "rack", "match": ["rack != \"\""], "dedup_key": "rack-{{ .labels.rack }}"}])
    a, b = ({"summary": n, "dedup_key": n, "labels": {"rack": "7"}} for n in "ab")
    over = {"status": "resolved"}
    doc = bench.doc("--collector", "plain", payload=[a, b, {**a, **over}, {"dedup_key": "b", **over},
                                                     {**a, "dedup_key": "c", **over}])
    assert [(x["dedup_key"], x["own_key"]) for x in doc["alerts"][1:4]] == [("rack-7", "b"), ("rack-7", "a"), ("b", None)]
    effects = [x["effect"] for x in doc["alerts"]]
    assert effects[1] == "the same alert as number 1, once more"
    assert effects[2].startswith("ends alert 1, which has the same own key")
    assert effects[3].startswith("ends alert 2, which has the same own key")
    assert effects[4].startswith("ends what fires under its own key 'c'")
    assert "own key" in bench.run("--collector", "plain", payload=[a])


def test_an_intake_is_read_at_its_paths(bench, monkeypatch):
    monkeypatch.setenv("K1", "k1")
    monkeypatch.setenv("K2", "k2")
    bench.add(name="pd", type="intake", format="pagerduty", keys=[{"key": "env:K1"}, {"key": "env:K2", "policy": "night"}])
    event = {"routing_key": "k2", "event_action": "trigger", "dedup_key": "d", "payload": {
        "summary": "s", "source": "h", "severity": "critical"}}
    doc = bench.doc("--collector", "pd", payload=event)
    assert (doc["method"], doc["path"], doc["answer"]["status"]) == ("POST", "/v2/enqueue", 202)
    assert doc["alerts"][0]["dedup_key"] == "d" and "the sender's key" in doc["alerts"][0]["policy"]["routed_by"]
    old = {"service_key": "zz", "event_type": "trigger", "description": "old"}
    doc = bench.doc("--collector", "pd", payload=old)
    assert doc["path"] == "/generic/2010-04-15/create_event.json" and doc["alerts"][0]["summary"] == "old"
    assert "401" in doc["remarks"][0] and "a fresh one for each request" in doc["remarks"][1]
    doc = bench.doc("--collector", "pd", payload={"routing_key": "k1", "event_action": "acknowledge", "dedup_key": "d"})
    assert doc["actions"] == [{"action": "ack", "dedup_key": "d", "by": None, "note": None, "until": None}]
    assert "acknowledges the incident of the alert that is open under 'd'" in bench.run(
        "--collector", "pd", payload={"routing_key": "k1", "event_action": "acknowledge", "dedup_key": "d"})
    assert "--path says which" in bench.run("--collector", "pd", payload={"routing_key": "k1"}, status=1)
    bench.add(name="og", type="intake", format="opsgenie", auth="none")
    assert "would refuse it: path: Alert with id [x]" in bench.run(
        "--collector", "og", "--method", "GET", "--path", "/v2/alerts/x", payload="", status=1)
    bench.add(name="am", type="intake", format="alertmanager", auth="none")
    assert "would refuse it: 400 " in bench.run("--collector", "am", payload='[{"labels": 5}]', status=1)
    assert "alerts come to /v2/enqueue" in bench.run("--collector", "pd", "--path", "/nowhere", payload=event, status=2)


def test_protobuf_needs_no_word_of_its_type(bench):
    bench.add(name="otel", type="intake", format="otlp", auth="none")
    with open(os.path.join(ROOT, "integrations/otlp/cases/intake.json"), encoding="utf-8") as f:
        case = next(c for c in json.load(f) if c["name"] == "protobuf: the same reader")
    doc = bench.doc("--collector", "otel", payload=case["payload"])
    assert (doc["content_type"], doc["path"]) == ("application/x-protobuf", "/v1/logs")
    assert doc["lines"] == len(case["expect"]["alerts"]) > 0


def test_a_beat_says_when_it_is_missed(bench):
    bench.add(name="beating", type="mqtt", format="heartbeat", broker="mqtt://localhost", client_id="b",
              topics=["alive/+host"], heartbeat={"every": "1m", "grace": "30s", "by": ["host"]})
    doc = bench.doc("--collector", "beating", "--topic", "alive/n7", "--at", "2026-01-31T12:00:00Z", payload="x")
    assert doc["heartbeat"] == {"name": "beating", "labels": {"host": "n7"}, "every": "1m", "grace": "30s",
                                "silent_at": "2026-01-31T12:01:30.000Z", "severity": "critical"}
    assert "heartbeat: this is a beat of host=n7" in bench.run("--collector", "beating", "--topic", "alive/n7", payload="x")


def test_functions_of_the_users_own_jq_change_nothing(bench, monkeypatch):
    home = bench.folder / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    bench.mapping(".body | { summary: (.what | ascii_upcase) }")
    for text in ('def ascii_upcase: "from home";', "syntax error ("):
        (home / ".jq").write_text(text)
        assert bench.alert()["summary"] == "DISK FULL"


def test_mistakes_are_told(bench):
    assert "did you mean 'mine'" in bench.run("--collector", "mien", status=2)
    assert "mine, plain, logs, train" in bench.run(status=2)
    assert "line 1" in bench.run("--collector", "plain", payload='{"summary": ', status=1)
    bench.mapping('.body | { summary: .what, status: "burning" }')
    assert "status" in bench.run("--collector", "mine", status=1)
    bench.mapping(".body | {")
    assert re.search(r"m\.jq", bench.run("--collector", "mine", status=1))
    assert "cannot open" in subprocess.run(
        [TOCSIN, "explain", "-c", str(bench.folder / "tocsin.cfg"), "nowhere.json"], text=True, stderr=subprocess.PIPE,
        env={**os.environ, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")}).stderr


def test_the_example_of_the_readme_is_what_comes_out(tmp_path):
    """The whole section, as somebody would follow it: the configuration above it, the mapping, the payload."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        readme = f.read()
    mapping, = re.findall(r"```jq\n(.*?)```", readme, re.S)
    payload, = re.findall(r'^`(\{"job".*?\})`', readme, re.M)
    collector, = re.findall(r'^  \{ name = "build".*\},$', readme, re.M)
    shown, = re.findall(r"^\$ tocsin explain .*?\n(.*?)```", readme, re.M | re.S)
    config, = re.findall(r"^(http  = \{.*?)```", readme, re.M | re.S)
    shutil.copytree(os.path.join(ROOT, "rules"), tmp_path / "rules")
    (tmp_path / "build.jq").write_text(mapping)
    (tmp_path / "nightly.json").write_text(payload)
    for name in ("vo.key", "og"):
        (tmp_path / name).write_text("secret\n")
    config = config.replace("collectors = (\n", "collectors = (\n" + collector + "\n")
    (tmp_path / "tocsin.cfg").write_text(config.replace("/etc/tocsin", str(tmp_path)))
    out = subprocess.run([TOCSIN, "explain", "-c", str(tmp_path / "tocsin.cfg"), "--collector", "build",
                          str(tmp_path / "nightly.json")], text=True, stdout=subprocess.PIPE, check=True,
                         env={**os.environ, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins"), "AZURE_TOKEN": "t",
                              "PD_ROUTING_KEY": "k", "CREDENTIALS_DIRECTORY": str(tmp_path)}).stdout
    assert out.replace(str(tmp_path), "/etc/tocsin") == shown
