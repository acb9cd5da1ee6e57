# SPDX-License-Identifier: Apache-2.0
"""What docker/ describes, as far as it can be tried without an engine that builds it.

The Dockerfile's paths exist and are in its context; its packages are those that the program's libraries come from; and
what `make install DESTDIR=` gives runs as a user without rights, with the image's own configuration, until the health
check that the image names says yes.
"""
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from harness import BUILD, ROOT, Process, free_port, request, wait_until

DOCKERFILE = os.path.join(ROOT, "docker/Dockerfile")
NOBODY = 65534


def instructions():
    """[(stage, word, rest)]; continued lines are one."""
    with open(DOCKERFILE) as f:
        text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", f.read(), flags=re.M))
    found, stage = [], -1
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(None, 1)
        stage += word == "FROM"
        found.append((stage, word, rest.strip()))
    return found


def one(word):
    value, = [rest for _, w, rest in instructions() if w == word]
    return value


def test_each_path_is_there_and_in_the_context():
    with open(os.path.join(ROOT, ".dockerignore")) as f:
        kept = [line[1:].strip() for line in f if line.startswith("!")]
    copied = [p for _, w, rest in instructions() if w == "COPY" and "--from" not in rest for p in rest.split()[:-1]]
    assert len(copied) >= 6
    for path in copied:
        assert os.path.exists(os.path.join(ROOT, path)), f"{path} is not there"
        assert any(path == k or path.startswith(k + "/") for k in kept), f".dockerignore leaves {path} out"
    for path in kept:
        assert os.path.exists(os.path.join(ROOT, path)), f".dockerignore names {path}"


def test_the_build_needs_nothing_that_is_not_copied(tmp_path):
    """make says what it would do in a folder that holds what is copied and no more."""
    for _, word, rest in instructions():
        if word == "COPY" and "--from" not in rest and not rest.startswith("docker/"):
            *sources, target = rest.split()
            for source in sources:
                at = tmp_path / target / ("" if os.path.isdir(os.path.join(ROOT, source)) else os.path.basename(source))
                if os.path.isdir(os.path.join(ROOT, source)):
                    shutil.copytree(os.path.join(ROOT, source), at, symlinks=True)
                else:
                    at.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(os.path.join(ROOT, source), at)
    run = subprocess.run(["make", "-n", "all", "install", f"DESTDIR={tmp_path}/image"], cwd=tmp_path, capture_output=True,
                         text=True, env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "BUILD")})
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.count("-c src/") >= len(glob.glob(os.path.join(ROOT, "src/**/*.c"), recursive=True)) - 1
    assert "plugins/azure.so" in run.stdout and "plugins/icinga.so" in run.stdout


def test_the_libraries_packages_are_installed():
    stage = max(s for s, _, _ in instructions())
    runtime, = [rest for s, w, rest in instructions() if s == stage and w == "RUN"]
    listed = set(re.search(r"--no-install-recommends(.*?)&&", runtime).group(1).split())
    needed = set()
    for path in [os.path.join(BUILD, "tocsin"), *glob.glob(os.path.join(BUILD, "plugins/*.so"))]:
        out = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"NEEDED\s+(\S+)", out))
    needed = {n for n in needed if not re.match(r"lib(asan|tsan|ubsan)\.", n)}
    assert len(needed) > 10
    for name in sorted(needed):
        path = subprocess.run(f"ldconfig -p | awk -v n={name} '$1 == n {{ print $NF; exit }}'", shell=True,
                              capture_output=True, text=True, check=True).stdout.strip()
        owners = {path, os.path.realpath(path), re.sub("^/lib/", "/usr/lib/", path), re.sub("^/usr/lib/", "/lib/", path)}
        found = [p for p in (subprocess.run(["dpkg", "-S", o], capture_output=True, text=True).stdout.split(":")[0]
                             for o in owners) if p]
        assert found, f"no package has {name}"
        essential = {"libc6", "libgcc-s1"}                # in every image of Debian
        assert listed & set(found) or essential & set(found), f"{name} is of {found[0]}, which is not installed"


# --- the installed tree --------------------------------------------------------------------------

