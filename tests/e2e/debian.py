# SPDX-License-Identifier: Apache-2.0
"""Programs from Debian packages that the tests send with or compare with.

What is installed is used; otherwise the package is unpacked below build/, because installing these would start
services.
"""
import fcntl
import glob
import os
import shutil
import subprocess

from base import BUILD, Process, accepts, free_port, wait_until

WHERE = os.path.join(BUILD, "debian")


def program(package, name):
    """The path of a program of a package."""
    found = shutil.which(name)
    if found:
        return found
    folder = os.path.join(WHERE, package)
    path = os.path.join(folder, "usr", "bin", name)
    os.makedirs(WHERE, exist_ok=True)
    with open(os.path.join(WHERE, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            done = subprocess.run(["apt-get", "download", "-qq", package], cwd=WHERE, capture_output=True, text=True)
            debs = glob.glob(os.path.join(WHERE, f"{package}_*.deb"))
            assert debs, f"package {package} cannot be had: {done.stderr}"
            subprocess.run(["dpkg", "-x", debs[-1], folder], check=True)
    assert os.path.exists(path), f"package {package} has no program {name}"
    return path


class Server:
    """A server on a free port of loopback, in a folder of the test."""

    def __init__(self, folder, argv, port=None):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.port = port or free_port()
        log = os.path.join(self.folder, "log")
        self.process = Process([a.format(port=self.port, folder=self.folder) for a in argv], log)
        try:
            wait_until(lambda: not self.process.alive() or accepts(self.port), 30, f"{argv[0]} listens")
            assert self.process.alive(), f"{argv[0]} ended:\n" + self.process.log()[-2000:]
        except AssertionError:
            self.close()
            raise

    def close(self):
        if self.process.alive():
            self.process.end()


def alertmanager(folder, config):
    """The one that tocsin stands in for."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "alertmanager.yml")
    with open(path, "w") as f:
        f.write(config)
    return Server(folder, [program("prometheus-alertmanager", "prometheus-alertmanager"), f"--config.file={path}",
                           "--storage.path={folder}/data", "--web.listen-address=127.0.0.1:{port}",
                           "--cluster.listen-address="])


def prometheus(folder, config):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "prometheus.yml")
    with open(path, "w") as f:
        f.write(config)
    return Server(folder, [program("prometheus", "prometheus"), f"--config.file={path}",
                           "--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:{port}"])
