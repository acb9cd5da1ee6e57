"""Checks that ask the linker: purity of the core, exports of integrations."""
import os
import re
import subprocess

from tree import globs, nm

C_HEADERS = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
             "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h", "jansson.h"}
SANITIZER = re.compile(r"^_*(asan|ubsan|tsan|odr_asan|sanitizer)[._]")


def purity(tree):
    """src/core and src/base name no clock, randomness, I/O, and nothing of the folders above them."""
    bad, impure = [], globs(tree, "impure.txt")
    pure = tree.objects("src/core") + tree.objects("src/base")
    bad += [f"{source}: not built ({obj})" for source, obj in pure if not os.path.exists(obj)]
    inside = {obj for _, obj in pure}
    outside = [obj for _, obj in tree.objects("src") if obj not in inside and os.path.exists(obj)]
    above = {s: o for o, _, s in nm("-g", "--defined-only", *outside)} if outside else {}
    built = [obj for _, obj in pure if os.path.exists(obj)]
    own = {s for _, _, s in nm("-g", "--defined-only", *built)} if built else set()
    for obj, _, symbol in nm("-u", *built) if built else []:
        if symbol in own:
            continue
        if impure.match(symbol):
            bad.append(f"{obj}: uses {symbol}, which is not pure")
        elif symbol in above:
            bad.append(f"{obj}: uses {symbol} of {above[symbol]}, which is above it")
    return bad


def vendors(tree):
    found = {}
    for name in tree.files("integrations/*/*.c"):
        if name.count(os.sep) == 2:
            found.setdefault(name.split(os.sep)[1], []).append(name)
    return found


def exports(tree):
    """An integration exports tocsin_plugin alone and uses nothing impure."""
    bad, impure = [], globs(tree, "impure.txt")
    for vendor in vendors(tree):
        so = os.path.join(tree.build, "plugins", vendor + ".so")
        if not os.path.exists(so):
            bad.append(f"integrations/{vendor}: not built ({so})")
            continue
        names = sorted(s for _, _, s in nm("-D", "--defined-only", so) if not SANITIZER.match(s))
        if names != ["tocsin_plugin"]:
            bad.append(f"{so}: exports {', '.join(names) or 'nothing'}; expected tocsin_plugin alone")
        bad += [f"{so}: uses {s}; integrations describe, the host acts"
                for _, _, s in nm("-D", "-u", so) if impure.match(s)]
    return bad


def readelf(path):
    return subprocess.run(["readelf", "-W", "-h", "-l", "-d", path], stdout=subprocess.PIPE, text=True, check=False).stdout


def weak_spots(path):
    """What makes an attack on this program or shared object easier."""
    text, bad = readelf(path), []
    if "Type:" not in text or not re.search(r"Type:\s+DYN", text):
        bad.append("is not position independent (-fPIC, -pie)")
    if "GNU_RELRO" not in text:
        bad.append("its tables stay writable (-Wl,-z,relro)")
    if not re.search(r"\bBIND_NOW\b|FLAGS_1.*\bNOW\b", text):
        bad.append("has no immediate binding (-Wl,-z,now)")
    if re.search(r"GNU_STACK.*\bRWE\b", text):
        bad.append("has an executable stack")
    if re.search(r"\((?:RPATH|RUNPATH|TEXTREL)\)", text):
        bad.append("has a search path or relocations in its code")
    return bad


def hardening(tree):
    """The program and the integrations are linked, and the program compiled, the way that hinders attacks."""
    bad = []
    program = os.path.join(tree.build, "tocsin")
    for path in [os.path.join(tree.build, "plugins", v + ".so") for v in vendors(tree)] + [program]:
        if os.path.exists(path):                 # what is not built is found by exports()
            bad += [f"{path}: {what}" for what in weak_spots(path)]
    if not os.path.exists(program):
        return bad
    used = {s for _, _, s in nm("-D", "-u", program)}
    if "__stack_chk_fail" not in used:
        bad.append(f"{program}: no stack protector (-fstack-protector-strong)")
    if not any(SANITIZER.match(s) for s in used) and not any(re.match(r"__\w+_chk$", s) for s in used - {"__stack_chk_fail"}):
        bad.append(f"{program}: no checked functions (-D_FORTIFY_SOURCE=2)")
    return bad


def plugin_includes(tree):
    """Integrations include <tocsin/...>, jansson, plain C and their own headers."""
    bad = []
    for name in tree.files("integrations/*.c", "integrations/*.h"):
        for number, line in enumerate(tree.read(name).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            kind, header = m.groups()
            if header.endswith(".pb-c.h"):       # made from a .proto that is there
                header = header[:-len(".pb-c.h")] + ".proto"
            own = kind == '"' and "/" not in header and os.path.exists(tree.path(os.path.join(os.path.dirname(name), header)))
            if not (own or kind == "<" and (header.startswith("tocsin/") or header in C_HEADERS)):
                bad.append(f"{name}:{number}: includes {header}; only <tocsin/...>, jansson and plain C are there")
    return bad
