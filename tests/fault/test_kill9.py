# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon under load, again and again, on one database.

Senders keep a list of what was answered with 2xx, the MQTT publisher one of what the broker acknowledged; both send
what was not answered again, as real senders do.  Afterwards everything on the lists is in the store, in the state that
was sent last, and the vendor knows each incident exactly once, in the state that tocsin has.
"""
import http.client
import json
import os
import random
import threading
import time

import paho.mqtt.client as paho
import pytest

from harness import wait_until

SENDERS = 3
SEED = int(os.environ.get("TOCSIN_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


class Worker(threading.Thread):
    """A thread whose failure is a failure of the test."""
    error = None

    def __init__(self, stop):
        super().__init__(daemon=True)
        self.stop = stop

    def run(self):
        try:
            self.work()
        except Exception as e:  # noqa: BLE001: the test looks at it
            self.error = e


class Sender(Worker):
    """Fires keys of its own, one after the other, and resolves every fourth of them later."""

    def __init__(self, port, name, stop):
        super().__init__(stop)
        self.port, self.prefix = port, name
        self.fired, self.resolved = set(), set()
        self.incidents = {}
        self.lost_answers = 0
        self.refused = []
        self.conn = None

    def post(self, key, status):
        """Until it is answered; False when the test is over first."""
        body = json.dumps({"dedup_key": key, "status": status, "severity": "critical", "summary": key})
        while True:
            try:
                if self.conn is None:
                    self.conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                self.conn.request("POST", "/v1/in/local", body, {"Content-Type": "application/json"})
                answer = self.conn.getresponse()
                text = answer.read()
                if answer.status == 202:
                    if status == "firing":
                        self.incidents[key] = json.loads(text)["alerts"][0]["incident"]
                    return True
                if answer.status != 503:
                    self.refused.append((answer.status, text))
                    return True
            except (OSError, http.client.HTTPException):
                self.lost_answers += 1
                self.conn = None
            if self.stop.is_set():
                return False
            time.sleep(0.01)

    def work(self):
        waiting = []
        for i in range(10**9):
            if self.stop.is_set():
                return
            key = f"{self.prefix}-{i}"
            if self.post(key, "firing"):
                self.fired.add(key)
                if i % 4 == 0:
                    waiting.append(key)
            if len(waiting) > 5:
                over = waiting.pop(0)
                if self.post(over, "resolved"):
                    self.resolved.add(over)
            time.sleep(0.004)


class Publisher(Worker):
    """Publishes keys of its own over MQTT; published holds what the broker acknowledged."""

    def __init__(self, port, stop):
        super().__init__(stop)
        self.published = set()
        self.client = paho.Client(client_id="kill9-publisher")
        self.client.connect("localhost", port)
        self.client.loop_start()

    def work(self):
        for i in range(10**9):
            if self.stop.is_set():
                break
            key = f"mqtt-{i}"
            info = self.client.publish("train/c1/h1/alert",
                                       json.dumps({"dedup_key": key, "severity": "critical", "summary": key}), qos=1)
            info.wait_for_publish(10)
            if info.is_published():
                self.published.add(key)
            time.sleep(0.01)
        self.client.disconnect()
        self.client.loop_stop()


def run_cycles(t, cycles, dice):
    kills = 0
    for _ in range(cycles):
        time.sleep(dice.uniform(0.05, 0.45))
        assert t.process.alive(), "tocsin ended by itself:\n" + t.log()[-3000:]
        t.kill9()
        kills += 1
        # sometimes again in the middle of the start
        if dice.random() < 0.15:
            t.start(ready=False)
            time.sleep(dice.uniform(0, 0.05))
            t.kill9()
        t.start()
    return kills


def check_store(t, senders, publisher):
    rows = {a["dedup_key"]: a for a in t.alerts("limit=500")}
    fired = set().union(*(s.fired for s in senders)) | publisher.published
    missing = fired - rows.keys()
    assert not missing, f"seed {SEED}: {len(missing)} of {len(fired)} accepted alerts are lost: {sorted(missing)[:10]}"
    for s in senders:
        wrong = {k for k in s.resolved if rows[k]["status"] != "resolved"}
        assert not wrong, f"seed {SEED}: resolves are lost: {sorted(wrong)[:10]}"
        moved = {k for k, incident in s.incidents.items() if rows[k]["incident"] != incident}
        assert not moved, f"seed {SEED}: the incident is not the one that was answered: {sorted(moved)[:10]}"
    return rows


def check_vendor(t, vendors, rows):
    """Each incident once, with the last word that tocsin has; those that were over before they were told may be absent."""
    open_ones = {a["incident"] for a in rows.values() if a["status"] == "firing"}
    over = {a["incident"] for a in rows.values() if a["status"] == "resolved"}

    def settled():
        verbs = vendors.histories("pd")
        return (all(verbs.get(i, [""])[-1] == "trigger" for i in open_ones)
                and all(verbs[i][-1] == "resolve" for i in over if "trigger" in verbs.get(i, []))) and verbs

    verbs = wait_until(settled, 60, f"the vendor knows all {len(open_ones)} open incidents and all that is over", every=1)
    strangers = verbs.keys() - open_ones - over
    assert not strangers, f"seed {SEED}: the vendor was told of incidents that are not in the store: {sorted(strangers)[:5]}"
    # repeats carry the same key; after its resolve no incident is triggered again
    again = {i for i in over if "resolve" in verbs.get(i, []) and "trigger" in verbs[i][verbs[i].index("resolve"):]}
    assert not again, f"seed {SEED}: triggered again after the resolve: {sorted(again)[:5]}"
    woken = {k: a["pages"] for k, a in vendors.alerts("pd").items() if a["pages"] != 1}
    assert not woken, f"seed {SEED}: people were woken more than once: {sorted(woken.items())[:5]}"
    return sum(len(v) for v in verbs.values()) - len(verbs)


@pytest.mark.parametrize("cycles", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_kill9_under_load(tocsin, settings, vendors, broker, cycles):
    dice = random.Random(SEED)
    b = broker()
    values = settings([("0s", ["pd"])], last_wait="1d")
    values["collectors"].append(b.collector())
    t = tocsin(values)
    stop = threading.Event()
    senders = [Sender(t.port, f"http{i}", stop) for i in range(SENDERS)]
    publisher = Publisher(b.port, stop)
    try:
        for thread in (*senders, publisher):
            thread.start()
        kills = run_cycles(t, cycles, dice)
    finally:
        stop.set()
        for thread in (*senders, publisher):
            thread.join(20)
    errors = [w.error for w in (*senders, publisher) if w.error is not None]
    assert not errors, f"seed {SEED}: {errors}"
    refused = [r for s in senders for r in s.refused]
    assert not refused, f"seed {SEED}: {len(refused)} well-formed alerts refused, such as {refused[0]}"
    wait_until(lambda: publisher.published <= {a["dedup_key"] for a in t.alerts("source=training&limit=500")}, 60,
               "what the broker still had has arrived", every=0.5)
    rows = check_store(t, senders, publisher)
    extra = check_vendor(t, vendors, rows)
    print(f"seed {SEED}: {kills} kills, {sum(len(s.fired) for s in senders)} alerts over HTTP "
          f"({sum(s.lost_answers for s in senders)} answers lost), {len(publisher.published)} over MQTT, "
          f"{extra} further requests to the vendor (resolves and repeats)")
    assert sum(s.lost_answers for s in senders) > 0, "no answer was lost: the kills did not hit anything"
