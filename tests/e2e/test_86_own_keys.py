# SPDX-License-Identifier: Apache-2.0
"""Rules give alerts other keys; whoever sent them goes on using its own, through every way in, restarts and reloads."""
import os
import time

import pytest

from conftest import base_settings
from harness import BUILD, wait_until
from test_85_intakes import KEY, node, og, pd_event

SENDERS = os.path.join(BUILD, "senders")
needs_npm = pytest.mark.skipif(not os.path.exists(os.path.join(SENDERS, ".installed")), reason="make senders first")

# one alert of all that a collector brings, by a rule that sees firing reports alone
MERGED = [{"name": "one-of-all", "match": ["status = firing"], "dedup_key": "{{ .source }}: all"}]
ALIAS = "/v2/alerts/{}{}?identifierType=alias"


@pytest.fixture
def intakes(vendors, tocsin):
    def make(rules=MERGED, tls=None):
        settings = base_settings(vendors, [("0s", ["pd"])])
        settings["http"] = {"tls": {"cert": tls.cert, "key": tls.key}} if tls else {}
        settings["collectors"] += [{"name": f"{name}-in", "type": "intake", "format": fmt, "keys": "env:IN_KEY"}
                                   for name, fmt in (("pd", "pagerduty"), ("og", "opsgenie"), ("vo", "victorops"))]
        settings["collectors"].append({"name": "am-in", "type": "intake", "format": "alertmanager", "auth": "none"})
        t = tocsin(settings, rules, env={"IN_KEY": KEY}, start=False)
        t.tls = tls.context() if tls else None
        return t.start()
    return make


def one(t, source):
    """The newest incident of a collector."""
    return t.incident([i for i in t.incidents() if i["source"] == source][0]["id"])


def states(t, source):
    return sorted(i["state"] for i in t.incidents() if i["source"] == source)


def vo(t, kind, entity):
    answer = t.request("POST", f"/integrations/generic/20131114/alert/{KEY}/ml",
                       {"message_type": kind, "entity_id": entity, "state_message": f"{entity} is {kind}"})
    assert answer.status == 200, answer


def am(t, host, **times):
    answer = t.request("POST", "/api/v2/alerts", [{"labels": {"alertname": "Down", "host": host}, **times}])
    assert answer.status == 200, answer


def test_pagerduty(intakes, vendors):
    t = intakes()
    for host in ("a", "b"):
        assert pd_event(t, "trigger", key=host).status == 202
    i = one(t, "pd-in")
    assert [a["dedup_key"] for a in i["alerts"]] == ["pd-in: all"]
    assert pd_event(t, "acknowledge", key="b").status == 202
    assert one(t, "pd-in")["state"] == "acknowledged"
    wait_until(lambda: vendors.history("pd", i["id"])[-1:] == ["acknowledge"], 10, "the acknowledgement is passed on")
    pd_event(t, "resolve", key="c")            # which never fired
    pd_event(t, "resolve", key="a")
    t.restart(hard=True)
    pd_event(t, "resolve", key="a")            # as who got no answer does
    assert one(t, "pd-in")["state"] == "acknowledged", "b still burns"
    pd_event(t, "resolve", key="b")
    assert states(t, "pd-in") == ["resolved"]
    wait_until(lambda: vendors.history("pd", i["id"])[-1:] == ["resolve"], 10, "the pager is told that it is over")


