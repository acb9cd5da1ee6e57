# SPDX-License-Identifier: Apache-2.0
"""Who sends while the daemon is killed: each keeps a list of what it was promised.

A sender repeats what was not answered, as real senders do.  `there` is what was answered with 2xx (over MQTT: what the
broker acknowledged), by a name that stands in the alert; `over` and `acked` are those of which the end or an
acknowledgement was answered.
"""
import http.client
import json
import socket
import threading
import time

import paho.mqtt.client as paho

KEY = "abcdef0123456789abcdef0123456789"
RARE = 1000                        # heartbeats that beat once


class Worker(threading.Thread):
    """A thread whose failure is a failure of the test.  work() does one round, number i; pace: seconds between."""
    source, pace = "local", 0.01

    def __init__(self, stop):
        super().__init__(daemon=True)
        self.stop = stop
        self.error = None
        self.there, self.over, self.acked = set(), set(), set()

    def run(self):
        try:
            i = 0
            while not self.stop.is_set():
                self.work(i)
                i += 1
                time.sleep(self.pace)
            self.end()
        except Exception as e:  # noqa: BLE001: the test looks at it
            self.error = e

    def end(self):
        pass

    @staticmethod
    def name_of(alert):
        """Under which name a stored alert is on the lists."""
        return alert["dedup_key"]


class Http(Worker):
    """Asks until there is an answer."""
    good = (200, 202)

    def __init__(self, port, stop):
        super().__init__(stop)
        self.port, self.conn = port, None
        self.lost_answers, self.refused = 0, []

    def ask(self, path, body=None, **headers):
        """The answer as JSON; None when it was refused, or the test is over first."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        while True:
            try:
                if self.conn is None:
                    self.conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                self.conn.request("POST", path, text, {"Content-Type": "application/json", **headers})
                answer = self.conn.getresponse()
                said = answer.read()
                if answer.status in self.good:
                    return json.loads(said) if said else {}
                if answer.status != 503:
                    self.refused.append((path, answer.status, said))
                    return None
            except (OSError, http.client.HTTPException) as e:
                self.lost_answers += not isinstance(e, ConnectionRefusedError)
                self.conn = None
            if self.stop.is_set():
                return None
            time.sleep(0.01)

    def life(self, i, name, fire, resolve):
        """Fires; three of four are over six rounds later."""
        if fire(name) is not None:
            self.there.add(name)
            self.waiting = getattr(self, "waiting", []) + ([name] if i % 4 else [])
        if len(getattr(self, "waiting", [])) > 5:
            first = self.waiting.pop(0)
            if resolve(first) is not None:
                self.over.add(first)


class Json(Http):
    """tocsin's own JSON; also keeps the incidents that were answered."""

    def __init__(self, port, stop, prefix):
        super().__init__(port, stop)
        self.prefix, self.incidents = prefix, {}

    def post(self, key, status):
        answer = self.ask("/v1/in/local", {"dedup_key": key, "status": status, "severity": "critical", "summary": key})
        if answer is not None and status == "firing":
            self.incidents[key] = answer["alerts"][0]["incident"]
        return answer

    def work(self, i):
        self.life(i, f"{self.prefix}-{i}", lambda k: self.post(k, "firing"), lambda k: self.post(k, "resolved"))


class PagerDuty(Http):
    """What is not resolved is acknowledged."""
    source = "pd-in"

    def event(self, key, action):
        return self.ask("/v2/enqueue", {"routing_key": KEY, "event_action": action, "dedup_key": key, "payload": {
            "summary": key, "source": "h", "severity": "critical"}})

    def work(self, i):
        name = f"pd-{i}"
        self.life(i, name, lambda k: self.event(k, "trigger"), lambda k: self.event(k, "resolve"))
        if i % 4 == 0 and name in self.there and self.event(name, "acknowledge") is not None:
            self.acked.add(name)


class Opsgenie(Http):
    source = "og-in"

    def post(self, path, body):
        return self.ask(path, body, Authorization=f"GenieKey {KEY}")

    def work(self, i):
        self.life(i, f"og-{i}", lambda k: self.post("/v2/alerts", {"message": k, "alias": k, "priority": "P1"}),
                  lambda k: self.post(f"/v2/alerts/{k}/close?identifierType=alias", {}))


class Prometheus(Http):
    """Two alerts a request."""
    source = "prometheus"

    @staticmethod
    def name_of(alert):
        return alert["labels"]["alertname"].rpartition("-")[0]

    def post(self, name, ends_at):
        return self.ask("/api/v2/alerts", [
            {"labels": {"alertname": f"{name}-{half}", "severity": "critical"}, "startsAt": "2026-01-31T12:00:00Z",
             "endsAt": ends_at} for half in ("a", "b")])

    def work(self, i):
        self.life(i, f"prom-{i}", lambda k: self.post(k, "2099-01-31T12:00:00Z"),
                  lambda k: self.post(k, "2026-01-31T12:30:00Z"))


