# SPDX-License-Identifier: Apache-2.0
"""The fakes are what other tests lean on, so they are tested first: they must refuse what the vendors refuse."""
import json
import subprocess
import sys
import time
import os
import urllib.error
import urllib.request

import pytest

from vendors import KEYS, Vendors

ID = "0198c0de-0000-7000-8000-00000000beef"


@pytest.fixture
def farm():
    with Vendors() as v:
        yield v


def call(url, doc=None, method=None, headers=None, raw=None):
    data = raw if raw is not None else json.dumps(doc).encode() if doc is not None else None
    req = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(req, timeout=10) as r:
            return r.status, json.loads(r.read() or b"null"), r.headers
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read() or b"null"), e.headers


def event(action="trigger", **more):
    doc = {"routing_key": KEYS["pagerduty"], "event_action": action, "dedup_key": ID}
    if action == "trigger":
        doc["payload"] = {"summary": "disk full", "source": "db1", "severity": "critical"}
    doc.update(more)
    return doc


def payload(**more):
    return event(payload={"summary": "disk full", "source": "db1", "severity": "critical", **more})


# --- PagerDuty ---

def test_pagerduty_counts_pages_as_the_vendor_would(farm):
    url = farm.url("pagerduty") + "/v2/enqueue"
    for action in ("trigger", "trigger", "acknowledge", "trigger", "resolve", "resolve", "acknowledge"):
        status, body, _ = call(url, event(action))
        assert (status, body["status"], body["dedup_key"]) == (202, "success", ID)
    a = farm.vendor("pagerduty").alerts[ID]
    assert (a.pages, a.opened, a.state) == (1, 1, "resolved")
    assert farm.vendor("pagerduty").dropped == 2
    call(url, event())
    assert (a.pages, a.opened, a.state) == (2, 2, "triggered")
    assert farm.violations() == []


@pytest.mark.parametrize("doc, error", [
    (event(routing_key="short"), "Length of 'routing_key' is incorrect (should be 32 characters)"),
    (event(routing_key="-" * 32), "'routing_key' cannot contain non-alphanumeric characters."),
    (event(routing_key="0" * 32), "Invalid routing key"),
    (event("reopen"), "'event_action' is missing or invalid"),
    (event("resolve", dedup_key=""), "'dedup_key' is missing or blank"),
    (event(dedup_key="x" * 256), "Length of 'dedup_key' is incorrect"),
    (event(payload=None), "'payload' is missing or blank"),
    (payload(summary="x" * 1025), "'payload.summary' is missing or blank"),
    (payload(severity="CRITICAL"), "'payload.severity' is missing or blank"),
    (payload(source=7), "'payload.source' is missing or blank"),
    (payload(timestamp="yesterday"), "'payload.timestamp' is not ISO 8601"),
    (payload(component=1), "'payload.component' is not a string"),
    (payload(custom_details="text"), "'payload.custom_details' is not an object"),
    (event(links=[{"text": "no href"}]), "'links' is invalid"),
    (event(images=[{"src": "http://plain.example/a.png"}]), "'images' is invalid"),
])
def test_pagerduty_refuses(farm, doc, error):
    status, body, _ = call(farm.url("pagerduty") + "/v2/enqueue", doc)
    assert (status, body["status"]) == (400, "invalid event")
    assert error in body["errors"]
    assert len(farm.violations()) == 1
    assert farm.vendor("pagerduty").alerts == {}


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff"])
def test_pagerduty_refuses_what_is_no_json(farm, raw):
    status, body, _ = call(farm.url("pagerduty") + "/v2/enqueue", raw=raw)
    assert (status, body["status"]) == (400, "Unrecognized object")
    assert len(farm.violations()) == 1


def test_a_large_body_is_refused(farm):
    assert call(farm.url("pagerduty") + "/v2/enqueue", payload(custom_details={"x": "y" * 512000}))[0] == 413


