# SPDX-License-Identifier: Apache-2.0
"""What the fake pagers know and check; vendors.py puts them on the network.

handle() raises its answer as a Reply.  Each vendor keeps an Alert for every key: its state over there, how often a
person would have been paged, and what happened when.
"""
import datetime
import json
import re
import threading
import time
import urllib.parse
import uuid

MODES = ("ok", "down", "error500", "ratelimit", "slow", "lost", "reject")
KEYS = {"pagerduty": "0123456789abcdef0123456789abcdef", "opsgenie": "0a1b2c3d-0000-4000-8000-00000000c0de",
        "jsm": "0a1b2c3d-0000-4000-8000-00000000c0de", "victorops": "5f0c1d2e-0000-4000-8000-00000000c0de"}
BODY_MAX = 512000


class Reply(Exception):
    """An answer: raised by whoever knows it."""

    def __init__(self, status, body=None, headers=None, why=None):
        super().__init__(status)
        self.status, self.body, self.headers, self.why = status, body, headers or {}, why


class Alert:
    """What a vendor knows of one key."""

    def __init__(self, key):
        self.key, self.state, self.pages, self.opened, self.count = key, "none", 0, 0, 0
        self.summary, self.severity, self.vendor_id, self.data, self.history = "", "", "", {}, []

    def dump(self):
        return {k: getattr(self, k) for k in ("state", "pages", "opened", "count", "summary", "severity", "vendor_id",
                                              "data", "history")}


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a member is there twice")
    return dict(pairs)


def is_text(value, longest, shortest=0):
    return isinstance(value, str) and shortest <= len(value) <= longest


def is_link(value, schemes=("http", "https")):
    if not isinstance(value, str):
        return False
    u = urllib.parse.urlsplit(value)
    return u.scheme in schemes and bool(u.netloc)


class Vendor:
    name = "?"

    def __init__(self, key, printer=None):
        self.key, self.printer = key, printer
        self.lock = threading.RLock()
        self.alerts, self.violations = {}, []
        self.requests = self.accepted = self.refused = self.dropped = 0
        self.mode, self.mode_until, self.options = "ok", None, {}

    # --- misbehaviour ---
    def set_mode(self, mode, for_s=None, **options):
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}")
        with self.lock:
            self.mode, self.options = mode, options
            self.mode_until = time.monotonic() + for_s if for_s else None

    def current_mode(self):
        with self.lock:
            if self.mode_until is not None and time.monotonic() >= self.mode_until:
                self.mode, self.mode_until = "ok", None
            return self.mode

    # --- bookkeeping ---
    def violate(self, why, body=None):
        with self.lock:
            self.violations.append({"at": time.time(), "vendor": self.name, "why": why,
                                    "body": repr(body)[:500] if body is not None else None})

    def note(self, alert, what, paged=False, **more):
        alert.history.append({"at": time.time(), "what": what, "paged": paged, **more})
        alert.pages += paged
        if self.printer:
            self.printer(f"{datetime.datetime.now():%H:%M:%S} {self.name:<9} {what:<15} {'PAGES' if paged else '':<5} "
                         f"…{alert.key[-8:]} [{alert.severity}] {alert.summary}")

    def alert(self, key):
        return self.alerts.setdefault(key, Alert(key))

    def dump(self):
        with self.lock:
            self.settle()
            return {"mode": self.current_mode(), "requests": self.requests, "accepted": self.accepted,
                    "refused": self.refused, "dropped": self.dropped,
                    "pages": sum(a.pages for a in self.alerts.values()),
                    "alerts": {k: a.dump() for k, a in self.alerts.items()}, "violations": list(self.violations)}

    def told(self):
        with self.lock:
            return {k: [a.pages, [h["what"] for h in a.history]] for k, a in self.alerts.items() if a.state != "none"}

    def settle(self):
        """What is worked off later."""

    def parse(self, headers, raw):
        if headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
            self.violate(f"content type is {headers.get('Content-Type')!r}")
        try:
            doc = json.loads(raw.decode("utf-8"), object_pairs_hook=no_duplicates,
                             parse_constant=lambda c: (_ for _ in ()).throw(ValueError(f"{c} is not JSON")))
        except (ValueError, UnicodeDecodeError) as e:
            self.violate(f"body is not JSON: {e}", raw)
            raise self.bad_json() from e
        if not isinstance(doc, dict):
            self.violate("body is not an object", raw)
            raise self.bad_json()
        return doc

    def unknown_members(self, doc, known):
        for k in doc:
            if k not in known:
                self.violate(f"unknown member '{k}'", doc)

    # --- answers of a bad day ---
    def bad_day(self, mode):
        retry_after = str(self.options.get("retry_after", 1))
        if mode == "error500":
            raise Reply(500, {"message": "internal error"})
        if mode == "ratelimit":
            raise Reply(429, self.throttled(), {"Retry-After": retry_after})
        if mode == "reject":
            raise self.rejection()

    def throttled(self):
        return {"message": "Request Limit Exceeded"}