class Bulk(Http):
    """Each request brings a host over the threshold of the rule (RULES), alone or with the one before it."""
    source = "bulk"

    @staticmethod
    def name_of(alert):
        return alert["dedup_key"].partition("host=")[2]

    def post(self, host, lines):
        body = "".join(json.dumps(x) + "\n" for n in range(lines)
                       for x in ({"create": {"_index": "logs"}}, {"message": f"login failed {n}", "host": {"name": host}}))
        answer = self.ask("/_bulk", body)
        assert answer is None or [i["create"]["status"] for i in answer["items"]] == [201] * lines, answer
        return answer

    def work(self, i):
        host = f"bulk-{i}"
        if i % 2:
            if self.post(host, 5) is not None:
                self.there.add(host)
            return
        # counts are of one life of the daemon, and so is a connection
        if self.post(host, 3) is None:
            return
        same = self.conn
        if self.post(host, 2) is not None and self.conn is same:
            self.there.add(host)


class Otlp(Http):
    source = "otel"

    @staticmethod
    def name_of(alert):
        return alert["labels"]["host"]

    def work(self, i):
        host = f"otel-{i}"
        record = {"severityNumber": 21, "body": {"stringValue": "out of memory"}}
        scope = {"scope": {"name": "lib"}, "logRecords": [record]}
        resource = {"attributes": [{"key": "host.name", "value": {"stringValue": host}}]}
        if self.ask("/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}) is not None:
            self.there.add(host)


class Beats(Http):
    """`steady` and `ceases` beat all the time, another of the many once; beaten: when, as it was answered."""
    source, pace = "heartbeat", 0.02

    def __init__(self, port, stop):
        super().__init__(port, stop)
        self.beaten = {}

    def work(self, i):
        for name in ("steady", "ceases", f"rare-{i // 10}") if i % 10 == 0 and i < 10 * RARE else ("steady", "ceases"):
            answer = self.ask(f"/v1/heartbeat/{name}")
            if answer is not None:
                self.beaten[name] = answer["last_beat_at"]


class Syslog(Worker):
    """Nothing is promised, but of each connection what is stored is a beginning."""
    source, pace = "syslog", 0.03

    def __init__(self, port, stop):
        super().__init__(stop)
        self.port, self.conn, self.connections = port, None, []

    @staticmethod
    def name_of(alert):
        return alert["labels"]["host"]

    def work(self, i):
        text = f"<11>1 2026-01-31T12:00:00Z line-{i} app - - - disk failed"
        try:
            if self.conn is None:
                self.conn = socket.create_connection(("127.0.0.1", self.port), 5)
                self.connections.append([])
            self.conn.sendall(f"{len(text)} {text}".encode())
            self.connections[-1].append(f"line-{i}")
        except OSError:
            self.conn = None

    def end(self):
        """The last connection is whole: all of it arrives."""
        if self.conn is not None:
            self.conn.close()
            self.there |= set(self.connections[-1])


class Publisher(Worker):
    """Over MQTT, with a broker that keeps what it acknowledges."""
    source, pace = "training", 0.03

    def __init__(self, port, stop):
        super().__init__(stop)
        self.client = paho.Client(client_id="kill9-publisher")
        self.client.connect("localhost", port)
        self.client.loop_start()

    def work(self, i):
        key = f"mqtt-{i}"
        info = self.client.publish("train/c1/h1/alert",
                                   json.dumps({"dedup_key": key, "severity": "critical", "summary": key}), qos=1)
        info.wait_for_publish(10)
        if info.is_published():
            self.there.add(key)

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


RULES = [
    {"name": "logins", "match": ["source = bulk"], "threshold": {"count": 5, "window": "1d", "by": ["host"]},
     "set": {"severity": "critical"}},
    {"name": "lines", "match": [["source = otel"], ["source = syslog"]], "alert": True, "set": {"severity": "critical"}},
]


def collectors(syslog_port):
    intake = {"type": "intake", "auth": "none"}
    return [
        {"name": "pd-in", "type": "intake", "format": "pagerduty", "keys": "env:IN_KEY"},
        {"name": "og-in", "type": "intake", "format": "opsgenie", "keys": "env:IN_KEY"},
        {"name": "prometheus", "format": "alertmanager", **intake},
        {"name": "bulk", "format": "elastic-bulk", **intake},
        {"name": "otel", "format": "otlp", **intake},
        {"name": "syslog", "type": "syslog", "listen": [f"tcp://127.0.0.1:{syslog_port}"]}]


def heartbeats():
    short = {"every": "3s", "grace": "1s"}
    return [{"name": "silent", **short}, {"name": "ceases", **short}, {"name": "steady", "every": "10m"},
            *({"name": f"rare-{i}", "every": "7d"} for i in range(RARE))]
