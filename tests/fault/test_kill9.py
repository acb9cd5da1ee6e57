# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon under load, again and again, on one database.

Whatever was answered with 2xx, or acknowledged by the broker, is in the store afterwards, in the state that was sent
last; the vendor knows each incident exactly once, in the state that tocsin has; and who fell silent is missed.
"""
import os
import random
import threading
import time

import pytest

from base import free_port
from harness import wait_until
from senders import (KEY, RULES, Beats, Bulk, Json, Opsgenie, Otlp, PagerDuty, Prometheus, Publisher, Syslog,
                     collectors, heartbeats)

SEED = int(os.environ.get("TOCSIN_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


def run_cycles(t, cycles, dice):
    kills = 0
    for _ in range(cycles):
        time.sleep(dice.uniform(0.01, 0.25))
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


# --- what must be so ---------------------------------------------------------------------------

def stored(t, worker):
    """What came of a sender's words, by their names.  Two senders may share a source."""
    rows = {}
    for a in t.alerts(f"source={worker.source}&limit=500"):
        rows.setdefault(worker.name_of(a), []).append(a)
    return rows


def check_worker(t, w):
    # what the broker or a socket still had may be on its way
    wait_until(lambda: w.there <= stored(t, w).keys(), 30, f"all that {w.source} was promised", every=2)
    rows = stored(t, w)
    wrong = sorted(k for k in w.over for a in rows[k] if a["status"] != "resolved")
    assert not wrong, f"seed {SEED}: resolves of {w.source} are lost: {wrong[:10]}"
    open_ones = {i["id"] for i in t.incidents(f"state=acknowledged&source={w.source}&limit=500")} if w.acked else set()
    asleep = sorted(k for k in w.acked for a in rows[k] if a["incident"] not in open_ones)
    assert not asleep, f"seed {SEED}: acknowledgements of {w.source} are lost: {asleep[:10]}"
    return rows


def check_incidents(json, rows):
    moved = {k for k, incident in json.incidents.items() if rows[k][0]["incident"] != incident}
    assert not moved, f"seed {SEED}: the incident is not the one that was answered: {sorted(moved)[:10]}"


def check_prefixes(syslog, rows):
    """A line that is stored was read after all before it on its connection, which were stored no later."""
    for lines in syslog.connections:
        have = [name in rows for name in lines]
        assert have == sorted(have, reverse=True), f"seed {SEED}: a gap in {lines}"


def silent(t, name):
    """The incident of a heartbeat that is silent."""
    return next(h["incident"] for h in t.get("/v1/heartbeats").json["heartbeats"] if h["name"] == name)


def check_beats(t, beats, first):
    seen = {h["name"]: h for h in t.get("/v1/heartbeats").json["heartbeats"]}
    rare = {name for name in beats.beaten if name.startswith("rare-")}
    lost = sorted(n for n in rare if seen[n]["state"] != "ok" or seen[n]["beats"] < 1)
    assert not lost, f"seed {SEED}: beats are lost: {lost[:10]}"
    assert seen["steady"]["state"] == "ok" and seen["silent"]["incident"] == first
    ceased = wait_until(lambda: silent(t, "ceases"), 20, "who ceased to beat is missed")
    assert t.state(ceased) == "triggered" and t.state(first) == "triggered"
    assert {a["dedup_key"] for a in t.alerts("source=heartbeat")} == {"silent", "ceases"}
    t.request("POST", "/v1/heartbeat/silent")
    t.wait_state(first, "resolved")
    return len(rare)


def check_vendor(t, vendors):
    """Each incident once, with the last word that tocsin has; those that were over before they were told may be absent."""
    word = {"triggered": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}
    expected = {i["id"]: word[i["state"]] for i in t.incidents("limit=500")}

    def settled():
        told = vendors.told("pd")
        late = [i for i, last in expected.items() if (told[i][1][-1] != last if i in told else last == "trigger")]
        return not late and told

    told = wait_until(settled, 120, f"the vendor knows the state of all {len(expected)} incidents", every=2)
    verbs = {k: v for k, (_, v) in told.items()}
    strangers = verbs.keys() - expected.keys()
    assert not strangers, f"seed {SEED}: the vendor was told of incidents that are not in the store: {sorted(strangers)[:5]}"
    # repeats carry the same key; after its resolve no incident is triggered again
    again = {i for i, v in verbs.items() if "resolve" in v and "trigger" in v[v.index("resolve"):]}
    assert not again, f"seed {SEED}: triggered again after the resolve: {sorted(again)[:5]}"
    woken = {k: pages for k, (pages, _) in told.items() if pages != 1}
    assert not woken, f"seed {SEED}: people were woken more than once: {sorted(woken.items())[:5]}"
    return len(verbs), sum(len(v) for v in verbs.values()) - len(verbs)


# --- the test ----------------------------------------------------------------------------------

@pytest.mark.parametrize("cycles", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_kill9_under_load(tocsin, settings, vendors, broker, cycles):
    dice = random.Random(SEED)
    b, syslog_port, stop = broker(), free_port(), threading.Event()
    values = settings([("0s", ["pd"])], last_wait="1d")
    values["collectors"] += [b.collector(), *collectors(syslog_port)]
    values["heartbeats"] = heartbeats()
    t = tocsin(values, RULES, env={"IN_KEY": KEY})
    first = wait_until(lambda: silent(t, "silent"), 20, "one is silent before")
    json, syslog, beats = Json(t.port, stop, "json"), Syslog(syslog_port, stop), Beats(t.port, stop)
    asked = [json, beats, *(c(t.port, stop) for c in (PagerDuty, Opsgenie, Prometheus, Bulk, Otlp))]
    workers = [*asked, syslog, Publisher(b.port, stop)]
    try:
        for thread in workers:
            thread.start()
        kills = run_cycles(t, cycles, dice)
    finally:
        stop.set()
        for thread in workers:
            thread.join(20)
    errors = [w.error for w in workers if w.error is not None]
    assert not errors, f"seed {SEED}: {errors}"
    refused = [r for w in asked for r in w.refused]
    assert not refused, f"seed {SEED}: {len(refused)} well-formed requests refused, such as {refused[0]}"
    rare = check_beats(t, beats, first)
    rows = {w: check_worker(t, w) for w in workers if w is not beats}
    check_incidents(json, rows[json])
    check_prefixes(syslog, rows[syslog])
    told, extra = check_vendor(t, vendors)
    promised = ", ".join(f"{w.source} {len(w.there)} ({len(w.over)} over, {len(w.acked)} acknowledged)"
                         for w in workers if w is not beats)
    print(f"seed {SEED}: {kills} kills; promised and there: {promised}, heartbeats {rare}; "
          f"{sum(w.lost_answers for w in asked)} answers lost; {told} incidents told, {extra} further requests")
    deaf = [w.source for w in asked if w.lost_answers == 0] + [w.source for w, stored_of in rows.items() if not stored_of]
    assert not deaf, f"the kills did not hit {deaf}"
