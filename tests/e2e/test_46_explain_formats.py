# SPDX-License-Identifier: Apache-2.0
"""tocsin explain knows every format: it reads the cases of each integration as its decoder does.

What is expected of a case stands in integrations/NAME/cases (integrations/README.md).  An integration that takes
anything in and is not read here fails, so a new one cannot be forgotten.
"""
import json
import os
import subprocess

import pytest

from format_cases import FORMATS, cases_of, collector, secrets
from harness import BUILD, cfg_file

FRESH = "00000000-0000-7000-8000-000000000000"
NOTIFIER = {"notifiers": [{"name": "a", "plugin": "log"}],
            "policies": [{"name": "p", "steps": [{"after": "0s", "notify": ["a"]}]}], "default_policy": "p"}


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
    p = tocsin(folder, "explain", {"collectors": [collector(name, case)]}, *args, "-", body=payload(case), env=secrets(case))
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
