# SPDX-License-Identifier: Apache-2.0
"""The fixtures and the harness of the end-to-end tests."""
import os
import sys

E2E = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e")
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), E2E]

import importlib.util  # noqa: E402

_spec = importlib.util.spec_from_file_location("e2e_conftest", os.path.join(E2E, "conftest.py"))
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)

made, vendors, broker, certificates, settings, tocsin = (
    getattr(_e2e, name) for name in ("made", "vendors", "broker", "certificates", "settings", "tocsin"))
pytest_configure = _e2e.pytest_configure
pytest_runtest_makereport = _e2e.pytest_runtest_makereport
