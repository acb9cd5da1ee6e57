# SPDX-License-Identifier: Apache-2.0
"""The parts that end-to-end tests are made of: a daemon, a broker, fake vendors, certificates.

Everything runs on loopback with ports that were free, in a folder of the test, and each object ends what it
started, by its process id.  Nothing waits a fixed time where a condition can be waited for.
"""
import base64
import gzip
import hashlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys

# what tests need of base.py, they import from here
from base import (BUILD, HERE, ROOT, Answer, Process, accepts, cfg, cfg_file, free_port, request, stays,  # noqa: F401
                  wait_until)


# --- the daemon --------------------------------------------------------------------------------

REPORTS = re.compile(r"^.*(?:(?:ERROR|WARNING): \w+Sanitizer|runtime error: ).*$", re.M)


class Tocsin:
    """tocsin run, with a configuration made of Python values.

    settings is merged over the base: a server on a free port and a database in the folder.
    """

    def __init__(self, folder, settings, rules=None, env=None):
        self.folder, self.env = str(folder), dict(env or {})
        os.makedirs(self.folder, exist_ok=True)
        self.port = free_port()
        self.tls = None
        self.token = None
        self.path = os.path.join(self.folder, "tocsin.cfg")
        self.db = os.path.join(self.folder, "tocsin.db")
        self.process = None
        self.settings = {}
        self.under = []                      # a program that runs it: strace ...
        self.configure(settings, rules)

    def configure(self, settings, rules=None):
        """Write the file; a running daemon sees it with reload() or after a restart."""
        base = {"http": {"listen": f"127.0.0.1:{self.port}"}, "store": {"path": self.db, "reserve": "1MiB"}}
        self.settings = {**base, **settings}
        self.settings["http"] = {**base["http"], **settings.get("http", {})}
        self.settings["store"] = {**base["store"], **settings.get("store", {})}
        if rules is not None:
            where = os.path.join(self.folder, "rules")
            os.makedirs(where, exist_ok=True)
            with open(os.path.join(where, "10-test.cfg"), "w") as f:
                f.write(cfg_file({"rules": rules}))
            self.settings["rules"] = where
        self.write(cfg_file(self.settings))

    def write(self, text):
        with open(self.path, "w") as f:
            f.write(text)

    # life

    def start(self, ready=True):
        env = {"TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins"), **self.env}
        self.process = Process([*self.under, os.path.join(BUILD, "tocsin"), "run", "-c", self.path],
                               os.path.join(self.folder, "tocsin.log"), env)
        if ready:
            self.wait_ready()
        return self

    def is_ready(self):
        if not self.process.alive():
            raise AssertionError("tocsin ended:\n" + self.log()[-3000:])
        try:
            return self.get("/-/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, timeout=20):
        wait_until(self.is_ready, timeout, "tocsin is ready", every=0.01)

    def stop(self):
        assert self.process.end(signal.SIGTERM) == 0, self.log()[-3000:]

    def kill9(self):
        self.process.end(signal.SIGKILL)

    def restart(self, hard=False):
        self.kill9() if hard else self.stop()
        return self.start()

    def close(self):
        if self.process is not None and self.process.alive():
            self.process.end(signal.SIGTERM)
        reports = REPORTS.findall(self.log())
        assert not reports, f"a sanitizer reports: {reports[0]}\n" + self.log()[-20000:]

    def reload(self):
        """SIGHUP, and the line in the log that says what came of it."""
        before = len(self.log())
        self.process.send(signal.SIGHUP)
        wait_until(lambda: "comp=" in self.log()[before:] and "reload" in self.log()[before:].lower(), 10, "reload logged")
        return self.log()[before:]

    def log(self):
        return self.process.log() if self.process else ""

    def rss_kib(self):
        with open(f"/proc/{self.process.popen.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    # requests

    def request(self, method, path, body=None, headers=None, **more):
        headers = dict(headers or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return request(self.port, method, path, body, headers, tls=more.pop("tls", self.tls), **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def send(self, collector, body, headers=None, expect=202, **more):
        """POST to a collector; the answer, which must have the status expected."""
        answer = self.request("POST", f"/v1/in/{collector}", body, headers, **more)
        assert answer.status == expect, answer
        return answer

    def fire(self, key, severity="critical", summary=None, status="firing", collector="local", **labels):
        """One alert in tocsin's own JSON; the id of its incident, or None."""
        answer = self.send(collector, {"dedup_key": key, "status": status, "severity": severity,
                                       "summary": summary or f"{key} is broken", "labels": labels})
        return answer.json["alerts"][0].get("incident") or None

    def clear(self, key, collector="local"):
        return self.fire(key, status="resolved", collector=collector)

    def act(self, incident, verb, expect=200, **body):
        answer = self.request("POST", f"/v1/incidents/{incident}/{verb}", body)
        assert answer.status == expect, answer
        return answer.json if expect == 200 else answer

    def incident(self, incident):
        answer = self.get(f"/v1/incidents/{incident}")
        assert answer.status == 200, answer
        return answer.json

    def incidents(self, query=""):
        return self.pages("/v1/incidents", "incidents", query)

    def alerts(self, query=""):
        return self.pages("/v1/alerts", "alerts", query)

    def pages(self, path, name, query):
        out, cursor = [], None
        while True:
            parts = [p for p in (query, f"cursor={cursor}" if cursor else "") if p]
            answer = self.get(path + ("?" + "&".join(parts) if parts else ""))
            assert answer.status == 200, answer
            out += answer.json[name]
            cursor = answer.json.get("next")
            if not cursor:
                return out

    def state(self, incident):
        return self.incident(incident)["state"]

    def wait_state(self, incident, state, timeout=10):
        wait_until(lambda: self.state(incident) == state, timeout, f"incident is {state}")

    def delivery(self, incident, target):
        return next((d for d in self.incident(incident)["deliveries"] if d["target"] == target), None)

    def kinds(self, incident):
        return [e["kind"] for e in self.incident(incident)["timeline"]]

    def metric(self, name, **labels):
        """The value of a series, None when there is none.  Labels not named may have any value: then they are added."""
        total = None
        for line in self.get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            if line.startswith("#") or series.split("{")[0] != name:
                continue
            if all(f'{k}="{v}"' in series for k, v in labels.items()):
                total = (total or 0) + float(value)
        return total


# --- vendors -----------------------------------------------------------------------------------

class Vendors:
    """The fake vendors of vendors.py in a process of their own, and what they were told.

    They are called by short names: pd, og, vo.
    """
    NAMES = {"pd": "pagerduty", "og": "opsgenie", "vo": "victorops"}
    KEYS = {"pagerduty": {"routing_key": "0123456789abcdef0123456789abcdef"},
            "opsgenie": {"api_key": "0a1b2c3d-0000-4000-8000-00000000c0de"},
            "victorops": {"api_key": "5f0c1d2e-0000-4000-8000-00000000c0de"}}
    # what each calls the things that happen to an alert
    VERBS = {"trigger": "trigger", "create": "trigger", "create (again)": "trigger", "CRITICAL": "trigger",
             "WARNING": "trigger", "acknowledge": "acknowledge", "ACKNOWLEDGEMENT": "acknowledge", "resolve": "resolve",
             "close": "resolve", "RECOVERY": "resolve", "OK": "resolve", "notes": "note", "INFO": "note",
             "unacknowledge": "unacknowledge", "message": "update", "description": "update", "priority": "update"}

    def __init__(self, folder):
        self.folder = str(folder)
        self.process = Process([sys.executable, os.path.join(HERE, "vendors.py"), "--port", "0"],
                               os.path.join(self.folder, "vendors.log"))
        self.port = wait_until(self._listening, 15, "the vendors listen")
        self.urls = {name: v["url"] for name, v in self.state()["vendors"].items()}

    def _listening(self):
        if not self.process.alive():
            raise AssertionError("the vendors ended:\n" + self.process.log()[-2000:])
        m = re.search(r"together on http://127\.0\.0\.1:(\d+)/", self.process.log())
        return m and int(m.group(1))

    def close(self):
        if self.process.alive():
            self.process.end()

    def state(self):
        return request(self.port, "GET", "/_state").json

    def mode(self, short, mode, for_s=None, **options):
        """ok, down, error500, ratelimit (retry_after=), slow (slow_s=), lost (done, but not answered) or reject."""
        answer = request(self.port, "POST", "/_control", {"vendor": self.NAMES[short], "mode": mode, "for_s": for_s, **options})
        assert answer.status == 200, answer

    def well(self, short):
        self.mode(short, "ok")

    def notifier(self, kind, name=None, **more):
        """A notifier of a configuration, pointed here."""
        short = next(s for s, n in self.NAMES.items() if n == kind)
        keys = {k: "file:" + self.secret(f"{short}-{k}", v) for k, v in self.KEYS[kind].items()}
        if kind == "victorops":
            keys["routing_key"] = "ml"
        return {"name": name or short, "plugin": kind, "url": self.urls[kind], **keys, **more}

    def secret(self, name, value):
        path = os.path.join(self.folder, f"{name}.key")
        with open(path, "w") as f:
            f.write(value + "\n")
        return path

    # what they were told

    def vendor(self, short):
        return self.state()["vendors"][self.NAMES[short]]

    def alerts(self, short):
        """What the vendor knows, by key: state, pages, opened, count, summary, severity, data, history."""
        return {k: a for k, a in self.vendor(short)["alerts"].items() if a["state"] != "none"}

    def told(self, short):
        """How often a person was woken for each key, and the verbs that the vendor was told of it, in order: trigger,
        acknowledge, resolve, note, update."""
        answer = request(self.port, "GET", f"/_told/{self.NAMES[short]}", timeout=60)
        return {k: (pages, [self.VERBS[what] for what in history]) for k, (pages, history) in answer.json.items()}

    def histories(self, short):
        """The verbs alone."""
        return {k: verbs for k, (_, verbs) in self.told(short).items()}

    def history(self, short, incident):
        return self.histories(short).get(incident, [])

    def pages(self, short, incident):
        """How often a person was woken for it."""
        a = self.alerts(short).get(incident)
        return a["pages"] if a else 0

    def keys(self, short):
        return set(self.alerts(short))

    def wait_history(self, short, incident, expected, timeout=10):
        try:
            wait_until(lambda: self.history(short, incident) == expected, timeout)
        except AssertionError:
            raise AssertionError(f"{short} was told {self.history(short, incident)}, expected {expected}") from None


# --- a broker ----------------------------------------------------------------------------------

class Mosquitto:
    """A Mosquitto of its own, set up so that what it has acknowledged survives it, unless lasting is False."""

    def __init__(self, folder, tls=None, users=None, lasting=True, require_certificate=False):
        self.folder = os.path.join(str(folder), "mosquitto")
        os.makedirs(self.folder, exist_ok=True)
        self.port = free_port()
        self.tls = tls
        self.process = None
        lines = [f"listener {self.port} 127.0.0.1", "max_queued_messages 0", "max_inflight_messages 1000",
                 "log_dest stderr"]
        if lasting:
            lines += ["persistence true", f"persistence_location {self.folder}/", "autosave_on_changes true",
                      "autosave_interval 1", "log_type all"]
        else:                      # for speed: it writes the whole database at each change
            lines += ["persistence false", "log_type error"]
        if os.geteuid() == 0:
            lines.append("user root")
        if tls:
            lines += [f"cafile {tls.ca}", f"certfile {tls.cert}", f"keyfile {tls.key}",
                      f"require_certificate {str(require_certificate).lower()}"]
        if users:
            passwords = os.path.join(self.folder, "passwords")
            open(passwords, "w").close()
            for name, word in users.items():
                subprocess.run(["mosquitto_passwd", "-b", passwords, name, word], check=True, capture_output=True)
            lines += [f"password_file {passwords}", "allow_anonymous false"]
        else:
            lines.append("allow_anonymous true")
        self.conf = os.path.join(self.folder, "mosquitto.conf")
        with open(self.conf, "w") as f:
            f.write("\n".join(lines) + "\n")
        self.start()

    def start(self):
        self.process = Process(["mosquitto", "-c", self.conf], os.path.join(self.folder, "mosquitto.log"))
        wait_until(lambda: accepts(self.port), 10, "mosquitto listens")
        return self

    def stop(self):
        self.process.end()

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        if self.process.alive():
            self.process.end()

    def log(self):
        return self.process.log()

    @property
    def url(self):
        return f"{'mqtts' if self.tls else 'mqtt'}://localhost:{self.port}"

    def collector(self, name="training", **more):
        return {"name": name, "type": "mqtt", "format": "json", "broker": self.url, "client_id": f"tocsin-{name}",
                "topics": ["train/+cluster/+host/alert"], **more}


# --- certificates ------------------------------------------------------------------------------

class Certificates:
    """An authority and what it signs, made with openssl; valid for localhost and 127.0.0.1."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca = os.path.join(self.folder, "ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test authority", "-keyout", self._path("ca.key"), "-out", self.ca)
        self.cert, self.key = self.issue("server")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.folder)

    def issue(self, name, common_name=None):
        """(certificate, key) signed by the authority.  The same name again replaces the files."""
        key, csr, cert, ext = (self._path(name + s) for s in (".key", ".csr", ".pem", ".ext"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={common_name or name}", "-keyout", key, "-out", csr)
        with open(ext, "w") as f:
            f.write(f"subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:{common_name or name}\n")
        self._openssl("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self._path("ca.key"), "-CAcreateserial",
                      "-days", "2", "-extfile", ext, "-out", cert)
        return cert, key

    def context(self, cert=None, key=None):
        context = ssl.create_default_context(cafile=self.ca)
        if cert:
            context.load_cert_chain(cert, key)
        return context


# --- payloads ----------------------------------------------------------------------------------

def gzipped(value):
    return gzip.compress(json.dumps(value).encode())


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def am_alert(name, status="firing", severity="critical", **labels):
    """An alert as Alertmanager puts it into a webhook payload."""
    return {"status": status, "labels": {"alertname": name, "severity": severity, **labels},
            "annotations": {"summary": f"{name} fires"}, "startsAt": "2026-01-31T12:00:00Z",
            "endsAt": "2026-01-31T12:30:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph", "fingerprint": hashlib.md5(repr((name, sorted(labels.items()))).encode()).hexdigest()[:16]}


def am_payload(group, alerts):
    """Alertmanager's webhook payload, version 4."""
    firing = any(a["status"] == "firing" for a in alerts)
    return {"version": "4", "groupKey": f'{{}}:{{alertname="{group}"}}', "truncatedAlerts": 0,
            "status": "firing" if firing else "resolved", "receiver": "tocsin", "groupLabels": {"alertname": group},
            "commonLabels": {"alertname": group}, "commonAnnotations": {}, "externalURL": "http://alertmanager.example",
            "alerts": alerts}
