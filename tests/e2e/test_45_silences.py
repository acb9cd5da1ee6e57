# SPDX-License-Identifier: Apache-2.0
"""Silences: recorded, told to nobody, and paging when they end; over REST and the command line."""
import datetime
import json
import os
import subprocess

import pytest

from harness import BUILD, stays, wait_until


def silence(t, *matchers, expect=200, **more):
    answer = t.request("POST", "/v1/silences", {"matchers": list(matchers), **({"for": "1h"} if "ends_at" not in more
                                                                              and "for" not in more else {}), **more})
    assert answer.status == expect, answer
    return answer.json


def test_an_alert_under_a_silence_pages_when_the_silence_ends(tocsin, vendors):
    t = tocsin()
    s = silence(t, 'host="db1"', by="anna", comment="new disk")
    assert s["state"] == "active" and s["created_by"] == "anna"
    held, free = t.fire("a", host="db1"), t.fire("b", host="db2")
    vendors.wait_history("pd", free, ["trigger"])
    assert vendors.history("pd", held) == []
    assert s["id"] in t.incident(held)["suppressed_by"] and "new disk" in t.incident(held)["suppressed_by"]
    assert "suppressed" in t.kinds(held)
    assert t.metric("alertmanager_silences", state="active") == 1
    assert t.metric("alertmanager_alerts", state="suppressed") == 1
    assert t.request("DELETE", f"/v1/silences/{s['id']}").json["state"] == "expired"
    vendors.wait_history("pd", held, ["trigger"])
    assert t.incident(held)["suppressed_by"] is None
    assert t.kinds(held).count("unsuppressed") == 1


def test_a_silence_over_an_open_incident_holds_the_next_step_but_not_the_resolve(tocsin, vendors, settings):
    t = tocsin(settings([("0s", ["pd"]), ("2s", ["vo"])], last_wait="1m"))
    resolved, goes_on = t.fire("a", host="db1"), t.fire("b", host="db1")
    for incident in (resolved, goes_on):
        vendors.wait_history("pd", incident, ["trigger"])
    s = silence(t, "host=db1")
    wait_until(lambda: t.incident(goes_on)["suppressed_by"], 5, "held")
    t.clear("a")
    vendors.wait_history("pd", resolved, ["trigger", "resolve"])
    stays(lambda: vendors.history("vo", goes_on) == [], 2.5, "silenced: no further step")
    t.restart(hard=True)
    assert t.incident(goes_on)["suppressed_by"]
    t.request("DELETE", f"/v1/silences/{s['id']}")
    wait_until(lambda: vendors.pages("pd", goes_on) + len(vendors.history("vo", goes_on)) >= 1, 8, "told again")
    vendors.wait_history("vo", goes_on, ["trigger"], 8)


def test_a_silence_ends_by_itself_and_begins_by_itself(tocsin, vendors):
    t = tocsin()
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = ((now + datetime.timedelta(seconds=s)).isoformat() for s in (1.5, 4))
    s = silence(t, "host=db1", starts_at=begin, ends_at=end)
    assert s["state"] == "pending"
    incident = t.fire("a", host="db1")
    vendors.wait_history("pd", incident, ["trigger"])
    wait_until(lambda: t.incident(incident)["suppressed_by"], 6, "it begins")
    wait_until(lambda: not t.incident(incident)["suppressed_by"], 8, "it ends")
    wait_until(lambda: len(vendors.history("pd", incident)) >= 2, 6, "told again")
    assert t.get(f"/v1/silences/{s['id']}").json["state"] == "expired"


def test_what_is_refused(tocsin):
    t = tocsin()
    for matchers, more in ((["x=~.*"], {}), ([], {}), (["x"], {}), (["x=~["], {}), (["x>3"], {}),
                           (["x=y"], {"for": "-1h"}), (["x=y"], {"ends_at": "2020-01-01T00:00:00Z"}),
                           (["x=y"], {"id": "nonsense"})):
        silence(t, *matchers, expect=422, **more)
    silence(t, "x=y", expect=404, id="00000000-0000-7000-8000-000000000000")
    assert t.request("POST", "/v1/silences", b"{").status == 400
    assert t.get("/v1/silences/x").status == 404
    assert t.request("DELETE", "/v1/silences/00000000-0000-7000-8000-000000000000").status == 404
    assert t.get("/v1/silences").json == {"silences": []}


@pytest.fixture
def cli():
    def run(t, *words, expect=0):
        env = {**os.environ, "TOCSIN_URL": f"http://127.0.0.1:{t.port}", "USER": "anna", "TZ": "UTC"}
        got = subprocess.run([os.path.join(BUILD, "tocsin"), "silence", *words], env=env, capture_output=True, text=True,
                             timeout=30)
        assert got.returncode == expect, got
        return got
    return run


def test_the_command_line(tocsin, cli):
    t = tocsin()
    assert cli(t).stdout == "no silences\n"
    made = json.loads(cli(t, "add", "host=db1", 'alertname=~"Disk.*"', "--for", "2h", "--comment", "new disk",
                          "--json").stdout)
    assert made["matchers"] == ['host="db1"', 'alertname=~"Disk.*"'] and made["created_by"] == "anna"
    table = cli(t).stdout.splitlines()
    assert table[0].split() == ["ID", "STATE", "STARTS", "ENDS", "BY", "MATCHERS", "COMMENT"]
    assert made["id"] in table[1] and 'host="db1" alertname=~"Disk.*"' in table[1] and "new disk" in table[1]
    assert "expired" in cli(t, "expire", made["id"]).stdout
    assert cli(t).stdout == "no silences\n"
    assert made["id"] in cli(t, "list", "--state", "all").stdout
    assert "cannot" in cli(t, "expire", "00000000-0000-7000-8000-000000000000", expect=1).stderr
    cli(t, "add", "host=db1", expect=2)
    cli(t, "add", "--for", "1h", expect=2)
    cli(t, "tidy", expect=2)
