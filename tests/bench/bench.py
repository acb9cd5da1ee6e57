#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Figures beside a peer, measured in the same run on the same machine.

usage: bench.py [--quick] [--only NAME[,NAME...]] [--json FILE]

The peer is Debian's Alertmanager for HTTP and a bare libmosquitto subscriber for MQTT.  Where both are measured they
take turns (A B A B ...), each figure is the median of its rounds, and what counts is the ratio: a noisy machine is
noisy for both.  A figure that misses its bar is marked; it does not fail the run.  See README.md.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness  # noqa: E402
import logs  # noqa: E402

TOOLS = os.path.join(harness.BUILD, "tests", "bench")
TICK = os.sysconf("SC_CLK_TCK")


def tool(name, *args):
    """Run one of the C tools; the JSON that it prints last."""
    p = subprocess.run([os.path.join(TOOLS, name), *map(str, args)], stdout=subprocess.PIPE, text=True, timeout=1200)
    if p.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, args))} ended with {p.returncode}")
    return json.loads(p.stdout.strip().splitlines()[-1])


def load(port, path, **options):
    return tool("load", port, path, *(f"{k}={v}" for k, v in options.items()))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


# --- the two sides -----------------------------------------------------------------------------

class Alertmanager:
    name, path = "alertmanager", "/api/v2/alerts"

    def __init__(self, folder, sink_port=None):
        self.folder = tempfile.mkdtemp(prefix="am-", dir=folder)
        self.port = harness.free_port()
        receiver = {"name": "w"}
        if sink_port:
            receiver["webhook_configs"] = [{"url": f"http://127.0.0.1:{sink_port}/", "send_resolved": True}]
        with open(os.path.join(self.folder, "am.yml"), "w") as f:     # JSON is YAML
            json.dump({"route": {"receiver": "w", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "5m",
                                 "repeat_interval": "4h"}, "receivers": [receiver]}, f)
        self.start()

    def start(self):
        self.process = harness.Process(
            ["prometheus-alertmanager", f"--config.file={self.folder}/am.yml", f"--storage.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=error"],
            os.path.join(self.folder, "log"))
        harness.wait_until(lambda: harness.accepts(self.port), 20, "alertmanager listens")
        return self

    @property
    def pid(self):
        return self.process.popen.pid

    def close(self):
        self.process.end()


class Tocsin:
    name, path = "tocsin", "/v1/in/am"

    def __init__(self, folder, sink_port=None, mqtt=None, rules=0, made=None, collectors=()):
        self.folder = tempfile.mkdtemp(prefix="tocsin-", dir=folder)
        key = os.path.join(self.folder, "key")
        with open(key, "w") as f:
            f.write("a" * 32)
        settings = {
            "http": {"per_ip_max": 5000},
            "collectors": [{"name": "am", "type": "webhook", "format": "alertmanager", "auth": "none"}],
            "notifiers": [{"name": "pd", "plugin": "pagerduty", "routing_key": f"file:{key}",
                           "url": f"http://127.0.0.1:{sink_port or 1}"}],
            "policies": [{"name": "p", "steps": [{"after": "0s", "notify": ["pd"]}], "last_wait": "1h"}],
            "default_policy": "p"}
        if mqtt:
            settings["collectors"].append(mqtt)
        settings["collectors"] += collectors
        made = made or [{"name": f"r{i}", "match": ["job = node", f"alertname = Alert{i}"], "set": {"team": f"t{i}"}}
                for i in range(rules)]
        self.daemon = harness.Tocsin(self.folder, settings, made or None)
        self.daemon.start()
        self.port = self.daemon.port

    @property
    def pid(self):
        return self.daemon.process.popen.pid

    def close(self):
        if not self.daemon.process.alive():
            print("  tocsin ended by itself:\n" + self.daemon.log()[-2000:], flush=True)
        self.daemon.close()


# --- the table ---------------------------------------------------------------------------------

