# SPDX-License-Identifier: Apache-2.0
"""rsyslog and syslog-ng send over every transport; collectd tells of a threshold, and of values."""
import os
import socket
import subprocess

import pytest

from base import BUILD, HERE, Process, free_port, wait_until

ROOT = os.path.join(BUILD, "syslog-senders")
PACKAGES = ["rsyslog", "rsyslog-openssl", "libfastjson4", "libestr0", "liblognorm5", "syslog-ng-core", "libivykis0",
            "libnet1", "collectd-core"]
LIB = os.path.join(ROOT, "usr/lib/x86_64-linux-gnu")
RULES = [{"name": "disk", "match": ["source = syslog", 'summary =~ ".*disk failed.*"'],
          "set": {"severity": "critical"}, "group_by": ["host"]}]
WAYS = ["udp", "tcp-lines", "tcp-lengths", "tls"]


@pytest.fixture(scope="module")
def unpacked():
    done = subprocess.run([os.path.join(HERE, "unpack.sh"), ROOT, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the packages cannot be had: {done.stderr.strip()[-200:]}")
    return {"LD_LIBRARY_PATH": ":".join([LIB, os.path.join(ROOT, "usr/lib/syslog-ng"),
                                         os.path.join(ROOT, "usr/lib/syslog-ng/3.38")])}


def rsyslog(folder, way, port, source, ca):
    tls = ' StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="anon"' if way == "tls" else ""
    framing = "" if way == "udp" else f' TCP_Framing="{"traditional" if way == "tcp-lines" else "octet-counted"}"'
    template = "RSYSLOG_TraditionalForwardFormat" if way == "tcp-lines" else "RSYSLOG_SyslogProtocol23Format"
    path = os.path.join(folder, "rsyslog.conf")
    with open(path, "w") as f:
        f.write(f"""global(workDirectory="{folder}" DefaultNetstreamDriverCAFile="{ca}")
module(load="{LIB}/rsyslog/imudp.so")
input(type="imudp" address="127.0.0.1" port="{source}")
action(type="omfwd" target="127.0.0.1" port="{port}" protocol="{"udp" if way == "udp" else "tcp"}"{framing}{tls}
       template="{template}" action.resumeRetryCount="-1")
""")
    return [os.path.join(ROOT, "usr/sbin/rsyslogd"), "-n", "-C", "-f", path, "-i", os.path.join(folder, "rsyslog.pid"),
            "-M", os.path.join(LIB, "rsyslog")]


def syslog_ng(folder, way, port, source, ca):
    there = {"udp": f'network("127.0.0.1" port({port}) transport("udp"))',
             "tcp-lines": f'network("127.0.0.1" port({port}) transport("tcp"))',
             "tcp-lengths": f'syslog("127.0.0.1" port({port}) transport("tcp"))',
             "tls": f'syslog("localhost" port({port}) transport("tls") tls(ca-file("{ca}")))'}[way]
    path = os.path.join(folder, "syslog-ng.conf")
    with open(path, "w") as f:
        f.write(f"""@version: 3.38
source s {{ network(ip("127.0.0.1") port({source}) transport("udp")); }};
destination d {{ {there}; }};
log {{ source(s); destination(d); }};
""")
    return [os.path.join(ROOT, "usr/sbin/syslog-ng"), "-F", "-e", "-f", path, "-R", os.path.join(folder, "persist"),
            "-c", os.path.join(folder, "ctl"), "-p", os.path.join(folder, "pid"), "--no-caps",
            "--module-path", os.path.join(ROOT, "usr/lib/syslog-ng/3.38")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("program", [rsyslog, syslog_ng])
def test_forwarded_lines_page(tocsin, settings, vendors, certificates, tmp_path, unpacked, program, way):
    port, source = free_port(), free_port()
    cert, key = certificates.issue("collector")
    values = settings()
    values["collectors"].append({"name": "syslog", "type": "syslog", "listen": [f"{way.split('-')[0]}://127.0.0.1:{port}"],
                                 **({"tls": {"cert": cert, "key": key}} if way == "tls" else {})})
    t = tocsin(values, RULES)
    folder = tmp_path / "sender"
    folder.mkdir()
    sender = Process(program(str(folder), way, port, source, certificates.ca), str(folder / "log"), unpacked)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            def heard():
                assert sender.alive(), sender.log()[-2000:]
                s.sendto(b"<13>Jan 31 12:00:00 gpu-4 smartd[7]: nothing to report", ("127.0.0.1", source))
                return t.metric("tocsin_syslog_messages_total", collector="syslog")
            wait_until(heard, 20, "a first line", every=0.1)
            s.sendto(b"<11>Jan 31 12:00:00 gpu-4 smartd[7]: sda: disk failed", ("127.0.0.1", source))
        incident = wait_until(t.incidents, 20, "an incident")[0]
        alert = t.incident(incident["id"])["alerts"][0]
        assert alert["summary"] == "sda: disk failed"
        labels = {k: alert["labels"].get(k) for k in ("host", "app", "procid", "level", "facility", "peer")}
        assert labels == {"host": "gpu-4" if program is rsyslog else labels["host"], "app": "smartd", "procid": "7",
                          "level": "err", "facility": "user", "peer": "127.0.0.1"}
        assert labels["host"]
        vendors.wait_history("pd", incident["id"], ["trigger"])
        assert len(t.alerts("source=syslog")) == 1
    finally:
        sender.end()


def test_a_threshold_of_collectd(tocsin, settings, vendors, tmp_path, unpacked):
    values = settings()
    values["collectors"].append({"name": "collectd", "type": "webhook", "format": "collectd", "auth": "none"})
    t = tocsin(values)
    path = tmp_path / "collectd.conf"
    path.write_text(f"""Hostname "gpu-4"
FQDNLookup false
Interval 1
BaseDir "{tmp_path}"
PIDFile "{tmp_path}/pid"
PluginDir "{ROOT}/usr/lib/collectd"
TypesDB "{ROOT}/usr/share/collectd/types.db"
LoadPlugin uptime
LoadPlugin threshold
LoadPlugin write_http
<Plugin threshold>
  <Plugin "uptime">
    <Type "uptime">
      FailureMax 0
    </Type>
  </Plugin>
</Plugin>
<Plugin write_http>
  <Node "tocsin">
    URL "http://127.0.0.1:{t.port}/v1/in/collectd"
    Format JSON
    Metrics false
    Notifications true
  </Node>
</Plugin>
""")
    sender = Process([os.path.join(ROOT, "usr/sbin/collectd"), "-f", "-C", str(path)], str(tmp_path / "collectd.log"), unpacked)
    try:
        incident = wait_until(t.incidents, 20, "an incident")[0]
    finally:
        sender.end()
    alert = t.incident(incident["id"])["alerts"][0]
    assert alert["severity"] == "error" and alert["labels"]["host"] == "gpu-4"
    assert alert["labels"]["alertname"] == "collectd_uptime" and "failure threshold" in alert["summary"]
    vendors.wait_history("pd", incident["id"], ["trigger"])


def test_values_of_collectd_over_mqtt(tocsin, settings, vendors, broker, tmp_path, unpacked):
    """Its mqtt plugin publishes values, no notifications: a rule decides which of them is an alert."""
    b = broker()
    values = settings()
    values["collectors"].append({"name": "metrics", "type": "mqtt", "format": "collectd", "broker": f"mqtt://localhost:{b.port}",
                                 "client_id": "tocsin-metrics", "topics": ["site/collectd/#"]})
    t = tocsin(values, [{"name": "up", "match": ["source = metrics", "plugin = uptime", "value > 1"],
                         "set": {"severity": "error", "summary": "{{ .labels.host }} is up"}, "group_by": ["host"]}])
    path = tmp_path / "collectd.conf"
    path.write_text(f"""Hostname "gpu-4"
FQDNLookup false
Interval 1
BaseDir "{tmp_path}"
PIDFile "{tmp_path}/pid"
PluginDir "{ROOT}/usr/lib/collectd"
TypesDB "{ROOT}/usr/share/collectd/types.db"
LoadPlugin uptime
LoadPlugin load
LoadPlugin mqtt
<Plugin mqtt>
  <Publish "tocsin">
    Host "127.0.0.1"
    Port {b.port}
    QoS 1
    Prefix "site/collectd"
  </Publish>
</Plugin>
""")
    sender = Process([os.path.join(ROOT, "usr/sbin/collectd"), "-f", "-C", str(path)], str(tmp_path / "collectd.log"), unpacked)
    try:
        def paged():
            assert sender.alive(), sender.log()[-2000:]
            return t.incidents()
        incident = wait_until(paged, 30, "an incident")[0]
    finally:
        sender.end()
    alerts = t.alerts("source=metrics")
    assert len(alerts) == 1, alerts                       # of many values, load's among them
    labels = alerts[0]["labels"]
    assert (labels["host"], labels["plugin"], labels["type"]) == ("gpu-4", "uptime", "uptime")
    assert float(labels["value"]) > 1 and incident["summary"] == "gpu-4 is up"
    vendors.wait_history("pd", incident["id"], ["trigger"])
