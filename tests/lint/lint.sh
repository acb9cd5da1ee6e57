#!/bin/sh
# Wishes that are programs: what README.md of this folder lists.  Ends with "lint: N passed, N failed".
set -eu
cd "$(dirname "$0")/../.."
exec "${PYTHON:-/usr/bin/python3}" -B tests/lint/lint.py "$@"
