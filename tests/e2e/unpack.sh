#!/bin/sh
# usage: unpack.sh FOLDER PACKAGE ...
# Programs of Debian whose installation would start a service, or conflict with another, are unpacked instead.
set -eu
folder=$1
shift
[ ! -f "$folder/.done" ] || exit 0
mkdir -p "$folder/debs"
chmod 777 "$folder/debs"           # apt downloads as a user of its own
(cd "$folder/debs" && apt-get download -qq "$@" >/dev/null)
for deb in "$folder"/debs/*.deb; do
    dpkg -x "$deb" "$folder"
done
touch "$folder/.done"
