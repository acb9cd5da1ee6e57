#!/usr/bin/python3
"""Seeds for the targets of integrations, from their cases: seeds.py INTEGRATION ROLE FOLDER

The forms are those of any_decode.c and any_mapping.c (ROLE decode, mapping), any_classify.c (ROLE classify) and
any_intake.c (ROLE intake).
"""
import glob
import hashlib
import json
import os
import sys

CHANGES = ["trigger", "update", "acknowledge", "unacknowledge", "note", "resolve"]


def text(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def line(value):
    return str(value or "").replace("\n", " ") + "\n"


def decode(case):
    if "payload" not in case:
        return None
    fields = list(case.get("headers", {}).values()) + list(case.get("query", {}).values())
    return (line(case.get("content_type", "application/json")) + line(case.get("topic"))
            + line(fields[0] if fields else "") + text(case["payload"]))


def classify(case):
    if "response" not in case:
        return None
    job, answer = case.get("job", {}), case["response"]
    change = CHANGES.index(job.get("change", "trigger")) + 1
    fields = list(answer.get("headers", {}).values())
    return (line(f"{change}{job.get('step', 0)}") + line(answer.get("status", 0)) + line(job.get("carry"))
            + line(fields[0] if fields else "sent" if answer.get("sent") else "") + text(answer.get("body", "")))


def intake(case):
    if "expect_answer" not in case:
        return None
    fields = list(case.get("query", {}).values()) + list(case.get("headers", {}).values())
    head = f"{case.get('method', 'POST')} {case['path']} {case.get('content_type', 'application/json')}"
    return (line(head) + line(fields[0] if fields else "") + line("stored" if case.get("known") else "")
            + text(case.get("payload", "")))


def main(integration, role, folder):
    os.makedirs(folder, exist_ok=True)
    make = {"decode": decode, "mapping": decode, "classify": classify, "intake": intake}[role]
    for name in glob.glob(os.path.join("integrations", integration, "cases", "*.json")):
        with open(name, encoding="utf-8") as f:
            for seed in filter(None, map(make, json.load(f))):
                data = seed.encode()
                with open(os.path.join(folder, hashlib.sha1(data).hexdigest()[:12]), "wb") as out:
                    out.write(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
