#!/bin/sh
# The names of all fuzz targets, one a line: NAME of each fuzz_NAME.c; and decode_VENDOR, classify_VENDOR, intake_VENDOR,
# mapping_VENDOR of each integration that plays the role, made of any_ROLE.c where there is no file of that name.
set -eu
cd "$(dirname "$0")/../.."
{
    ls tests/fuzz/fuzz_*.c | sed 's|.*/fuzz_||; s|\.c$||'
    for role in decode classify intake; do
        grep -l "\.$role = " integrations/*/*.c | sed "s|^integrations/\([^/]*\)/.*|${role}_\1|"
    done
    ls integrations/*/mapping.jq | sed 's|^integrations/\([^/]*\)/.*|mapping_\1|'
} | sort -u
