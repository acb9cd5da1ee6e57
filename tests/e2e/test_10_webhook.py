# SPDX-License-Identifier: Apache-2.0
"""Alerts over HTTP: what is accepted, what becomes one incident, what is refused and with which words."""
import json
import re
import socket

import pytest

from harness import am_alert, am_payload, gzipped, stays, wait_until


def test_accepted_says_key_and_incident(tocsin, vendors):
    t = tocsin()
    answer = t.send("local", {"dedup_key": "disk-1", "severity": "critical", "summary": "disk full", "labels": {"host": "db1"}})
    assert answer.json["accepted"] == 1
    alert, = answer.json["alerts"]
    assert alert["dedup_key"] == "disk-1"
    incident = t.incident(alert["incident"])
    assert (incident["state"], incident["severity"], incident["source"], incident["episode"]) == \
        ("triggered", "critical", "local", 1)
    assert incident["alerts"][0]["labels"]["host"] == "db1"
    vendors.wait_history("pd", incident["id"], ["trigger"])


def test_same_payload_twice_is_one_page(tocsin, vendors):
    t = tocsin()
    first = t.fire("same")
    assert [t.fire("same") for _ in range(5)] == [first] * 5
    vendors.wait_history("pd", first, ["trigger"])
    stays(lambda: vendors.keys("pd") == {first} and vendors.history("pd", first) == ["trigger"], 1, "one page")
    assert t.alerts()[0]["count"] == 6
    assert len(t.incidents()) == 1


def test_batch_of_different_alerts(tocsin, vendors):
    t = tocsin()
    answer = t.send("local", [{"dedup_key": f"k{i}", "severity": "error", "summary": f"n {i}"} for i in range(64)])
    assert answer.json["accepted"] == 64
    ids = {a["incident"] for a in answer.json["alerts"]}
    assert len(ids) == 64
    wait_until(lambda: vendors.keys("pd") == ids, 15, "64 pages")


def test_alertmanager_group_is_one_incident(tocsin, vendors):
    t = tocsin()
    alerts = [am_alert("NodeDown", instance=f"n{i}") for i in range(5)]
    answer = t.send("am", am_payload("NodeDown", alerts))
    incident, = {a["incident"] for a in answer.json["alerts"]}
    other = t.send("am", am_payload("DiskFull", [am_alert("DiskFull", instance="n1")])).json["alerts"][0]["incident"]
    assert incident != other
    vendors.wait_history("pd", incident, ["trigger"])
    vendors.wait_history("pd", other, ["trigger"])
    t.send("am", am_payload("NodeDown", [am_alert("NodeDown", "resolved", instance=f"n{i}") for i in range(4)]))
    assert t.state(incident) == "triggered"
    t.send("am", am_payload("NodeDown", [am_alert("NodeDown", "resolved", instance="n4")]))
    t.wait_state(incident, "resolved")
    wait_until(lambda: vendors.history("pd", incident)[-1:] == ["resolve"], 10, "resolve told")
    assert t.state(other) == "triggered"


def test_group_by_rule(tocsin, vendors, settings):
    t = tocsin(settings(), rules=[{"name": "by-host", "match": ["source = local"], "group_by": ["host"]}])
    a, b, c = t.fire("a", host="h1"), t.fire("b", host="h1"), t.fire("c", host="h2")
    assert a == b != c
    t.clear("a")
    assert t.state(a) == "triggered"
    t.clear("b")
    t.wait_state(a, "resolved")
    assert t.state(c) == "triggered"


def test_rule_routes_drops_and_suppresses(tocsin, vendors, settings):
    t = tocsin(settings(), rules=[
        {"name": "noise", "match": ["team = noise"], "drop": True},
        {"name": "dev", "match": ["team = dev"], "suppress": True},
        {"name": "louder", "match": ["team = ml"], "set": {"severity": "critical", "summary": "ML: {{ .labels.host }}"}}])
    assert t.fire("n", team="noise") is None
    dev = t.fire("d", team="dev")
    ml = t.fire("m", "warning", team="ml", host="gpu7")
    vendors.wait_history("pd", ml, ["trigger"])
    assert t.incident(ml)["severity"] == "critical" and t.incident(ml)["summary"] == "ML: gpu7"
    assert "dev" in t.incident(dev)["suppressed_by"]
    stays(lambda: vendors.keys("pd") == {ml}, 0.7, "only what is neither dropped nor suppressed pages")
    assert {a["dedup_key"]: a["status"] for a in t.alerts()}["n"] == "dropped"


