#!/bin/sh
# Unpack Debian packages into a folder, without installing them: for programs that a test starts by itself and whose
# installation would start a service, add a user or replace another.  usage: unpack.sh FOLDER PACKAGE ...
# What is there already stays.
set -eu
folder=$1
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"                        # apt reads it as a user of its own
cd "$work"

fetch() { apt-get -qq -o APT::Sandbox::User=root download "$1" >/dev/null; }
lists() {
    run=
    [ "$(id -u)" = 0 ] || run=sudo
    $run apt-get update -qq
}

for package in "$@"; do
    [ ! -e "$folder/.unpacked-$package" ] || continue
    echo "unpacking: $package"
    fetch "$package" 2>/dev/null || { lists && fetch "$package"; } || {
        echo "cannot fetch: $package" >&2
        exit 1
    }
    dpkg-deb --extract "$package"_*.deb "$folder"
    touch "$folder/.unpacked-$package"
done
