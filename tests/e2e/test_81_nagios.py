# SPDX-License-Identifier: Apache-2.0
"""A real Nagios runs the notification commands that integrations/nagios/README.md tells its users to define.

The commands, the contact and the token's place come from that text as they stand there; only the address is the
daemon's.  Results of checks are handed to Nagios through its command file, as a passive check's are.
"""
import grp
import os
import pwd
import re
import time

import pytest

from harness import BUILD, ROOT, Process, stays, wait_until

NAGIOS = os.path.join(BUILD, "senders/debian/usr/sbin/nagios4")
TOKEN = "nagios-token-0123456789"
CORE = """
define timeperiod {
    timeperiod_name  24x7
    alias            always
    sunday           00:00-24:00
    monday           00:00-24:00
    tuesday          00:00-24:00
    wednesday        00:00-24:00
    thursday         00:00-24:00
    friday           00:00-24:00
    saturday         00:00-24:00
}
define command {
    command_name  nothing
    command_line  /bin/true
}
define host {
    host_name               db-1
    address                 192.0.2.7
    max_check_attempts      1
    active_checks_enabled   0
    check_command           nothing
    contacts                tocsin
    notification_period     24x7
    notification_interval   0
}
define hostgroup {
    hostgroup_name  databases
    alias           databases
    members         db-1
}
define service {
    host_name               db-1
    service_description     Disk /var
    max_check_attempts      1
    active_checks_enabled   0
    check_command           nothing
    contacts                tocsin
    notification_period     24x7
    notification_interval   0
    notification_options    w,u,c,r
}
"""

pytestmark = pytest.mark.skipif(not os.path.exists(NAGIOS), reason="Nagios is not unpacked (make senders)")


def documented(word):
    """The block of the README with the word."""
    with open(os.path.join(ROOT, "integrations/nagios/README.md"), encoding="utf-8") as f:
        block, = [b for b in re.findall(r"^```\n(.*?)^```", f.read(), re.M | re.S) if word in b]
    return block


def commands(port):
    """What the README says belongs into commands.cfg, with the daemon's address."""
    block = documented("define command")
    assert "http://tocsin.example:9096" in block and "$USER9$" in block
    return block.replace("http://tocsin.example:9096", f"http://127.0.0.1:{port}")