class Table:
    def __init__(self):
        self.rows = []

    def add(self, figure, ours, peer, bar, unit="", higher_is_better=True, peer_name="alertmanager"):
        ratio = None
        if peer and ours:
            ratio = ours / peer if higher_is_better else peer / ours
        met = None if bar is None else bar(ours, peer)
        self.rows.append({"figure": figure, "tocsin": ours, "peer": peer, "peer_name": peer_name, "unit": unit,
                          "ratio": ratio, "bar": bar.__doc__ if bar else "", "met": met})
        print(self.line(self.rows[-1]), flush=True)

    @staticmethod
    def number(value, unit):
        if value is None:
            return "-"
        return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}") + (f" {unit}" if unit else "")

    def line(self, r):
        ratio = f"{r['ratio']:.2f}x" if r["ratio"] else "-"
        mark = {True: "ok", False: "MISSED", None: ""}[r["met"]]
        return (f"{r['figure']:<52} {self.number(r['tocsin'], r['unit']):>16} {self.number(r['peer'], r['unit']):>16} "
                f"{ratio:>8}  {r['bar']:<28} {mark}")

    def print(self):
        print(f"\n{'figure':<52} {'tocsin':>16} {'peer':>16} {'better':>8}  {'bar':<28}")
        for r in self.rows:
            print(self.line(r))
        missed = [r["figure"] for r in self.rows if r["met"] is False]
        print(f"\n{sum(r['met'] is True for r in self.rows)} bars met, {len(missed)} missed"
              + (": " + "; ".join(missed) if missed else ""))


def times(n):
    def bar(ours, peer):
        return None if not peer else ours >= n * peer
    bar.__doc__ = f">= {n}x the peer"
    return bar


def no_more_than(text, limit):
    def bar(ours, peer):
        return ours <= limit(peer)
    bar.__doc__ = text
    return bar


# --- what is measured --------------------------------------------------------------------------

def in_turns(sides, rounds, measure):
    """{name: [figure of each round]}, the sides taking turns; one round before does not count."""
    out = {s.name: [] for s in sides}
    for round_ in range(rounds + 1):
        for side in sides:
            value = measure(side)
            if round_ > 0:
                out[side.name].append(value)
    return out


