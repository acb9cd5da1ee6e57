# SPDX-License-Identifier: Apache-2.0
"""A stop in between, polite or not: the state is the same afterwards, and timers keep their time."""
import time

import pytest

from harness import stays, wait_until

BOTH = pytest.mark.parametrize("hard", [False, True], ids=["SIGTERM", "kill -9"])


@BOTH
def test_state_survives(tocsin, vendors, hard):
    t = tocsin()
    open_one, acked, over = (t.fire(k) for k in ("open", "acked", "over"))
    for i in (open_one, acked, over):
        vendors.wait_history("pd", i, ["trigger"])
    t.act(acked, "ack", by="anna")
    t.clear("over")
    vendors.wait_history("pd", over, ["trigger", "resolve"])
    vendors.wait_history("pd", acked, ["trigger", "acknowledge"])
    # what pages and acks did is told; its record may still be on its way to the disk
    wait_until(lambda: all(t.delivery(i, "pd")["state"] == "delivered" for i in (open_one, acked, over)), 5)
    before = {i: {k: v for k, v in t.incident(i).items() if k not in ("timeline",)} for i in (open_one, acked, over)}
    t.restart(hard)
    after = {i: {k: v for k, v in t.incident(i).items() if k not in ("timeline",)} for i in (open_one, acked, over)}
    assert after == before
    assert t.fire("open") == open_one, "the same alert is still the same incident"
    t.clear("open")
    vendors.wait_history("pd", open_one, ["trigger", "resolve"])
    assert vendors.history("pd", acked) == ["trigger", "acknowledge"]


@BOTH
def test_timers_keep_their_time(tocsin, vendors, settings, hard):
    t = tocsin(settings([("0s", ["pd"]), ("4s", ["vo"])], last_wait="1m"))
    begin = time.monotonic()
    incident = t.fire("timer")
    vendors.wait_history("pd", incident, ["trigger"])
    time.sleep(1.5)
    t.restart(hard)
    vendors.wait_history("vo", incident, ["trigger"], 8)
    assert 3.5 < time.monotonic() - begin < 6.5, "four seconds after the first step, not after the restart"
    assert vendors.history("pd", incident) == ["trigger"]


@BOTH
def test_due_while_down_fires_at_start(tocsin, vendors, settings, hard):
    t = tocsin(settings([("0s", ["pd"]), ("1s", ["og"]), ("2s", ["vo"])], last_wait="1m"))
    incident = t.fire("overdue")
    vendors.wait_history("pd", incident, ["trigger"])
    t.kill9() if hard else t.stop()
    time.sleep(2.5)
    t.start()
    vendors.wait_history("vo", incident, ["trigger"], 3)
    assert "skipped" in t.kinds(incident), "only the latest step that is due fires"
    assert vendors.history("og", incident) == []


@BOTH
def test_undelivered_pages_go_out_after_the_restart(tocsin, vendors, hard):
    t = tocsin()
    vendors.mode("pd", "error500")
    ids = {t.fire(f"u{i}") for i in range(10)}
    t.kill9() if hard else t.stop()
    vendors.well("pd")
    t.start()
    wait_until(lambda: vendors.keys("pd") == ids, 20, "each page goes out")
    stays(lambda: all(vendors.history("pd", i) == ["trigger"] for i in ids), 0.5, "once")


def test_accepted_is_on_disk(tocsin, vendors):
    """kill -9 right behind the answer, again and again: whatever was answered 202 is there."""
    t = tocsin()
    known = {}
    for round_ in range(5):
        for i in range(20):
            key = f"r{round_}-{i}"
            known[key] = t.fire(key)
        t.restart(hard=True)
    assert {a["dedup_key"]: a["incident"] for a in t.alerts("limit=100")} == known
    wait_until(lambda: vendors.keys("pd") == set(known.values()), 30, "every page went out")


def test_stop_ends_with_0_and_says_so(tocsin):
    t = tocsin()
    t.fire("x")
    t.stop()
    assert "level=error" not in t.log()


def test_second_daemon_on_the_same_database_refuses(tocsin, tmp_path):
    t = tocsin()
    other = tocsin({**t.settings, "http": {"listen": "127.0.0.1:0"}}, start=False)
    other.folder = str(tmp_path / "second")
    __import__("os").makedirs(other.folder)
    other.path = other.folder + "/tocsin.cfg"
    other.configure({**t.settings, "http": {"listen": f"127.0.0.1:{other.port}"}})
    other.start(ready=False)
    status = wait_until(lambda: other.process.popen.poll(), 15, "the second one ends")
    assert status != 0 and t.db in other.log()
    assert t.fire("still-works")


def test_refused_page_is_tried_again_after_a_restart(tocsin, vendors, settings):
    """A key in the environment can be put right in no other way."""
    t = tocsin(settings([("0s", ["pd"])], last_wait="1m", last_resort=[]))
    vendors.mode("pd", "reject")
    incident = t.fire("wrong-key")
    wait_until(lambda: t.delivery(incident, "pd")["state"] == "rejected", 10, "rejected")
    t.stop()
    vendors.well("pd")
    t.start()
    vendors.wait_history("pd", incident, ["trigger"], 10)
