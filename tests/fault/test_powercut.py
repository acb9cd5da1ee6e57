# SPDX-License-Identifier: Apache-2.0
"""The long runs of the store's fault tests; the short ones are unit tests."""
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", "build")


def run(name, timeout, **env):
    p = subprocess.run([os.path.join(ROOT, BUILD, "tests/unit", name)], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, cwd=ROOT,
                       env={**os.environ, **env})
    assert p.returncode == 0, p.stdout[-4000:]
    return p.stdout


@pytest.mark.slow
def test_5000_power_cuts_lose_nothing():
    out = run("test_store_powercut", 1200, TOCSIN_CUTS="5000", TOCSIN_SEED="1000")
    m = re.search(r"synchronous full: (\d+) cuts, (\d+) acknowledged, (\d+) lost, (\d+) corrupt", out)
    assert m, out[-4000:]
    cuts, acked, lost, corrupt = map(int, m.groups())
    assert cuts >= 5000 and acked > 10 * cuts
    assert lost == 0 and corrupt == 0
    print(m.group(0))


@pytest.mark.slow
def test_a_million_open_alerts():
    out = run("test_store_scale", 1200, TOCSIN_SCALE="1000000")
    m = re.search(r"1000000 open: .* (\d+) bytes for alert, incident and delivery", out)
    assert m, out[-4000:]
    print(m.group(0))
    assert int(m.group(1)) < 1024
