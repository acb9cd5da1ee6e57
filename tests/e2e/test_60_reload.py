# SPDX-License-Identifier: Apache-2.0
"""SIGHUP and POST /-/reload: a diff, not a restart; a broken file changes nothing."""
import copy
import time

from harness import free_port, request, wait_until


def test_unchanged_groups_keep_their_timers(tocsin, vendors, settings):
    values = settings([("0s", ["pd"]), ("3s", ["vo"])], last_wait="1m")
    t = tocsin(values)
    begin = time.monotonic()
    incident = t.fire("timer")
    vendors.wait_history("pd", incident, ["trigger"])
    for i in range(3):
        time.sleep(0.5)
        values["collectors"] = values["collectors"] + [{"name": f"new{i}", "type": "webhook", "format": "json", "auth": "none"}]
        t.configure(values)
        t.reload()
    vendors.wait_history("vo", incident, ["trigger"], 8)
    assert 2.5 < time.monotonic() - begin < 5.5
    assert vendors.history("pd", incident) == ["trigger"], "the reload paged nobody"


def test_new_collector_appears_and_old_one_goes(tocsin, settings):
    values = settings()
    t = tocsin(values)
    t.send("later", {}, expect=404)
    values["collectors"] = [{"name": "later", "type": "webhook", "format": "json", "auth": "none"}]
    t.configure(values)
    t.reload()
    assert t.fire("x", collector="later")
    t.send("local", {"dedup_key": "k", "summary": "s"}, expect=404)


def test_reload_by_request(tocsin, settings):
    values = settings()
    t = tocsin(values)
    values["collectors"].append({"name": "more", "type": "webhook", "format": "json", "auth": "none"})
    t.configure(values)
    answer = t.request("POST", "/-/reload")
    assert answer.status == 200, answer
    assert t.fire("x", collector="more")


def test_broken_file_changes_nothing_and_says_so(tocsin, vendors, settings):
    values = settings()
    t = tocsin(values)
    broken = copy.deepcopy(values)
    broken["policies"][0]["steps"][0]["notify"] = ["pdd"]
    broken["collectors"][0]["format"] = "jsonn"
    t.configure(broken)
    log = t.reload()
    assert "unknown notifier 'pdd'" in log and "did you mean 'pd'" in log
    assert "jsonn" in log and "tocsin.cfg:" in log
    answer = t.request("POST", "/-/reload")
    assert answer.status == 500 and len(answer.json["mistakes"]) == 2, answer
    incident = t.fire("still-works")
    vendors.wait_history("pd", incident, ["trigger"])
    t.write("collectors = (")
    assert "tocsin.cfg:" in t.reload()
    assert t.fire("and-still")
    t.configure(values)
    t.reload()
    assert t.fire("repaired")


def test_escalation_moves_on_at_once_when_a_notifier_is_removed(tocsin, vendors, settings):
    values = settings([("0s", ["vo"]), ("1h", ["pd"])], failover_after="1h")
    t = tocsin(values)
    vendors.mode("vo", "down")
    incident = t.fire("moved-on")
    wait_until(lambda: t.delivery(incident, "vo")["state"] == "failing", 10, "victorops is down")
    without = copy.deepcopy(values)
    without["notifiers"] = [n for n in values["notifiers"] if n["name"] != "vo"]
    without["policies"][0]["steps"] = [{"after": "0s", "notify": ["pd"]}]
    assert vendors.history("pd", incident) == []
    t.configure(without)
    t.reload()
    vendors.wait_history("pd", incident, ["trigger"])
    assert "not configured" in t.delivery(incident, "vo")["last_error"]


def test_removed_notifier_still_gets_its_resolve_once_it_is_back(tocsin, vendors, settings):
    values = settings([("0s", ["vo"])])
    t = tocsin(values)
    incident = t.fire("orphan")
    vendors.wait_history("vo", incident, ["trigger"])
    without = copy.deepcopy(values)
    without["notifiers"] = [n for n in values["notifiers"] if n["name"] != "vo"]
    without["policies"][0]["steps"][0]["notify"] = ["pd"]
    t.configure(without)
    t.reload()
    t.clear("orphan")
    t.wait_state(incident, "resolved")
    assert vendors.history("vo", incident) == ["trigger"]
    assert t.delivery(incident, "vo")["state"] != "delivered", "it is not forgotten"
    t.configure(values)
    t.reload()
    vendors.wait_history("vo", incident, ["trigger", "resolve"], 15)


