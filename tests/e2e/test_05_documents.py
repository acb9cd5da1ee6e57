# SPDX-License-Identifier: Apache-2.0
"""What the documents show is tried: configurations load, links lead somewhere, commands exist."""
import glob
import os
import re
import subprocess

import pytest

from harness import BUILD, HERE

ROOT = os.path.dirname(os.path.dirname(HERE))
TOCSIN = os.path.join(BUILD, "tocsin")
DOCUMENTS = sorted(d for d in glob.glob(os.path.join(ROOT, "**/*.md"), recursive=True)
                   if not d.startswith(os.path.join(ROOT, "build")))
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "integrations/*/example.cfg")))
SECRET = "0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d"


def named(path):
    return os.path.relpath(path, ROOT)


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blocks(text, word):
    """Code blocks that contain the word."""
    return [b for b in re.findall(r"^[ ]*```[a-z]*\n(.*?)^[ ]*```", text, re.M | re.S) if word in b]


def completed(text):
    """With the parts that a daemon needs and the text leaves out."""
    if not re.search(r"^notifiers", text, re.M):
        text += 'notifiers = ( { name = "trial"; plugin = "log"; } );\n'
    if not re.search(r"^policies", text, re.M):
        name = re.search(r'^notifiers.*?name = "(\w+)"', text, re.M | re.S).group(1)
        text += f'policies = ( {{ name = "p"; steps = ( {{ notify = [ "{name}" ]; }} ); }} );\n'
    return text


def check(folder, text, rules=None, status=0):
    """tocsin check on the text, with each secret that it refers to at its place under the folder."""
    env = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder), "TOCSIN_PLUGIN_DIR": os.path.join(BUILD, "plugins")}
    text = text.replace("/etc/tocsin/", f"{folder}/").replace('"integrations/', f'"{ROOT}/integrations/')
    for kind, name in re.findall(r'"(env|file|cred):([^"]+)"', text):
        if kind == "env":
            env[name] = f"user:{SECRET}" if f'basic = "env:{name}"' in text else SECRET
        else:
            with open(os.path.join(folder, name), "w") as f:
                f.write(f"user:{SECRET}" if f'basic = "{kind}:' in text else SECRET)
    os.makedirs(os.path.join(folder, "rules"), exist_ok=True)
    with open(os.path.join(folder, "rules/10-shown.cfg"), "w") as f:
        f.write(rules or "")
    with open(os.path.join(folder, "tocsin.cfg"), "w") as f:
        f.write(text)
    p = subprocess.run([TOCSIN, "check", "-c", f.name], env=env, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    assert p.returncode == status, p.stdout
    return p.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_example_loads(path, tmp_path):
    check(tmp_path, completed(text_of(path)))


def test_readme_configuration_loads_with_its_rules(tmp_path):
    text = text_of(os.path.join(ROOT, "README.md"))
    config, = blocks(text, "default_policy")
    rules, = blocks(text, "rules = (")
    assert "3 notifiers" in check(tmp_path, config, rules)


def test_shipped_rules_load(tmp_path):
    for path in sorted(glob.glob(os.path.join(ROOT, "rules/*.cfg"))):
        check(tmp_path, completed('rules = "rules";\n'), text_of(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)", text_of(path)):
        if not re.match(r"[a-z]+:", target):
            assert os.path.exists(os.path.join(os.path.dirname(path), target)), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_commands_exist(path):
    known = re.findall(r"^  (\w+) ", subprocess.run([TOCSIN, "help"], text=True, stdout=subprocess.PIPE).stdout, re.M)
    shown = re.findall(r"`(tocsin [^`]*)`", text_of(path))
    for block in blocks(text_of(path), "tocsin "):
        shown += re.findall(r"^[ ]*(tocsin .*)$", block, re.M)
    for line in shown:
        assert line.split()[1] in known, line


def test_a_rule_without_a_name_is_reported_once(tmp_path):
    said = check(tmp_path, completed("") + f'rules = "{tmp_path}/rules";\n',
                 'rules = ( { match = "a = b"; }, { name = ""; match = "a = b"; } );\n', status=1)
    assert [line.split(": ", 1)[1] for line in said.splitlines() if "10-shown.cfg:1:" in line] == [
        "'name' of rule 1 is missing, expected text in quotes: unique; stands in explanations",
        "'name' of rule 2 is empty"], said
    assert "without a name" not in said
