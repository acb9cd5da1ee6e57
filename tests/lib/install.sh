#!/bin/sh
# Install the Debian packages named that are missing.  Does nothing, and needs no rights, when all are there.
set -eu
missing=""
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
run="env DEBIAN_FRONTEND=noninteractive"
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages are missing, and there is no sudo; as root: apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
    run="sudo $run"
fi
echo "installing:$missing"
$run apt-get update -qq
# shellcheck disable=SC2086
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
    echo "cannot install:$missing" >&2
    exit 1
}
