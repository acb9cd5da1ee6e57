# SPDX-License-Identifier: Apache-2.0
"""What senders want before or beside a POST: consent to send, a validation code, a GET whose query is the payload."""
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest

from harness import stays

TOKEN = "grid-token-0123456789"
CODE = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
TOPIC = "/subscriptions/5b1c2d3e-0000-4000-8000-00000000cafe/topics/shop"
ORIGIN = {"WebHook-Request-Origin": "eventgrid.example", "WebHook-Request-Rate": "120"}
DOWN = {"monitorID": "778001", "monitorFriendlyName": "shop & co", "alertType": "1", "alertTypeFriendlyName": "Down"}


@pytest.fixture
def senders(tocsin, settings, vendors):
    """A daemon with a collector of each format that is asked something, and one that is not."""
    bearer = {"bearer": "file:" + vendors.secret("grid", TOKEN)}
    values = settings()
    values["collectors"] += [
        {"name": name, "type": "webhook", "format": name, "auth": bearer}
        for name in ("cloudevents", "azure", "uptimerobot", "statuscake", "nagios")]
    values["collectors"].append({"name": "signed", "type": "webhook", "format": "cloudevents",
                                 "auth": {"hmac": "file:" + vendors.secret("key", "hmac-key"), "header": "X-Sig"}})
    return tocsin(values)


def validation(**more):
    return [{"id": "2d1781af", "topic": TOPIC, "subject": "", "eventTime": "2026-01-31T11:59:59.5Z",
             "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "metadataVersion": "1", "dataVersion": "2",
             "data": {"validationCode": CODE, "validationUrl": "https://grid.example/validate"}, **more}]


@pytest.mark.parametrize("name", ["cloudevents", "azure"])
def test_may_i_send(senders, name):
    path = f"/v1/in/{name}?token={TOKEN}"
    answer = senders.request("OPTIONS", path, headers=ORIGIN)
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.example"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"
    assert "POST" in answer.headers["Allow"]
    unnamed = senders.request("OPTIONS", path)
    assert unnamed.status == 200 and "WebHook-Allowed-Origin" not in unnamed.headers
    for wrong in (f"/v1/in/{name}", f"/v1/in/{name}?token=guessed"):
        refused = senders.request("OPTIONS", wrong, headers=ORIGIN)
        assert refused.status == 401 and "WebHook-Allowed-Origin" not in refused.headers


def test_who_signs_has_nothing_to_sign_yet(senders):
    answer = senders.request("OPTIONS", "/v1/in/signed", headers=ORIGIN)
    assert (answer.status, answer.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.example")
    event = json.dumps({"specversion": "1.0", "id": "1", "source": "/db", "type": "disk", "severitytext": "ERROR"}).encode()
    senders.send("signed", event, ORIGIN, expect=401)
    senders.send("signed", event, {"X-Sig": hmac.new(b"hmac-key", event, hashlib.sha256).hexdigest(), **ORIGIN})


@pytest.mark.parametrize("name", ["local", "nagios", "uptimerobot"])
def test_nobody_else_is_asked(senders, name):
    answer = senders.request("OPTIONS", f"/v1/in/{name}?token={TOKEN}", headers=ORIGIN)
    assert answer.status == 405 and "OPTIONS" not in answer.headers["Allow"]
    assert "WebHook-Allowed-Origin" not in answer.headers


@pytest.mark.parametrize("name", ["cloudevents", "azure"])
def test_a_subscription_is_validated(senders, name):
    head = {"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": "SHOP"}
    path = f"/v1/in/{name}?token={TOKEN}"
    answer = senders.request("POST", path, validation(), head)
    assert (answer.status, answer.json) == (200, {"validationResponse": CODE})
    assert answer.headers["Content-Type"] == "application/json"
    assert TOPIC in senders.log()
    assert senders.request("POST", f"/v1/in/{name}", validation(), head).status == 401
    broken = senders.request("POST", path, validation(data={}), head)
    assert (broken.status, broken.json["where"]) == (422, "$[0].data.validationCode")
    assert senders.alerts() == []


def test_events_of_a_validated_subscription_page(senders, vendors):
    event = validation(eventType="Example.Disk", subject="db-1",
                       data={"status": "firing", "severity": "error", "summary": "disk of db-1 is full"})
    answer = senders.send(f"cloudevents?token={TOKEN}", event, {"aeg-event-type": "Notification"})
    incident = answer.json["alerts"][0]["incident"]
    vendors.wait_history("pd", incident, ["trigger"])
    assert senders.incident(incident)["summary"] == "disk of db-1 is full"


def test_get_with_a_query(senders, vendors):
    answer = senders.get("/v1/in/uptimerobot?" + urlencode({"token": TOKEN, **DOWN}))
    assert answer.status == 202, answer
    incident = answer.json["alerts"][0]["incident"]
    vendors.wait_history("pd", incident, ["trigger"])
    assert senders.incident(incident)["summary"] == "shop & co is Down"
    assert TOKEN not in senders.get(f"/v1/incidents/{incident}").text
    up = dict(DOWN, alertType="2", alertTypeFriendlyName="Up")
    assert senders.get("/v1/in/uptimerobot?" + urlencode({"token": TOKEN, **up})).status == 202
    senders.wait_state(incident, "resolved")
    cake = {"token": TOKEN, "Status": "Down", "StatusCode": "502", "Name": "front", "TestID": "6801"}
    answer = senders.get("/v1/in/statuscake?" + urlencode(cake))
    assert senders.incident(answer.json["alerts"][0]["incident"])["summary"] == "front is Down (status code 502)"


def test_get_is_refused_where_it_says_nothing(senders):
    query = urlencode(DOWN)
    assert senders.get(f"/v1/in/uptimerobot?{query}").status == 401
    assert senders.get(f"/v1/in/uptimerobot?token={TOKEN}&a=b").status == 422
    assert senders.get(f"/v1/in/uptimerobot?token={TOKEN}").status == 400
    assert senders.request("HEAD", f"/v1/in/uptimerobot?token={TOKEN}&{query}").status == 405
    for name in ("local", "nagios", "cloudevents", "nothing"):
        answer = senders.get(f"/v1/in/{name}?token={TOKEN}&{query}")
        assert answer.status == 405 and "GET" not in answer.headers["Allow"], name
    stays(lambda: senders.alerts() == [], 0.3, "no alert")


def test_put_is_a_post(senders):
    assert senders.request("PUT", "/v1/in/local", {"summary": "s"}).status == 202
