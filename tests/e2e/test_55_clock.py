# SPDX-License-Identifier: Apache-2.0
"""The system's clock is set while tocsin runs."""
import os
import subprocess

import pytest

from harness import HERE


@pytest.fixture
def clock(tmp_path):
    """(environment of the daemon, set(seconds))"""
    shim, moved = tmp_path / "clock_shim.so", tmp_path / "moved"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", shim, os.path.join(HERE, "clock_shim.c")], check=True)
    moved.write_text("0")

    def put(seconds):
        (tmp_path / "moving").write_text(str(seconds))
        os.replace(tmp_path / "moving", moved)

    return {"LD_PRELOAD": str(shim), "CLOCK_SHIM": str(moved), "ASAN_OPTIONS": "verify_asan_link_order=0"}, put


def test_a_clock_that_is_set_back_delays_no_page(tocsin, vendors, settings, clock):
    env, put = clock
    t = tocsin(settings([("0s", ["pd"]), ("2s", ["vo"])]), env=env)
    before = t.fire("before")
    vendors.wait_history("pd", before, ["trigger"])
    put(-3600)
    vendors.wait_history("vo", before, ["trigger"], 10)
    after = t.fire("after")
    vendors.wait_history("pd", after, ["trigger"], 5)
    vendors.wait_history("vo", after, ["trigger"], 10)


def test_a_clock_that_is_set_forward_skips_no_page(tocsin, vendors, settings, clock):
    env, put = clock
    t = tocsin(settings([("0s", ["pd"]), ("30m", ["vo"])]), env=env)
    before = t.fire("before")
    vendors.wait_history("pd", before, ["trigger"])
    put(3600)
    vendors.wait_history("vo", before, ["trigger"], 10)
    after = t.fire("after")
    vendors.wait_history("pd", after, ["trigger"], 5)
    assert vendors.history("vo", after) == []
