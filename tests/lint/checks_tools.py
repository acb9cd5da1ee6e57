"""Checks that run a compiler or a formatter."""
import concurrent.futures
import os
import shutil
import subprocess

FLAGS = ["-Iinclude", "-Isrc", "-Itests", "-D_GNU_SOURCE", '-DTOCSIN_VERSION="0"', "-std=c11", "-Wall", "-Wextra",
         "-Werror", "-fsyntax-only", "-x", "c", "-"]


def compile_alone(tree, cc, flags, header):
    p = subprocess.run([cc, *flags], input=f'#include "{header}"\n', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, cwd=tree.root, check=False)
    first = next((line for line in p.stdout.splitlines() if "error" in line), p.stdout.strip()[:200])
    return None if p.returncode == 0 else f"{header}: does not compile alone: {first}"


def headers(tree):
    """Every header compiles alone."""
    cc = os.environ.get("CC", "cc")
    pkgs = subprocess.run(["pkg-config", "--cflags", "jansson"], stdout=subprocess.PIPE, text=True, check=False).stdout
    names = [n[len("include/"):] if n.startswith("include/") else n[len("src/"):] if n.startswith("src/") else n
             for n in tree.files("include/*.h", "src/*.h", "integrations/*.h")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [b for b in pool.map(lambda n: compile_alone(tree, cc, pkgs.split() + FLAGS, n), names) if b]


def layout(tree):
    """What clang-format would change; None: it is not installed."""
    if shutil.which("clang-format") is None or not os.path.exists(tree.path(".clang-format")):
        return None
    names = tree.c_files()
    p = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, cwd=tree.root, check=False)
    return sorted({line.split(":")[0] + ": clang-format would change it" for line in p.stderr.splitlines()
                   if "clang-format-violations" in line})
