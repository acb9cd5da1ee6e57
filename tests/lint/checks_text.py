"""Checks that read the sources."""
import os
import re

from tree import blank

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


# --- include direction ---------------------------------------------------------------

def read_deps(tree):
    allowed, libraries, exceptions = {}, {}, set()
    for line in tree.words("deps.txt"):
        if line.startswith("exception "):
            file, _, folder = line[10:].partition("->")
            exceptions.add((file.strip(), folder.strip()))
            continue
        left, _, right = line.partition(":")
        if left.startswith("library "):
            libraries[left[8:].strip()] = set(right.split())
        else:
            allowed[left.strip()] = set(right.split())
    return allowed, libraries, exceptions


def cycles(allowed):
    """A table in which a folder leads back to itself would allow anything."""
    bad = []
    for start in allowed:
        seen, todo = set(), list(allowed[start])
        while todo:
            folder = todo.pop()
            if folder == start:
                bad.append(f"tests/lint/deps.txt: {start} leads back to itself")
                break
            if folder not in seen:
                seen.add(folder)
                todo += allowed.get(folder, ())
    return bad


def direction(tree):
    """Includes of src/ point one way, as deps.txt says."""
    allowed, libraries, exceptions = read_deps(tree)
    bad = cycles(allowed)
    for name in tree.files("src/*.c", "src/*.h"):
        folder = name.split(os.sep)[1]
        if folder not in allowed:
            bad.append(f"{name}: folder '{folder}' is not in tests/lint/deps.txt")
            continue
        for kind, header in INCLUDE.findall(tree.read(name)):
            to = header.split("/")[0] if "/" in header else folder
            if kind == '"' and to != folder and to not in allowed[folder] and (name, to) not in exceptions:
                bad.append(f"{name}: includes {header}; {folder} may not know {to}")
            for library, folders in libraries.items() if kind == "<" else ():
                if header.startswith(library) and folder not in folders:
                    bad.append(f"{name}: includes <{header}>, which only {', '.join(sorted(folders))} may know")
    return bad


# --- banned functions ------------------------------------------------------------------

def banned(tree):
    """No function of banned.txt, but where the line says why."""
    instead, ours = {}, set()
    for line in tree.words("banned.txt"):
        word, words = line.split(None, 1)
        name, _, scope = word.partition("@")
        instead[name] = words
        if scope:
            ours.add(name)
    call = re.compile(r"(?<![\w.>])(" + "|".join(instead) + r")\s*\(")
    bad = []
    for name in tree.c_files():
        text = tree.read(name)
        raw = text.splitlines()
        for number, line in enumerate(blank(text).splitlines(), 1):
            for word in call.findall(line):
                tests_may = word in ours and name.startswith("tests" + os.sep)
                if not tests_may and f"lint: ok {word}" not in raw[number - 1]:
                    bad.append(f"{name}:{number}: {word}; use {instead[word]}")
    return bad


# --- sizes -------------------------------------------------------------------------------

def functions(text):
    """(name, first line, lines) of each function: a body is what stands between { and } in column 0."""
    lines = blank(text).splitlines()
    for i, line in enumerate(lines):
        if not line.startswith("{"):
            continue
        end = next((k for k in range(i, len(lines)) if lines[k].startswith("}")), len(lines) - 1)
        head = i - 1
        while head > 0 and lines[head - 1].strip() and lines[head - 1].rstrip()[-1] not in ";}/":
            head -= 1
        m = re.search(r"(\w+)\s*\(", " ".join(lines[head:i]))
        yield m.group(1) if m else "?", i + 1, end - i + 1


def sizes(tree, warn=None):
    """Files to 800 lines, functions to 100; over 500 and 60 is said."""
    bad = []
    for name in tree.c_files():
        text = tree.read(name)
        n = text.count("\n")
        if n > 800:
            bad.append(f"{name}: {n} lines; at most 800")
        elif n > 500 and warn is not None:
            warn.append(f"{name}: {n} lines; better at most 500")
        for function, line, length in functions(text):
            if length > 100:
                bad.append(f"{name}:{line}: {function} has {length} lines; at most 100")
            elif length > 60 and warn is not None:
                warn.append(f"{name}:{line}: {function} has {length} lines; better at most 60")
    return bad


