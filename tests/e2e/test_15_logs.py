# SPDX-License-Identifier: Apache-2.0
"""Lines of logs: which become alerts, and that the others leave nothing behind."""
import os
import subprocess

import pytest

from harness import BUILD, stays, wait_until


LOGS = {"name": "logs", "type": "webhook", "format": "fluent-bit", "auth": "none"}


@pytest.fixture
def shipped(tocsin, settings):
    """A daemon with a collector of logs and these rules."""
    def make(*rules, **how):
        values = settings()
        values["collectors"].append(LOGS)
        values["http"] = {"body_max": "8MiB"}
        return tocsin(values, rules=list(rules), **how)
    return make


def lines(n, text="GET /index.html 200", host="web-1", **more):
    return [{"log": f"{text} {i}", "host": host, **more} for i in range(n)]


def test_lines_that_no_rule_wants_leave_a_counter(shipped):
    t = shipped({"name": "oom", "match": ["source = logs", 'summary =~ ".*Out of memory.*"'],
                 "set": {"severity": "critical"}})
    before = (t.metric("tocsin_commits_total"), os.stat(t.db + "-wal").st_size)
    for _ in range(3):
        assert t.send("logs", lines(5000, level="error")).json == {"accepted": 5000, "alerts": []}
    assert t.metric("tocsin_log_records_total", collector="logs") == 15000
    assert t.metric("tocsin_alerts_received_total", collector="logs") == 0
    assert (t.metric("tocsin_commits_total"), os.stat(t.db + "-wal").st_size) == before
    assert t.alerts() == [] and t.incidents() == []


def test_a_line_that_a_rule_wants_pages(shipped, vendors):
    t = shipped({"name": "oom", "match": ["source = logs", 'summary =~ ".*Out of memory.*"'],
                 "set": {"severity": "critical", "summary": "no memory on {{ .labels.host }}"}, "group_by": ["host"]})
    answer = t.send("logs", lines(4000) + lines(3, "Out of memory: killed") + lines(4000)).json
    assert answer["accepted"] == 8003
    alert, = answer["alerts"]                  # three lines that differ in a number are one alert
    vendors.wait_history("pd", alert["incident"], ["trigger"])
    incident = t.incident(alert["incident"])
    assert (incident["summary"], incident["severity"]) == ("no memory on web-1", "critical")
    assert [a["count"] for a in incident["alerts"]] == [3]
    assert any("made an alert" in e["text"] for e in incident["timeline"])
    again = t.send("logs", lines(1, "Out of memory: killed")).json["alerts"][0]["incident"]
    assert again == alert["incident"]
    stays(lambda: vendors.history("pd", again) == ["trigger"], 1, "one page")


THRESHOLD = {"name": "errors", "match": ["source = logs", 'summary =~ ".*failed.*"'],
             "threshold": {"count": 5, "window": "6s", "by": ["host"]}, "set": {"severity": "critical"}}


def test_lines_over_a_threshold_are_one_page(shipped, vendors):
    t = shipped(THRESHOLD)
    assert t.send("logs", lines(4, "login failed", "a") + lines(4, "login failed", "b")).json["alerts"] == []
    answer = t.send("logs", lines(1, "login failed", "a") + lines(100)).json
    alert, = answer["alerts"]
    assert alert["dedup_key"] == "threshold/errors/host=a"
    vendors.wait_history("pd", alert["incident"], ["trigger"])
    for _ in range(3):
        assert t.send("logs", lines(50, "logout failed", "a")).json["alerts"] == [alert]
    wait_until(lambda: t.incident(alert["incident"])["alerts"][0]["count"] == 151, 10, "counters are flushed")
    d = t.incident(alert["incident"])
    assert d["summary"] == "login failed 0"
    assert any("threshold 5 of 5 in 6s" in e["text"] for e in d["timeline"])
    t.wait_state(alert["incident"], "resolved", 20)       # a window below
    vendors.wait_history("pd", alert["incident"], ["trigger", "resolve"])


def test_a_crossing_survives_kill_9(shipped, vendors):
    t = shipped({**THRESHOLD, "threshold": {"count": 5, "window": "1h", "by": ["host"]}})
    incident = t.send("logs", lines(5, "login failed", "a")).json["alerts"][0]["incident"]
    t.restart(hard=True)                                   # maybe told, maybe not: told again under the same key
    wait_until(lambda: vendors.pages("pd", incident) == 1, 10, "paged once")
    assert set(vendors.history("pd", incident)) == {"trigger"} and t.state(incident) == "triggered"
    assert t.send("logs", lines(4, "login failed", "a")).json["alerts"] == []      # counts begin anew
    assert t.send("logs", lines(1, "login failed", "a")).json["alerts"][0]["incident"] == incident


def test_delay(tocsin, settings, vendors):
    t = tocsin(settings(), rules=[{"name": "patience", "match": ["patient = yes"], "delay": "3s"}])
    brief = t.fire("brief", patient="yes")
    lasting = t.fire("lasting", patient="yes")
    assert t.incidents() == [] and t.state(brief) == "delayed"
    assert {i["id"] for i in t.incidents("state=delayed")} == {brief, lasting}
    t.clear("brief")
    assert t.get(f"/v1/incidents/{brief}").status == 404
    t.restart(hard=True)                                   # the deadline is stored
    vendors.wait_history("pd", lasting, ["trigger"], 15)
    assert [i["id"] for i in t.incidents()] == [lasting]
    assert t.incident(lasting)["episode"] == 1
    assert vendors.keys("pd") == {lasting}
    t.clear("lasting")
    t.wait_state(lasting, "resolved")
    assert t.incidents("state=delayed") == []


def test_resolve_after(tocsin, settings, vendors):
    t = tocsin(settings(), rules=[{"name": "no-resolve", "match": ["source = local"], "resolve_after": "2s"}])
    incident = t.fire("mute")
    vendors.wait_history("pd", incident, ["trigger", "resolve"], 15)
    assert t.state(incident) == "resolved"


@pytest.mark.parametrize("rule, words", [
    ({"threshold": {"window": "1m"}}, "'threshold' of rule 'bad' needs a 'count'"),
    ({"threshold": {"count": 3}}, "'threshold' of rule 'bad' needs a 'window'"),
    ({"threshold": {"count": 3, "window": "1m", "per": "x"}}, "unknown option 'per'"),
    ({"delay": 5}, "'delay' of rule 'bad'"),
])
def test_mistakes_have_a_line(tocsin, settings, rule, words):
    t = tocsin(settings(), rules=[{"name": "bad", **rule}], start=False)
    run = subprocess.run([os.path.join(BUILD, "tocsin"), "check", "-c", t.path], capture_output=True, text=True,
                         env={**os.environ, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")}, timeout=60)
    assert run.returncode == 1
    assert words in run.stderr + run.stdout and "10-test.cfg:" in run.stderr + run.stdout
