# SPDX-License-Identifier: Apache-2.0
"""Parts of bench.py about reading: what a payload costs in each decoder, and lines of logs that match nothing."""
import glob
import os
import socket
import statistics
import time

import harness

LINES, MINUTE = 1000, 100_000                # in a request; a busy shipper's lines in a minute


def decoders(a, table, bench):
    files = sorted(glob.glob(os.path.join("integrations", "*", "cases", "*.json"), root_dir=harness.ROOT))
    rounds, ms = (3, 5) if a.quick else (7, 40)
    for d in bench.tool("decode", rounds, ms, *(os.path.join(harness.ROOT, f) for f in files))["decoders"]:
        table.add(f"decode {d['name']} ({d['by']}, {d['bytes']:,.0f} bytes)", d["us"], None, None, "us")
        table.rows[-1].update(decoder=d)
        table.add("  of its payloads", d["mb_s"], None, None, "MB/s")


# Rules about lines that do not come: a regex on the text, which no index spares.
def rules(n):
    return [{"name": f"line-{i}", "match": [f'summary =~ ".*disk sd[a-z]{i} failed.*"'], "set": {"severity": "critical"}}
            for i in range(n)]


class Reader:
    """tocsin with a collector of logs, by HTTP and by syslog over TCP, and what each line cost."""

    def __init__(self, a, bench, n):
        self.syslog = harness.free_port()
        self.side = bench.Tocsin(a.folder, made=rules(n), collectors=[
            {"name": "logs", "type": "webhook", "format": "fluent-bit", "auth": "none"},
            {"name": "lines", "type": "syslog", "listen": [f"tcp://127.0.0.1:{self.syslog}"]}])
        self.cpu_s = bench.cpu_s

    def read(self, collector):
        return self.side.daemon.metric("tocsin_log_records_total", collector=collector) or 0

    def measure(self, collector, send, n):
        before, cpu, start = self.read(collector), self.cpu_s(self.side.pid), time.monotonic()
        send(n)
        harness.wait_until(lambda: self.read(collector) >= before + n, 120, f"{n} lines are read")
        seconds = time.monotonic() - start
        return n / seconds, (self.cpu_s(self.side.pid) - cpu) / n

    def by_tcp(self, n):
        text = "".join(f"<30>Oct 11 22:14:15 web-{i % 50} nginx[{i}]: 10.0.0.{i % 250} GET /item/{i}.html 200 {i % 900} ms\n"
                       for i in range(LINES)).encode()
        with socket.create_connection(("127.0.0.1", self.syslog)) as s:
            for _ in range(n // LINES):
                s.sendall(text)


def logs(a, table, bench):
    n = (20 if a.quick else 200) * LINES
    for count in (0, 10, 100):
        r = Reader(a, bench, count)

        def by_http(n):
            got = bench.load(r.side.port, "/v1/in/logs", connections=2, batch=LINES, logs=1, requests=n // LINES, seconds=0)
            assert got["ok"] == n // LINES, got

        try:
            for how, collector, send in ((f"HTTP, {LINES:,} in a request", "logs", by_http),
                                         ("syslog, one TCP connection", "lines", r.by_tcp)):
                r.measure(collector, send, LINES)                # does not count
                got = [r.measure(collector, send, n) for _ in range(a.rounds)]
                table.add(f"lines a second, {count} rules, {how}", statistics.median(g[0] for g in got), None, None, "/s")
                table.add(f"  CPU of a core at {MINUTE:,} lines a minute",
                          statistics.median(g[1] for g in got) * MINUTE / 60 * 100, None, None, "%")
            assert r.side.daemon.alerts() == [], "a line became an alert"
        finally:
            r.side.close()
