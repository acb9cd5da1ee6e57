# SPDX-License-Identifier: Apache-2.0
"""Syslog over UDP, TCP and TLS: framing, limits, reloads, and that nobody's stream harms another's."""
import socket
import time

from base import free_port, stays, wait_until

RULES = [{"name": "disk", "match": ["source = syslog", 'summary =~ ".*disk failed.*"'],
          "set": {"severity": "critical"}, "group_by": ["host"]}]


def collector(*listen, **more):
    return {"name": "syslog", "type": "syslog", "listen": list(listen), **more}


def with_syslog(settings, *listen, **more):
    values = settings()
    values["collectors"].append(collector(*listen, **more))
    return values


def line(text, host="h1", app="app", pri=11):
    return f"<{pri}>1 2026-01-31T12:00:00Z {host} {app} - - - {text}"


def counted(t, name="messages"):
    return t.metric(f"tocsin_syslog_{name}_total", collector="syslog") or 0


def wait_counted(t, n, name="messages"):
    wait_until(lambda: counted(t, name) >= n, 10, f"{n} {name}")
    assert counted(t, name) == n


def summaries(t):
    return sorted(a["summary"] for a in t.alerts("source=syslog"))


def tcp(port, *parts, tls=None):
    """Write the parts, each on its own, and close."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        if tls:
            s = tls.wrap_socket(s, server_hostname="localhost")
        for part in parts:
            s.sendall(part.encode() if isinstance(part, str) else part)
        if tls:
            s.unwrap().close()


def test_udp_line_pages(tocsin, settings, vendors):
    port = free_port()
    t = tocsin(with_syslog(settings, f"udp://127.0.0.1:{port}"), RULES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(line("sda: disk failed", host="gpu-4").encode(), ("127.0.0.1", port))
    incident = wait_until(lambda: t.incidents(), 10, "an incident")[0]
    assert incident["severity"] == "critical" and incident["summary"] == "sda: disk failed"
    wait_until(lambda: vendors.pages("pd", incident["id"]), 10, "a page")
    labels = t.incident(incident["id"])["alerts"][0]["labels"]
    assert labels == {"host": "gpu-4", "app": "app", "level": "err", "facility": "user", "peer": "127.0.0.1"}


def test_old_machines_have_umlauts_too(tocsin, settings):
    port = free_port()
    rules = [{"name": "hot", "match": ["source = syslog", 'summary =~ ".*Überhitzung.*"'], "group_by": ["host"]}]
    t = tocsin(with_syslog(settings, f"udp://127.0.0.1:{port}"), rules)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for host, charset in (("new", "utf-8"), ("old", "latin-1")):
            s.sendto(line("Gerät: Überhitzung", host=host).encode(charset), ("127.0.0.1", port))
    wait_until(lambda: len(t.incidents()) == 2, 10, "an incident of each")
    assert summaries(t) == ["Gerät: Überhitzung"] * 2


def test_both_framings_whatever_the_packets(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}"), RULES)
    one, two = line("disk failed 1", "a"), line("disk failed\nin two lines", "b")
    stream = f"{len(one)} {one}{len(two)} {two}"
    tcp(port, *stream)                                       # a byte a packet
    tcp(port, line("disk failed 3", "c") + "\n" + line("disk failed 4", "d") + "\r\n" + line("disk failed, no end", "e"))
    wait_counted(t, 5)
    wait_until(lambda: len(t.alerts("source=syslog")) == 5, 10, "five alerts")
    assert summaries(t) == ["disk failed 1", "disk failed 3", "disk failed 4", "disk failed in two lines", "disk failed, no end"]


def test_what_has_come_of_the_last_line_is_kept_when_the_collector_stops(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}"), RULES)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(line("disk failed, and so did the network").encode())
        wait_until(lambda: t.metric("tocsin_syslog_connections", collector="syslog") == 1, 10, "a connection")
        t.restart()
    assert summaries(t) == ["disk failed, and so did the network"]


def test_too_long_is_cut_and_the_next_is_whole(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}", line_max="1KiB"), RULES)
    long = line("disk failed " + "x" * 5000, "a")
    tcp(port, long + "\n" + line("disk failed", "b") + "\n")
    tcp(port, f"{len(long)} {long}" + f"{len(line('disk failed', 'c'))} {line('disk failed', 'c')}")
    wait_counted(t, 4)
    assert counted(t, "cut") == 2
    assert len({a["labels"]["host"] for a in t.alerts("source=syslog")}) == 3


def test_one_who_pours_and_one_who_stalls_harm_nobody(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}", per_ip_max=20), RULES)
    before = t.rss_kib()
    stalled = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    for s in stalled:
        s.sendall(b"99999999 <13>1 - h a - - - ")
    hog = socket.create_connection(("127.0.0.1", port))
    hog.setblocking(False)
    sent, end = 0, time.monotonic() + 20
    chunk = (line("nothing of interest") + "\n").encode() * 500
    done = False
    while not done and time.monotonic() < end:
        for _ in range(50):
            try:
                sent += hog.send(chunk)
            except BlockingIOError:
                break
        if sent > 1 << 20:
            tcp(port, line("disk failed", "victim") + "\n")
            wait_until(lambda: t.alerts("source=syslog"), 10, "the victim's line")
            done = True
    assert done and sent > 1 << 20
    hog.close()
    for s in stalled:
        s.close()
    assert [a["labels"]["host"] for a in t.alerts("source=syslog")] == ["victim"]
    assert t.rss_kib() < before + 65536


def test_no_frame_closes_only_that_stream(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}"), RULES)
    good = line("disk failed", "a")
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(f"{len(good)} {good}oops".encode())
        s.settimeout(10)
        assert s.recv(1) == b""
    wait_counted(t, 1)
    assert counted(t, "refused") == 1
    assert [a["labels"]["host"] for a in t.alerts("source=syslog")] == ["a"]


def test_connections_are_limited(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}", per_ip_max=2), RULES)
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    wait_until(lambda: t.metric("tocsin_syslog_connections", collector="syslog") == 2, 10, "two connections")
    with socket.create_connection(("127.0.0.1", port)) as third:
        third.settimeout(10)
        assert third.recv(1) == b""
    wait_counted(t, 1, "turned_away")
    held[0].sendall((line("disk failed") + "\n").encode())
    wait_counted(t, 1)
    for s in held:
        s.close()


def test_silent_connections_are_closed(tocsin, settings):
    port = free_port()
    tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}", idle_timeout="300ms"), RULES)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(10)
        assert s.recv(1) == b""


def test_strangers_are_not_heard(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", allow=["192.0.2.0/24"]), RULES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(line("disk failed").encode(), ("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(10)
        assert s.recv(1) == b""
    wait_counted(t, 2, "turned_away")
    assert counted(t) == 0


def test_tls_and_a_renewed_certificate(tocsin, settings, certificates):
    port = free_port()
    cert, key = certificates.issue("collector")
    values = with_syslog(settings, f"tls://127.0.0.1:{port}", tls={"cert": cert, "key": key})
    t = tocsin(values, RULES)
    context = certificates.context()
    old = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
    serial = old.getpeercert()["serialNumber"]
    text = line("disk failed", "a")
    old.sendall(f"{len(text)} {text}".encode())
    wait_counted(t, 1)
    certificates.issue("collector")
    t.reload()

    def renewed():
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as s:
            return s.getpeercert()["serialNumber"] != serial
    wait_until(renewed, 10, "the new certificate")
    old.sendall(f"{len(text)} {text}".encode())              # who was connected stays connected
    wait_counted(t, 2)
    old.close()


def test_client_certificates(tocsin, settings, certificates):
    port = free_port()
    cert, key = certificates.issue("collector")
    values = with_syslog(settings, f"tls://127.0.0.1:{port}", client_cert=["web-*"],
                         tls={"cert": cert, "key": key, "client_ca": certificates.ca})
    t = tocsin(values, RULES)

    def send(*pair):
        try:
            tcp(port, line("disk failed", "a") + "\n", tls=certificates.context(*pair))
        except OSError:
            pass                                             # refused after its handshake: TLS 1.3 tells it late
    send()
    wait_counted(t, 1, "turned_away")
    for name, n in (("db-1", 0), ("web-1", 1)):
        send(*certificates.issue(name))
        wait_until(lambda: counted(t) + counted(t, "turned_away") == 2 + n, 10, "an answer")
        assert counted(t) == n


def test_a_reload_leaves_senders_alone_and_moves_ports(tocsin, settings):
    one, two, three = free_port(), free_port(), free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{one}", f"tcp://127.0.0.1:{two}"), RULES)
    stays_open = socket.create_connection(("127.0.0.1", one))
    goes = socket.create_connection(("127.0.0.1", two))
    wait_until(lambda: t.metric("tocsin_syslog_connections", collector="syslog") == 2, 10, "two connections")
    goes.sendall(line("disk failed, said in haste", "b").encode())
    t.configure(with_syslog(settings, f"tcp://127.0.0.1:{one}", f"tcp://127.0.0.1:{three}"), RULES)
    t.reload()
    goes.settimeout(10)
    assert goes.recv(1) == b""
    stays_open.sendall((line("disk failed", "a") + "\n").encode())
    wait_until(lambda: t.metric("tocsin_syslog_listening", collector="syslog") == 1, 10, "listening")
    tcp(three, line("disk failed", "c") + "\n")
    wait_counted(t, 3)
    assert sorted(a["labels"]["host"] for a in t.alerts("source=syslog")) == ["a", "b", "c"]
    values = settings()
    t.configure(values, RULES)
    t.reload()
    stays_open.settimeout(10)
    assert stays_open.recv(1) == b""


def test_a_port_that_is_taken_is_said_and_tried_again(tocsin, settings):
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}"), RULES)
        row = next(c for c in t.get("/v1/collectors").json["collectors"] if c["name"] == "syslog")
        assert row["connected"] is False and str(port) in row["last_error"]
    wait_until(lambda: t.metric("tocsin_syslog_listening", collector="syslog") == 1, 10, "listening")
    tcp(port, line("disk failed") + "\n")
    wait_counted(t, 1)


def test_lines_that_match_nothing_leave_a_counter(tocsin, settings):
    port = free_port()
    t = tocsin(with_syslog(settings, f"tcp://127.0.0.1:{port}"), RULES)
    text = "".join(line(f"request {i} served", pri=14 - i % 4) + "\n" for i in range(5000))
    tcp(port, text)
    wait_counted(t, 5000)
    stays(lambda: not t.alerts("source=syslog") and not t.incidents(), 0.5, "nothing but a counter")
