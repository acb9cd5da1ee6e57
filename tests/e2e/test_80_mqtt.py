# SPDX-License-Identifier: Apache-2.0
"""Alerts over MQTT with a real broker: both versions, TLS, wills, and messages that come while one side is away."""
import json
import subprocess

import paho.mqtt.client as paho
import pytest

from harness import Certificates, stays, wait_until


class Publisher:
    def __init__(self, broker, user=None, password=None, will=None):
        self.client = paho.Client(client_id="")
        if broker.tls:
            self.client.tls_set(broker.tls.ca)
        if user:
            self.client.username_pw_set(user, password)
        if will:
            self.client.will_set(will[0], json.dumps(will[1]), qos=1, retain=False)
        self.client.connect("localhost", broker.port)
        self.client.loop_start()

    def publish(self, topic, body, retain=False):
        """Returns after the broker's PUBACK."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        info = self.client.publish(topic, text, qos=1, retain=retain)
        info.wait_for_publish(10)
        assert info.is_published()

    def vanish(self):
        """Drop the connection without DISCONNECT, so that the broker publishes the last will."""
        self.client.loop_stop()
        self.client.socket().close()
        self.client = None

    def close(self):
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()


@pytest.fixture
def publisher(made):
    def make(*args, **more):
        made.append(Publisher(*args, **more))
        return made[-1]
    return make


def alert(key, **more):
    return {"dedup_key": key, "severity": "critical", "summary": f"{key} is broken", **more}


def start(tocsin, settings, *collectors):
    values = settings()
    values["collectors"] += collectors
    t = tocsin(values)
    for c in collectors:
        wait_connected(t, c["name"])
    return t


def wait_connected(t, name="training", timeout=15):
    wait_until(lambda: t.metric("tocsin_mqtt_connected", collector=name) == 1, timeout, f"'{name}' is connected")


def keys(t, source="training"):
    return {a["dedup_key"] for a in t.alerts(f"source={source}&limit=100")}


@pytest.mark.parametrize("version", [311, 5])
def test_message_becomes_a_page_with_labels(tocsin, settings, vendors, broker, publisher, version):
    b = broker()
    t = start(tocsin, settings, b.collector(version=version))
    publisher(b).publish("train/c1/gpu7/alert", alert("m1", labels={"xid": "79"}))
    incident, = wait_until(t.incidents, 10, "an incident")
    labels = t.incident(incident["id"])["alerts"][0]["labels"]
    assert (labels["cluster"], labels["host"], labels["xid"]) == ("c1", "gpu7", "79")
    vendors.wait_history("pd", incident["id"], ["trigger"])
    publisher(b).publish("train/c1/gpu7/alert", alert("m1", status="resolved"))
    vendors.wait_history("pd", incident["id"], ["trigger", "resolve"])


def test_rest_wildcard_and_several_topics(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector(topics=["plant/#where", "lab/+bench"]))
    p = publisher(b)
    for topic in ("plant/hall1/press", "lab/b7", "lab/b7/deeper", "other/x"):
        p.publish(topic, alert(topic))
    wait_until(lambda: keys(t) == {"plant/hall1/press", "lab/b7"}, 10)
    labels = {a["dedup_key"]: a["labels"] for a in t.alerts()}
    assert labels["plant/hall1/press"]["where"] == "hall1/press" and labels["lab/b7"]["bench"] == "b7"


@pytest.mark.parametrize("version", [311, 5])
def test_tls_and_password(tocsin, settings, broker, publisher, vendors, certificates, version):
    b = broker(tls=certificates, users={"tocsin": "w0rd", "sensor": "other"})
    t = start(tocsin, settings, b.collector(version=version, username="tocsin", ca_file=certificates.ca,
                                            password="file:" + vendors.secret("mq", "w0rd")))
    publisher(b, "sensor", "other").publish("train/c1/h1/alert", alert("sealed"))
    wait_until(lambda: keys(t) == {"sealed"}, 10)


@pytest.mark.parametrize("version", [311, 5])
def test_client_certificate(tocsin, settings, broker, certificates, version):
    b = broker(tls=certificates, require_certificate=True)
    cert, key = certificates.issue("tocsin")
    t = start(tocsin, settings, b.collector(version=version, ca_file=certificates.ca, cert_file=cert, key_file=key))
    subprocess.run(["mosquitto_pub", "-h", "localhost", "-p", str(b.port), "--cafile", certificates.ca, "--cert", cert,
                    "--key", key, "-q", "1", "-t", "train/c1/h1/alert", "-m", json.dumps(alert("shown"))], check=True)
    wait_until(lambda: keys(t) == {"shown"}, 10)


def test_without_a_client_certificate_it_is_said(tocsin, settings, broker, certificates):
    b = broker(tls=certificates, require_certificate=True)
    values = settings()
    values["collectors"].append(b.collector(ca_file=certificates.ca))
    t = tocsin(values)
    wait_until(lambda: "level=warn comp=mqtt subject=\"training\"" in t.log(), 10, "a warning that names it")
    assert t.metric("tocsin_mqtt_connected", collector="training") == 0


def test_wrong_authority_and_wrong_password_are_said(tocsin, settings, broker, vendors, certificates, tmp_path):
    b = broker(tls=certificates, users={"tocsin": "w0rd"})
    values = settings()
    values["collectors"] += [
        b.collector("stranger", ca_file=Certificates(tmp_path / "others").ca),
        b.collector("forgetful", ca_file=certificates.ca, username="tocsin", password="file:" + vendors.secret("mq", "wrong"))]
    t = tocsin(values, start=False)
    t.start(ready=False)
    wait_until(lambda: "certificate verify failed" in t.log() and "not authorised" in t.log(), 10, "both reasons in the log")
    assert f"'localhost:{b.port}'" in t.log()
    assert "set up TLS ahead" not in t.log(), "TLS was not ready before the two connected"


def test_last_will_is_an_alert(tocsin, settings, vendors, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    sensor = publisher(b, will=("train/c1/h9/alert", alert("h9-gone", summary="h9 lost its connection")))
    sensor.publish("train/c1/h9/alert", alert("h9-fan"))
    sensor.vanish()
    wait_until(lambda: keys(t) == {"h9-fan", "h9-gone"}, 15, "the will arrives")


@pytest.mark.parametrize("version", [311, 5])
def test_a_retained_alert_that_a_person_ended_stays_ended_when_the_broker_comes_back(tocsin, settings, broker, publisher,
                                                                                  version):
    b = broker()
    p = publisher(b)
    p.publish("train/c1/h1/alert", alert("kept"), retain=True)
    t = start(tocsin, settings, b.collector(version=version))
    incident = wait_until(lambda: t.incidents(), 15, "the retained alert is an incident")[0]["id"]
    t.act(incident, "resolve", by="anna")
    b.restart()
    wait_until(lambda: t.log().count("connected to") == 2, 30, "connected again")
    publisher(b).publish("train/c1/h2/alert", alert("new"))
    wait_until(lambda: len(t.incidents()) == 2, 15, "the other alert came, behind whatever the broker had kept")
    assert [i["state"] for i in t.incidents() if i["id"] == incident] == ["resolved"]
    publisher(b).publish("train/c1/h1/alert", "", retain=True)
    p2 = publisher(b)
    p2.publish("train/c1/h3/alert", alert("last"))
    wait_until(lambda: len(t.incidents()) == 3, 15, "an empty message blocks nothing")
    assert "refused" not in t.log()


@pytest.mark.parametrize("version", [311, 5])
@pytest.mark.parametrize("retained", [False, True])
def test_retained_is_an_option(tocsin, settings, broker, publisher, version, retained):
    b = broker()
    p = publisher(b)
    p.publish("train/c1/h1/alert", alert("before"), retain=True)
    t = start(tocsin, settings, b.collector(version=version, retained=retained))
    p.publish("train/c1/h2/alert", alert("after"), retain=True)
    expected = {"before", "after"} if retained else {"after"}
    wait_until(lambda: keys(t) == expected, 10)
    stays(lambda: keys(t) == expected, 0.5)


@pytest.mark.parametrize("version", [311, 5])
@pytest.mark.parametrize("hard", [False, True], ids=["SIGTERM", "kill -9"])
def test_published_while_tocsin_was_away(tocsin, settings, broker, publisher, version, hard):
    b = broker()
    t = start(tocsin, settings, b.collector(version=version))
    p = publisher(b)
    p.publish("train/c1/h/alert", alert("first"))
    wait_until(lambda: keys(t) == {"first"}, 10)
    t.kill9() if hard else t.stop()
    for i in range(300):
        p.publish("train/c1/h/alert", alert(f"away{i}"))
    t.start()
    wait_until(lambda: len(keys(t)) == 301, 15, "all 300 arrive")


def test_broker_restart(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    publisher(b).publish("train/c1/h/alert", alert("before"))
    wait_until(lambda: keys(t) == {"before"}, 10)
    b.stop()
    wait_until(lambda: t.metric("tocsin_mqtt_connected", collector="training") == 0, 10, "the loss is seen")
    b.start()
    publisher(b).publish("train/c1/h/alert", alert("while-reconnecting"))
    wait_connected(t)
    publisher(b).publish("train/c1/h/alert", alert("after"))
    wait_until(lambda: keys(t) == {"before", "while-reconnecting", "after"}, 10)
    assert "session goes on" in t.log()


def test_broker_comes_later(tocsin, settings, broker, publisher):
    b = broker()
    b.stop()
    values = settings()
    values["collectors"].append(b.collector())
    t = tocsin(values, start=False)
    t.start(ready=False)
    wait_until(lambda: f"cannot connect to 'localhost:{b.port}'" in t.log(), 10)
    b.start()
    wait_connected(t, timeout=35)
    publisher(b).publish("train/c1/h/alert", alert("at-last"))
    wait_until(lambda: keys(t) == {"at-last"}, 10)


def test_bad_message_does_not_block_the_topic(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    p = publisher(b)
    for body in (b"{", b"", b"\xff\xfe", b'{"status":"perhaps","dedup_key":"x"}', b"x" * 1_100_000):
        p.publish("train/c1/h/alert", body)
    p.publish("train/c1/h/alert", alert("good"))
    wait_until(lambda: keys(t) == {"good"}, 10)
    assert t.metric("tocsin_mqtt_refused_total", collector="training") == 4, "an empty one is no mistake"
    assert t.metric("tocsin_payloads_refused_total", collector="training") == 3, "nor one that was read"
    assert t.log().count("message on topic 'train/c1/h/alert' refused") == 4


def test_a_controller_that_knows_no_utf8_is_heard(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    p = publisher(b)
    for key, text in (("Müller", "Kühlung"), ("Möller", "Öldruck")):
        p.publish("train/c1/h/alert", json.dumps({"dedup_key": key, "severity": "error", "summary": text},
                                                 ensure_ascii=False).encode("latin-1"))
    wait_until(lambda: keys(t) == {"Müller", "Möller"}, 10)
    assert {a["summary"] for a in t.alerts()} == {"Kühlung", "Öldruck"}


def test_reload_leaves_the_connection_alone(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    values = t.settings
    values["collectors"] = values["collectors"] + [{"name": "extra", "type": "webhook", "format": "json", "auth": "none"}]
    t.configure(values)
    t.reload()
    publisher(b).publish("train/c1/h/alert", alert("x"))
    wait_until(lambda: keys(t) == {"x"}, 10)
    assert b.log().count("as tocsin-training (") == 1, "one connection, from before the reload"


def test_reload_adds_changes_and_removes(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector("one"), b.collector("two", topics=["two/+x"]))
    values = t.settings
    values["collectors"] = [c for c in values["collectors"] if c["name"] not in ("one", "two")] + [
        b.collector("two", topics=["zwei/+x"]), b.collector("three", topics=["three/+x"])]
    t.configure(values)
    t.reload()
    wait_connected(t, "two")
    wait_connected(t, "three")
    p = publisher(b)
    for topic in ("train/c/h/alert", "zwei/a", "three/a"):
        p.publish(topic, alert(topic))
    wait_until(lambda: keys(t, "two") == {"zwei/a"} and keys(t, "three") == {"three/a"}, 10)
    assert keys(t, "one") == set()


def test_same_client_id_twice_is_said(tocsin, settings, broker, made):
    b = broker()
    t = start(tocsin, settings, b.collector(version=5))
    other = paho.Client(client_id="tocsin-training", clean_session=False)
    other.connect("localhost", b.port)
    other.loop_start()
    try:
        wait_until(lambda: "another client uses the client id 'tocsin-training'" in t.log(), 10)
    finally:
        other.loop_stop()
        other.disconnect()


def test_burst_arrives_whole(tocsin, settings, broker, publisher):
    b = broker()
    t = start(tocsin, settings, b.collector())
    p = publisher(b)
    p.client.max_inflight_messages_set(500)
    infos = [p.client.publish("train/c1/h/alert", json.dumps(alert(f"b{i}")), qos=1) for i in range(3000)]
    for info in infos:
        info.wait_for_publish(20)
    wait_until(lambda: t.metric("tocsin_mqtt_messages_total", collector="training") >= 3000, 20)
    assert t.metric("tocsin_open_alerts") == 3000
