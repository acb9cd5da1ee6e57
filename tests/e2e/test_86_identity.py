# SPDX-License-Identifier: Apache-2.0
"""Two problems that differ only in what is redacted: both page, the end of one is not the end of the other."""
import glob
import json
import socket
import urllib.parse

import pytest

from base import free_port, stays, wait_until
from conftest import base_settings
from harness import Tocsin
from test_80_mqtt import Publisher

KEY = "abcdef0123456789abcdef0123456789"
ONE, TWO = "cust-4711", "cust-4712"
NAME = b"cust-471"
PATTERN = {"pattern": "cust-[0-9]+"}
MAPPING = ".body | {dedup_key: .id, summary: .title, status: (.state // \"firing\"), labels: {customer}}"
RULES = [{"name": "failed", "match": ["source = lines", 'summary =~ ".*failed.*"'], "set": {"severity": "critical"}}]


def alert(t, collector, doc, content_type="application/json"):
    """By a webhook, whose answer holds nothing of what was redacted."""
    body = urllib.parse.urlencode(doc).encode() if "form" in content_type else doc
    answer = t.request("POST", f"/v1/in/{collector}", body, {"Content-Type": content_type})
    assert answer.status == 202, answer
    assert NAME not in answer.body and b"redacted:" in answer.body, answer
    return answer


# --- ways in: what they need, and how a problem begins and ends there -------------------------------------------

class Json:
    collector = {"type": "webhook", "format": "json", "auth": "none", "redact": [PATTERN]}

    def fire(self, t, who, end=False):
        alert(t, "in", {"dedup_key": f"{who}/disk", "summary": f"disk of {who}", "severity": "critical",
                        "status": "resolved" if end else "firing"})


class Labels(Json):
    """No key: the labels are the identity."""
    collector = {**Json.collector, "redact": [{"path": "labels.customer"}, {"path": "summary"}]}

    def fire(self, t, who, end=False):
        alert(t, "in", {"labels": {"customer": who, "disk": "sda"}, "summary": f"disk of {who}",
                        "status": "resolved" if end else "firing", "severity": "critical"})


class Gone(Json):
    """What tells them apart is not even masked: it goes."""
    collector = {**Json.collector, "redact": [{"path": "dedup_key", "action": "remove"}, PATTERN]}


class Unreadable(Labels):
    """Masked as a whole, labels are none: the alerts page without their text."""
    collector = {**Json.collector, "redact": [{"path": "labels"}, PATTERN]}


class Mapping(Json):
    def settings(self, folder):
        path = folder / "mapping.jq"
        path.write_text(MAPPING)
        return {"mapping": str(path)}

    def fire(self, t, who, end=False):
        alert(t, "in", {"id": f"{who}/disk", "title": f"disk of {who}", "customer": who,
                        "state": "resolved" if end else "firing"})


class Form:
    collector = {"type": "webhook", "format": "statuscake", "auth": "none", "redact": [{"path": "Name"}]}

    def fire(self, t, who, end=False):
        alert(t, "in", {"Status": "Up" if end else "Down", "StatusCode": "200", "URL": "http://a.example", "Name": who},
              "application/x-www-form-urlencoded")


class PagerDuty:
    collector = {"type": "intake", "format": "pagerduty", "keys": "env:IN_KEY", "redact": [PATTERN]}

    def fire(self, t, who, end=False):
        doc = {"routing_key": KEY, "event_action": "resolve" if end else "trigger", "dedup_key": f"{who}/disk"}
        if not end:
            doc["payload"] = {"summary": f"disk of {who}", "source": "db-1", "severity": "critical"}
        answer = t.request("POST", "/v2/enqueue", doc)
        assert (answer.status, answer.json["dedup_key"]) == (202, f"{who}/disk")    # its own, as the contract has it


