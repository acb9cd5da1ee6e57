# SPDX-License-Identifier: Apache-2.0
"""Heartbeats: who falls silent opens an incident, a beat resolves it, and a restart forgets neither."""
import os
import subprocess

import pytest

from harness import BUILD, cfg_file, stays, wait_until

BACKUP = {"name": "backup", "every": "2s", "grace": "1s", "labels": {"team": "db"}}
SLOW = {"name": "weekly", "every": "7d", "grace": "1h"}


@pytest.fixture
def watched(tocsin, settings):
    def make(*heartbeats, rules=None, collectors=(), **how):
        values = settings()
        values["heartbeats"] = list(heartbeats)
        values["collectors"] += collectors
        return tocsin(values, rules=rules, **how)
    return make


def beat(t, name, method="POST", expect=200, **more):
    answer = t.request(method, f"/v1/heartbeat/{name}", **more)
    assert answer.status == expect, answer
    return answer


def heartbeats(t, name):
    return [h for h in t.get("/v1/heartbeats").json["heartbeats"] if h["name"] == name]


def state(t, name, **labels):
    return next((h["state"] for h in heartbeats(t, name) if h["labels"] == labels), None)


def wait_silent(t, name, timeout=20, **labels):
    return wait_until(lambda: next((h["incident"] for h in heartbeats(t, name)
                                    if h["labels"] == labels and h["state"] == "silent"), None),
                      timeout, f"{name} {labels} is silent")


def command(t, *words):
    env = {**os.environ, "TOCSIN_URL": f"http://127.0.0.1:{t.port}"}
    return subprocess.run([os.path.join(BUILD, "tocsin"), *words], env=env, capture_output=True, text=True, timeout=30,
                          check=True).stdout


def test_silence_pages_and_a_beat_resolves(watched, vendors):
    t = watched(BACKUP, SLOW)
    assert (state(t, "backup"), state(t, "weekly")) == ("never", "never")
    for method in ("POST", "GET", "HEAD", "PUT"):
        beat(t, "backup", method)
    assert state(t, "backup") == "ok"
    beat(t, "backup/")
    assert heartbeats(t, "backup")[0]["beats"] == 5
    last = heartbeats(t, "backup")[0]["last_beat_at"]
    incident = wait_silent(t, "backup")
    vendors.wait_history("pd", incident, ["trigger"])
    d = t.incident(incident)
    assert (d["severity"], d["source"]) == ("critical", "heartbeat")
    assert d["summary"] == f"heartbeat 'backup' is silent since {last} (expected every 2s)"
    assert d["alerts"][0]["labels"] == {"heartbeat": "backup", "team": "db"}
    assert [a["dedup_key"] for a in t.alerts()] == ["backup"]
    assert t.metric("tocsin_open_alerts") == 1
    table = command(t, "heartbeats").splitlines()
    assert table[0].split() == ["NAME", "LABELS", "STATE", "EVERY", "LAST", "DUE", "BEATS", "INCIDENT"]
    assert sorted(line.split()[:2] for line in table[1:]) == [["backup", "silent"], ["weekly", "never"]]
    assert incident in table[1]
    answer = beat(t, "backup").json
    assert (answer["name"], answer["due_at"] > answer["last_beat_at"]) == ("backup", True)
    t.wait_state(incident, "resolved")
    vendors.wait_history("pd", incident, ["trigger", "resolve"])
    assert state(t, "backup") == "ok"
    assert t.metric("tocsin_heartbeats", heartbeat="backup", state="ok") == 1
    wait_until(lambda: t.metric("tocsin_open_alerts") == 0, 10, "heartbeats that wait are no open alerts")
    assert t.metric("alertmanager_alerts", state="active") == 0
    assert state(t, "weekly") == "never"
    beat(t, "nobody", expect=404)


def test_a_beat_that_was_answered_survives_kill9(watched):
    t = watched(SLOW)
    last = beat(t, "weekly").json["last_beat_at"]
    t.restart(hard=True)
    row, = heartbeats(t, "weekly")
    assert (row["state"], row["beats"]) == ("ok", 1)
    assert row["last_beat_at"] >= last             # the time of the turn that stored it


def test_beats_in_quick_succession_touch_no_disk(watched):
    t = watched(SLOW)
    beat(t, "weekly")                              # the first is stored
    before = t.metric("tocsin_commits_total")
    for _ in range(200):
        beat(t, "weekly")
    assert t.metric("tocsin_commits_total") == before
    t.restart()                                    # written at the end
    assert heartbeats(t, "weekly")[0]["beats"] == 201
    assert t.alerts() == [] and t.incidents() == []


