# SPDX-License-Identifier: Apache-2.0
"""Log shippers that bring their own protocol: Elasticsearch's bulk API and OpenTelemetry's logs."""
import gzip
import json
import os
import subprocess

import pytest

from base import BUILD, stays
from harness import basic

RULES = [{"name": "xid", "match": ['summary =~ ".*fallen off the bus.*"'], "alert": True,
          "set": {"severity": "critical"}, "group_by": ["host"]}]
LINE = "NVRM: Xid 79: GPU has fallen off the bus"
SENDERS = os.path.join(BUILD, "senders", "node_modules")


@pytest.fixture
def shipped(tocsin, settings):
    def make(fmt, **more):
        values = settings()
        values["collectors"].append({"name": "logs", "type": "intake", "format": fmt, "auth": "none", **more})
        return tocsin(values, RULES)
    return make


def ndjson(*lines):
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def bulk(t, body, path="/_bulk", **headers):
    return t.request("POST", path, body, {"Content-Type": "application/x-ndjson", **headers})


# --- Elasticsearch ------------------------------------------------------------------------------

def test_bulk_answers_an_item_for_each_action(shipped, vendors):
    t = shipped("elastic-bulk")
    answer = bulk(t, ndjson({"create": {"_index": "filebeat-8"}},
                            {"@timestamp": "2026-01-31T12:00:00Z", "message": LINE, "host": {"name": "gpu-4"},
                             "log": {"level": "critical"}},
                            {"index": {"_index": "filebeat-8", "_id": "7"}}, {"message": "served", "host": {"name": "web-1"}},
                            {"index": {"_index": "filebeat-8"}}, "{no json",
                            {"delete": {"_index": "filebeat-8", "_id": "9"}},
                            {"update": {"_index": "filebeat-8", "_id": "3"}}, {"doc": {}}))
    assert answer.status == 200 and answer.headers["X-Elastic-Product"] == "Elasticsearch"
    doc = answer.json
    assert doc["errors"] is True and [list(i)[0] for i in doc["items"]] == ["create", "index", "index", "delete", "update"]
    items = [list(i.values())[0] for i in doc["items"]]
    assert [i["status"] for i in items] == [201, 201, 400, 404, 404]
    assert items[1]["_id"] == "7" and items[0]["_id"] and items[0]["result"] == "created"
    assert items[2]["error"]["type"] == "document_parsing_exception"
    incident, = t.incidents()
    assert incident["summary"] == LINE and t.metric("tocsin_log_records_total", collector="logs") == 2
    vendors.wait_history("pd", incident["id"], ["trigger"])


@pytest.mark.parametrize("body, status, kind", [
    ("", 400, "action_request_validation_exception"),
    ('{"index":{}}\n{"a":1}', 400, "illegal_argument_exception"),
    ('"x"\n', 400, "illegal_argument_exception"),
    ('{"upsert":{}}\n{}\n', 400, "illegal_argument_exception"),
    ('{"index":{}}\n', 400, "illegal_argument_exception"),
])
def test_bulk_that_cannot_be_read(shipped, body, status, kind):
    answer = bulk(shipped("elastic-bulk"), body)
    assert answer.status == status and answer.json["error"]["type"] == kind and answer.json["status"] == status


def test_bulk_packed_and_by_path(shipped):
    t = shipped("elastic-bulk")
    body = gzip.compress(ndjson({"index": {}}, {"log": LINE, "host": "a"}).encode())
    answer = bulk(t, body, "/logs-2026/_bulk", **{"Content-Encoding": "gzip"})
    assert answer.json["errors"] is False and answer.json["items"][0]["index"]["_index"] == "logs-2026"
    assert bulk(t, ndjson({"create": {"_index": "x"}}, {"log": LINE, "host": "b"}), "/v1/in/logs/_bulk").status == 200
    assert len(t.incidents()) == 2


def test_what_clients_ask_first(shipped):
    t = shipped("elastic-bulk")
    info = t.get("/v1/in/logs/")
    assert info.status == 200 and info.headers["X-Elastic-Product"] == "Elasticsearch"
    assert info.json["version"]["number"].startswith("8.") and info.json["tagline"] == "You Know, for Search"
    assert t.get("/_license").json["license"]["status"] == "active"
    assert t.get("/_xpack").json["features"]["ilm"]["enabled"] is True
    for path in ("/_index_template/filebeat-8", "/_ilm/policy/filebeat", "/_template/logstash"):
        assert t.get(path).status == 200
        assert t.request("PUT", path, {}).json == {"acknowledged": True}


def test_bulk_wants_the_password(shipped, monkeypatch):
    monkeypatch.setenv("BEATS", "secret-of-beats")
    t = shipped("elastic-bulk", auth={"user": "beats", "password": "env:BEATS"})
    body = ndjson({"create": {"_index": "x"}}, {"log": "served"})
    answer = bulk(t, body)
    assert answer.status == 401 and answer.json["error"]["type"] == "security_exception"
    assert bulk(t, body, Authorization=basic("beats", "secret-of-beats")).status == 200