def test_the_timeline_names_each_rule_also_the_one_that_failed(tocsin, vendors, settings):
    t = tocsin(settings(), rules=[
        {"name": "louder", "match": ["team = ml"], "set": {"severity": "critical"}},
        {"name": "ratio", "match": ["team = ml"], "set": {"ratio": "{{ 1 / (.labels.zero | tonumber) }}"}}])
    incident = t.fire("m", "warning", team="ml", zero="0")
    vendors.wait_history("pd", incident, ["trigger"])
    told = {(e["kind"], e["actor"]): e["text"] for e in t.incident(incident)["timeline"]}
    assert re.search(r"\.cfg:\d+: severity", told["rule", "louder"])
    assert re.search(r"\.cfg:\d+: .*divi", told["rule failed", "ratio"])
    assert t.metric("tocsin_rule_failures_total") == 1


def test_a_failing_rule_under_load_is_counted_and_not_logged_each_time(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"])]), rules=[
        {"name": "ratio", "match": ["team = ml"], "set": {"ratio": "{{ 1 / (.labels.zero | tonumber) }}"}}])
    for i in range(60):
        t.fire(f"m{i}", "warning", team="ml", zero="0")
    assert t.metric("tocsin_rule_failures_total") == 60
    assert 1 <= t.log().count("rule 'ratio'") <= 4, "at once, then after 2, 4, 8 s"


def test_info_pages_nobody(tocsin, vendors):
    t = tocsin()
    info, loud = t.fire("i", "info"), t.fire("w", "warning")
    vendors.wait_history("pd", loud, ["trigger"])
    assert info is None or t.state(info) == "triggered"
    stays(lambda: vendors.keys("pd") == {loud}, 0.7, "info does not page")


def test_resolve_of_what_never_fired_opens_nothing(tocsin, vendors):
    t = tocsin()
    assert t.fire("ghost", status="resolved") is None
    assert t.incidents() == []


def test_resolved_then_fired_again_is_a_new_episode(tocsin, vendors):
    t = tocsin()
    first = t.fire("flip")
    vendors.wait_history("pd", first, ["trigger"])
    t.clear("flip")
    vendors.wait_history("pd", first, ["trigger", "resolve"])
    second = t.fire("flip")
    assert second != first and t.incident(second)["episode"] == 2
    vendors.wait_history("pd", second, ["trigger"])
    assert vendors.history("pd", first) == ["trigger", "resolve"]


def test_unknown_neither_pages_nor_resolves(tocsin, vendors, settings):
    values = settings()
    values["collectors"].append({"name": "cloud", "type": "webhook", "format": "aws-sns", "auth": "none",
                                 "topic_arns": ["arn:aws:sns:eu-west-1:111122223333:alarms"]})
    t = tocsin(values)

    def alarm(state):
        inner = {"AlarmName": "cpu", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu",
                 "AWSAccountId": "111122223333", "NewStateValue": state, "OldStateValue": "OK", "Region": "EU (Ireland)",
                 "NewStateReason": "test", "StateChangeTime": "2026-01-31T12:00:00.000+0000",
                 "Trigger": {"MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Dimensions": []}}
        body = {"Type": "Notification", "MessageId": "0b5c1f2e-0000-5000-8000-000000000001",
                "TopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms", "Subject": "ALARM", "Message": json.dumps(inner),
                "Timestamp": "2026-01-31T12:00:00.000Z", "SignatureVersion": "1", "Signature": "", "SigningCertURL": ""}
        answer = t.request("POST", "/v1/in/cloud", body, {"x-amz-sns-message-type": "Notification",
                                                          "Content-Type": "text/plain; charset=UTF-8"})
        assert answer.status // 100 == 2, answer

    alarm("INSUFFICIENT_DATA")
    assert [i for i in t.incidents() if i["state"] != "resolved"] == []
    alarm("ALARM")
    incident, = t.incidents("state=open")
    vendors.wait_history("pd", incident["id"], ["trigger"])
    alarm("INSUFFICIENT_DATA")
    stays(lambda: t.state(incident["id"]) == "triggered", 0.5, "unknown does not resolve")
    alarm("OK")
    t.wait_state(incident["id"], "resolved")


# --- what is refused ---------------------------------------------------------------------------