class PagerDuty(Vendor):
    name = "pagerduty"
    members = {"routing_key", "event_action", "dedup_key", "client", "client_url", "links", "images", "payload"}
    payload_members = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}

    def invalid(self, errors, doc=None):
        self.violate("; ".join(errors), doc)
        return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})

    def bad_json(self):
        return Reply(400, {"status": "Unrecognized object", "message": "Event object format is unrecognized",
                           "errors": ["JSON parse error"]})

    def rejection(self):
        return Reply(400, {"status": "invalid event", "message": "Event object is invalid",
                           "errors": ["Invalid routing key"]})

    def handle(self, method, path, query, headers, raw):
        if path != "/v2/enqueue":
            self.violate(f"no such path '{path}'")
            raise Reply(404, {"message": "Not Found"})
        if method != "POST":
            self.violate(f"method {method}")
            raise Reply(405, {"message": "Method Not Allowed"})
        if len(raw) > BODY_MAX:
            self.violate(f"body of {len(raw)} bytes")
            raise Reply(413, {"message": "Payload Too Large"})
        doc = self.parse(headers, raw)
        self.check(doc)
        with self.lock:
            self.apply(doc)
            self.accepted += 1
        raise Reply(202, {"status": "success", "message": "Event processed", "dedup_key": doc.get("dedup_key")})

    def check(self, doc):
        errors, key = [], doc.get("routing_key")
        self.unknown_members(doc, self.members)
        if not isinstance(key, str) or len(key) != 32:
            errors.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        elif not key.isalnum():
            errors.append("'routing_key' cannot contain non-alphanumeric characters.")
        elif key != self.key:
            errors.append("Invalid routing key")
        if doc.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            errors.append("'event_action' is missing or invalid")
        if doc.get("event_action") != "trigger" and not is_text(doc.get("dedup_key"), 255, 1):
            errors.append("'dedup_key' is missing or blank")
        if "dedup_key" in doc and not is_text(doc["dedup_key"], 255, 1):
            errors.append("Length of 'dedup_key' is incorrect")
        if doc.get("event_action") == "trigger":
            errors += self.check_payload(doc.get("payload"))
        for link in doc.get("links", []):
            if not isinstance(link, dict) or not is_link(link.get("href")) or not isinstance(link.get("text", ""), str):
                errors.append("'links' is invalid")
        for image in doc.get("images", []):
            if not isinstance(image, dict) or not is_link(image.get("src"), ("https",)):
                errors.append("'images' is invalid")
        for k in ("client", "client_url"):
            if k in doc and not isinstance(doc[k], str):
                errors.append(f"'{k}' is not a string")
        if errors:
            raise self.invalid(errors, doc)

    def check_payload(self, p):
        errors = []
        if not isinstance(p, dict):
            return ["'payload' is missing or blank"]
        self.unknown_members(p, self.payload_members)
        if not is_text(p.get("summary"), 1024, 1):
            errors.append("'payload.summary' is missing or blank")
        if not isinstance(p.get("source"), str) or not p["source"]:
            errors.append("'payload.source' is missing or blank")
        if p.get("severity") not in ("critical", "error", "warning", "info"):
            errors.append("'payload.severity' is missing or blank")
        if "timestamp" in p:
            try:
                datetime.datetime.fromisoformat(str(p["timestamp"]).replace("Z", "+00:00"))
            except ValueError:
                errors.append("'payload.timestamp' is not ISO 8601")
        errors += [f"'payload.{k}' is not a string" for k in ("component", "group", "class")
                   if k in p and not isinstance(p[k], str)]
        if not isinstance(p.get("custom_details", {}), dict):
            errors.append("'payload.custom_details' is not an object")
        return errors

    def apply(self, doc):
        action = doc["event_action"]
        if action == "trigger":
            doc.setdefault("dedup_key", uuid.uuid4().hex)
            a = self.alert(doc["dedup_key"])
            fresh = a.state in ("none", "resolved")
            a.summary, a.severity, a.data = doc["payload"]["summary"], doc["payload"]["severity"], doc
            a.count += 1
            if fresh:
                a.state = "triggered"
                a.opened += 1
            self.note(a, "trigger", paged=fresh)
            return
        a = self.alerts.get(doc["dedup_key"])
        if a is None or a.state in ("none", "resolved"):     # dropped in silence, still a 202
            self.dropped += 1
            return
        a.state = "acknowledged" if action == "acknowledge" else "resolved"
        self.note(a, action)


