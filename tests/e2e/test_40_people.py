# SPDX-License-Identifier: Apache-2.0
"""What people do to an incident, and what comes of it when they do nothing."""
from harness import stays, wait_until

STEPS = [("0s", ["pd"]), ("1s", ["vo"])]


def test_acknowledgement_times_out_and_the_next_one_is_told(tocsin, vendors, settings):
    """PagerDuty cannot take an acknowledgement back: its people would not be woken, so the escalation moves on."""
    t = tocsin(settings([("0s", ["pd"]), ("1h", ["vo"])], ack_timeout="1s"))
    incident = t.fire("forgotten")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "ack", by="anna")
    wait_until(lambda: t.state(incident) == "triggered", 6, "it comes back")
    assert "unacknowledged" in t.kinds(incident)
    vendors.wait_history("vo", incident, ["trigger"])


def test_acknowledgement_times_out_and_the_same_people_are_woken(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["og"]), ("1h", ["vo"])], ack_timeout="1s"))
    incident = t.fire("forgotten")
    vendors.wait_history("og", incident, ["trigger"])
    t.act(incident, "ack", by="anna")
    wait_until(lambda: vendors.pages("og", incident) == 2, 8, "paged again")
    assert vendors.history("vo", incident) == []


def test_unack_goes_on_where_it_stood(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("2s", ["vo"])], last_wait="1m"))
    incident = t.fire("taken-back")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "ack", by="anna", note="looking")
    vendors.wait_history("pd", incident, ["trigger", "acknowledge"])
    stays(lambda: vendors.history("vo", incident) == [], 2.5, "acknowledged: no further step")
    t.act(incident, "unack", by="anna", note="not me")
    assert t.state(incident) == "triggered"
    vendors.wait_history("vo", incident, ["trigger"], 6)


def test_snooze_holds_and_wakes(tocsin, vendors, settings):
    t = tocsin(settings(STEPS, last_wait="1m"))
    incident = t.fire("later")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "snooze", by="anna", **{"for": "2s"})
    assert t.incident(incident)["snoozed_until"] > t.incident(incident)["opened_at"]
    stays(lambda: vendors.history("vo", incident) == [], 1.5, "snoozed: no further step")
    vendors.wait_history("vo", incident, ["trigger"], 8)


def test_escalate_by_hand(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("1h", ["vo"]), ("2h", ["og"])]))
    incident = t.fire("by-hand")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "escalate", by="anna", note="need help")
    vendors.wait_history("vo", incident, ["trigger"])
    assert vendors.history("og", incident) == []
    t.act(incident, "escalate", by="anna")
    vendors.wait_history("og", incident, ["trigger"])
    assert "escalated" in t.kinds(incident)


def test_note_stands_in_the_timeline_and_reaches_opsgenie(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["og"])]))
    incident = t.fire("noted")
    vendors.wait_history("og", incident, ["trigger"])
    t.act(incident, "note", by="anna", note="swapped the cable")
    entry = next(e for e in t.incident(incident)["timeline"] if e["kind"] == "note")
    assert entry["actor"] == "anna" and "swapped the cable" in entry["text"]
    vendors.wait_history("og", incident, ["trigger", "note"])


def test_exhausted_tells_the_last_resort_once(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("1s", ["vo"])], last_wait="1s", last_resort=["og"]))
    incident = t.fire("unanswered")
    vendors.wait_history("og", incident, ["trigger"], 8)
    assert t.kinds(incident).count("exhausted") == 1
    assert t.metric("tocsin_incidents_exhausted") == 1
    t.clear("unanswered")
    for short in ("pd", "vo", "og"):
        wait_until(lambda: vendors.history(short, incident)[-1:] == ["resolve"], 10, f"{short} is told the end")


def test_loops_page_again(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"])], loops=1, last_wait="1s", last_resort=[]))
    incident = t.fire("again")
    wait_until(lambda: t.kinds(incident).count("page") == 2, 8, "the second pass")
    vendors.wait_history("pd", incident, ["trigger", "trigger"])


def test_resolve_by_hand_then_the_alert_goes_on(tocsin, vendors):
    t = tocsin()
    incident = t.fire("stubborn")
    vendors.wait_history("pd", incident, ["trigger"])
    t.act(incident, "resolve", by="anna", note="false alarm")
    vendors.wait_history("pd", incident, ["trigger", "resolve"])
    assert t.state(incident) == "resolved"


def test_actions_out_of_place(tocsin):
    t = tocsin()
    incident = t.fire("x")
    t.act(incident, "unack", by="anna")             # nothing to take back: nothing happens
    assert t.kinds(incident).count("unacknowledged") == 0
    t.act(incident, "resolve", by="anna")
    assert t.act(incident, "ack", expect=409, by="anna").json["detail"]
    t.act("00000000-0000-7000-8000-000000000000", "ack", expect=404, by="anna")
    t.act(incident, "note", expect=422, by="anna")
    t.act(incident, "snooze", expect=422, by="anna")


def test_short_number_finds_the_incident(tocsin):
    t = tocsin()
    incident = t.fire("short")
    assert t.incident(incident[-8:])["id"] == incident


def test_list_filters_and_pages(tocsin):
    t = tocsin()
    ids = [t.fire(f"f{i}", "critical" if i % 2 else "warning", summary=f"number {i}") for i in range(25)]
    t.act(ids[3], "ack", by="anna")
    t.clear("f4")
    assert {i["id"] for i in t.incidents("limit=4")} == set(ids)
    assert {i["id"] for i in t.incidents("state=acknowledged")} == {ids[3]}
    assert {i["id"] for i in t.incidents("state=resolved")} == {ids[4]}
    assert {i["id"] for i in t.incidents("severity=critical&limit=5")} == set(ids[1::2])
    assert {i["id"] for i in t.incidents("q=number%2017")} == {ids[17]}
