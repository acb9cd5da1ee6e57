#!/bin/sh
# Builds the fuzz targets with libFuzzer, ASan and UBSan, and runs each for a while, as many at once as there are cores.
# usage: run.sh [SECONDS] [NAME ...]        NAME: decode_json (targets.sh names them); JOBS=1 runs one after the other
# Seeds are in corpus/NAME/, and the cases of an integration; what is found on the way stays in build/fuzz/.  Ends with
# "N passed, N failed".
set -eu
cd "$(dirname "$0")/../.."
out=build/fuzz
bin=build/v-clang-fuzzer-no-link-address-ub/tests/fuzz
JOBS=${JOBS:-$(nproc)}

one() { # seconds name
    role=${2%%_*} seeds= known=lsan.supp
    mkdir -p "$out/found/$2" "$out/seeds/$2"
    [ ! -d "tests/fuzz/corpus/$2" ] || seeds=tests/fuzz/corpus/$2
    [ -f "tests/fuzz/fuzz_$2.c" ] || /usr/bin/python3 tests/fuzz/seeds.py "${2#*_}" "$role" "$out/seeds/$2"
    # programs that do not compile leak within libjq; mappings that do must not leak
    [ "$2" = mapping ] || [ "$role" != mapping ] || known=lsan_mapping.supp
    if ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS="suppressions=tests/fuzz/$known:print_suppressions=0" "$bin/$2" \
        -max_total_time="$1" -max_len=16384 -timeout=5 -rss_limit_mb=2048 -artifact_prefix="$out/$2-" \
        "$out/found/$2" $seeds "$out/seeds/$2" >"$out/$2.log" 2>&1; then
        echo "$2: $(grep -o 'Done .*' "$out/$2.log" | tail -1)"
    else
        touch "$out/$2.failed"
        printf '%s: FAILED, see %s\n%s\n' "$2" "$out/$2.log" "$(tail -30 "$out/$2.log")"
    fi
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit 0
fi
seconds=${1:-30}
[ $# -eq 0 ] || shift
names=${*:-$(sh tests/fuzz/targets.sh)}
mkdir -p $out
rm -f $out/*.failed
make --no-print-directory -j"$JOBS" CC=clang SAN=fuzzer-no-link,address,undefined $(printf "$bin/%s " $names)
printf '%s\n' $names | xargs -P "$JOBS" -n 1 sh tests/fuzz/run.sh --one "$seconds"
failed=$(find $out -maxdepth 1 -name '*.failed' | wc -l)
echo "$(($(printf '%s\n' $names | wc -l) - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
