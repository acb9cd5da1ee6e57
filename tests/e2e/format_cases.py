# SPDX-License-Identifier: Apache-2.0
"""The cases of the integrations (integrations/README.md), for those who lead them through a whole configuration."""
import glob
import json
import os

from harness import ROOT

FORMATS = sorted(os.path.basename(p.rstrip("/")) for p in glob.glob(os.path.join(ROOT, "integrations/*/")))
SPREAD = 5        # cases of a file that are tried: first, last, and some between
LISTS = {"sentry": {"tags": []}}       # where a list has a default, cases begin without it
SECRETS = ("forward_to",)              # settings that are references in a configuration


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


def secrets(case):
    """The environment for what a configuration holds as references."""
    given = {f"CASE_{k}": case["settings"][k] for k in SECRETS if k in case.get("settings", {})}
    return {"CASE_redact_key": "the key of cases", **given}


def collector(name, case):
    settings = {k: f"env:CASE_{k}" if k in SECRETS else v for k, v in case.get("settings", {}).items()}
    c = {"name": case.get("collector", "test"), "format": name, **LISTS.get(name, {}), **settings}
    if case.get("redact") is True:
        c["scrub"] = "on"
    elif "redact" in case:
        c = {**c, "redact": case["redact"], "redact_key": "env:CASE_redact_key", "scrub": "off"}
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
    return c
