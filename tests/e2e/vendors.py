#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fake pagers: PagerDuty (Events v2), Opsgenie, Jira Service Management (events API) and VictorOps.

Each checks every request against the vendor's documented schema, answers with the documented bodies, keeps the state of
every key as the vendor would, and counts how often a person would have been paged.  What the vendor would only dislike
(an unknown member, a wrong content type) is accepted and kept in `violations`: a test asserts that there is none.

    python3 tests/e2e/vendors.py --port 9800 --print
    GET  /_state      everything, as JSON
    GET  /_told/pagerduty    of each key only [pages, [what happened to it, ...]]: of a hundred thousand keys still soon
    POST /_control    {"vendor": "pagerduty" | "all", "mode": "ok|down|error500|ratelimit|slow|lost|reject", "for_s": 5}

All are served under path prefixes (/pagerduty, /opsgenie, /jsm, /victorops) on the port that is given; each has a port of
its own beside (the next four, in that order; urls in /_state).  Prefer those: only a port of one's own can be closed, and a
circuit breaker takes one host and port for one vendor.  `down` closes it and cuts the connections that are open; on the
shared port it cuts the connection of the request.

In tests:
    with Vendors() as v:
        v.url("pagerduty"); v.control("pagerduty", "down", for_s=3); v.vendor("pagerduty").alerts; v.violations()
"""
import argparse
import json
import socket
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vendors_fake import KEYS, Jsm, Opsgenie, PagerDuty, Reply, VictorOps


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections.add(self.connection)

    def finish(self):
        with self.server.lock:
            self.server.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass                             # cut on purpose

    def log_message(self, *args):
        pass

    def cut(self):
        """Reset, not close: nothing of an answer is seen."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        self.connection.close()

    def answer(self, r):
        body = b"" if r.body is None else json.dumps(r.body).encode()
        self.send_response(r.status)
        for k, v in r.headers.items():
            self.send_header(k, v)
        if r.body is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def go(self):
        length = self.headers.get("Content-Length")
        raw = self.rfile.read(int(length)) if length else b""
        url = urllib.parse.urlsplit(self.path)
        farm = self.server.farm
        if url.path.startswith("/_"):
            return self.answer(farm.manage(self.command, url.path, raw))
        name, _, rest = url.path[1:].partition("/")
        vendor = farm.vendors.get(name)
        if vendor is None:
            return self.answer(Reply(404, {"message": f"no vendor '{name}'; there are {', '.join(farm.vendors)}"}))
        mode = vendor.current_mode()
        if mode == "down":
            return self.cut()
        with vendor.lock:
            vendor.requests += 1
        if mode == "slow":
            time.sleep(vendor.options.get("slow_s", 3))
        try:
            vendor.bad_day(mode)
            vendor.handle(self.command, "/" + rest, urllib.parse.parse_qs(url.query), self.headers, raw)
        except Reply as r:
            with vendor.lock:
                vendor.refused += r.status >= 400
            if mode == "lost":
                return self.cut()
            return self.answer(r)
        raise AssertionError("a vendor has to answer")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = go


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, port, farm):
        self.farm, self.connections, self.lock = farm, set(), threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):       # a client that went away is no error
            super().handle_error(request, client_address)

    def close(self):
        self.shutdown()
        self.server_close()
        with self.lock:
            for c in self.connections:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass                     # it went by itself


class Vendors:
    """All of them, each on a port of its own and together on one."""

    def __init__(self, port=0, printer=None, keys=None):
        keys = {**KEYS, **(keys or {})}
        self.vendors = {c.name: c(keys[c.name], printer) for c in (PagerDuty, Opsgenie, Jsm, VictorOps)}
        self.lock = threading.Lock()
        self.servers, self.timers = {}, {}
        self.shared = self.serve(port)
        self.ports = {}
        for i, name in enumerate(self.vendors):
            self.servers[name] = self.serve(port + 1 + i if port else 0)
            self.ports[name] = self.servers[name].server_address[1]

    def serve(self, port):
        server = Server(port, self)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        with self.lock:
            for t in self.timers.values():
                t.cancel()
            for s in [self.shared, *self.servers.values()]:
                s.close()
            self.servers.clear()

    @property
    def port(self):
        return self.shared.server_address[1]

    def url(self, name, shared=False):
        return f"http://127.0.0.1:{self.port if shared else self.ports[name]}/{name}"

    def vendor(self, name):
        """The vendor, with everything that is due worked off."""
        vendor = self.vendors[name]
        with vendor.lock:
            vendor.settle()
        return vendor

    def violations(self):
        return [x for v in self.vendors.values() for x in v.violations]

    def state(self):
        return {"vendors": {n: {"url": self.url(n), **v.dump()} for n, v in self.vendors.items()},
                "violations": self.violations()}

    def control(self, name, mode, for_s=None, **options):
        for n in self.vendors if name == "all" else [name]:
            self.vendors[n].set_mode(mode, for_s, **options)
            with self.lock:
                if n in self.timers:
                    self.timers.pop(n).cancel()
                if mode == "down" and n in self.servers:
                    self.servers.pop(n).close()
                elif mode != "down":
                    self.up(n)
                if mode == "down" and for_s:
                    self.timers[n] = threading.Timer(for_s, self.back, [n])
                    self.timers[n].daemon = True
                    self.timers[n].start()

    def up(self, name):
        if name not in self.servers:
            self.servers[name] = self.serve(self.ports[name])

    def back(self, name):
        with self.lock:
            self.timers.pop(name, None)
            self.vendors[name].set_mode("ok")
            self.up(name)

    def manage(self, method, path, raw):
        if (method, path) == ("GET", "/_state"):
            return Reply(200, self.state())
        if method == "GET" and path.startswith("/_told/") and path[7:] in self.vendors:
            return Reply(200, self.vendor(path[7:]).told())
        if (method, path) == ("POST", "/_control"):
            try:
                doc = json.loads(raw)
                name = doc.pop("vendor")
                if name != "all" and name not in self.vendors:
                    raise ValueError(f"no vendor '{name}'; there are {', '.join(self.vendors)}, all")
                self.control(name, doc.pop("mode"), doc.pop("for_s", None), **doc)
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                return Reply(400, {"message": str(e)})
            return Reply(200, {"result": "ok"})
        return Reply(404, {"message": "GET /_state, GET /_told/VENDOR or POST /_control"})


def main():
    p = argparse.ArgumentParser(description="fake PagerDuty, Opsgenie, Jira Service Management and VictorOps")
    p.add_argument("--port", type=int, default=9800, help="of all together; the next four are theirs (0: any free ones)")
    p.add_argument("--print", action="store_true", help="a line for each request that changed something")
    args = p.parse_args()
    farm = Vendors(args.port, (lambda line: print(line, flush=True)) if args.print else None)
    print(f"listening on {' '.join(farm.url(n) for n in farm.vendors)}, together on http://127.0.0.1:{farm.port}/",
          flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        farm.stop()


if __name__ == "__main__":
    main()