class Nagios:
    """Nagios Core with one host and one service, both checked passively."""

    def __init__(self, folder, port):
        self.folder = str(folder)
        os.makedirs(self._path("results"))
        self._write("objects.cfg", CORE + commands(port))
        self._write("resource.cfg", f"$USER9$={TOKEN}\n")
        main = {"log_file": "nagios.log", "cfg_file": "objects.cfg", "resource_file": "resource.cfg",
                "object_cache_file": "objects.cache", "precached_object_file": "objects.precache",
                "status_file": "status.dat", "state_retention_file": "retention.dat", "lock_file": "nagios.lock",
                "temp_file": "nagios.tmp", "command_file": "nagios.cmd", "query_socket": "nagios.qh",
                "check_result_path": "results"}
        more = {"temp_path": self.folder, "nagios_user": pwd.getpwuid(os.geteuid()).pw_name,
                "nagios_group": grp.getgrgid(os.getegid()).gr_name, "check_for_updates": 0, "check_external_commands": 1, "enable_notifications": 1, "use_syslog": 0, "log_notifications": 1,
                "check_result_reaper_frequency": 1, "log_passive_checks": 1, "accept_passive_service_checks": 1,
                "accept_passive_host_checks": 1, "service_check_timeout": 10, "notification_timeout": 10}
        self._write("nagios.cfg", "".join(f"{k}={self._path(v)}\n" for k, v in main.items())
                    + "".join(f"{k}={v}\n" for k, v in more.items())
                    + documented("illegal_macro_output_chars"))
        self.process = Process([NAGIOS, self._path("nagios.cfg")], self._path("output"))
        wait_until(self._running, 20, "Nagios runs")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def _running(self):
        assert self.process.alive(), self.process.log()[-3000:]
        return os.path.exists(self._path("nagios.cmd")) and "Successfully launched command file worker" in self.log()

    def log(self):
        if not os.path.exists(self._path("nagios.log")):
            return ""
        with open(self._path("nagios.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def tell(self, command):
        with open(self._path("nagios.cmd"), "w", encoding="utf-8") as f:
            f.write(f"[{int(time.time())}] {command}\n")

    def service(self, state, output):
        self.tell(f"PROCESS_SERVICE_CHECK_RESULT;db-1;Disk /var;{state};{output}")

    def host(self, state, output):
        self.tell(f"PROCESS_HOST_CHECK_RESULT;db-1;{state};{output}")

    def close(self):
        if self.process.alive():
            self.process.end()


@pytest.fixture
def world(tocsin, settings, vendors, made, tmp_path):
    values = settings()
    values["collectors"].append({"name": "nagios", "type": "webhook", "format": "nagios",
                                 "auth": {"bearer": "file:" + vendors.secret("nagios-token", TOKEN)}})
    t = tocsin(values)
    nagios = Nagios(tmp_path / "nagios", t.port)
    made.append(nagios)
    return t, nagios


def one_incident(t):
    return wait_until(lambda: t.incidents("state=open"), 30, "an incident of Nagios")[0]


def test_a_service_fails_and_recovers(world, vendors):
    t, nagios = world
    nagios.service(2, "DISK CRITICAL - free space: /var 12 MB (1% inode=99%)|/var=98%")
    incident = one_incident(t)
    assert (incident["severity"], incident["source"]) == ("critical", "nagios")
    assert incident["summary"] == "db-1/Disk /var CRITICAL: DISK CRITICAL - free space: /var 12 MB (1% inode=99%)"
    alert, = t.incident(incident["id"])["alerts"]
    labels = alert["labels"]
    assert (labels["host"], labels["service"], labels["state"], labels["address"], labels["hostgroups"]) == \
        ("db-1", "Disk /var", "CRITICAL", "192.0.2.7", "databases")
    vendors.wait_history("pd", incident["id"], ["trigger"], 20)
    nagios.tell("ACKNOWLEDGE_SVC_PROBLEM;db-1;Disk /var;1;1;0;anna;looking")
    wait_until(lambda: "ACKNOWLEDGEMENT (CRITICAL)" in nagios.log(), 20, "Nagios tells of the acknowledgement")
    stays(lambda: t.state(incident["id"]) == "triggered", 0.5, "an acknowledgement in Nagios resolves nothing")
    nagios.service(0, "DISK OK - free space: /var 900 MB")
    t.wait_state(incident["id"], "resolved", 30)
    wait_until(lambda: vendors.history("pd", incident["id"])[-1:] == ["resolve"], 20, "the pager hears of the recovery")
    assert "exited" not in nagios.log().split("Successfully launched command file worker")[1]


def test_the_output_of_a_check_is_no_command(world, tmp_path):
    t, nagios = world
    nagios.service(2, f"it's `touch {tmp_path}/a` $(touch {tmp_path}/b) '; touch {tmp_path}/c; echo ' \"x\" \\ & done")
    summary = one_incident(t)["summary"]
    assert summary.startswith("db-1/Disk /var CRITICAL: its touch ") and summary.endswith(" done"), summary
    assert [name for name in "abc" if (tmp_path / name).exists()] == []


def test_a_host_goes_down_and_comes_up(world, vendors):
    t, nagios = world
    nagios.host(1, "PING CRITICAL - Packet loss = 100%")
    incident = one_incident(t)
    assert incident["summary"] == "db-1 DOWN: PING CRITICAL - Packet loss = 100%"
    assert incident["severity"] == "critical"
    vendors.wait_history("pd", incident["id"], ["trigger"], 20)
    nagios.host(0, "PING OK")
    t.wait_state(incident["id"], "resolved", 30)
    wait_until(lambda: vendors.history("pd", incident["id"]) == ["trigger", "resolve"], 20, "told of both")