# --- OpenTelemetry --------------------------------------------------------------------------------

def otlp(*records):
    return {"resourceLogs": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "trainer"}}, {"key": "host.name", "value": {"stringValue": "gpu-4"}}]},
        "scopeLogs": [{"scope": {"name": "lib", "version": "1"}, "logRecords": list(records)}]}]}


def test_otlp_json(shipped, vendors):
    t = shipped("otlp")
    answer = t.request("POST", "/v1/logs", otlp(
        {"timeUnixNano": "1769860800000000000", "severityNumber": 17, "body": {"stringValue": LINE},
         "attributes": [{"key": "gpu", "value": {"intValue": "3"}}]},
        {"severityNumber": 9, "body": {"stringValue": "epoch done"}}, "no record"))
    assert answer.status == 200
    assert answer.json == {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "a log record is not an object"}}
    incident, = t.incidents()
    alert = t.incident(incident["id"])["alerts"][0]
    assert alert["starts_at"] == "2026-01-31T12:00:00.000Z"
    assert {k: alert["labels"][k] for k in ("host", "unit", "level", "gpu", "scope")} == {
        "host": "gpu-4", "unit": "trainer", "level": "error", "gpu": "3", "scope": "lib"}
    vendors.wait_history("pd", incident["id"], ["trigger"])


def test_otlp_refusals_are_in_the_encoding_of_the_request(shipped):
    t = shipped("otlp")
    answer = t.request("POST", "/v1/logs", "{", {"Content-Type": "application/json"})
    assert answer.status == 400 and answer.json["code"] == 3 and answer.json["message"]
    answer = t.request("POST", "/v1/logs", b"\xff\xff\xff", {"Content-Type": "application/x-protobuf"})
    assert answer.status == 400 and answer.headers["Content-Type"] == "application/x-protobuf"
    assert answer.body[:2] == b"\x08\x03" and b"protobuf" in answer.body
    assert t.request("POST", "/v1/logs", "x", {"Content-Type": "text/plain"}).status == 415
    empty = t.request("POST", "/v1/logs", b"", {"Content-Type": "application/x-protobuf"})
    assert (empty.status, empty.body) == (200, b"")


def varint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, body):
    return bytes([number << 3 | 2]) + varint(len(body)) + body


def test_otlp_protobuf_that_is_nested_without_end(shipped):
    """A value in a value in a value: the stack must not be the limit."""
    t = shipped("otlp")
    value = field(1, b"x")
    for _ in range(3000):
        value = field(5, field(1, value))
    request = field(1, field(2, field(2, field(5, value))))
    assert t.request("POST", "/v1/logs", request, {"Content-Type": "application/x-protobuf"}).status == 200
    record = field(5, field(1, LINE.encode() + b"\xff\x00!"))
    assert t.request("POST", "/v1/logs", field(1, field(2, field(2, record))),
                     {"Content-Type": "application/x-protobuf"}).status == 200
    assert len(t.incidents()) == 1


EXPORT = """
const { LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const { OTLPLogExporter } = require(process.argv[2]);
const { SeverityNumber } = require('@opentelemetry/api-logs');
const exporter = new OTLPLogExporter({ url: process.argv[3], compression: process.argv[4] });
const provider = new LoggerProvider();
const failed = [];
const send = exporter.export.bind(exporter);
exporter.export = (records, done) => send(records, r => { if (r.code !== 0) failed.push(String(r.error)); done(r); });
provider.addLogRecordProcessor(new SimpleLogRecordProcessor(exporter));
const logger = provider.getLogger('lib');
logger.emit({ severityNumber: SeverityNumber.ERROR, body: process.argv[5], attributes: { 'host.name': 'gpu-4', gpu: 3 } });
logger.emit({ severityNumber: SeverityNumber.INFO, body: { epoch: 4, loss: [0.5, 0.25] } });
provider.shutdown().then(() => { if (failed.length) { console.error(failed.join()); process.exit(1); } });
"""


@pytest.mark.parametrize("encoding", ["http", "proto"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_exporters_of_opentelemetry(shipped, vendors, tmp_path, encoding, compression):
    if not os.path.isdir(SENDERS):
        pytest.skip("make senders has not been run")
    t = shipped("otlp")
    script = tmp_path / "export.js"
    script.write_text(EXPORT)
    done = subprocess.run(["node", str(script), f"@opentelemetry/exporter-logs-otlp-{encoding}",
                           f"http://127.0.0.1:{t.port}/v1/logs", compression, LINE],
                          env={**os.environ, "NODE_PATH": SENDERS}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    incident, = t.incidents()
    labels = t.incident(incident["id"])["alerts"][0]["labels"]
    assert labels["gpu"] == "3" and labels["host"] == "gpu-4" and labels["level"] == "error"
    assert t.metric("tocsin_log_records_total", collector="logs") == 2
    vendors.wait_history("pd", incident["id"], ["trigger"])
    stays(lambda: len(t.alerts()) == 1, 0.3, "the other record is only counted")