@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The program as it stands in the image, in a folder that anybody may read."""
    if os.geteuid() != 0:
        pytest.skip("only root can start it as somebody else")
    folder = tmp_path_factory.mktemp("image")
    variant = os.path.relpath(BUILD, ROOT)
    run = subprocess.run(["make", "install", f"DESTDIR={folder}", f"BUILD={variant}"] + sanitized(variant), cwd=ROOT,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    for path in [folder, *folder.parents][:3]:            # pytest's folders are for root alone
        os.chmod(path, 0o755)
    return folder


def sanitized(variant):
    """The same build again, or make would build another."""
    san = {"v-address-ub": "address,undefined", "v-thread": "thread"}.get(os.path.basename(variant))
    return [f"SAN={san}"] if san else []


@pytest.fixture
def inside(image, tmp_path, made):
    """docker/tocsin.cfg with the container's places put below a folder, and the port on loopback."""
    with open(os.path.join(ROOT, "docker/tocsin.cfg")) as f:
        text = f.read()
    port = free_port()
    state, secrets = tmp_path / "state", tmp_path / "secrets"
    for folder in (state, secrets):
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
    for name in set(re.findall(r"/run/secrets/(\w+)", text)):
        (secrets / name).write_text(f"{name}-0123456789abcdef\n")
    for old, new in (("0.0.0.0:9096", f"127.0.0.1:{port}"), ("/var/lib/tocsin", str(state)),
                     ("/run/secrets", str(secrets)), ("/usr/local/share", f"{image}/usr/local/share")):
        assert old in text, f"the configuration does not say {old}"
        text = text.replace(old, new)
    path = tmp_path / "tocsin.cfg"
    path.write_text(text)
    for parent in list(tmp_path.parents)[:2] + [tmp_path]:
        os.chmod(parent, 0o755)
    entry, command = json.loads(one("ENTRYPOINT")), json.loads(one("CMD"))
    assert command[-2:] == ["-c", "/etc/tocsin/tocsin.cfg"] and f"COPY docker/tocsin.cfg {command[-1]}" in \
        [f"{w} {rest}" for _, w, rest in instructions()]
    argv = [f"{image}{entry[0]}", *entry[1:], *command[:-1], str(path)]
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    process = Process([*as_nobody, *argv], str(tmp_path / "log"))
    made.append(type("Ends", (), {"close": lambda self: process.alive() and process.end()})())
    return process, port


def healthy(port):
    check = json.loads(re.search(r"CMD (\[.*\])$", one("HEALTHCHECK")).group(1))
    argv = [a.replace(":9096", f":{port}") for a in check]
    return subprocess.run(argv, capture_output=True).returncode == 0


def test_it_runs_without_rights(inside):
    process, port = inside
    wait_until(lambda: healthy(port) or not process.alive(), 60, "the health check says yes")
    assert process.alive(), process.log()[-3000:]
    with open(f"/proc/{process.popen.pid}/status") as f:
        status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
    assert set(status["Uid"].split()) == {str(NOBODY)} and int(status["CapEff"], 16) == 0
    one_alert = {"dedup_key": "k", "severity": "critical", "summary": "from the container"}
    assert request(port, "POST", "/v1/in/any", one_alert).status == 401
    answer = request(port, "POST", "/v1/in/any", one_alert, {"Authorization": "Bearer in_token-0123456789abcdef"})
    assert answer.status == 202, answer
    wait_until(lambda: "from the container" in process.log(), 10, "the page in the log")
    answer = request(port, "GET", "/v1/incidents", headers={"Authorization": "Bearer ops_token-0123456789abcdef"})
    assert [i["summary"] for i in answer.json["incidents"]] == ["from the container"]
    assert process.end(signal.SIGTERM) == 0, process.log()[-3000:]
    assert not healthy(port)


def test_the_unit_is_sound(tmp_path, image):
    """systemd's own opinion of docker/tocsin.service, with the program where the unit says."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    with open(os.path.join(ROOT, "docker/tocsin.service")) as f:
        text = f.read()
    assert "/usr/local/bin/tocsin" in text
    unit = tmp_path / "tocsin.service"
    unit.write_text(text.replace("/usr/local/", f"{image}/usr/local/"))
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert run.returncode == 0 and "tocsin.service" not in run.stderr, run.stderr
    run = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", str(unit)],
                         capture_output=True, text=True)
    exposure = float(re.search(r"exposure level for tocsin.service: ([0-9.]+)", run.stdout).group(1))
    assert exposure <= 1.5, shlex.join(line for line in run.stdout.splitlines() if line.startswith("✗"))
