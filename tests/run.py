#!/usr/bin/python3
"""Runs the suites, prints one line a suite, and at the end 'N passed, N failed'.

usage: run.py [SUITE ...]     without a name: all but the long ones
Each suite is a function that returns (passed, failed).
"""
import glob
import os
import re
import subprocess
import sys
import time

BUILD = os.environ.get("BUILD", "build")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-rs"]


def run(cmd, timeout=900, env=None, live=False):
    """Its status and output; live: shown as it comes, for what takes long."""
    if live:
        return run_live(cmd)
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       timeout=timeout, cwd=ROOT, env={**os.environ, **(env or {})})
    return p.returncode, p.stdout


def run_live(cmd):
    lines = []
    with subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT) as p:
        for line in p.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return p.returncode, "".join(lines)


def cmocka(binary):
    code, out = run([binary], env={"CMOCKA_MESSAGE_OUTPUT": "TAP"})
    passed = len(re.findall(r"^ok \d+\b(?! # SKIP)", out, re.M))
    failed = len(re.findall(r"^not ok \d+\b(?! # SKIP)", out, re.M))
    for line in re.findall(r"^(?:not )?ok \d+ # SKIP (.*)", out, re.M):
        print(f"  skipped: {line}")
    if code != 0 and failed == 0:
        failed = 1
    if failed:
        print("\n".join(line for line in out.splitlines() if not line.startswith("ok ")))
    return passed, failed


def unit():
    passed = failed = 0
    for source in sorted(glob.glob(os.path.join(ROOT, "tests/unit/test_*.c"))):
        name = os.path.splitext(os.path.basename(source))[0]
        p, f = cmocka(os.path.join(ROOT, BUILD, "tests/unit", name))
        print(f"  {name}: {p} passed, {f} failed", flush=True)
        passed, failed = passed + p, failed + f
    return passed, failed


def pytest(folder, *more, live=False):
    if not glob.glob(os.path.join(ROOT, folder, "**", "test_*.py"), recursive=True):
        return 0, 0
    code, out = run(PYTEST + [folder, *more], timeout=3000, live=live)
    if not live:
        print(out[-8000:] if code else out.strip().splitlines()[-1] if out.strip() else "")
    found = {k: int(n) for n, k in re.findall(r"(\d+) (passed|failed|error|skipped)", out[-8000:])}
    if found.get("skipped") and code == 0:
        print("\n".join(line for line in out.splitlines() if line.startswith("SKIPPED")))
    failed = found.get("failed", 0) + found.get("error", 0)
    if code not in (0, 1) and failed == 0:
        failed = 1
    return found.get("passed", 0), failed


def plain(cmd, timeout=900):
    """A program that ends with 'N passed, N failed'."""
    code, out = run(cmd, timeout=timeout)
    m = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed", out, re.M)
    passed, failed = (int(m[-1][0]), int(m[-1][1])) if m else (0, 1)
    if code != 0 and failed == 0:
        failed = 1
    print(out[-6000:] if failed else out.strip().splitlines()[-1])
    return passed, failed


def corpus():
    """Each fuzz target over the inputs that are kept for it."""
    passed = failed = 0
    for folder in sorted(glob.glob(os.path.join(ROOT, "tests/fuzz/corpus/*"))):
        code, out = run([os.path.join(ROOT, BUILD, "tests/fuzz", os.path.basename(folder)), folder])
        inputs = len(os.listdir(folder))
        ok = code == 0 and out.strip().endswith(f"{inputs} passed, 0 failed")
        if not ok:
            print(out[-4000:])
        passed, failed = passed + (inputs if ok else 0), failed + (not ok)
    return passed, failed


def lint():
    return plain(["sh", "tests/lint/lint.sh"])


def sim():
    return plain([os.path.join(BUILD, "tests/sim/sim"), "--seeds", "10000", "--self-test"])


def e2e():
    return pytest("tests/e2e", "-m", "not slow")


def fault():
    return pytest("tests/fault", "-m", "not slow")


def torture():
    """What the suite leaves out: the long runs, with the figures that they print."""
    return pytest("tests/fault", "-m", "slow", "-v", "-s", "--durations=0", live=True)


SUITES = {"lint": lint, "unit": unit, "corpus": corpus, "sim": sim, "e2e": e2e, "fault": fault}
LONG = {"torture": torture}


def main():
    total_passed = total_failed = 0
    for name in sys.argv[1:] or list(SUITES):
        suite = SUITES.get(name) or LONG.get(name)
        if suite is None:
            sys.exit(f"unknown suite '{name}'; there are: {', '.join([*SUITES, *LONG])}")
        begin = time.time()
        print(f"== {name}", flush=True)
        passed, failed = suite()
        print(f"== {name}: {passed} passed, {failed} failed in {time.time() - begin:.0f} s", flush=True)
        total_passed += passed
        total_failed += failed
    print(f"{total_passed} passed, {total_failed} failed")
    sys.exit(1 if total_failed or not total_passed else 0)


if __name__ == "__main__":
    main()
