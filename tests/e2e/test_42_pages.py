# SPDX-License-Identifier: Apache-2.0
"""The pages for people: what they show, that strangers' words stay words, and who may read them."""
import json
import re
from html.parser import HTMLParser

import pytest

from base import wait_until
from harness import basic

HTML = {"Accept": "text/html,application/xhtml+xml"}
EVIL = "</title><script>alert(1)</script><img src=x onerror='alert(2)'>\" & \u202ereversed"


class Reader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.hrefs, self.handlers, self.words = set(), [], [], []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.hrefs += [v for k, v in attrs if k == "href"]
        self.handlers += [k for k, _ in attrs if k.startswith("on") or k in ("style", "src")]

    def handle_data(self, data):
        self.words.append(data)


def page(t, path, status=200, headers=None):
    answer = t.get(path, headers={**HTML, **(headers or {})})
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script" not in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
    return Reader(answer.text)


def test_an_incident_and_the_list_of_open_ones(tocsin, settings):
    t = tocsin(settings())
    assert "Nothing is open." in page(t, "/").text
    t.send("local", {"dedup_key": "disk", "severity": "critical", "summary": "disk full", "labels": {"host": "db1"},
                     "annotations": {"runbook": "free some"}, "starts_at": "2026-01-31T12:00:00.123Z",
                     "links": [{"href": "https://grafana.example/d/1?a=1&b=2", "text": "graph"}]})
    incident, = t.incidents()
    other = t.fire("fan", "warning")
    wait_until(lambda: t.incident(incident["id"])["deliveries"][0]["state"] == "delivered", 10)
    t.act(incident["id"], "ack", by="anna", note="on it")
    shown = page(t, f"/incidents/{incident['id']}")
    for words in ("disk full", "acknowledged", "critical", "host=db1", "free some", "anna", "on it",
                  "delivered", "2026-01-31 12:00:00 UTC", incident["id"]):
        assert words in shown.text, words
    assert "https://grafana.example/d/1?a=1&b=2" in shown.hrefs
    opened = page(t, "/")
    assert {f"incidents/{incident['id']}", f"incidents/{other}"} <= set(opened.hrefs)
    t.act(other, "resolve", by="anna")
    assert f"incidents/{other}" not in page(t, "/").hrefs and "resolved" in page(t, f"/incidents/{other[-8:]}").text
    assert "../style.css" in shown.hrefs and t.get("/style.css").headers["Content-Type"].startswith("text/css")
    assert "not found" in page(t, "/incidents/01234567-0000-7000-8000-000000000000", 404).text
    assert t.get("/").headers["Content-Type"].startswith("text/plain"), "programs get the index"


def test_words_of_strangers_stay_words(tocsin, settings):
    t = tocsin(settings())
    t.send("local", {"dedup_key": EVIL, "severity": "critical", "summary": EVIL, "labels": {"a<b": EVIL},
                     "annotations": {"<i>": EVIL}, "links": [{"href": "https://x.example/\"><script>", "text": EVIL}]})
    incident, = t.incidents()
    t.act(incident["id"], "note", by=EVIL, note=EVIL)
    for path in ("/", f"/incidents/{incident['id']}"):
        shown = page(t, path)
        assert not shown.tags & {"script", "img", "i"} and shown.handlers == [], path
        assert "<script>alert(1)</script>" in shown.text
        assert all(re.match(r"https://|\.\./|\./|incidents/|style\.css", h) for h in shown.hrefs), shown.hrefs


@pytest.mark.parametrize("path", ["/", "/incidents", "/incidents/01234567-0000-7000-8000-000000000000"])
def test_who_may_read(tocsin, settings, vendors, path):
    values = settings()
    values["auth"] = {"tokens": [{"name": "v", "role": "viewer", "token": "file:" + vendors.secret("t", "viewer-word-0123456789")}]}
    t = tocsin(values, start=False)
    t.token = "viewer-word-0123456789"
    t.start()
    there = 404 if len(path) > 20 else 200
    assert page(t, path, there, {"Authorization": basic("anyone", t.token)})
    assert page(t, path, there)
    t.token = None
    refused = t.get(path, headers=HTML)
    assert refused.status == 401 and refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert "a bearer token is needed" in refused.text
    assert page(t, path, 401, {"Authorization": basic("anyone", "wrong")}).text.count("unknown token") == 1
    api = t.get("/v1/incidents", headers={"Authorization": basic("anyone", "viewer-word-0123456789")})
    assert api.status == 401, "only pages take a token in Basic"


def test_pages_of_notifiers_lead_there(tocsin, settings, vendors):
    t = tocsin({**settings(), "http": {"public_url": "https://tocsin.example/t"}})
    incident = t.fire("k")
    wait_until(lambda: t.incident(incident)["deliveries"][0]["state"] == "delivered", 10)
    assert f"https://tocsin.example/t/incidents/{incident}" in json.dumps(vendors.state())