class Opsgenie:
    collector = {"type": "intake", "format": "opsgenie", "keys": "env:IN_KEY", "redact": [{"path": "alias"}, PATTERN]}

    def fire(self, t, who, end=False):
        path = f"/v2/alerts/{who}%2Fdisk/close?identifierType=alias" if end else "/v2/alerts"
        body = {} if end else {"alias": f"{who}/disk", "message": f"disk of {who}", "priority": "P1"}
        assert t.request("POST", path, body, {"Authorization": f"GenieKey {KEY}"}).status == 202


class VictorOps:
    collector = {"type": "intake", "format": "victorops", "keys": "env:IN_KEY", "redact": [PATTERN]}

    def fire(self, t, who, end=False):
        answer = t.request("POST", f"/integrations/generic/20131114/alert/{KEY}/r",
                           {"message_type": "RECOVERY" if end else "CRITICAL", "entity_id": f"{who}/disk",
                            "state_message": f"disk of {who}"})
        assert (answer.status, answer.json["entity_id"]) == (200, f"{who}/disk")


class Alertmanager:
    collector = {"type": "intake", "format": "alertmanager", "auth": "none", "redact": [{"path": "**.customer"}]}

    def fire(self, t, who, end=False):
        doc = [{"labels": {"alertname": "Disk", "customer": who}, "startsAt": "2026-01-31T12:00:00Z"}]
        if end:
            doc[0]["endsAt"] = "2026-01-31T12:01:00Z"
        assert t.request("POST", "/api/v2/alerts", doc).status == 200


class Mqtt:
    def __init__(self, broker):
        self.broker = broker
        self.publisher = Publisher(broker)
        self.collector = {**broker.collector("in", redact=[PATTERN]), "topics": ["train/+cluster/alert"]}

    def fire(self, t, who, end=False):
        wait_until(lambda: t.metric("tocsin_mqtt_connected", collector="in") == 1, 10, "subscribed")
        self.publisher.publish(f"train/{who}/alert", {"summary": "disk", "labels": {"disk": "sda"},
                                                      "severity": "critical", "status": "resolved" if end else "firing"})


class Syslog:
    """Lines have no end: the second problem is what is looked at."""
    def __init__(self):
        self.port = free_port()
        self.collector = {"name": "lines", "type": "syslog", "listen": [f"tcp://127.0.0.1:{self.port}"],
                          "redact": [PATTERN]}

    def fire(self, t, who, end=False):
        if not end:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                s.sendall(f"<11>1 2026-01-31T12:00:00Z {who} backup - - - failed\n".encode())


