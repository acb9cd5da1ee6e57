"""The tree as the checks see it: its files, and C without comments and strings."""
import fnmatch
import os
import re
import subprocess

SKIP = {"build", ".git", "__pycache__", "node_modules", ".pytest_cache"}
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Tree:
    def __init__(self, root, build="build"):
        self.root, self.build = root, os.path.join(root, build)

    def path(self, name):
        return os.path.join(self.root, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def files(self, *patterns):
        """Names below the root that match, sorted; without what is built or fetched."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [d for d in folders if d not in SKIP]
            for n in names:
                if n in SKIP:                # .git is a file in a worktree
                    continue
                name = os.path.relpath(os.path.join(folder, n), self.root)
                if not patterns or any(fnmatch.fnmatch(name, p) for p in patterns):
                    found.append(name)
        return sorted(found)

    def c_files(self, *folders):
        folders = folders or ("src", "include", "integrations", "tests")
        return [n for n in self.files("*.c", "*.h") if n.split(os.sep)[0] in folders]

    def words(self, name):
        """Entries of a list in this folder: lines without comments."""
        text = self.read(os.path.join("tests/lint", name))
        return [line.split("#")[0].strip() for line in text.splitlines() if line.split("#")[0].strip()]

    def objects(self, folder):
        """Objects of sources that exist: a build folder keeps those of removed ones."""
        out = []
        for source in self.files(folder + "/*.c"):
            out.append((source, os.path.join(self.build, source[:-2] + ".o")))
        return out


def blank(text, keep_strings=False):
    """Comments (and strings) become blanks; lines stay where they are."""
    def sub(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s if keep_strings else s[0] + " " * (len(s) - 2) + s[0]
        return re.sub(r"[^\n]", " ", s)
    return TOKEN.sub(sub, text)


def nm(*args):
    """[(object, letter, symbol)]"""
    out = subprocess.run(["nm", "-A", *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    found = []
    for line in out.stdout.splitlines():
        name, _, rest = line.partition(":")
        parts = rest.split()
        if len(parts) >= 2:
            found.append((name, parts[-2], parts[-1].split("@")[0]))
    return found


def globs(tree, name):
    patterns = [w for line in tree.words(name) for w in line.split()]
    return re.compile("|".join(f"(?:{fnmatch.translate(p)})" for p in patterns))
