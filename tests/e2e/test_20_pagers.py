# SPDX-License-Identifier: Apache-2.0
"""One incident through all three pagers: what each was told, in which order, and under which key."""
from harness import stays, wait_until

ALL = [("0s", ["pd", "og", "vo"])]


def told_everywhere(vendors, incident, verbs, timeout=10):
    for short in ("pd", "og", "vo"):
        vendors.wait_history(short, incident, verbs, timeout)


def test_trigger_acknowledge_resolve(tocsin, vendors, settings):
    t = tocsin(settings(ALL))
    incident = t.fire("gpu-7", summary="GPU 7 lost")
    told_everywhere(vendors, incident, ["trigger"])
    t.act(incident, "ack", by="anna")
    told_everywhere(vendors, incident, ["trigger", "acknowledge"])
    t.clear("gpu-7")
    told_everywhere(vendors, incident, ["trigger", "acknowledge", "resolve"])
    doc = t.incident(incident)
    assert doc["state"] == "resolved" and doc["acknowledged_by"] == "anna"
    # Opsgenie is asked afterwards how it went
    wait_until(lambda: {d["target"]: (d["state"], d["vendor_state"]) for d in t.incident(incident)["deliveries"]} ==
               {n: ("delivered", "resolved") for n in ("pd", "og", "vo")}, 10, "the ledger knows what the vendors know")
    stays(lambda: all(len(vendors.history(s, incident)) == 3 for s in ("pd", "og", "vo")), 0.5, "nothing more is told")


def test_key_is_the_incident_everywhere(tocsin, vendors, settings):
    t = tocsin(settings(ALL))
    ids = {t.fire(f"k{i}") for i in range(5)}
    wait_until(lambda: all(vendors.keys(s) == ids for s in ("pd", "og", "vo")), 15, "each vendor knows each incident")


def test_summary_and_severity_reach_the_pagers(tocsin, vendors, settings):
    t = tocsin(settings(ALL))
    incident = t.fire("disk", "warning", summary="disk of db1 is full")
    told_everywhere(vendors, incident, ["trigger"])
    body = {s: vendors.alerts(s)[incident]["data"] for s in ("pd", "og", "vo")}
    assert body["pd"]["payload"]["summary"] == "disk of db1 is full" and body["pd"]["payload"]["severity"] == "warning"
    assert body["og"]["message"] == "disk of db1 is full"
    assert body["vo"]["message_type"] in ("WARNING", "CRITICAL")
    assert "disk of db1 is full" in body["vo"]["entity_display_name"]


def test_rising_severity_is_told(tocsin, vendors):
    t = tocsin()
    incident = t.fire("load", "warning")
    vendors.wait_history("pd", incident, ["trigger"])
    assert t.fire("load", "critical") == incident
    vendors.wait_history("pd", incident, ["trigger", "trigger"])
    assert vendors.alerts("pd")[incident]["severity"] == "critical"
    assert t.incident(incident)["severity"] == "critical"


def test_storm_of_updates_is_few_sends(tocsin, vendors):
    t = tocsin()
    vendors.mode("pd", "error500")
    incident = t.fire("storm", summary="version 0")
    for i in range(1, 100):
        t.fire("storm", summary=f"version {i}")
    vendors.well("pd")
    wait_until(lambda: vendors.alerts("pd").get(incident, {}).get("summary") == "version 99", 20, "the last version is told")
    assert len(vendors.history("pd", incident)) <= 3 and vendors.pages("pd", incident) == 1


def test_escalation_reaches_the_next_one_and_resolve_reaches_all(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("1s", ["vo"]), ("2s", ["og"])], last_wait="1m"))
    incident = t.fire("nobody-answers")
    vendors.wait_history("pd", incident, ["trigger"])
    assert vendors.history("vo", incident) == []
    told_everywhere(vendors, incident, ["trigger"], 6)
    t.clear("nobody-answers")
    told_everywhere(vendors, incident, ["trigger", "resolve"])


def test_acknowledge_stops_the_escalation(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("1s", ["vo"])]))
    incident = t.fire("answered")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "ack", by="anna")
    stays(lambda: vendors.history("vo", incident) == [], 2, "the second step does not fire")
    t.act(incident, "resolve", by="anna")
    vendors.wait_history("pd", incident, ["trigger", "acknowledge", "resolve"])
    assert vendors.history("vo", incident) == []
    assert t.incident(incident)["resolved_at"]


def test_send_resolved_off(tocsin, vendors, settings):
    values = settings([("0s", ["pd", "og"])])
    values["notifiers"][1]["send_resolved"] = False
    t = tocsin(values)
    incident = t.fire("quiet-end")
    vendors.wait_history("og", incident, ["trigger"])
    vendors.wait_history("pd", incident, ["trigger"])
    t.clear("quiet-end")
    vendors.wait_history("pd", incident, ["trigger", "resolve"])
    stays(lambda: vendors.history("og", incident) == ["trigger"], 0.5, "the resolve is not told")


def test_notify_of_a_rule_is_told_as_well(tocsin, vendors, settings):
    t = tocsin(settings(), rules=[{"name": "also", "match": ["team = db"], "notify": ["vo"]}])
    incident = t.fire("db", team="db")
    vendors.wait_history("pd", incident, ["trigger"])
    vendors.wait_history("vo", incident, ["trigger"])
    assert vendors.history("og", incident) == []


def test_many_incidents_each_exactly_once(tocsin, vendors):
    t = tocsin()
    ids = [t.fire(f"m{i}") for i in range(100)]
    wait_until(lambda: len(vendors.keys("pd")) == 100, 20, "100 pages")
    for i in range(0, 100, 2):
        t.clear(f"m{i}")
    wait_until(lambda: all(vendors.history("pd", i) == ["trigger", "resolve"] for i in ids[::2]), 20, "50 resolves")
    assert all(vendors.history("pd", i) == ["trigger"] for i in ids[1::2])