# --- lines -----------------------------------------------------------------------------------

def lines(tree, warn=None):
    """What can be said of layout without taste: to 140 columns (over 120 is said), no tabs, no blanks at the end."""
    bad, wide = [], {}
    for name in tree.c_files():
        text = tree.read(name)
        if text and not text.endswith("\n"):
            bad.append(f"{name}: the last line has no end")
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > 140:
                bad.append(f"{name}:{number}: {len(line)} columns; at most 140")
            elif len(line) > 120:
                wide.setdefault(name, []).append(number)
            if "\t" in line or "\r" in line:
                bad.append(f"{name}:{number}: holds a tab or a carriage return")
            if line != line.rstrip():
                bad.append(f"{name}:{number}: blanks at the end")
    if warn is not None:
        warn += [f"{name}: over 120 columns in line {', '.join(map(str, numbers))}" for name, numbers in wide.items()]
    return bad


# --- names, headings, words ------------------------------------------------------------------

GENERIC = {"heartbeat", "json", "log", "webhook", "email", "http", "mqtt", "syslog", "generic", "null", "test"}


def vendor_names(tree):
    """No vendor's name in src/: code and strings, comments aside."""
    folder = tree.path("integrations")
    names = [n for n in os.listdir(folder) if os.path.isdir(os.path.join(folder, n))] if os.path.isdir(folder) else []
    names = sorted(n for n in names if n not in GENERIC)
    if not names:
        return []
    word = re.compile(r"(?<![a-z])(" + "|".join(re.escape(n).replace(r"\-", "[-_ ]?") for n in names) + r")(?![a-z])", re.I)
    bad = []
    for name in tree.files("src/*.c", "src/*.h"):
        if name.startswith(os.path.join("src", "api", "api_alertmanager")):
            continue
        for number, line in enumerate(blank(tree.read(name), keep_strings=True).splitlines(), 1):
            if name.startswith(os.path.join("src", "api")):
                line = re.sub(r'"alertmanager_[a-z_]+"|\b(as|api|handle)_alertmanager\w*', "", line)
            bad += [f"{name}:{number}: names {w}; vendors live in integrations/" for w in word.findall(line)]
    return bad


def headings(tree):
    """One SPDX line, then a comment that says the idea (a .c may leave that to its own header, a unit test to its name)."""
    bad = []
    for name in tree.c_files():
        lines = tree.read(name).splitlines()
        if not lines or lines[0] != "/* SPDX-License-Identifier: Apache-2.0 */":
            bad.append(f"{name}:1: expected /* SPDX-License-Identifier: Apache-2.0 */")
            continue
        second = lines[1] if len(lines) > 1 else ""
        stem = os.path.splitext(os.path.basename(name))[0]
        own = re.match(r'#\s*(include|define)\b', second) and any(
            os.path.basename(h) == stem + ".h" for _, h in INCLUDE.findall("\n".join(lines[:12])))
        named = name.startswith(os.path.join("tests", "unit", "test_"))
        if not second.startswith("/*") and not named and not (name.endswith(".c") and own):
            bad.append(f"{name}:2: expected a comment that says what this is")
    return bad


def forbidden(tree):
    """No words of forbidden.txt in any file."""
    words = re.compile("|".join(f"(?:{w})" for w in tree.words("forbidden.txt")))
    bad = []
    for name in tree.files():
        try:
            with open(tree.path(name), encoding="utf-8") as f:
                text = f.read()
        except (UnicodeDecodeError, OSError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            m = words.search(line)
            if m:
                bad.append(f"{name}:{number}: '{m.group(0)}' has no place here")
    return bad
