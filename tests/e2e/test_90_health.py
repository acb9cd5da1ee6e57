# SPDX-License-Identifier: Apache-2.0
"""What tocsin says about itself."""
import re

from harness import wait_until


def test_healthy_and_ready(tocsin):
    t = tocsin()
    assert t.get("/-/healthy").status == 200
    ready = t.get("/-/ready")
    assert ready.status == 200 and ready.json["ready"] is True
    assert t.request("HEAD", "/-/healthy").status == 200


def test_metrics_are_well_formed_and_count(tocsin, vendors):
    t = tocsin()
    for _ in range(3):
        t.fire("m1")
    incident = t.fire("m2")
    vendors.wait_history("pd", incident, ["trigger"])
    t.send("local", b"{", expect=400)
    text = t.get("/metrics").text
    sample = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? '
                        r'(NaN|[+-]?Inf|[+-]?[0-9.]+(e[+-]?[0-9]+)?)$')
    families = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in families, f"{name} twice"
            families.add(name)
        elif line and not line.startswith("#"):
            assert sample.match(line), line
    assert t.metric("tocsin_alerts_received_total", collector="local") == 4
    assert t.metric("tocsin_incidents", state="triggered") == 2
    assert t.metric("tocsin_open_alerts") == 2
    assert t.metric("tocsin_payloads_refused_total", collector="local") == 1
    wait_until(lambda: t.metric("tocsin_notifications_total", notifier="pd", result="delivered") == 2, 5)


def test_notifier_that_fails_shows(tocsin, vendors):
    t = tocsin()
    vendors.mode("pd", "error500")
    incident = t.fire("x")
    wait_until(lambda: t.delivery(incident, "pd")["attempts"] >= 1, 10)
    assert t.metric("tocsin_deliveries", state="failing") == 1
    pd, = [n for n in t.get("/v1/notifiers").json["notifiers"] if n["name"] == "pd"]
    assert pd
    vendors.well("pd")
    vendors.wait_history("pd", incident, ["trigger"], 20)
    wait_until(lambda: t.metric("tocsin_deliveries", state="failing") == 0, 5)


def test_unknown_path_and_openapi(tocsin):
    t = tocsin()
    answer = t.get("/v1/nothing")
    assert answer.status == 404 and answer.headers["Content-Type"].startswith("application/problem+json")
    paths = t.get("/v1/openapi.json").json["paths"]
    for path in ("/v1/incidents", "/v1/incidents/{id}", "/v1/alerts", "/-/ready"):
        assert path in paths, path


def test_every_get_route_answers(tocsin, settings):
    t = tocsin({**settings(), "heartbeats": [{"name": "backup", "every": "1h"}]})
    silence = t.request("POST", "/v1/silences", {"matchers": ["host=other"], "for": "1h", "by": "anna"}).json["id"]
    incident = t.fire("x")
    for path, verbs in t.get("/v1/openapi.json").json["paths"].items():
        if "get" in verbs:
            answer = t.get(path.replace("{id}", silence if "silence" in path else incident).replace("{name}", "backup"))
            assert answer.status == 200, (path, answer)