def test_what_is_only_odd_is_remembered(farm):
    assert call(farm.url("pagerduty") + "/v2/enqueue", event(colour="red"))[0] == 202
    assert call(farm.url("pagerduty") + "/v2/enqueue", event(), headers={"Content-Type": "text/plain"})[0] == 202
    assert [v["why"] for v in farm.violations()] == ["unknown member 'colour'", "content type is 'text/plain'"]


# --- Opsgenie ---

GENIE = {"Authorization": "GenieKey " + KEYS["opsgenie"]}


def genie(farm, path, doc=None, method=None, name="opsgenie"):
    return call(farm.url(name) + path, doc, method, GENIE)


def fate(farm, answer, name="opsgenie"):
    """Ask until it is known; the number of questions it took and the fate."""
    for n in range(1, 50):
        status, body, headers = genie(farm, "/v2/alerts/requests/" + answer["requestId"], name=name)
        if status == 200:
            return n, body["data"]
        assert (status, headers["X-Opsgenie-Errortype"]) == (404, "RequestNotProcessed")
        time.sleep(0.01)
    raise AssertionError("never processed")


def do(farm, path, doc, method=None, name="opsgenie"):
    status, body, _ = genie(farm, path, doc, method, name)
    assert (status, body["result"]) == (202, "Request will be processed")
    return fate(farm, body, name)[1]


def test_opsgenie_life(farm):
    path = f"/v2/alerts/{ID}"
    by = "?identifierType=alias"
    status, body, _ = genie(farm, "/v2/alerts", {"message": "disk full", "alias": ID})
    questions, data = fate(farm, body)
    assert status == 202 and questions > 1 and data["isSuccess"] and data["alias"] == ID and data["alertId"]
    assert do(farm, "/v2/alerts", {"message": "other words", "alias": ID})["isSuccess"]
    a = farm.vendor("opsgenie").alerts[ID]
    assert (a.summary, a.pages, a.count) == ("disk full", 1, 2)
    assert do(farm, path + "/message" + by, {"message": "fuller"}, "PUT")["isSuccess"]
    assert do(farm, path + "/priority" + by, {"priority": "P1"}, "PUT")["isSuccess"]
    assert (a.summary, a.severity, a.pages) == ("fuller", "P1", 1)
    assert do(farm, path + "/acknowledge" + by, {})["isSuccess"] and a.state == "acknowledged"
    assert do(farm, path + "/acknowledge" + by, {})["status"] == "Alert is already acknowledged"
    assert do(farm, path + "/unacknowledge" + by, {})["isSuccess"] and (a.state, a.pages) == ("open", 2)
    assert do(farm, path + "/notes" + by, {"note": "hm"})["isSuccess"]
    assert do(farm, path + "/close" + by, {})["isSuccess"] and a.state == "closed"
    assert do(farm, path + "/close" + by, {})["status"] == "Alert does not exist"
    assert farm.violations() == []


def test_opsgenie_looks_for_an_id_unless_told_otherwise(farm):
    do(farm, "/v2/alerts", {"message": "m", "alias": ID})
    assert do(farm, f"/v2/alerts/{ID}/close", {})["status"] == "Alert does not exist"


@pytest.mark.parametrize("doc, field", [
    ({"alias": ID}, "message"),
    ({"message": "x" * 131}, "message"),
    ({"message": "m", "alias": "x" * 513}, "alias"),
    ({"message": "m", "description": "x" * 15001}, "description"),
    ({"message": "m", "priority": "P6"}, "priority"),
    ({"message": "m", "tags": ["x" * 51]}, "tags"),
    ({"message": "m", "tags": ["t"] * 21}, "tags"),
    ({"message": "m", "actions": "restart"}, "actions"),
    ({"message": "m", "details": {"n": 7}}, "details"),
    ({"message": "m", "details": {"n": "x" * 8000}}, "details"),
    ({"message": "m", "responders": [{"type": "team"}]}, "responders"),
    ({"message": "m", "source": "x" * 101}, "source"),
])
def test_opsgenie_refuses(farm, doc, field):
    status, body, _ = genie(farm, "/v2/alerts", doc)
    assert status == 422 and field in body["errors"] and len(farm.violations()) == 1


