# SPDX-License-Identifier: Apache-2.0
"""A Sentry that takes envelopes and checks them, and proxies to reach it through."""
import base64
import gzip
import http.client
import json
import select
import socket
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "0123456789abcdef0123456789abcdef"


def parse_envelope(body):
    """(header, [(item header, payload)]); ValueError when the framing is wrong."""
    head, _, rest = body.partition(b"\n")
    items = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        if not line:
            continue
        item = json.loads(line)
        length = item["length"]
        if len(rest) < length or (len(rest) > length and rest[length:length + 1] != b"\n"):
            raise ValueError(f"item {item} is not as long as it says")
        items.append((item, rest[:length]))
        rest = rest[length + 1:]
    return json.loads(head), items


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler, cert=None, key=None):
        super().__init__(("127.0.0.1", 0), handler)
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class FakeSentry:
    """mode: ok, down (503), limited (429), refuses (400) or forbids (403)."""

    def __init__(self, cert=None, key=None):
        self.mode, self.bodies, self.refused, self.lock = "ok", [], [], threading.Lock()
        self.scheme = "https" if cert else "http"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                status, doc = outer.take(self.path, self.headers, body)
                text = json.dumps(doc).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                    self.send_header("X-Sentry-Rate-Limits", "1:error:organization")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = _Server(Handler, cert, key)
        self.port = self.server.port

    def take(self, path, headers, body):
        status = {"ok": 200, "down": 503, "limited": 429, "refuses": 400, "forbids": 403}[self.mode]
        if path != "/sub/api/42/envelope/":
            status = 404
        elif f"sentry_key={KEY}" not in headers.get("X-Sentry-Auth", ""):
            status = 403
        with self.lock:
            if status != 200:
                self.refused.append(status)
                return status, {"detail": "no"}
            head, items = parse_envelope(body)
            assert "dsn" not in head, head
            self.bodies.append(body)
            return 200, {"id": head.get("event_id")}

    @property
    def dsn(self):
        return f"{self.scheme}://{KEY}@127.0.0.1:{self.port}/sub/42"

    def items(self, kind=None):
        with self.lock:
            all_items = [i for b in self.bodies for i in parse_envelope(b)[1]]
        return [(h, p) for h, p in all_items if kind is None or h["type"] == kind]

    def events(self):
        return [json.loads(p) for _, p in self.items("event")]

    def seen(self):
        with self.lock:
            return b"\n".join(self.bodies)

    def close(self):
        self.server.close()


class Proxy:
    """Plain http through a proxy: the address stands in the request line."""

    def __init__(self):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                url = urllib.parse.urlsplit(self.path)
                outer.requests.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                onward = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
                skip = ("host", "proxy-connection", "connection", "content-length")
                onward.request("POST", url.path, body,
                               {k: v for k, v in self.headers.items() if k.lower() not in skip})
                answer = onward.getresponse()
                text = answer.read()
                self.send_response(answer.status)
                if answer.getheader("Retry-After"):
                    self.send_header("Retry-After", answer.getheader("Retry-After"))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                onward.close()

        self.server = _Server(Handler)
        self.port = self.server.port
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self):
        self.server.close()


class Tunnel:
    """https through a proxy: CONNECT with a password, then bytes in both directions that it can make nothing of."""

    def __init__(self, password="swordfish"):
        self.requests, self.bytes = [], b""
        self.wanted = "Basic " + base64.b64encode(f"tocsin:{password}".encode()).decode()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_CONNECT(self):
                if self.headers.get("Proxy-Authorization") != outer.wanted:
                    self.send_response(407)
                    self.send_header("Proxy-Authenticate", "Basic realm=proxy")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                outer.requests.append(self.path)
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port)), timeout=10) as there:
                    self.send_response(200)
                    self.end_headers()
                    self.carry(there)
                self.close_connection = True

            def carry(self, there):
                other = {self.connection: there, there: self.connection}
                while True:
                    for one in select.select(list(other), [], [], 60)[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        outer.bytes += data
                        other[one].sendall(data)

        self.server = _Server(Handler)
        self.port = self.server.port
        self.url = f"http://tocsin:{password}@127.0.0.1:{self.port}"

    def close(self):
        self.server.close()
