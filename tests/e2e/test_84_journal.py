# SPDX-License-Identifier: Apache-2.0
"""A journal of systemd, read by the real journalctl in both forms and posted by curl, as the README of journald says."""
import os
import shutil
import struct
import subprocess

import pytest

from base import BUILD, HERE

ROOT = os.path.join(BUILD, "journal-tools")
PACKAGES = ["systemd-journal-remote"]
BOOT = "4b7d9f1e6a2c4f0f8f4e2a1b3c5d7e9f"
RULES = [{"name": "xid", "match": ["source = journal", 'summary =~ "(?s).*Xid.*"'], "set": {"severity": "critical"},
          "group_by": ["host"]},
         {"name": "binary", "match": ["source = journal", "unit = trainer.service", "level = err"], "group_by": ["unit"]}]

pytestmark = pytest.mark.skipif(not shutil.which("journalctl") or not shutil.which("curl"), reason="journalctl and curl")


@pytest.fixture(scope="module")
def remote():
    """The program that writes a journal from what it is sent; it is unpacked, for its package has a service."""
    done = subprocess.run([os.path.join(HERE, "unpack.sh"), ROOT, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the packages cannot be had: {done.stderr.strip()[-200:]}")
    return os.path.join(ROOT, "lib", "systemd", "systemd-journal-remote")


def field(name, value):
    """Of the export format: a line, or a name, a length and bytes where a line will not do."""
    value = value if isinstance(value, bytes) else value.encode()
    if all(32 <= b < 127 or b == 9 for b in value):
        return name.encode() + b"=" + value + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"


def entry(n, **fields):
    at = 1769860800_000000 + n
    head = {"__REALTIME_TIMESTAMP": str(at), "__MONOTONIC_TIMESTAMP": str(1000 + n), "_BOOT_ID": BOOT,
            "_SOURCE_REALTIME_TIMESTAMP": str(at), "_HOSTNAME": "gpu-4", "_MACHINE_ID": "0" * 31 + "1"}
    return b"".join(field(k, v) for k, v in {**head, **fields}.items()) + b"\n"


@pytest.fixture
def journal(tmp_path, remote):
    """Three entries: plain, of several lines with bytes that are no text beside it, and one whose text is not UTF-8."""
    entries = [entry(1, PRIORITY="6", SYSLOG_IDENTIFIER="sshd", MESSAGE="session opened for user joe"),
               entry(2, PRIORITY="2", SYSLOG_IDENTIFIER="kernel", COREDUMP=bytes(range(256)),
                     MESSAGE="NVRM: Xid (PCI:0000:41:00): 79\nGPU has fallen off the bus"),
               entry(3, PRIORITY="3", _SYSTEMD_UNIT="trainer.service", MESSAGE=b"rank 7 died: \xff\xfe\x1b[31mred")]
    path = tmp_path / "system.journal"
    done = subprocess.run([remote, "-o", str(path), "-"], input=b"".join(entries), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("form, content_type", [("export", "application/vnd.fdo.journal"), ("json", "application/json"),
                                                ("json-seq", "application/json-seq")])
def test_what_journalctl_writes(tocsin, settings, vendors, journal, form, content_type):
    values = settings()
    values["collectors"].append({"name": "journal", "type": "webhook", "format": "journald", "auth": "none"})
    t = tocsin(values, RULES)
    read = subprocess.Popen(["journalctl", "-q", "--file", str(journal), "-o", form], stdout=subprocess.PIPE)
    sent = subprocess.run(["curl", "-fsS", "--data-binary", "@-", "-H", f"Content-Type: {content_type}",
                           f"http://127.0.0.1:{t.port}/v1/in/journal"], stdin=read.stdout, capture_output=True, text=True,
                          check=False, timeout=60)
    assert read.wait() == 0 and sent.returncode == 0, sent.stderr
    alerts = {a["labels"].get("unit"): a for a in t.alerts("source=journal")}
    assert set(alerts) == {"kernel", "trainer.service"}, alerts             # sshd's line matches no rule
    xid, died = alerts["kernel"], alerts["trainer.service"]
    assert xid["summary"].startswith("NVRM: Xid (PCI:0000:41:00): 79")
    assert "GPU has fallen off the bus" in xid["annotations"]["message"]
    assert (xid["labels"]["host"], xid["labels"]["level"], xid["severity"]) == ("gpu-4", "crit", "critical")
    assert died["summary"].startswith("rank 7 died: \ufffd") and "\x1b" not in died["summary"]
    assert died["starts_at"].startswith("2026-01-31T12:00:00")
    assert len(t.incidents()) == 2
    for incident in t.incidents():
        vendors.wait_history("pd", incident["id"], ["trigger"])