def test_opsgenie_wants_its_key(farm):
    status, body, _ = call(farm.url("opsgenie") + "/v2/alerts", {"message": "m"})
    assert (status, body["message"]) == (401, "Key format is not valid!")


def test_jsm_has_fewer_words(farm):
    assert do(farm, "/v2/alerts", {"message": "m", "alias": ID}, name="jsm")["isSuccess"]
    assert genie(farm, f"/v2/alerts/{ID}/message?identifierType=alias", {"message": "n"}, "PUT", "jsm")[0] == 405
    assert genie(farm, f"/v2/alerts/{ID}/unacknowledge?identifierType=alias", {}, name="jsm")[0] == 405
    assert do(farm, f"/v2/alerts/{ID}/close?identifierType=alias", {}, name="jsm")["isSuccess"]


# --- VictorOps ---

def victor(farm, doc, key=KEYS["victorops"], route="ml"):
    return call(f"{farm.url('victorops')}/integrations/generic/20131114/alert/{key}/{route}", doc)


def test_victorops_life(farm):
    for kind in ("WARNING", "WARNING", "ACKNOWLEDGEMENT", "CRITICAL", "CRITICAL", "INFO", "RECOVERY", "RECOVERY"):
        status, body, _ = victor(farm, {"message_type": kind, "entity_id": ID, "ack_author": "anna"})
        assert (status, body) == (200, {"result": "success", "entity_id": ID})
    a = farm.vendor("victorops").alerts[ID]
    # a warning that becomes critical pages again, acknowledged or not
    assert (a.pages, a.opened, a.state) == (2, 1, "resolved")
    assert farm.violations() == []


@pytest.mark.parametrize("doc", [
    {"entity_id": ID}, {"message_type": "SEVERE"}, {"message_type": "CRITICAL", "entity_id": "x" * 513},
    {"message_type": "CRITICAL", "state_message": "x" * 20481}, {"message_type": "CRITICAL", "host_name": "x" * 1025},
    {"message_type": "CRITICAL", "timestamp": 1769860800000}, {"message_type": "CRITICAL", "vo_annotate.u.a": "nowhere"},
    {"message_type": "CRITICAL", "vo_annotate.x.a": "b"}, {"message_type": "CRITICAL", "vo_annotate.s.a": "x" * 1125},
    {"message_type": "CRITICAL", "host_name": 7},
])
def test_victorops_refuses_with_a_200(farm, doc):
    status, body, _ = victor(farm, doc)
    assert (status, body["result"]) == (200, "failure") and len(farm.violations()) == 1


def test_victorops_wrong_key(farm):
    assert victor(farm, {"message_type": "INFO"}, key="wrong")[0] == 404


# --- misbehaviour ---

def trigger(farm):
    return call(farm.url("pagerduty") + "/v2/enqueue", event())


def test_bad_days(farm):
    farm.control("pagerduty", "error500")
    assert trigger(farm)[0] == 500
    farm.control("pagerduty", "ratelimit", retry_after=7)
    status, _, headers = trigger(farm)
    assert (status, headers["Retry-After"]) == (429, "7")
    farm.control("pagerduty", "reject")
    assert trigger(farm)[0] == 400
    assert farm.vendor("pagerduty").alerts == {}
    farm.control("pagerduty", "slow", slow_s=0.1)
    begun = time.monotonic()
    assert trigger(farm)[0] == 202 and time.monotonic() - begun >= 0.1
    assert farm.violations() == []


def test_a_lost_answer_was_processed(farm):
    farm.control("pagerduty", "lost")
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        trigger(farm)
    assert farm.vendor("pagerduty").alerts[ID].pages == 1