class Opsgenie(Vendor):
    name = "opsgenie"
    prefix = "/v2/alerts"
    create_members = {"message", "alias", "description", "responders", "visibleTo", "actions", "tags", "details", "entity",
                      "source", "priority", "user", "note"}
    verbs = ("acknowledge", "unacknowledge", "close", "notes")
    puts = ("message", "description", "priority")
    work_s = 0.02                            # a write is worked off this much later

    def __init__(self, key, printer=None):
        super().__init__(key, printer)
        self.queue, self.fates, self.polls = [], {}, {}

    def answer(self, **more):
        return {"took": 0.003, "requestId": str(uuid.uuid4()), **more}

    def bad_json(self):
        return Reply(400, self.answer(message="Could not parse the request body"))

    def throttled(self):
        return self.answer(message="You are making too many requests!")

    def rejection(self):
        return self.invalid({"message": "Message can not be empty."}, None, ours=True)

    def invalid(self, errors, doc, ours=False):
        if not ours:
            self.violate("; ".join(f"{k}: {v}" for k, v in errors.items()), doc)
        return Reply(422, self.answer(message="Request body is not processable. Please check the errors.", errors=errors))

    def handle(self, method, path, query, headers, raw):
        if headers.get("Authorization") != f"GenieKey {self.key}":
            self.violate("wrong or missing GenieKey")
            raise Reply(401, self.answer(message="Key format is not valid!"))
        parts = [urllib.parse.unquote(p) for p in path.split("/")[1:]]
        if parts[:2] != ["v2", "alerts"]:
            self.violate(f"no such path '{path}'")
            raise Reply(404, self.answer(message="Not Found"))
        if method == "GET" and parts[2:3] == ["requests"] and len(parts) == 4:
            self.fate(parts[3])
        if method == "GET" and len(parts) == 3:
            self.look(parts[2], query)
        if method == "POST" and len(parts) == 2:
            self.accept("create", None, self.check_create(self.parse(headers, raw)))
        if len(parts) == 4 and ((method == "POST" and parts[3] in self.verbs) or (method == "PUT" and parts[3] in self.puts)):
            doc = self.parse(headers, raw)
            self.check_action(parts[3], doc)
            # without identifierType the vendor looks for an id, and an alias is none
            self.accept(parts[3], parts[2] if query.get("identifierType") == ["alias"] else None, doc)
        self.violate(f"{method} {path}")
        raise Reply(405, self.answer(message=f"Request method '{method}' not supported"))

    def check_create(self, doc):
        errors = {}
        self.unknown_members(doc, self.create_members)
        for k, longest, shortest in (("message", 130, 1), ("alias", 512, 1), ("description", 15000, 0), ("entity", 512, 0),
                                     ("source", 100, 0), ("user", 100, 0), ("note", 25000, 0)):
            if (k in doc or k == "message") and not is_text(doc.get(k), longest, shortest):
                errors[k] = f"{k.capitalize()} is missing, no text or too long."
        if doc.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
            errors["priority"] = "Priority should be P1 to P5."
        for k, most in (("tags", 20), ("actions", 10)):
            value = doc.get(k, [])
            if not isinstance(value, list) or len(value) > most or not all(is_text(v, 50, 1) for v in value):
                errors[k] = f"at most {most} texts of at most 50 characters"
        details = doc.get("details", {})
        if not isinstance(details, dict) or not all(isinstance(v, str) for v in details.values()) \
                or sum(len(k) + len(v) for k, v in details.items()) > 8000:
            errors["details"] = "texts of at most 8000 characters together"
        for k in ("responders", "visibleTo"):
            value = doc.get(k, [])
            if not isinstance(value, list) or len(value) > 50 or not all(self.is_responder(r) for r in value):
                errors[k] = "not a list of responders"
        if errors:
            raise self.invalid(errors, doc)
        return doc

    @staticmethod
    def is_responder(r):
        if not isinstance(r, dict) or r.get("type") not in ("user", "team", "escalation", "schedule"):
            return False
        names = ("id", "username") if r["type"] == "user" else ("id", "name")
        return any(is_text(r.get(n), 512, 1) for n in names)

    def check_action(self, verb, doc):
        errors = {}
        self.unknown_members(doc, {verb} if verb in self.puts else {"user", "source", "note"})
        longest = {"message": 130, "description": 15000, "priority": 2}
        if verb in longest and not is_text(doc.get(verb), longest[verb], 1):
            errors[verb] = "missing, no text or too long"
        if verb == "priority" and doc.get("priority") not in ("P1", "P2", "P3", "P4", "P5"):
            errors["priority"] = "Priority should be P1 to P5."
        if verb == "notes" and not is_text(doc.get("note"), 25000, 1):
            errors["note"] = "Note can not be empty."
        for k, most in (("user", 100), ("source", 100), ("note", 25000)):
            if k in doc and not is_text(doc[k], most):
                errors[k] = "no text or too long"
        if errors:
            raise self.invalid(errors, doc)

    def accept(self, verb, alias, doc):
        with self.lock:
            body = self.answer(result="Request will be processed")
            self.queue.append((time.monotonic() + self.work_s, body["requestId"], verb, alias, doc))
            self.polls[body["requestId"]] = 0
            self.accepted += 1
        raise Reply(202, body, {"X-Request-ID": body["requestId"], "X-RateLimit-State": "OK"})

    def settle(self):
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, request, verb, alias, doc = self.queue.pop(0)
            self.fates[request] = self.work(verb, alias, doc)

    def fate(self, request):
        with self.lock:
            self.settle()
            if request not in self.polls:
                self.violate("asked for a request that was never made")
                raise Reply(404, self.answer(message="Request not found"), {"X-Opsgenie-Errortype": "RequestNotFound"})
            self.polls[request] += 1
            if self.polls[request] == 1 or request not in self.fates:
                raise Reply(404, self.answer(message="Request not found. It might not be processed, yet."),
                            {"X-Opsgenie-Errortype": "RequestNotProcessed"})
            raise Reply(200, {"data": self.fates[request], "took": 0.02, "requestId": str(uuid.uuid4())})

    def look(self, alias, query):
        with self.lock:
            self.settle()
            a = self.alerts.get(alias) if query.get("identifierType") == ["alias"] else None
            if a is None:
                raise Reply(404, self.answer(message="Alert does not exist"))
            raise Reply(200, self.answer(data={
                "id": a.vendor_id, "alias": a.key, "message": a.summary, "priority": a.severity, "count": a.count,
                "status": "closed" if a.state == "closed" else "open", "acknowledged": a.state == "acknowledged"}))

    def work(self, verb, alias, doc):
        def result(ok, status, a=None):
            return {"success": ok, "isSuccess": ok, "action": verb.capitalize(), "status": status,
                    "processedAt": datetime.datetime.utcnow().isoformat(timespec="milliseconds") + "Z",
                    "integrationId": "c3cec2e4-0000-4000-8000-000000000001",
                    "alertId": a.vendor_id if a else "", "alias": a.key if a else ""}
        if verb == "create":
            return result(True, "Created alert", self.create(doc))
        a = self.alerts.get(alias)
        if a is None or a.state in ("none", "closed"):
            self.dropped += 1
            return result(False, "Alert does not exist")
        if verb == "acknowledge" and a.state == "acknowledged":
            return result(False, "Alert is already acknowledged", a)
        if verb == "unacknowledge" and a.state != "acknowledged":
            return result(False, "Alert is already un-acknowledged", a)
        if verb in self.puts:
            a.data[verb] = doc[verb]
            a.summary, a.severity = a.data["message"], a.data.get("priority", "P3")
        elif verb != "notes":
            a.state = {"acknowledge": "acknowledged", "unacknowledge": "open", "close": "closed"}[verb]
        self.note(a, verb, paged=verb == "unacknowledge", **({"note": doc.get("note")} if "note" in doc else {}))
        return result(True, f"{verb} done", a)

    def create(self, doc):
        a = self.alert(doc.get("alias") or str(uuid.uuid4()))
        a.count += 1
        if a.state in ("open", "acknowledged"):              # the alias is open: only counted
            self.note(a, "create (again)")
            return a
        a.state, a.vendor_id, a.data = "open", str(uuid.uuid4()), dict(doc)
        a.opened += 1
        a.summary, a.severity = doc["message"], doc.get("priority", "P3")
        self.note(a, "create", paged=True)
        return a


