#!/usr/bin/python3
"""The main job at work: three alerts come in, people are paged, one is escalated, one is acknowledged.

Without keys in the environment the three pagers are played by a stand-in on this machine that prints what it is
sent.  With PD_ROUTING_KEY, VO_API_KEY (and VO_ROUTING_KEY) or OG_API_KEY set, that pager is the real one.
TOCSIN_DEMO_ONCE=1 ends after the show, for the tests.
"""
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from vendors_fake import KEYS  # noqa: E402  the keys that the stand-in expects
HERE = os.path.join(ROOT, "tests/demo")
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIR = os.path.join(BUILD, "demo")
TOCSIN = os.path.join(BUILD, "tocsin")
STARTED = []


def say(text="", mark=""):
    print(f"\033[1m{mark}{text}\033[0m" if sys.stdout.isatty() and text else f"{mark}{text}", flush=True)


def free_port(wanted):
    for port in (wanted, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return s.getsockname()[1]
            except OSError:
                continue
    sys.exit("no free port on 127.0.0.1")


def listens(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what, test, seconds=15):
    end = time.time() + seconds
    while time.time() < end:
        try:
            found = test()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"gave up waiting for {what}; see {DIR}/tocsin.log")


def start(cmd, log=None, **more):
    out = open(os.path.join(DIR, log), "ab") if log else None
    p = subprocess.Popen(cmd, stdout=out, stderr=out, start_new_session=True, **more)
    STARTED.append(p)
    return p


def stop_all(*_):
    for p in reversed(STARTED):
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
    STARTED.clear()


def get(url):
    with urllib.request.urlopen(url, timeout=5) as r:
        return json.load(r)


def broker():
    """The broker that runs on this machine, or one of our own."""
    if listens(1883):
        return 1883
    port = free_port(1883)
    conf = os.path.join(DIR, "mosquitto.conf")
    with open(conf, "w") as f:
        f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = "/usr/sbin/mosquitto" if os.path.exists("/usr/sbin/mosquitto") else "mosquitto"
    start([program, "-c", conf], "mosquitto.log")
    wait_for("mosquitto", lambda: listens(port))
    return port


def pagers():
    """Notifier blocks: real services where there are keys, the stand-in otherwise."""
    missing = [k for k in ("PD_ROUTING_KEY", "VO_API_KEY", "OG_API_KEY") if not os.environ.get(k)]
    base = ""
    env = dict(os.environ)
    if missing:
        port = free_port(9099)
        base = f"http://127.0.0.1:{port}"
        start(["/usr/bin/python3", "-u", os.path.join(ROOT, "tests/e2e/vendors.py"), "--port", str(port), "--print"])
        wait_for("the stand-in of the pagers", lambda: listens(port))
        env.setdefault("PD_ROUTING_KEY", KEYS["pagerduty"])
        env.setdefault("VO_API_KEY", KEYS["victorops"])
        env.setdefault("OG_API_KEY", KEYS["opsgenie"])

    def url(key, path):
        return f'url = "{base}{path}"; ' if key in missing else ""

    route = os.environ.get("VO_ROUTING_KEY", "ml")
    blocks = [
        f'{{ name = "pd"; plugin = "pagerduty"; {url("PD_ROUTING_KEY", "/pagerduty")}routing_key = "env:PD_ROUTING_KEY"; }}',
        f'{{ name = "vo"; plugin = "victorops"; {url("VO_API_KEY", "/victorops")}api_key = "env:VO_API_KEY"; routing_key = "{route}"; }}',
        f'{{ name = "og"; plugin = "opsgenie"; {url("OG_API_KEY", "/opsgenie")}api_key = "env:OG_API_KEY"; }}',
    ]
    names = {"PD_ROUTING_KEY": "PagerDuty", "VO_API_KEY": "VictorOps", "OG_API_KEY": "Opsgenie"}
    for key, name in names.items():
        say(f"  {name}: {'a stand-in on this machine (set ' + key + ' for the real one)' if key in missing else 'the real service'}")
    return ",\n  ".join(blocks), env