REFUSED = {
    "not JSON": ("local", b"{", {}, 400, ""),
    "empty": ("local", b"", {}, 400, ""),
    "a member twice": ("local", b'{"a":1,"a":2}', {}, 400, ""),
    "a number for an alert": ("local", b"[1]", {}, 422, "$[0]"),
    "unknown status": ("local", b'{"dedup_key":"k","status":"perhaps"}', {}, 422, "$.status"),
    "second of two": ("local", b'[{"dedup_key":"k","summary":"s"},{"dedup_key":"l","status":7}]', {}, 422, "$[1].status"),
    "too deep": ("local", b"[" * 100 + b"]" * 100, {}, 400, ""),
    "not UTF-8": ("local", b'{"summary":"\xff\xfe"}', {}, 400, ""),
    "no such collector": ("nobody", b"{}", {}, 404, "nobody"),
    "too large": ("local", b"x" * 1200000, {}, 413, ""),
    "not gzip": ("local", b"\x1f\x8bnot gzip", {"Content-Encoding": "gzip"}, 400, ""),
    "unknown encoding": ("local", b"{}", {"Content-Encoding": "br"}, 415, "Content-Encoding"),
    "no array of alerts": ("am", b'{"version":"4","alerts":{}}', {}, 422, "$.alerts"),
}


@pytest.mark.parametrize("collector, body, headers, status, where", REFUSED.values(), ids=REFUSED)
def test_refused(tocsin, collector, body, headers, status, where):
    t = tocsin()
    answer = t.request("POST", f"/v1/in/{collector}", body, headers)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    assert problem["status"] == status and problem["title"]
    assert where in json.dumps(problem, ensure_ascii=False), problem
    assert t.alerts() == []
    assert t.fire("good")


def test_wrong_method_says_which(tocsin):
    answer = tocsin().request("GET", "/v1/in/local")
    assert answer.status == 405 and "POST" in answer.headers["Allow"]


def test_a_slash_behind_the_name_does_no_harm(tocsin, vendors):
    t = tocsin()
    answer = t.request("POST", "/v1/in/local/?x=1", {"dedup_key": "s", "severity": "error", "summary": "s" * 200_000})
    assert answer.status == 202, answer
    vendors.wait_history("pd", answer.json["alerts"][0]["incident"], ["trigger"])
    assert t.request("PUT", "/v1/in/local/", {"dedup_key": "s", "status": "ok"}).status == 202
    assert t.request("POST", "/v1/in/local//", {}).status == 404
    assert "no collector 'other'" in t.request("POST", "/v1/in/other/", {}).text


@pytest.mark.parametrize("charset", ["ISO-8859-1", '"windows-1252"'])
def test_a_charset_that_is_said_is_read(tocsin, charset):
    t = tocsin()
    body = '{"dedup_key":"Müller","severity":"error","summary":"Grüße"}'.encode("latin-1")
    assert t.request("POST", "/v1/in/local", body).status == 400
    t.send("local", body, {"Content-Type": f"text/plain; charset={charset}"})
    kept, = t.alerts()
    assert (kept["dedup_key"], kept["summary"]) == ("Müller", "Grüße")


def test_gzip_is_unpacked(tocsin):
    t = tocsin()
    t.send("local", gzipped({"dedup_key": "z", "severity": "error", "summary": "packed"}),
           {"Content-Encoding": "gzip", "Content-Type": "application/json"})
    assert t.alerts()[0]["summary"] == "packed"


def test_gzip_bomb_is_refused(tocsin):
    t = tocsin()
    answer = t.request("POST", "/v1/in/local", gzipped(" " * 50_000_000), {"Content-Encoding": "gzip"})
    assert answer.status == 413, answer
    assert t.fire("good")


def test_a_sender_that_stops_half_way_harms_nobody(tocsin, settings):
    values = settings()
    values["http"] = {"body_timeout": "1s"}
    t = tocsin(values)
    with socket.create_connection(("127.0.0.1", t.port)) as s:
        s.sendall(b"POST /v1/in/local HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        assert t.fire("meanwhile")
        s.settimeout(10)
        answer = s.recv(1000)
        assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0], answer
    assert [a["dedup_key"] for a in t.alerts()] == ["meanwhile"]


def test_unicode_and_control_characters_arrive_clean(tocsin, vendors):
    t = tocsin()
    incident = t.fire("uni", summary="Ümläut 火 \u0007 \U0001f525")
    summary = t.incident(incident)["summary"]
    assert summary.startswith("Ümläut 火 ") and "\U0001f525" in summary and "\u0007" not in summary
    vendors.wait_history("pd", incident, ["trigger"])