class Sentry:
    """Nor have errors."""
    collector = {"type": "intake", "format": "sentry", "keys": "env:IN_KEY", "redact": [PATTERN]}

    def fire(self, t, who, end=False):
        if not end:
            doc = {"event_id": "1" * 32, "level": "fatal", "fingerprint": ["disk", who], "message": f"disk of {who}"}
            answer = t.request("POST", "/api/7/store/", doc,
                               {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=c/1, sentry_key={KEY}"})
            assert answer.status == 200, answer


WAYS = [Json, Labels, Gone, Unreadable, Mapping, Form, PagerDuty, Opsgenie, VictorOps, Alertmanager, Mqtt, Syslog, Sentry]


@pytest.fixture
def way(request, broker):
    return request.param(broker()) if request.param is Mqtt else request.param()


def everything(t, vendors):
    """All that is kept and told: the store with its logs, the daemon's log, the API, what the pager was sent."""
    found = [open(path, "rb").read() for path in glob.glob(t.db + "*") + [t.process.log_path]]
    for i in t.incidents():
        found.append(json.dumps(t.incident(i["id"])).encode())
    found.append(json.dumps([t.alerts(), vendors.state()]).encode())
    found.append(t.get("/metrics").body)
    return b"\n".join(found)


def started(t):
    return [i for i in t.incidents() if i["state"] != "resolved"]


@pytest.mark.parametrize("way", WAYS, indirect=True, ids=[w.__name__.lower() for w in WAYS])
def test_two_problems_stay_two(way, tocsin, vendors, tmp_path):
    values = base_settings(vendors)
    values["collectors"].append({"name": "in", **way.collector, **getattr(way, "settings", lambda _: {})(tmp_path)})
    t = tocsin(values, RULES, env={"IN_KEY": KEY})
    way.fire(t, ONE)
    wait_until(lambda: len(t.incidents()) == 1, 10, "the first opens an incident")
    first = t.incidents()[0]["id"]
    way.fire(t, TWO)
    wait_until(lambda: len(t.incidents()) == 2, 10, "the second is another")
    second = next(i["id"] for i in t.incidents() if i["id"] != first)
    way.fire(t, TWO)                                     # the same again is the same
    for incident in (first, second):
        vendors.wait_history("pd", incident, ["trigger"])
        assert t.incident(incident)["alerts"][0]["dedup_key"].startswith("redacted:")
    t.restart(hard=True)
    way.fire(t, ONE, end=True)
    if not isinstance(way, (Syslog, Sentry)):
        t.wait_state(first, "resolved")
        wait_until(lambda: vendors.history("pd", first)[-1] == "resolve", 10, "the pager is told")
    assert t.state(second) == "triggered"
    stays(lambda: len(t.incidents()) == 2 and "resolve" not in vendors.history("pd", second), 0.3)
    assert NAME not in everything(t, vendors)


@pytest.mark.parametrize("action", [{"group_by": ["customer"]}, {"dedup_key": "{{ .labels.customer }}"}],
                         ids=["group", "key"])
def test_keys_of_rules_keep_them_apart(tocsin, vendors, action):
    values = base_settings(vendors)
    values["collectors"].append({"name": "in", **Labels.collector})
    t = tocsin(values, [{"name": "by customer", "match": ["source = in"], **action}])
    for who in (ONE, ONE, TWO):
        Labels().fire(t, who)
    first = next(i for i in t.incidents() if i["id"] != t.incidents()[0]["id"])["id"]
    assert len(t.incidents()) == 2
    Labels().fire(t, ONE, end=True)
    t.wait_state(first, "resolved")
    assert len(started(t)) == 1
    assert NAME not in everything(t, vendors)


def test_hashes_are_of_the_installation(tocsin, settings, vendors, made, tmp_path):
    """Nobody else can make them: not another installation, unless it has the same redact_key."""
    def keys(t):
        return [t.send(c, {"dedup_key": ONE, "summary": "disk"}).json["alerts"][0]["dedup_key"] for c in ("own", "keyed")]

    values = settings()
    values["collectors"] += [{**Json.collector, "name": "own"}, {**Json.collector, "name": "keyed",
                                                                 "redact_key": "env:IN_KEY"}]
    t = tocsin(values, env={"IN_KEY": KEY})
    first = keys(t)
    t.restart(hard=True)
    assert keys(t) == first
    made.append(Tocsin(tmp_path / "other", values, env={"IN_KEY": KEY}))
    other = keys(made[-1].start())
    assert other[0] != first[0] and other[1] == first[1]


def test_handshake_is_answered_with_what_was_sent(tocsin, settings):
    values = settings()
    values["collectors"].append({"name": "azure", "type": "webhook", "format": "azure", "auth": "none",
                                 "redact": [{"path": "**.validationCode"}, {"pattern": "[0-9a-f]{8}-[0-9a-f-]{27}"}]})
    t = tocsin(values)
    code = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
    answer = t.request("POST", "/v1/in/azure", [{"id": "1", "topic": "/t", "subject": "",
                                                 "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                                                 "eventTime": "2026-01-31T12:00:00Z", "dataVersion": "2",
                                                 "data": {"validationCode": code}}])
    assert (answer.status, answer.json) == (200, {"validationResponse": code})
    assert code not in t.log()
