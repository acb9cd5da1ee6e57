# SPDX-License-Identifier: Apache-2.0
"""Lines of logs: which become alerts, and that the others leave nothing behind."""
import os

import pytest

from harness import stays


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