def test_opsgenie(intakes):
    t = intakes()
    ids = {}
    for host in ("a", "b"):
        created = og(t, "POST", "/v2/alerts", {"message": f"{host} is down", "alias": host}).json["requestId"]
        status = og(t, "GET", f"/v2/alerts/requests/{created}").json["data"]
        assert status["isSuccess"] is True
        ids[host] = status["alertId"]
    assert ids["a"] == ids["b"], "they are one alert"
    for host in ("a", "b"):
        seen = og(t, "GET", ALIAS.format(host, "")).json["data"]
        assert (seen["id"], seen["alias"], seen["status"]) == (ids["a"], host, "open")
    t.restart(hard=True)
    for verb, state in (("acknowledge", "acknowledged"), ("unacknowledge", "triggered")):
        assert og(t, "POST", ALIAS.format("b", "/" + verb), {}).status == 202
        assert one(t, "og-in")["state"] == state
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    og(t, "POST", ALIAS.format("a", "/snooze"), {"endTime": until})
    og(t, "POST", ALIAS.format("a", "/notes"), {"note": "extending the volume"})
    assert {"snoozed", "note"} <= {e["kind"] for e in one(t, "og-in")["timeline"]}
    og(t, "PUT", ALIAS.format("a", "/message"), {"message": "much fuller"})
    assert og(t, "GET", ALIAS.format("b", "")).json["data"]["message"] == "much fuller"
    og(t, "POST", ALIAS.format("a", "/close"), {})
    assert one(t, "og-in")["state"] == "triggered", "b still burns"
    assert og(t, "GET", ALIAS.format("a", "")).json["data"]["status"] == "open"
    closed = og(t, "POST", ALIAS.format("b", "/close"), {}).json["requestId"]
    assert og(t, "GET", f"/v2/alerts/requests/{closed}").json["data"]["status"] == "Closed alert"
    assert states(t, "og-in") == ["resolved"]
    assert og(t, "GET", ALIAS.format("b", "")).json["data"]["status"] == "closed"
    # by its id the alert as a whole is meant
    for host in ("a", "b"):
        og(t, "POST", "/v2/alerts", {"message": f"{host} is down", "alias": host})
    whole = og(t, "GET", ALIAS.format("a", "")).json["data"]["id"]
    og(t, "PUT", f"/v2/alerts/{whole}/message", {"message": "all down"})
    og(t, "POST", f"/v2/alerts/{whole}/close", {})
    assert states(t, "og-in") == ["resolved", "resolved"]


def test_victorops(intakes):
    t = intakes()
    vo(t, "CRITICAL", "a")
    vo(t, "CRITICAL", "b")
    vo(t, "ACKNOWLEDGEMENT", "a")
    assert one(t, "vo-in")["state"] == "acknowledged"
    vo(t, "RECOVERY", "a")
    t.restart(hard=True)
    assert states(t, "vo-in") == ["acknowledged"]
    vo(t, "RECOVERY", "b")
    assert states(t, "vo-in") == ["resolved"]


def test_alertmanager(intakes):
    t = intakes()
    am(t, "a", startsAt="2026-01-31T12:00:00Z")
    am(t, "b", startsAt="2026-01-31T12:05:00Z")
    over = {"endsAt": "2026-01-31T12:04:00Z"}      # before b began: it is late for b alone
    am(t, "a", startsAt="2026-01-31T12:00:00Z", **over)
    assert [e["text"] for e in one(t, "am-in")["timeline"] if "is over; of what" in e["text"]]
    t.restart(hard=True)
    assert states(t, "am-in") == ["triggered"]
    am(t, "b", startsAt="2026-01-31T12:05:00Z", endsAt="2026-01-31T12:06:00Z")
    assert states(t, "am-in") == ["resolved"]


def test_webhook(intakes):
    t = intakes()
    first = t.fire("a", rack="7")
    assert t.fire("b", rack="7") == first
    t.clear("c")
    t.clear("a")
    assert t.state(first) == "triggered"
    t.restart(hard=True)
    t.fire("b", rack="7")
    assert len(t.incidents()) == 1
    t.clear("b")
    assert t.state(first) == "resolved"


def test_resolve_when(intakes):
    """A sender whose key is another in each message: its rule says so."""
    t = intakes(rules=[{"name": "any", "match": ["rack = 7"], "dedup_key": "rack-7", "resolve_when": "any"}])
    first = t.fire("message-1", rack="7")
    assert t.fire("message-2", rack="7") == first
    t.send("local", {"dedup_key": "message-3", "status": "resolved", "labels": {"rack": "7"}})
    assert t.state(first) == "resolved"


