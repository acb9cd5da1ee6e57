# SPDX-License-Identifier: Apache-2.0
"""What both Alertmanager and tocsin are asked, good and bad, in this order; and answers without ids and times.

A step is (method, path below /api/v2, body, headers).  Text "@id1" is the first id that an answer held, "@start1" when
that silence began, "@now+60" a time from now, in seconds.

Run as a program, it asks Debian's Alertmanager and writes what it answers to golden/alertmanager.json.
"""
import datetime
import http.client
import json
import os
import re
import tempfile

import debian
from base import HERE, Answer, wait_until

API = "/api/v2"
NIL = "00000000-0000-0000-0000-000000000000"
NOBODY = "01234567-0123-0123-0123-012345678901"

CONFIG = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  routes:
  - receiver: data
    matchers: ['team="data"']
receivers: [{name: ops}, {name: data}]
"""

ALERTS = [
    {"labels": {"alertname": "A", "severity": "page", "empty": ""}, "annotations": {"summary": "s"},
     "generatorURL": "http://prometheus.example/graph"},
    {"labels": {"alertname": "A", "severity": "page", "instance": "b:1"}, "startsAt": "2026-01-01T00:00:00Z"},
    {"labels": {"alertname": "A", "job": "z", "instance": "a:1"}},
    {"labels": {"alertname": "A", "job": "y", "instance": "c:1", "zone": "1"}},
    {"labels": {"alertname": "B", "team": "data", "dc": " W \u00e9 \"q\" \\ \n <&>"}},
    {"labels": {"team": "web", "host": "no-name"}, "annotations": {"description": "an alert without alertname"}},
]


def silence(**more):
    return {"matchers": [{"name": "alertname", "value": "B", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
            "endsAt": "2099-01-01T00:00:00.000Z", "createdBy": "anna", "comment": "works", **more}


def matcher(name, value, regex=False, **more):
    return {"name": name, "value": value, "isRegex": regex, **more}


def without(doc, name):
    return {k: v for k, v in doc.items() if k != name}


JSON = {"Content-Type": "application/json"}


def asks(method, path, *bodies, headers=None):
    return [(method, path, body, JSON if headers is None and body is not None else headers or {})
            for body in bodies or (None,)]


def escaped(text):
    return "".join(f"%{b:02X}" for b in text.encode())


def gets(*paths):
    return [("GET", path, None, {}) for path in paths]


NOTHING_THERE = [
    *gets("/nothing", "/", "/silence/", "/silence", "/alerts/x", "/alerts/groups/x", "/openapi.yaml", "/swagger.json"),
    *asks("PUT", "/alerts", []), *asks("DELETE", "/alerts"), *asks("PATCH", "/alerts", []), *asks("POST", "/status", {}),
    *asks("POST", "/receivers", {}), *asks("DELETE", "/silences"), *asks("PUT", f"/silence/{NOBODY}", {}),
    *asks("POST", f"/silence/{NOBODY}", {}), *asks("POST", "/alerts/groups", []), *asks("OPTIONS", "/alerts"),
    *asks("OPTIONS", "/nothing"), *asks("POST", "/nothing", {}),
    ("GET", "/alerts", None, {"Accept": "text/html"}), ("GET", "/alerts", None, {"Accept": "application/json"}),
    ("GET", "/alerts", None, {"Accept": "text/html, */*;q=0.8"}), ("GET", "/alerts", None, {"Accept": "application/*"}),
    ("GET", "/nothing", None, {"Accept": "text/html"}),
]

BAD_ALERTS = [
    *asks("POST", "/alerts", b"", b" ", b"{bad", b"[", b"[]x", b"nonsense", b"null", b"1", b'"x"', b"true", b"{}", b"[{}",
          b"\xef\xbb\xbf[]", b'{"labels": {"a": "b"}}'),
    *asks("POST", "/alerts", [{}], [None], [1], ["x"], [[]], [{"labels": {}}], [{"labels": None}], [{"labels": []}],
          [{"labels": "x"}], [{"labels": {"a": 1}}], [{"labels": {"a": None}}], [{"labels": {"a": {}}}],
          [{"labels": {"a": True}}], [{"labels": {"": "c"}}], [{"labels": {"a": ""}}], [{"annotations": {"summary": "s"}}], [{"labels": {"a": "b"}, "annotations": []}],
          [{"labels": {"a": "b"}, "annotations": {"x": 1}}], [{"labels": {"a": "b"}, "startsAt": "yesterday"}],
          [{"labels": {"a": "b"}, "startsAt": 1}], [{"labels": {"a": "b"}, "startsAt": {}}],
          [{"labels": {"a": "b"}, "endsAt": "2026-13-01T00:00:00Z"}], [{"labels": {"a": "b"}, "startsAt": "2026-11-22T00:00:00Z", "endsAt": "2020-01-01T00:00:00Z"}],
          [{"labels": {"x": "y"}}, {}], [{}, {"labels": {"x": "y"}}], [{"labels": {"x": "y"}}, 1]),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": "text/plain"}),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": "application/json; charset=utf-8"}),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": "Application/JSON"}),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": "nonsense"}),
    *asks("POST", "/alerts", b"[]", headers={"Content-Type": ""}),
    *asks("POST", "/alerts", b"[]", headers={}),
    *gets("/alerts"),
]

GOOD_ALERTS = [
    *gets("/receivers", "/alerts", "/alerts/", "/silences", "/alerts/groups"),
    *asks("POST", "/alerts", [], ALERTS),
    *gets("/alerts", "/alerts/groups"),
    # the same again, longer, with other text
    *asks("POST", "/alerts", [{"labels": {"alertname": "A", "severity": "page", "instance": "b:1"},
                               "startsAt": "2026-01-01T00:00:00Z", "endsAt": "@now+3600",
                               "annotations": {"summary": "again"}}]),
    *gets("/alerts?filter=instance%3D%22b%3A1%22"),
    *asks("POST", "/alerts", [{"labels": {"alertname": "D"}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "@now+3600",
                               "unknown": 1}],
          [{"labels": {"alertname": "F"}, "endsAt": "0001-01-01T00:00:00Z", "startsAt": "0001-01-01T00:00:00.000Z",
            "annotations": {}, "generatorURL": ""}],
          [{"labels": {"alertname": "G"}, "annotations": None}],
          [{"labels": {"alertname": "H"}, "startsAt": "2026-01-01T10:00:00.123456+02:00"}],
          [{"labels": {"alertname": "I"}, "startsAt": None, "endsAt": None, "generatorURL": None}],
          [{"labels": {"alertname": "K", "x": "1"}, "annotations": {"full": "f"}}]),
    *gets("/alerts", "/alerts/groups"),
    *asks("POST", "/alerts", [{"labels": {"alertname": "D"}, "endsAt": "@now+0"}],
          [{"labels": {"alertname": n}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "@now+0"} for n in "FGHI"],
          [{"labels": {"alertname": "K", "x": "1"}, "endsAt": "2026-01-01T00:00:00Z"}],
          [{"labels": {"alertname": "never"}, "endsAt": "2026-01-01T00:00:00Z"}]),
    *gets("/alerts", "/alerts/groups"),
    *asks("POST", "/alerts", [{"labels": {"alertname": "C"}}, {"labels": {"a": ""}},
                              {"labels": {"a": "b"}, "startsAt": "2026-11-22T00:00:00Z",
                               "endsAt": "2020-01-01T00:00:00Z"}]),
    *gets("/alerts?filter=alertname%3D%22C%22"),
    *asks("POST", "/alerts", [{"labels": {"alertname": "C"}, "endsAt": "2026-01-01T00:00:00Z",
                               "startsAt": "2026-01-01T00:00:00Z"}]),
    *gets("/alerts?filter=alertname%3D%22C%22"),
]

FILTERS = [
    'alertname="A"', "alertname=A", "alertname!=A", "alertname=~A|B", "alertname=~.", "alertname!~A", 'instance=""',
    "instance=", '{alertname="A"}', 'alertname="A",severity="page"', '{alertname="A",severity="page"}', "nobody=x",
    " alertname = A ", 'alertname="A', "alertname", "=A", '="A"', '""="A"', "alertname=~[", "alertname~A", "alertname==A",
    "alertname<A", "a-b=c", '"alertname"="A"', "alertname=A,", ",", "", "{}", "{alertname=A", "alertname=A}", "dc=~.*q.*",
    "alertname=\"\\\"\"", "alertname=A B", "alertname='A'", "alertname=~(?i)a",
]

READING = [
    *gets(*("/alerts?filter=" + escaped(f) for f in FILTERS)),
    *gets("/alerts?filter=alertname%3DA&filter=severity%3Dpage", "/alerts?filter=alertname%3DA&filter=bad",
          "/alerts?receiver=ops", "/alerts?receiver=da.*", "/alerts?receiver=at", "/alerts?receiver=ops|data",
          "/alerts?receiver=%5B", "/alerts?receiver=", "/alerts?receiver=nobody", "/alerts?active=false",
          "/alerts?active=maybe", "/alerts?active=", "/alerts?active=0", "/alerts?active=1", "/alerts?active=TRUE",
          "/alerts?silenced=false", "/alerts?inhibited=false", "/alerts?unprocessed=false", "/alerts?unknown=1",
          "/alerts?active=false&active=true", "/alerts?active=true&active=false",
          "/alerts/groups?receiver=data", "/alerts/groups?receiver=%5B", "/alerts/groups?filter=team%3Ddata",
          "/alerts/groups?filter=bad", "/alerts/groups?filter=alertname%3DA&filter=job%3Dz", "/alerts/groups?active=false",
          "/alerts/groups?silenced=false", "/alerts/groups?inhibited=false", "/alerts/groups?unprocessed=false",
          "/alerts/groups?receiver=nobody"),
]

BAD_SILENCES = [
    *asks("POST", "/silences", b"", b"{bad", b"[]", b"null", b"1", b'"x"', b"nonsense", b"{}x"),
    *asks("POST", "/silences", {}, silence(matchers=[]), silence(matchers=None), silence(matchers={}),
          silence(matchers="x"), silence(matchers=[None]), silence(matchers=[{}]), silence(matchers=[1]),
          silence(matchers=[{"name": "a", "value": "b"}]), silence(matchers=[{"name": "a", "isRegex": False}]),
          silence(matchers=[{"value": "b", "isRegex": False}]), silence(matchers=[matcher("", "b")]),
          silence(matchers=[matcher("a", 1)]), silence(matchers=[matcher("a", "b", "x")]),
          silence(matchers=[matcher("a", "b", isEqual="x")]), 
          silence(matchers=[matcher("a", "[", True)]), silence(matchers=[matcher("a", ".*", True)]),
          silence(matchers=[matcher("a", "")]),
          *(without(silence(), n) for n in ("startsAt", "endsAt", "createdBy", "comment", "matchers")),
          *(silence(**{n: None}) for n in ("startsAt", "endsAt", "createdBy", "comment")),
          *(silence(**{n: 1}) for n in ("startsAt", "endsAt", "createdBy", "comment", "id")),
          silence(startsAt="soon"), silence(startsAt="", endsAt=""),
          silence(startsAt="2098-01-01T00:00:00Z", endsAt="2097-01-01T00:00:00Z"),
          silence(startsAt="2097-01-01T00:00:00Z", endsAt="2097-01-01T00:00:00Z"),
          silence(endsAt="2021-01-01T00:00:00Z"), silence(endsAt="2019-01-01T00:00:00Z"),
          silence(id=NOBODY), silence(id=NIL), silence(id="xyz")),
    *asks("POST", "/silences", silence(), headers={"Content-Type": "text/plain"}),
    *asks("POST", "/silences", silence(), headers={}),
    *gets("/silences", f"/silence/{NOBODY}", f"/silence/{NIL}", "/silence/xyz", f"/silence/{NOBODY.replace('-', '')}",
          "/silence/01234567-0123-0123-0123-01234567890A", "/silence/01234567-0123-0123-0123-01234567890g",
          f"/silence/{NOBODY}/", f"/silence/{NOBODY}/x"),
    *asks("DELETE", "/silence/xyz"), *asks("DELETE", f"/silence/{NOBODY}"), *asks("DELETE", f"/silence/{NIL}"),
]

SILENCES = [
    *asks("POST", "/silences", silence()),                                                              # id1
    *gets("/silence/@id1", "/silences", "/alerts", "/alerts/groups", "/alerts?silenced=false", "/alerts?active=false",
          "/alerts/groups?silenced=false", "/alerts/groups?active=false",
          "/alerts?silenced=false&inhibited=false&active=true&unprocessed=false"),
    *asks("POST", "/silences",
          silence(id="", matchers=[matcher("alertname", "A|B", True), matcher("host", "x", isEqual=False)],
                  comment="two", endsAt="2099-03-01T00:00:00Z"),                       # id2
          silence(startsAt="2098-01-01T00:00:00Z", comment="later"),                                    # id3
          silence(startsAt="2097-01-01T00:00:00Z", comment="sooner", createdBy="\u00e9 <b>", unknown=1),  # id4
          silence(endsAt="2098-01-01T00:00:00Z", matchers=[matcher("alertname", "b|B", True, isEqual=True)])),  # id5
    *gets("/silences", "/alerts?filter=alertname%3D%22B%22", "/alerts/groups"),
    *gets(*("/silences?filter=" + escaped(f) for f in ('alertname="B"', 'alertname=~"B"', "alertname=B", 'alertname=~"A|B"', 'host!="x"', "host!=x",
                      'alertname="B",host!="x"', "bad", '{alertname="B"}', "alertname=~[", "", "nobody=x"))),
    # changes: a comment alone and an end keep the id, other matchers or another start do not
    *asks("POST", "/silences", silence(id="@id1", startsAt="@start1", comment="longer", endsAt="2099-02-01T00:00:00Z")),
    *gets("/silence/@id1"),
    *asks("POST", "/silences", silence(id="@id3", startsAt="2098-03-01T00:00:00Z", comment="moved")),
    *gets("/silence/@id3"),
    *asks("POST", "/silences", silence(id="@id3", matchers=[matcher("alertname", "Z")], comment="other",
                                            endsAt="2097-01-01T00:00:00Z")),
    *gets("/silence/@id3", "/silences"),
    *asks("DELETE", "/silence/@id1"), *asks("DELETE", "/silence/@id1"),
    *gets("/silence/@id1"),
    *asks("POST", "/silences", silence(id="@id1", startsAt="@now+0", comment="again", endsAt="2096-01-01T00:00:00Z")),
    *asks("DELETE", "/silence/@id4"),
    *gets("/silences", "/alerts", "/alerts/groups"),
]

# What is answered otherwise, on purpose, and with which status.
OURS = {
    ("POST", "/alerts", b"[]x"): 400,                       # nothing is passed over in silence
    ("POST", "/silences", b"{}x"): 400,
    ("POST", "/alerts", b"\xef\xbb\xbf[]"): 200,            # a byte order mark does no harm
    ("POST", "/alerts", "[null]"): 400,                     # there the connection is cut
    ("POST", "/silences", json.dumps(silence(matchers=[None]))): 400,
    ("DELETE", f"/silence/{NOBODY}", None): 404,            # as releases after 0.25 do
    ("DELETE", f"/silence/{NIL}", None): 404,
    **{("GET", f"{path}?filter={escaped(f)}", None): 200    # names in quotes as they do, and lists of matchers
       for path, filters in (("/alerts", ('{alertname="A"}', 'alertname="A",severity="page"', "a-b=c", '"alertname"="A"',
                                          '{alertname="A",severity="page"}')),
                             ("/silences", ('alertname="B",host!="x"', '{alertname="B"}')))
       for f in filters},
}

STEPS = [*NOTHING_THERE, *BAD_ALERTS, *GOOD_ALERTS, *READING, *BAD_SILENCES, *SILENCES]


# --- asking ----------------------------------------------------------------------------------------

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$")
AHEAD = (0, 300, 3600, 7200)                 # seconds: what times of an answer may lie ahead of now


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Talk:
    """All steps in a row with one server; each answer as [status, content type, body] without ids and times."""

    def __init__(self, port):
        self.port = port
        self.begun = now() - datetime.timedelta(seconds=1)
        self.ids, self.starts = [], {}

    def filled(self, value):
        """A step's text with the ids and times that it speaks of."""
        if isinstance(value, dict):
            return {k: self.filled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        if not isinstance(value, str) or "@" not in value:
            return value
        value = re.sub(r"@now\+(\d+)", lambda m: (now() + datetime.timedelta(seconds=int(m[1]))).isoformat(), value)
        value = re.sub(r"@start(\d+)", lambda m: self.starts[self.ids[int(m[1]) - 1]], value)
        return re.sub(r"@id(\d+)", lambda m: self.ids[int(m[1]) - 1], value)

    def plain_text(self, text):
        if UUID.match(text) and text not in (NIL, NOBODY):
            if text not in self.ids:
                self.ids.append(text)
            return f"id{self.ids.index(text) + 1}"
        if TIME.match(text):
            at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            for seconds in AHEAD:
                ahead = datetime.timedelta(seconds=seconds)
                if self.begun + ahead <= at <= now() + ahead + datetime.timedelta(seconds=1):
                    return f"now+{seconds}"
            return at.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return text

    def plain(self, value):
        if isinstance(value, dict):
            if "id" in value and "startsAt" in value:
                self.starts[value["id"]] = value["startsAt"]
            return {k: self.plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.plain(v) for v in value]
        return self.plain_text(value) if isinstance(value, str) else value

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request(method, API + path, body=body, headers=dict(headers))
            r = connection.getresponse()
            return Answer(r.status, r.headers, r.read())
        except http.client.RemoteDisconnected:
            return Answer(0, {}, b"")
        finally:
            connection.close()

    def is_settled(self):
        """Groups form some time after their alerts came."""
        alerts, groups = (self.ask("GET", path).json for path in ("/alerts", "/alerts/groups"))
        return sorted(a["fingerprint"] for a in alerts) == sorted(a["fingerprint"] for g in groups for a in g["alerts"])

    def step(self, method, path, body, headers):
        filled = self.filled(body)
        raw = filled if filled is None or isinstance(filled, bytes) else json.dumps(filled).encode()
        answer = self.ask(method, self.filled(path), raw, headers)
        kind = (answer.headers.get("Content-Type") or "").split(";")[0]
        if method == "POST" and path == "/alerts":
            wait_until(self.is_settled, 20, "the groups hold all alerts")
        return [answer.status, kind, self.plain(json.loads(answer.body)) if answer.body else ""]

    def all(self):
        return [self.step(*step) for step in STEPS]


def comparable(value):
    """Without what newer releases say more, the reasons that Go's libraries give, and orders that are random."""
    if isinstance(value, dict):
        if "matchers" in value:
            value = {k: v for k, v in value.items() if k != "annotations"}
        return {k: sorted(v) if k == "silencedBy" else comparable(v) for k, v in value.items()
                if k not in ("mutedBy", "routeLabels")}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"(body from \"\" failed, because|error parsing regexp:) .*", r"\1", value, flags=re.S)
    return re.sub(r"\[([A-Z,]+)\] are", lambda m: ",".join(sorted(m[1].split(","))), value)


def told(step):
    """A step on one line, for people."""
    body = step[2] if step[2] is None or isinstance(step[2], bytes) else json.dumps(step[2])
    return (step[0], step[1], body)


def ours(step):
    """The status that stands for a deliberate difference; None: there is none."""
    return OURS.get(told(step))


GOLDEN = os.path.join(HERE, "golden", "alertmanager.json")


def golden():
    with open(GOLDEN, encoding="utf-8") as f:
        return json.load(f)


def alertmanager(folder):
    return debian.alertmanager(folder, CONFIG)


def main():
    with tempfile.TemporaryDirectory() as folder:
        peer = alertmanager(folder)
        try:
            answers = [comparable(a) for a in Talk(peer.port).all()]
        finally:
            peer.close()
    os.makedirs(os.path.dirname(GOLDEN), exist_ok=True)
    with open(GOLDEN, "w", encoding="utf-8") as f:
        rows = [json.dumps([f"{s[0]} {s[1]}", *a], ensure_ascii=False) for s, a in zip(STEPS, answers)]
        f.write("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