def test_down_refuses_connections_and_comes_back(farm):
    assert trigger(farm)[0] == 202
    farm.control("pagerduty", "down", for_s=0.3)
    with pytest.raises(urllib.error.URLError) as e:
        trigger(farm)
    assert isinstance(e.value.reason, ConnectionRefusedError)
    assert victor(farm, {"message_type": "INFO"})[0] == 200
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        call(farm.url("pagerduty", shared=True) + "/v2/enqueue", event())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert trigger(farm)[0] == 202
            break
        except urllib.error.URLError:
            time.sleep(0.05)
    else:
        raise AssertionError("it never came back")
    assert farm.vendor("pagerduty").alerts[ID].count == 2


def test_a_mode_ends_by_itself(farm):
    farm.control("pagerduty", "error500", for_s=0.05)
    assert trigger(farm)[0] == 500
    time.sleep(0.1)
    assert trigger(farm)[0] == 202


def test_over_the_network(farm):
    base = f"http://127.0.0.1:{farm.port}"
    assert call(base + "/_control", {"vendor": "all", "mode": "error500"})[0] == 200
    assert call(farm.url("pagerduty", shared=True) + "/v2/enqueue", event())[0] == 500
    assert call(base + "/_control", {"vendor": "pagerduty", "mode": "ok"})[0] == 200
    assert call(farm.url("pagerduty", shared=True) + "/v2/enqueue", event())[0] == 202
    state = call(base + "/_state")[1]
    assert state["vendors"]["pagerduty"]["alerts"][ID]["pages"] == 1
    assert state["vendors"]["opsgenie"]["mode"] == "error500"
    assert state["vendors"]["pagerduty"]["url"] == farm.url("pagerduty")
    assert call(base + "/_control", {"vendor": "nobody", "mode": "ok"})[0] == 400
    assert call(base + "/_control", {"vendor": "all", "mode": "sleepy"})[0] == 400
    assert call(base + "/nobody/v2")[0] == 404


def test_standalone_prints_a_line_for_each_change():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vendors.py")
    p = subprocess.Popen([sys.executable, script, "--port", "0", "--print"], stdout=subprocess.PIPE, text=True)
    try:
        first = p.stdout.readline()
        assert first.startswith("listening on http://127.0.0.1:")
        url = first.split()[2]
        assert url.endswith("/pagerduty")
        assert call(url + "/v2/enqueue", event())[0] == 202
        line = p.stdout.readline()
        assert all(word in line for word in ("pagerduty", "trigger", "PAGES", "0000beef", "[critical] disk full"))
    finally:
        p.terminate()
        p.wait(10)


# --- the integrations' cases, as the vendors see them ---

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integrations")
SEEN = {"pagerduty": ("https://events.pagerduty.com", "https://events.eu.pagerduty.com"),
        "opsgenie": ("https://api.opsgenie.com", "https://api.eu.opsgenie.com"),
        "jsm": ("https://api.atlassian.com/jsm/ops/integration",), "victorops": ("https://alert.victorops.com",)}


def rendered():
    for folder in ("pagerduty", "opsgenie", "victorops"):
        with open(os.path.join(CASES, folder, "cases", "render.json"), encoding="utf-8") as f:
            for case in json.load(f):
                request = case["expect_request"]
                for name, bases in SEEN.items():
                    for base in bases:
                        if request and request["method"] != "GET" and request["url"].startswith(base + "/"):
                            yield pytest.param(name, base, request, id=f"{folder}: {case['name']}")


@pytest.mark.parametrize("name, base, request_", rendered())
def test_what_is_rendered_is_accepted(name, base, request_):
    keys = {"opsgenie": "og-key", "jsm": "og-key", "victorops": "5f0c-key"}
    with Vendors(keys=keys) as farm:
        status, body, _ = call(farm.url(name) + request_["url"][len(base):], request_["body"], request_["method"],
                               request_.get("headers"))
        assert farm.violations() == []
        assert status in (200, 202) and body.get("result", "") != "failure"