def disk_floor_ms(folder):
    """(p50, p99) of a synced write over 16 KiB that the file has already, on the disk that tocsin writes to."""
    times, size = [], 16384
    path = os.path.join(folder, "floor")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, bytes(size * 64), 0)
        os.fsync(fd)
        for i in range(400):
            os.pwrite(fd, bytes([i % 256]) * size, i % 64 * size)
            begin = time.monotonic()
            os.fdatasync(fd)
            times.append((time.monotonic() - begin) * 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def rates(a, table):
    for distinct in (1000, 100_000, None):
        for batch in (1, 64):
            sides = [Tocsin(a.folder), Alertmanager(a.folder)]
            try:
                def measure(side):
                    # none of a round's alerts was there in the rounds before
                    fresh = {} if distinct else {"id": f"round{time.monotonic_ns()}"}
                    r = load(side.port, side.path, seconds=a.seconds, batch=batch, distinct=distinct or 10_000_000,
                             severity="info", **fresh)
                    if r["failed"] or r["dropped"]:
                        print(f"  {side.name}: {r['failed']} failed, {r['dropped']} dropped", flush=True)
                    return r["alerts_per_s"]
                got = in_turns(sides, a.rounds, measure)
            finally:
                for s in sides:
                    s.close()
            ours, peer = (statistics.median(got[s.name]) for s in sides)
            what = "single-alert requests" if batch == 1 else f"batches of {batch}"
            which = f"{distinct:,} distinct alerts" if distinct else "every alert new"
            table.add(f"{what}, {which}", ours, peer, times(3), "alerts/s")


def page(a, table):
    sink = harness.free_port()
    floor = disk_floor_ms(a.folder)
    for name, value in zip(("p50", "p99"), floor):
        table.add(f"the disk itself: a synced write, {name}", value, None, None, "ms", False)
    sides = [Tocsin(a.folder, sink), Alertmanager(a.folder, sink)]
    try:
        for rate in (100, 200, 400):
            # the same words again would be the same problems: each round has fresh sides' state by its own name
            got = {s.name: [] for s in sides}
            for _ in range(a.rounds):
                for i, side in enumerate(sides):
                    side.close()
                    sides[i] = side = (Tocsin if side.name == "tocsin" else Alertmanager)(a.folder, sink)
                    got[side.name].append(tool("page", side.port, side.path, sink, rate, a.seconds))
            for which, slack in (("p50", 1.0), ("p99", 1.0)):
                ours, peer = (statistics.median(r[which + "_us"] for r in got[s.name]) / 1000 for s in sides)
                table.add(f"POST to the vendor's socket, {which}, {rate} new/s", ours, peer,
                          no_more_than("no slower than the peer", lambda p, s=slack: p * s), "ms", False)
            lost = sum(r["sent"] - r["paged"] for r in got["tocsin"])
            if lost:
                print(f"  tocsin: {lost} pages did not arrive")
    finally:
        for s in sides:
            s.close()


def mqtt(a, table):
    n = 20_000 if a.quick else 60_000
    broker = harness.Mosquitto(a.folder, lasting=False)
    got = {"tocsin": [], "bare": [], "collector": []}

    def publish(topic):
        subprocess.run([os.path.join(TOOLS, "mqttload"), "pub", str(broker.port), str(n), topic], check=True, timeout=300)

    def subscriber(mode):
        p = subprocess.Popen([os.path.join(TOOLS, "mqttload"), mode, str(broker.port), str(n), f"bench/{mode}"],
                             stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n"
        publish(f"bench/{mode}")
        r = json.loads(p.communicate(timeout=300)[0])
        return r["messages"] / r["seconds"]

    def ours():
        t = Tocsin(a.folder, mqtt=broker.collector("training", topics=["bench/tocsin"], client_id=f"t{time.time_ns()}"))
        try:
            d = t.daemon
            harness.wait_until(lambda: d.metric("tocsin_mqtt_connected", collector="training") == 1, 20, "connected")
            time.sleep(0.3)
            begin = time.monotonic()
            publish("bench/tocsin")
            harness.wait_until(lambda: d.metric("tocsin_mqtt_messages_total", collector="training") >= n, 120, "all arrived")
            return n / (time.monotonic() - begin)
        finally:
            t.close()
    try:
        for _ in range(a.rounds):
            got["bare"].append(subscriber("sub"))
            got["collector"].append(subscriber("collector"))
            got["tocsin"].append(ours())
    finally:
        broker.close()
    m = {k: statistics.median(v) for k, v in got.items()}
    table.add("MQTT QoS 1, synced to disk", m["tocsin"], m["bare"], times(0.9), "msgs/s", peer_name="bare subscriber")
    table.add("MQTT QoS 1, the collector alone", m["collector"], m["bare"], times(0.9), "msgs/s", peer_name="bare subscriber")


def memory(a, table):
    n = 20_000 if a.quick else 100_000
    each, restart = {}, {}
    for cls in (Tocsin, Alertmanager):
        side = cls(a.folder)
        try:
            load(side.port, side.path, batch=64, distinct=64, seconds=1, id="warm", severity="info")
            before = rss_kib(side.pid)
            load(side.port, side.path, batch=64, distinct=n, requests=n // 64, seconds=0, severity="info")
            time.sleep(2)
            each[side.name] = (rss_kib(side.pid) - before) * 1024 / (n // 64 * 64)
            if side.name == "tocsin":
                side.daemon.stop()
                begin = time.monotonic()
                side.daemon.start()
                restart[side.name] = time.monotonic() - begin
                side.daemon.kill9()
                begin = time.monotonic()
                side.daemon.start()
                restart["kill"] = time.monotonic() - begin
                kept = side.daemon.metric("tocsin_open_alerts")
                if kept is None or kept < n // 64 * 64:
                    print(f"  tocsin: {kept} of {n // 64 * 64} open alerts after the restart")
        finally:
            side.close()
    table.add(f"memory per open alert, {n:,} open", each["tocsin"], each["alertmanager"],
              no_more_than("a quarter of the peer's", lambda p: p / 4), "bytes", False)
    second = no_more_than("under a second", lambda p: 1.0)
    table.add(f"start with {n:,} open alerts, after SIGTERM", restart["tocsin"], None, second, "s", False)
    table.add(f"start with {n:,} open alerts, after kill -9", restart["kill"], None, second, "s", False)


def clients(a, table):
    seconds = 10 if a.quick else 60
    side = Tocsin(a.folder)
    try:
        r = load(side.port, side.path, connections=1000, seconds=seconds, rate=2000, severity="info", distinct=1000)
    finally:
        side.close()
    table.add(f"1,000 clients for {seconds} s: dropped or refused", r["dropped"] + r["failed"], None,
              no_more_than("none", lambda p: 0), "", False)
    table.add("  their requests, p99", r["p99_us"] / 1000, None, None, "ms", False)


def cost_us(side, distinct, a):
    """CPU of the daemon per alert that is repeated, batches of 64, keys spread over `distinct`."""
    requests = 500 if a.quick else 3000
    before = cpu_s(side.pid)
    r = load(side.port, side.path, batch=64, distinct=distinct, requests=requests, seconds=0, severity="info")
    return (cpu_s(side.pid) - before) * 1e6 / (r["ok"] * 64)


def scale(a, table):
    levels = (1000, 50_000) if a.quick else (1000, 10_000, 100_000, 1_000_000)
    repeat, fresh = {}, {}
    side = Tocsin(a.folder)
    try:
        have = 0
        for level in levels:
            before = cpu_s(side.pid)
            n = (level - have) // 64
            load(side.port, side.path, batch=64, distinct=level, first=have, requests=n, seconds=0, severity="info")
            fresh[level] = (cpu_s(side.pid) - before) * 1e6 / (n * 64)
            have = level
            repeat[level] = statistics.median(cost_us(side, level, a) for _ in range(a.rounds))
            table.add(f"CPU of a repeat with {level:,} open alerts", repeat[level], repeat[levels[0]],
                      no_more_than("within 2x of the first", lambda p: 2 * p), "us", False, "first row")
        table.add(f"CPU of a new alert, up to {levels[-1]:,} open", fresh[levels[-1]], fresh[levels[1]],
                  no_more_than("within 2x of the second level", lambda p: 2 * p), "us", False, "second level")
    finally:
        side.close()
    first = None
    for rules in (10, 1000) if a.quick else (10, 100, 1000, 10_000):
        side = Tocsin(a.folder, rules=rules)
        try:
            load(side.port, side.path, batch=64, distinct=1000, requests=200, seconds=0, severity="info")
            us = statistics.median(cost_us(side, 1000, a) for _ in range(a.rounds))
        finally:
            side.close()
        first = first or us
        table.add(f"CPU of a repeat with {rules:,} rules", us, first,
                  no_more_than("within 2x of the first", lambda p: 2 * p), "us", False, "first row")


PARTS = {"rates": rates, "page": page, "mqtt": mqtt, "memory": memory, "clients": clients, "scale": scale,
         "decoders": lambda a, table: logs.decoders(a, table, sys.modules[__name__]),
         "logs": lambda a, table: logs.logs(a, table, sys.modules[__name__])}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="two minutes: short rounds, small numbers")
    p.add_argument("--only", help=f"comma list of {', '.join(PARTS)}")
    p.add_argument("--json", help="also write the rows to this file")
    a = p.parse_args()
    names = a.only.split(",") if a.only else list(PARTS)
    for name in names:
        if name not in PARTS:
            p.error(f"unknown part '{name}'; there are: {', '.join(PARTS)}")
    a.seconds, a.rounds = (1, 1) if a.quick else (4, 3)
    a.folder = tempfile.mkdtemp(prefix="tocsin-bench-")
    subprocess.run(["make", "-s", *(os.path.relpath(os.path.join(TOOLS, n), harness.ROOT) for n in ("load", "page", "mqttload", "decode"))],
                   cwd=harness.ROOT, check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    table = Table()
    try:
        for name in names:
            print(f"== {name}", flush=True)
            try:
                PARTS[name](a, table)
            except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as e:
                print(f"  {name} could not be measured: {str(e)[:2000]}", flush=True)
                table.rows.append({"figure": f"{name}: could not be measured", "tocsin": None, "peer": None, "unit": "",
                                   "ratio": None, "bar": "", "met": False, "peer_name": ""})
    finally:
        shutil.rmtree(a.folder, ignore_errors=True)
    table.print()
    if a.json:
        with open(a.json, "w") as f:
            json.dump({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(), "rows": table.rows},
                      f, indent=1)


if __name__ == "__main__":
    main()
