# SPDX-License-Identifier: Apache-2.0
"""Vendors that refuse, are slow, are away, or lose their answer: nothing is lost, and one page in effect."""
import time

from harness import free_port, stays, wait_until

STEPS = [("0s", ["pd"]), ("30s", ["vo"])]


def test_refusal_moves_on_at_once(tocsin, vendors, settings):
    t = tocsin(settings(STEPS))
    vendors.mode("pd", "reject")
    begin = time.monotonic()
    incident = t.fire("rejected")
    vendors.wait_history("vo", incident, ["trigger"], 5)
    assert time.monotonic() - begin < 5, "long before the step's own time"
    d = t.delivery(incident, "pd")
    assert d["state"] == "rejected" and "400" in d["last_error"]
    assert t.metric("tocsin_notifications_total", notifier="pd") is not None


def test_vendor_down_moves_on_after_failover_after(tocsin, vendors, settings):
    t = tocsin(settings(STEPS, failover_after="2s"))
    vendors.mode("pd", "error500")
    begin = time.monotonic()
    incident = t.fire("down")
    vendors.wait_history("vo", incident, ["trigger"], 10)
    assert 1.5 < time.monotonic() - begin < 9
    assert t.delivery(incident, "pd")["state"] == "failing"
    vendors.well("pd")
    vendors.wait_history("pd", incident, ["trigger"], 20)
    t.clear("down")
    vendors.wait_history("pd", incident, ["trigger", "resolve"])
    vendors.wait_history("vo", incident, ["trigger", "resolve"])


def test_nobody_listens_for_a_while(tocsin, vendors):
    t = tocsin()
    vendors.mode("pd", "down")
    ids = {t.fire(f"away{i}") for i in range(20)}
    wait_until(lambda: all(t.delivery(i, "pd")["attempts"] >= 1 for i in ids), 10, "each was tried")
    vendors.well("pd")
    wait_until(lambda: vendors.keys("pd") == ids, 30, "all pages arrive once the vendor is back")
    stays(lambda: all(vendors.history("pd", i) == ["trigger"] for i in ids), 0.5, "each once")


def test_resolved_while_the_vendor_was_down(tocsin, vendors):
    t = tocsin()
    told = t.fire("known")
    vendors.wait_history("pd", told, ["trigger"])
    vendors.mode("pd", "error500")
    never = t.fire("unknown")
    wait_until(lambda: t.delivery(never, "pd")["attempts"] >= 1, 10, "tried")
    t.clear("known")
    t.clear("unknown")
    vendors.well("pd")
    vendors.wait_history("pd", told, ["trigger", "resolve"], 20)
    wait_until(lambda: t.delivery(never, "pd")["state"] == "delivered", 20, "nothing is left to tell")
    assert "trigger" not in vendors.history("pd", never), "nobody is woken for what is over"


def test_retry_after_is_respected(tocsin, vendors):
    t = tocsin()
    vendors.mode("pd", "ratelimit", for_s=1.5, retry_after=3)
    begin = time.monotonic()
    incident = t.fire("slower")
    vendors.wait_history("pd", incident, ["trigger"], 15)
    assert time.monotonic() - begin >= 2.8
    pd = vendors.vendor("pd")
    assert (pd["requests"], pd["refused"], pd["accepted"]) == (2, 1, 1), "asked once too early, then when it was said"


def test_lost_answer_is_one_page_in_effect(tocsin, vendors):
    t = tocsin()
    vendors.mode("pd", "lost")
    incident = t.fire("uncertain")
    wait_until(lambda: incident in vendors.keys("pd"), 10, "it arrived, but nobody says so")
    vendors.well("pd")
    wait_until(lambda: t.delivery(incident, "pd")["state"] == "delivered", 15, "repeated until it is certain")
    assert len(vendors.history("pd", incident)) >= 2, "it was repeated"
    assert vendors.keys("pd") == {incident} and vendors.pages("pd", incident) == 1, "with the same key"


def test_last_resort_when_everybody_fails(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("30s", ["vo"])], last_resort=["og"]))
    vendors.mode("pd", "reject")
    vendors.mode("vo", "reject")
    incident = t.fire("all-refuse")
    vendors.wait_history("og", incident, ["trigger"], 10)
    assert "exhausted" in t.kinds(incident)


def test_broken_proxy_of_one_notifier_does_not_stop_another_one_of_the_same_vendor(tocsin, vendors, settings):
    """A circuit is one way to a host, not the host: the other way is open."""
    values = settings([("0s", ["pd"])], last_wait="1m")
    values["notifiers"] += [vendors.notifier("pagerduty", "behind", proxy=f"http://127.0.0.1:{free_port()}",
                                             timeout="1s")]
    values["policies"][0]["steps"][0]["notify"] = ["behind", "pd"]
    t = tocsin(values)

    def is_open(name):
        return next(n for n in t.get("/v1/notifiers").json["notifiers"] if n["name"] == name)["breaker_open"]

    for i in range(8):
        t.fire(f"before{i}")
    wait_until(lambda: is_open("behind"), 15, "nobody can be reached through the proxy")
    assert not is_open("pd")
    incident = t.fire("after")
    wait_until(lambda: t.delivery(incident, "pd")["state"] == "delivered", 10, "told directly")
    wait_until(lambda: t.delivery(incident, "behind")["state"] == "failing", 10, "not through the proxy")
    failing = [e["actor"] for e in t.incident(incident)["timeline"] if e["kind"] == "failing"]
    assert failing == ["behind"]


def test_one_vendor_down_does_not_slow_the_others(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd", "vo"])]))
    vendors.mode("pd", "error500")
    begin = time.monotonic()
    ids = {t.fire(f"p{i}") for i in range(50)}
    wait_until(lambda: vendors.keys("vo") == ids, 10, "the other vendor was told of all")
    assert time.monotonic() - begin < 10
    vendors.well("pd")
    wait_until(lambda: vendors.keys("pd") == ids, 40, "then the one that was down")