def write_config(port, mqtt, notifiers):
    rules = os.path.join(DIR, "rules")
    os.makedirs(rules, exist_ok=True)
    with open(os.path.join(HERE, "rules.cfg")) as f, open(os.path.join(rules, "50-demo.cfg"), "w") as out:
        out.write(f.read())
    path = os.path.join(DIR, "tocsin.cfg")
    with open(path, "w") as f:
        f.write(f"""# Written by `make run`.
http = {{ listen = "127.0.0.1:{port}"; }};
store = {{ driver = "sqlite"; path = "{DIR}/tocsin.db"; }};
collectors = (
  {{ name = "azure";    type = "webhook"; format = "azure"; auth = "none"; }},
  {{ name = "cloud";    type = "webhook"; format = "aws-sns"; topic_arns = [ "arn:aws:sns:eu-west-1:111122223333:alarms" ]; auth = "none"; }},
  {{ name = "prom";     type = "webhook"; format = "alertmanager"; auth = "none"; }},
  {{ name = "any";      type = "webhook"; format = "json"; auth = "none"; }},
  {{ name = "training"; type = "mqtt"; broker = "mqtt://127.0.0.1:{mqtt}"; client_id = "tocsin-demo";
    topics = [ "train/+cluster/+host/alert" ]; format = "json"; }} );
rules = "{rules}";
notifiers = (
  {notifiers} );
policies = (
  {{ name = "ml-oncall";
    steps = ( {{ after = "0s";  notify = [ "pd" ]; }},
              {{ after = "8s";  notify = [ "vo" ]; }},
              {{ after = "5m";  notify = [ "og" ]; }} );
    last_resort = [ "og" ]; }} );
default_policy = "ml-oncall";
""")
    return path


def post(url, name):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    with open(os.path.join(HERE, "payloads", name)) as f:
        body = f.read().replace("@NOW@", now)
    req = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(req, timeout=10) as r:
        say(f"  POST {url} -> {r.status} {r.read().decode().strip()}")


def publish(mqtt):
    topic = "train/alps/train-042/alert"
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mqtt), "-q", "1", "-t", topic,
                    "-f", os.path.join(HERE, "payloads/mqtt.json")], check=True)
    say(f"  mosquitto_pub -t {topic} (QoS 1)")


def cli(url, *args):
    say(f"$ tocsin {shlex.join(args)}")
    subprocess.run([TOCSIN, *args, "--url", url], check=True)
    print(flush=True)


def tidy(url):
    """An earlier show's incidents are still open, and the same alerts again would page nobody."""
    left = [r["id"] for r in get(f"{url}/v1/incidents?state=open")["incidents"]]
    if left:
        say("An earlier show left incidents open: they are resolved first", "\n== ")
        cli(url, "incidents", "resolve", *[i[-8:] for i in left], "--by", "demo")


def show(url, mqtt):
    say("Three alerts come in", "\n== ")
    post(f"{url}/v1/in/azure", "azure.json")
    post(f"{url}/v1/in/cloud", "sns.json")
    publish(mqtt)
    rows = wait_for("three incidents", lambda: (lambda r: r if len(r) >= 3 else None)(
        get(f"{url}/v1/incidents?state=open")["incidents"]))
    time.sleep(1.5)
    say("They are incidents, and somebody was paged", "\n== ")
    cli(url, "incidents")
    say("The Azure one is acknowledged: its escalation stops", "== ")
    azure = next(r for r in rows if r["source"] == "azure")
    cli(url, "incidents", "ack", azure["id"][-8:], "--by", "anna", "--note", "looking at it")
    say("Nobody answers the others: after 8 s the next step is told", "== ")
    wait_for("the escalation", lambda: all(
        r["step"] >= 2 for r in get(f"{url}/v1/incidents?state=triggered")["incidents"]), 30)
    time.sleep(1.5)
    training = next(r for r in rows if r["source"] == "training")
    cli(url, "incidents", "show", training["id"][-8:])


def main():
    os.makedirs(DIR, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say("tocsin: the main job, on this machine", "== ")
    mqtt = broker()
    notifiers, env = pagers()
    port = free_port(9096)
    url = f"http://127.0.0.1:{port}"
    config = write_config(port, mqtt, notifiers)
    subprocess.run([TOCSIN, "check", "-c", config], check=True, env=env)
    daemon = start([TOCSIN, "run", "-c", config], "tocsin.log", env=env)
    wait_for("tocsin", lambda: daemon.poll() is not None or urllib.request.urlopen(f"{url}/-/ready", timeout=2).status == 200)
    if daemon.poll() is not None:
        sys.exit(f"tocsin did not start; see {DIR}/tocsin.log")
    wait_for("the MQTT collector", lambda: any(
        c.get("connected") for c in get(f"{url}/v1/collectors")["collectors"] if c["type"] == "mqtt"))
    tidy(url)
    show(url, mqtt)
    say("tocsin stays up.  Try, in another terminal:", "== ")
    with_url = "" if port == 9096 else f" --url {url}"
    print(f"""  {TOCSIN} incidents{with_url}
  {TOCSIN} send --collector any --severity critical --summary 'disk full on db-1' --label host=db-1{with_url}
  {TOCSIN} incidents resolve ID{with_url}
  curl {url}/v1/incidents        curl {url}/metrics
  configuration {config}, log {DIR}/tocsin.log
Ctrl-C ends it; what it accepted stays in {DIR}/tocsin.db.""", flush=True)
    if os.environ.get("TOCSIN_DEMO_ONCE"):
        return
    while daemon.poll() is None:
        time.sleep(0.5)
    sys.exit(f"tocsin ended; see {DIR}/tocsin.log")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print()
    finally:
        stop_all()