class Jsm(Opsgenie):
    """The integration events API: Opsgenie's words without updates and without un-acknowledgement."""
    name = "jsm"
    verbs = ("acknowledge", "close", "notes")
    puts = ()


class VictorOps(Vendor):
    name = "victorops"
    types = ("CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY", "OK")
    route = re.compile(r"^/integrations/generic/20131114/alert/([^/]+)/([^/]*)$")

    def failure(self, why, doc=None):
        self.violate(why, doc)
        return Reply(200, {"result": "failure", "message": why})

    def bad_json(self):
        return Reply(200, {"result": "failure", "message": "body is not JSON"})

    def rejection(self):
        return Reply(200, {"result": "failure", "message": "Missing fields: message_type"})

    def handle(self, method, path, query, headers, raw):
        m = self.route.match(path)
        if m is None or urllib.parse.unquote(m.group(1)) != self.key or method != "POST":
            self.violate(f"no such way in: {method}")
            raise Reply(404, why="not found")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", m.group(2)):
            self.violate(f"routing key '{m.group(2)}'")
        doc = self.parse(headers, raw)
        self.check(doc)
        with self.lock:
            key = doc.get("entity_id") or str(uuid.uuid4())
            self.apply(key, doc)
            self.accepted += 1
        raise Reply(200, {"result": "success", "entity_id": key})

    def check(self, doc):
        if doc.get("message_type") not in self.types:
            raise self.failure("Missing fields: message_type", doc)
        for k, v in doc.items():
            longest = 512 if k == "entity_id" else 20480 if k == "state_message" else 1124 if k.startswith("vo_annotate.") \
                else 1024
            if k in ("timestamp", "state_start_time"):
                if not isinstance(v, int) or isinstance(v, bool) or v > 10 ** 11:
                    raise self.failure(f"{k} is not in seconds", doc)
            elif isinstance(v, str) and len(v) > longest:
                raise self.failure(f"{k} is longer than {longest}", doc)
            elif k in ("entity_id", "entity_display_name", "state_message", "host_name", "ack_author", "ack_message",
                       "monitoring_tool") and not isinstance(v, str):
                raise self.failure(f"{k} is not text", doc)
            if k.startswith("vo_annotate."):
                if not re.match(r"^vo_annotate\.[usi]\..+", k, re.S) or not isinstance(v, str):
                    raise self.failure(f"'{k}' is no annotation", doc)
                if k[12] in "ui" and not is_link(v):
                    raise self.failure(f"'{k}' is no address", doc)
        if doc["message_type"] == "ACKNOWLEDGEMENT" and not doc.get("ack_author"):
            self.violate("an acknowledgement by nobody", doc)

    def apply(self, key, doc):
        kind, a = doc["message_type"], self.alert(key)
        is_open = a.state in ("triggered", "acknowledged")
        worse = kind == "CRITICAL" and a.severity == "WARNING"
        a.count += 1
        if kind in ("CRITICAL", "WARNING"):
            page = not is_open or worse
            a.summary, a.severity, a.data = doc.get("entity_display_name", key), kind, doc
            a.opened += not is_open
            if page:
                a.state = "triggered"
            self.note(a, kind, paged=page)
        elif kind == "INFO":
            if a.state == "none":
                a.summary, a.severity = doc.get("entity_display_name", key), kind
            self.note(a, kind, note=doc.get("state_message", ""))
        elif not is_open:
            self.dropped += 1
        else:
            a.state = "acknowledged" if kind == "ACKNOWLEDGEMENT" else "resolved"
            self.note(a, kind)