def test_open_incident_keeps_the_policy_it_was_opened_with(tocsin, vendors, settings):
    values = settings([("0s", ["pd"]), ("2s", ["vo"])], last_wait="1m")
    t = tocsin(values)
    incident = t.fire("old")
    vendors.wait_history("pd", incident, ["trigger"])
    values["policies"][0]["steps"] = [{"after": "0s", "notify": ["og"]}]
    t.configure(values)
    t.reload()
    new = t.fire("new")
    vendors.wait_history("og", new, ["trigger"])
    vendors.wait_history("vo", incident, ["trigger"], 8)
    assert vendors.history("og", incident) == []


def test_rejected_page_is_tried_again_after_its_notifier_changed(tocsin, vendors, settings):
    values = settings([("0s", ["pd"])], last_wait="1m", last_resort=[])
    t = tocsin(values)
    vendors.mode("pd", "reject")
    incident = t.fire("bad-key")
    wait_until(lambda: t.delivery(incident, "pd")["state"] == "rejected", 10, "rejected")
    vendors.well("pd")
    values["notifiers"][0]["timeout"] = "9s"
    t.configure(values)
    t.reload()
    vendors.wait_history("pd", incident, ["trigger"], 10)


def test_rules_are_read_again(tocsin, vendors, settings):
    values = settings()
    t = tocsin(values, rules=[{"name": "r", "match": ["team = x"], "suppress": True}])
    quiet = t.fire("quiet", team="x")
    assert t.incident(quiet)["suppressed_by"]
    t.configure(values, rules=[{"name": "r", "match": ["team = y"], "suppress": True}])
    t.reload()
    loud = t.fire("loud", team="x")
    vendors.wait_history("pd", loud, ["trigger"])


def test_listen_address_needs_a_restart_and_says_so(tocsin, settings):
    t = tocsin(settings())
    other = free_port()
    t.configure({**t.settings, "http": {"listen": f"127.0.0.1:{other}"}})
    log = t.reload()
    try:
        moved = request(other, "GET", "/-/healthy").status == 200
    except OSError:
        moved = False
    assert moved or "restart" in log, "either it moves or it says what to do"
    t.configure({**t.settings, "http": {"listen": f"127.0.0.1:{t.port}"}})
    assert "restart" not in t.reload(), "it is what it was at the start"


def test_limits_that_need_a_restart_say_so(tocsin, settings):
    t = tocsin(settings())
    t.configure({**t.settings, "http": {"header_max": "8KiB", "per_ip_max": 5}, "store": {"wal_limit": "64MiB"}})
    log = t.reload()
    for option in ("http.header_max", "http.per_ip_max", "store.wal_limit"):
        assert f'subject="{option}" msg="stays as it was until tocsin is restarted"' in log, log
    assert "http.body_max" not in log


def test_log_level_and_json_depth_follow(tocsin, settings):
    deep = {"summary": "s", "annotations": {"a": "x"}, "more": [[[["deep"]]]]}
    t = tocsin({**settings(), "log_level": "warn", "http": {"json_depth_max": 4}})
    assert "level=info" not in t.log()
    t.send("local", deep, expect=400)
    t.configure({**t.settings, "log_level": "info", "http": {"json_depth_max": 32}})
    assert "level=info" in t.reload()
    t.send("local", deep)


def test_the_limit_of_alerts_in_a_request_is_an_option_and_follows(tocsin, settings):
    two = [{"dedup_key": key, "summary": "s"} for key in "ab"]
    t = tocsin({**settings(), "http": {"alerts_max": 1}})
    problem = t.send("local", two, expect=413).json
    assert problem["detail"] == "more than 1 alerts in one payload (http.alerts_max)" and t.alerts() == []
    t.configure({**t.settings, "http": {"alerts_max": 2}})
    t.reload()
    assert t.send("local", two).json["accepted"] == 2
