#!/bin/sh
# `make run`: the main job on this machine, without any account.
set -eu
cd "$(dirname "$0")/../.."
exec /usr/bin/python3 -u tests/demo/demo.py
