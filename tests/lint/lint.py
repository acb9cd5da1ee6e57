"""Runs every check twice: on a small tree that breaks it (the check must see that), and on the project."""
import os
import shutil
import subprocess
import sys
import tempfile

import checks_objects
import checks_text
import checks_tools
from tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

# check -> files of a tree that breaks it, and words that its finding holds.  Objects are compiled where needed.
CHECKS = [
    (checks_objects.purity, {"src/core/a.c": SPDX + "#include <time.h>\nlong a(void);\nlong a(void) { return time(0); }\n"},
     "uses time"),
    (checks_objects.exports, {"integrations/acme/a.c": SPDX + "int tocsin_plugin, more;\n"}, "more, tocsin_plugin"),
    (checks_objects.hardening, {"integrations/acme/a.c": SPDX + "int a;\n"}, "no immediate binding"),
    (checks_objects.plugin_includes, {"integrations/acme/a.c": SPDX + "#include <sys/socket.h>\n"}, "sys/socket.h"),
    (checks_text.direction, {"src/core/a.c": SPDX + '#include "os/clock.h"\n'}, "core may not know os"),
    (checks_text.banned, {"src/core/a.c": SPDX + "/* a */\nvoid f(char *d) { strcpy (d, d); }\n"}, "a.c:3: strcpy"),
    (checks_text.sizes, {"src/core/a.c": SPDX + "/* a */\nint\nf(void)\n{\n" + "    ;\n" * 120 + "}\n"}, "f has 122 lines"),
    (checks_text.lines, {"src/core/a.c": SPDX + "/* a */\nint a;  \n"}, "a.c:3: blanks at the end"),
    (checks_tools.headers, {"src/core/a.h": SPDX + "/* a */\nsize_t f(void);\n"}, "does not compile alone"),
    (checks_text.vendor_names, {"integrations/acme/a.c": SPDX, "src/core/a.c": SPDX + 'char *a = "Acme";\n'}, "names Acme"),
    (checks_text.headings, {"src/core/a.c": SPDX + "int a;\n"}, "expected a comment"),
    (checks_text.forbidden, {"README.md": "see /" + "work/x\n"}, "has no place here"),
]
# Style is settled where at most this share of the files differs; before that the check only counts.
SETTLED = 0.05


def compile_bad(root, name):
    source, target = os.path.join(root, name), os.path.join(root, "build", name[:-2] + ".o")
    if name.startswith("integrations/"):
        target = os.path.join(root, "build/plugins", name.split("/")[1] + ".so")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    kind = ["-shared", "-fPIC"] if target.endswith(".so") else ["-c"]
    subprocess.run([os.environ.get("CC", "cc"), *kind, source, "-o", target], check=True)


def sees(check, files, words):
    """Does the check find what is wrong with these files, and nothing with an empty tree?"""
    with tempfile.TemporaryDirectory(prefix="tocsin-lint-") as root:
        os.makedirs(os.path.join(root, "tests/lint"))
        for table in ("deps.txt", "banned.txt", "impure.txt", "forbidden.txt"):
            shutil.copy(os.path.join(ROOT, "tests/lint", table), os.path.join(root, "tests/lint"))
        if check(Tree(root)):
            return False
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            if check.__module__ == "checks_objects" and name.endswith(".c"):
                compile_bad(root, name)
        return any(words in finding for finding in check(Tree(root)))


def layout(tree):
    """(passed, failed, words)"""
    found = checks_tools.layout(tree)
    if found is None:
        return 0, 0, ["skipped: clang-format is not installed"]
    total = len(tree.c_files())
    if len(found) > SETTLED * total:
        return 0, 0, [f"skipped: {len(found)} of {total} files differ from .clang-format, so the style is not settled"]
    return (0, 1, found) if found else (1, 0, [])


def say(name, ok, words):
    print(f"{'ok  ' if ok else 'FAIL'} {name}" + "".join("\n     " + w for w in words[:40]))
    if len(words) > 40:
        print(f"     ... and {len(words) - 40} more")


def main():
    tree = Tree(ROOT, os.environ.get("BUILD", "build"))
    warnings = []
    passed = failed = 0
    for check, files, words in CHECKS:
        name = check.__name__.replace("_", " ")
        if not sees(check, files, words):
            say(name + ": does not see its bad example", False, [])
            failed += 1
            continue
        found = check(tree, warnings) if check in (checks_text.sizes, checks_text.lines) else check(tree)
        say(name, not found, found)
        passed, failed = passed + (not found), failed + bool(found)
    more, less, words = layout(tree)
    say("layout", not less, words)
    for w in warnings:
        print(f"warn {w}")
    passed, failed = passed + more, failed + less
    print(f"lint: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
