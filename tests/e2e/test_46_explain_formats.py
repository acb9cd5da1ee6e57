# SPDX-License-Identifier: Apache-2.0
"""tocsin explain knows every format: it reads the cases of each integration as its decoder does.

What is expected of a case stands in integrations/NAME/cases (integrations/README.md).  An integration that takes
anything in and is not read here fails, so a new one cannot be forgotten.
"""
import glob
import json
import os
import subprocess

import pytest

from harness import BUILD, ROOT, cfg_file

FORMATS = sorted(os.path.basename(p.rstrip("/")) for p in glob.glob(os.path.join(ROOT, "integrations/*/")))
SPREAD = 5        # cases of a file that are tried: first, last, and some between
LISTS = {"sentry": {"tags": []}}       # where a list has a default, cases begin without it
SECRETS = ("forward_to",)              # settings that are references in a configuration
FRESH = "00000000-0000-7000-8000-000000000000"
NOTIFIER = {"notifiers": [{"name": "a", "plugin": "log"}],
            "policies": [{"name": "p", "steps": [{"after": "0s", "notify": ["a"]}]}], "default_policy": "p"}


def cases_of(name):
    """Those that say what a payload becomes, and are not refused."""
    good = []
    for path in sorted(glob.glob(os.path.join(ROOT, "integrations", name, "cases/*.json"))):
        with open(path, encoding="utf-8") as f:
            mine = [c for c in json.load(f) if "expect" in c and "error" not in c["expect"]
                    and c.get("expect_answer", {}).get("status", 200) < 300 and not {"refused", "known", "expect_open"} & set(c)]
        step = max(1, (len(mine) - 1) // SPREAD + 1)
        good += mine[::step] + mine[-1:]
    return good


def topic_filter(case):
    """A filter that gives the topic the labels that the case says."""
    names = {v: k for k, v in case.get("topic_labels", {}).items()}
    return "/".join("+" + names[part] if part in names else part for part in case["topic"].split("/"))


def collector(name, case):
    settings = {k: f"env:CASE_{k}" if k in SECRETS else v for k, v in case.get("settings", {}).items()}
    c = {"name": case.get("collector", "test"), "format": name, **LISTS.get(name, {}), **settings}
    if "expect_answer" in case:
        return {**c, "type": "intake", "auth": "none"}
    if "topic" in case:
        c = {**c, "type": "mqtt", "broker": "mqtt://localhost", "client_id": "x", "topics": [topic_filter(case)]}
    elif "peer" in case.get("topic_labels", {}):
        c = {**c, "type": "syslog", "listen": ["udp://127.0.0.1:5514"]}
    else:
        c = {**c, "type": "webhook", "auth": "none"}
    if "mapping" in case:
        c["mapping"] = os.path.join(ROOT, "integrations", name, case["mapping"])
    return {**c, "scrub": "on"} if case.get("redact") else c


def words(case):
    """What the case says beside the bytes, as arguments."""
    pairs = [("--content-type", case.get("content_type")), ("--topic", case.get("topic")), ("--path", case.get("path")),
             ("--method", case.get("method")), ("--peer", case.get("topic_labels", {}).get("peer")),
             ("--at", case.get("received_at", "2026-01-31T12:00:00Z"))]
    pairs += [("--header", f"{k}: {v}") for k, v in case.get("headers", {}).items()]
    pairs += [("--query", f"{k}={v}") for k, v in case.get("query", {}).items()]
    return [w for pair in pairs if pair[1] is not None for w in pair]


def payload(case):
    body = case.get("payload", "")
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def tocsin(folder, command, config, *args, body=b"", env=()):
    path = folder / "tocsin.cfg"
    path.write_text(cfg_file({**config, **NOTIFIER}))
    return subprocess.run([os.path.join(BUILD, "tocsin"), command, "-c", str(path), *args], input=body, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **dict(env), "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")})


def explain(folder, name, case, *args):
    secrets = {f"CASE_{k}": case["settings"][k] for k in SECRETS if k in case.get("settings", {})}
    p = tocsin(folder, "explain", {"collectors": [collector(name, case)]}, *args, "-", body=payload(case), env=secrets)
    assert p.returncode == 0, f"{case['name']}: {p.stderr.decode()}"
    return p.stdout.decode()


def as_made_up(text):
    """The id of a request is made up by the daemon; the cases have one, and explain another."""
    return text.replace("0198c0de-0000-7abc-8000-00000000beef", FRESH).replace(
        "0198c0de00007abc800000000000beef", FRESH.replace("-", ""))


def compare(case, doc):
    """Lines of logs stay lines, since there is no rule; all others are the alerts that the case expects."""
    expected = json.loads(as_made_up(json.dumps(case["expect"]))).get("alerts", [])
    alerts = [a for a in expected if not a.get("record")]
    lines = [a for a in expected if a.get("record")]
    assert (len(doc["alerts"]), doc["lines"]) == (len(alerts), len(lines)), case["name"]
    assert len(doc["actions"]) == len(case["expect"].get("acts", [])), case["name"]
    assert len(doc["line_details"]) == min(len(lines), 5)
    for want, got in list(zip(alerts, doc["alerts"])) + list(zip(lines, doc["line_details"])):
        seen = {k: got[k] for k in ("status", "severity", "dedup_key", "summary", "labels", "annotations")}
        told = {k: want.get(k, seen[k]) for k in seen}
        assert seen == {**told, "labels": want.get("labels", {}), "annotations": want.get("annotations", {})}, case["name"]
        assert got["effect"] and isinstance(got["rules"], list)
    if "answer" in case["expect"]:
        assert doc["answer"]["status"] == case["expect"]["answer"]["status"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_integration_is_explained(name, tmp_path):
    cases = cases_of(name)
    for case in cases:
        compare(case, json.loads(explain(tmp_path, name, case, "--json", *words(case))))
    if cases:
        assert "collector 'test'" in explain(tmp_path, name, cases[0], *words(cases[0]))
        return
    # nothing to read: then it must be one that takes nothing in
    p = tocsin(tmp_path, "check", {"collectors": [{"name": "x", "type": "webhook", "format": name, "auth": "none"}]})
    assert "takes no alerts in" in p.stdout.decode(), f"integrations/{name} has no case that explain could read"
