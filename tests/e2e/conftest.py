# SPDX-License-Identifier: Apache-2.0
"""Fixtures: factories whose products are ended with the test, and a look for what it left running."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: minutes rather than seconds; run by make torture only")


def pytest_collection_modifyitems(items):
    missing = [p for p in (os.path.join(harness.BUILD, "tocsin"), os.path.join(harness.HERE, "vendors.py"))
               if not os.path.exists(p)]
    if missing and items:
        pytest.exit(f"cannot run: {', '.join(missing)} is not there; build first (make all)", returncode=2)


@pytest.fixture
def made():
    """Objects with close(), closed in reverse order; all of them, whatever one says."""
    things, errors = [], []
    yield things
    for thing in reversed(things):
        try:
            thing.close()
        except Exception as e:  # noqa: BLE001: the others are to be closed first
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def vendors(tmp_path, made):
    v = harness.Vendors(tmp_path)
    made.append(v)
    yield v
    assert v.state()["violations"] == [], "the vendors disliked a request"


@pytest.fixture
def broker(tmp_path, made):
    def make(**how):
        made.append(harness.Mosquitto(tmp_path, **how))
        return made[-1]
    return make


@pytest.fixture
def certificates(tmp_path):
    return harness.Certificates(tmp_path / "certificates")


def base_settings(vendors, steps=None, **policy):
    """Two webhook collectors, all three pagers, one policy."""
    steps = steps or [("0s", ["pd"])]
    return {
        "collectors": [{"name": "local", "type": "webhook", "format": "json", "auth": "none"},
                       {"name": "am", "type": "webhook", "format": "alertmanager", "auth": "none"}],
        "notifiers": [vendors.notifier("pagerduty"), vendors.notifier("opsgenie"), vendors.notifier("victorops")],
        "policies": [{"name": "p", "steps": [{"after": after, "notify": list(who)} for after, who in steps], **policy}],
        "default_policy": "p",
    }


@pytest.fixture
def settings(vendors):
    """base_settings() with the vendors of this test."""
    return lambda *args, **more: base_settings(vendors, *args, **more)


@pytest.fixture
def tocsin(tmp_path, made, vendors):
    """tocsin(settings, rules, env) starts a daemon; without settings, with one step to PagerDuty's fake."""
    def make(values=None, rules=None, env=None, start=True):
        t = harness.Tocsin(tmp_path / "tocsin", values or base_settings(vendors), rules, env)
        made.append(t)
        return t.start() if start else t
    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for thing in item.funcargs.get("made", []):
            if isinstance(thing, harness.Tocsin) and thing.process:
                report.sections.append(("tocsin's log", thing.log()[-6000:]))
