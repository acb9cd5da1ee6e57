#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build every tests/fuzz/fuzz_*.c with clang's libFuzzer, ASan and UBSan and run each for T seconds.
#
# usage: run.sh [T [NAME ...]]      T: seconds a target, 30 by default; NAME: without "fuzz_"
# Ends with "N passed, N failed".  What breaks a target is left in build/fuzz/found/.
set -u
cd "$(dirname "$0")/../.." || exit 2

T=${1:-30}
[ $# -gt 0 ] && shift
NAMES=${*:-$(ls tests/fuzz/fuzz_*.c | sed 's|.*/fuzz_\(.*\)\.c|\1|')}
CC=${FUZZ_CC:-clang}
OUT=build/fuzz
PKGS="libmicrohttpd gnutls libsystemd libcurl jansson libmosquitto libconfig sqlite3 libpcre2-8 libcrypto libssl zlib libxxhash"
FLAGS="-g -O1 -std=c11 -fno-omit-frame-pointer -pthread -Iinclude -Isrc -Itests -Itests/fuzz -D_GNU_SOURCE
       -DTOCSIN_VERSION=\"fuzz\" -fsanitize=address,undefined -fno-sanitize-recover=undefined $(pkg-config --cflags $PKGS)"
LIBS="$(pkg-config --libs $PKGS) -ljq -lonig -lm -ldl"

# One object a source file, rebuilt when the source or any header is newer.
build_library() {
    newest=$(find include src -name '*.h' -newer "$OUT/stamp" -print -quit 2>/dev/null)
    [ -f "$OUT/stamp" ] || newest=all
    find src -name '*.c' ! -path src/main.c | sort | while read -r c; do
        o="$OUT/${c%.c}.o"
        [ -z "$newest" ] && [ "$o" -nt "$c" ] && continue
        mkdir -p "$(dirname "$o")"
        echo "$c"
    done | xargs -r -P 2 -I{} sh -c 'c="$1"; shift; exec "$@" -c "$c" -o "'"$OUT"'/${c%.c}.o"' _ {} \
        $CC $FLAGS -fsanitize=fuzzer-no-link || return 1
    touch "$OUT/stamp"
}

mkdir -p "$OUT/found"
build_library || { echo "the sources do not compile with $CC"; echo "0 passed, 1 failed"; exit 1; }
OBJECTS=$(find src -name '*.c' ! -path src/main.c | sort | sed "s|^|$OUT/|; s|\.c$|.o|")

export LSAN_OPTIONS="suppressions=tests/fuzz/lsan.supp:print_suppressions=0"
passed=0
failed=0
for name in $NAMES; do
    work="$OUT/corpus/$name"
    mkdir -p "$work"
    # fuzz_decode_<vendor> is linked with that integration
    vendor=""
    [ ! -d "integrations/${name#decode_}" ] || vendor=$(ls integrations/"${name#decode_}"/*.c)
    if ! $CC $FLAGS -fsanitize=fuzzer "tests/fuzz/fuzz_$name.c" $vendor $OBJECTS $LIBS -o "$OUT/fuzz_$name"; then
        echo "fuzz_$name: does not build"
        failed=$((failed + 1))
        continue
    fi
    # found inputs go to $work, the seeds beside the sources are only read
    if "$OUT/fuzz_$name" -max_total_time="$T" -timeout=20 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$OUT/found/$name-" "$work" "tests/fuzz/corpus/$name" > "$OUT/$name.log" 2>&1; then
        echo "fuzz_$name: ok, $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$name.log") runs"
        passed=$((passed + 1))
    else
        tail -60 "$OUT/$name.log"
        echo "fuzz_$name: failed; the input is in $OUT/found/"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