def test_what_burns_is_found_after_an_edit_of_the_rules(intakes, vendors):
    """Old rules, new rules, no rules: no second incident, and the sender's close ends the first."""
    t = intakes()
    pd_event(t, "trigger", key="a")
    pd_event(t, "trigger", key="b")
    t.fire("hook")
    first = one(t, "pd-in")["id"]
    for rules in ([{"name": "other", "dedup_key": "other/{{ .summary }}"}], [{"name": "none"}], MERGED):
        t.configure(t.settings, rules)
        t.reload()
        pd_event(t, "trigger", key="a")
        t.fire("hook")
        assert len(t.incidents()) == 2, rules
    t.configure(t.settings, [{"name": "other", "dedup_key": "other/{{ .summary }}"}])
    t.reload()
    pd_event(t, "resolve", key="a")
    t.clear("hook")
    assert states(t, "local") == ["resolved"]
    t.restart(hard=True)
    assert t.state(first) == "triggered"
    pd_event(t, "resolve", key="b")
    assert t.state(first) == "resolved"
    wait_until(lambda: vendors.history("pd", first)[-1:] == ["resolve"], 10, "the pager is told that it is over")
    pd_event(t, "trigger", key="a")
    assert one(t, "pd-in")["alerts"][0]["dedup_key"] == "other/disk full"


def test_a_key_that_a_rule_gives_to_what_fires_already(intakes):
    t = intakes(rules=[{"name": "none"}])
    pd_event(t, "trigger", key="a")
    t.configure(t.settings, MERGED)
    t.reload()
    pd_event(t, "trigger", key="a")
    assert states(t, "pd-in") == ["triggered"]
    pd_event(t, "trigger", key="b")
    assert states(t, "pd-in") == ["triggered", "triggered"]
    t.restart(hard=True)
    pd_event(t, "resolve", key="a")
    assert states(t, "pd-in") == ["resolved", "triggered"]
    pd_event(t, "resolve", key="b")
    assert states(t, "pd-in") == ["resolved", "resolved"]


@needs_npm
def test_pdjs(intakes, certificates):
    t = intakes(tls=certificates)
    pd_event(t, "trigger", key="another")

    def say(action):
        assert node("pagerduty.js", f"localhost:{t.port}", KEY, "disk/db-1", action,
                    NODE_EXTRA_CA_CERTS=certificates.ca)["status"] == 202
    say("trigger")
    say("acknowledge")
    assert states(t, "pd-in") == ["acknowledged"]
    say("resolve")
    assert states(t, "pd-in") == ["acknowledged"]
    pd_event(t, "resolve", key="another")
    assert states(t, "pd-in") == ["resolved"]


@needs_npm
def test_opsgenie_sdk(intakes):
    t = intakes()
    out = node("opsgenie.js", f"http://127.0.0.1:{t.port}", KEY, "disk/db-1")
    assert out["status"]["data"]["isSuccess"] is True
    assert out["get"]["data"]["acknowledged"] is True and out["get"]["data"]["owner"] == "anna"
    assert out["closed"]["data"]["status"] == "closed" and out["closed"]["data"]["alias"] == "disk/db-1"
    i = one(t, "og-in")
    assert i["state"] == "resolved" and "extending the volume" in [e["text"] for e in i["timeline"]]
    assert i["alerts"][0]["dedup_key"] == "og-in: all"


def test_a_silence_of_one_does_not_hush_the_others(vendors, tocsin):
    t = tocsin(base_settings(vendors, [("0s", ["pd"]), ("2s", ["vo"])]), MERGED)
    held = {"dedup_key": "a", "summary": "a is down", "severity": "critical", "labels": {"host": "a"}}
    assert t.request("POST", "/v1/silences", {"matchers": ['host = "a"'], "for": "1h"}).status == 200
    t.send("local", [{"dedup_key": "b", "summary": "b is down", "severity": "critical", "labels": {"host": "b"}}, held])
    i = one(t, "local")
    vendors.wait_history("pd", i["id"], ["trigger"])
    t.send("local", {**held, "summary": "a is still down"})
    wait_until(lambda: vendors.pages("vo", i["id"]) == 1, 10, "b goes on to the next step")
    assert one(t, "local")["suppressed_by"] is None