def test_a_restart_forgets_no_silence(watched, vendors):
    t = watched(BACKUP)
    beat(t, "backup")
    t.kill9()
    t.start()
    incident = wait_silent(t, "backup")            # not before the grace after a start is over
    vendors.wait_history("pd", incident, ["trigger"])
    t.restart(hard=True)
    stays(lambda: wait_silent(t, "backup") == incident, 1, "the same incident")
    beat(t, "backup")
    t.wait_state(incident, "resolved")


def test_never_beaten(watched, vendors):
    t = watched({**BACKUP, "name": "new", "severity": "warning"})
    incident = wait_silent(t, "new")
    assert t.incident(incident)["summary"].startswith("heartbeat 'new' has not beaten yet, since ")
    assert t.incident(incident)["severity"] == "warning"
    # a reload that takes it away ends it
    t.settings["heartbeats"] = [SLOW]
    t.configure(t.settings)
    t.reload()
    t.wait_state(incident, "resolved")
    assert heartbeats(t, "new") == []
    assert state(t, "weekly") == "never"


def test_rules_route_it_and_tokens_guard_it(watched, vendors):
    guarded = {**BACKUP, "auth": {"bearer": "file:" + vendors.secret("beat", "s3cret")}}
    t = watched(guarded, rules=[{"name": "team", "match": ["source = heartbeat", "team = db"],
                                 "set": {"severity": "error", "summary": "no backup"}, "dedup_key": "x"}])
    beat(t, "backup", expect=401)
    beat(t, "backup", headers={"Authorization": "Bearer s3cret"})
    incident = wait_silent(t, "backup")
    d = t.incident(incident)
    assert (d["summary"], d["severity"]) == ("no backup", "error")
    beat(t, "backup", headers={"Authorization": "Bearer s3cret"})
    t.wait_state(incident, "resolved")


def test_each_host_of_a_topic(watched, vendors, broker):
    b = broker()

    def publish(host, text="alive"):
        subprocess.run(["mosquitto_pub", "-p", str(b.port), "-q", "1", "-t", f"hosts/{host}/alive", "-m", text],
                       check=True)

    t = watched(collectors=[{"name": "hosts", "type": "mqtt", "broker": b.url, "client_id": "tocsin-hosts",
                             "topics": ["hosts/+host/alive"], "heartbeat": {"every": "3s", "grace": "1s", "max": 3}}])
    assert [h["state"] for h in heartbeats(t, "hosts")] == ["unarmed"]
    wait_until(lambda: t.metric("tocsin_mqtt_connected", collector="hosts") == 1, 10, "connected")
    publish("")                                    # nobody: watched, it could never be named
    publish("a")
    wait_until(lambda: state(t, "hosts", host="a") == "ok", 10, "a is known")
    assert len(heartbeats(t, "hosts")) == 1
    for host in ("b", "c", "d"):                   # d is one too many
        publish(host)
    wait_until(lambda: len(heartbeats(t, "hosts")) == 3, 10, "all are known")
    t.kill9()
    t.start()

    def keep_alive():
        publish("a")
        return next((h["incident"] for h in heartbeats(t, "hosts")
                     if h["state"] == "silent" and h["labels"] == {"host": "b"}), None)

    silent = wait_until(keep_alive, 30, "b is silent while a beats", every=0.5)
    d = t.incident(silent)
    assert d["alerts"][0]["labels"] == {"heartbeat": "hosts", "collector": "hosts", "host": "b"}
    assert "of host=b is silent since" in d["summary"]
    vendors.wait_history("pd", silent, ["trigger"])
    assert state(t, "hosts", host="a") == "ok"
    publish("b", '{"any": "thing"}')
    t.wait_state(silent, "resolved")


def test_a_topic_that_could_not_be_missed_is_a_mistake(settings, tmp_path):
    values = settings()
    values["collectors"].append({"name": "hosts", "type": "mqtt", "broker": "mqtt://127.0.0.1", "client_id": "c",
                                 "topics": ["hosts/+host/alive", "racks/+rack/alive"], "heartbeat": {"every": "3s"}})
    (tmp_path / "t.cfg").write_text(cfg_file(values))
    p = subprocess.run([os.path.join(BUILD, "tocsin"), "check", "-c", str(tmp_path / "t.cfg")], text=True,
                       env={**os.environ, "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")},
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
    assert p.returncode == 1
    assert "topic 'racks/+rack/alive' has no wildcard named 'host'" in p.stdout
