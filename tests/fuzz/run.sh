#!/bin/sh
# Builds every tests/fuzz/fuzz_*.c with libFuzzer, ASan and UBSan, and runs each for a while.
# usage: run.sh [SECONDS] [NAME ...]        NAME: fuzz_decode_json
# fuzz_decode_<vendor> is linked with that integration's sources.  Seeds are in corpus/<name without
# fuzz_>/; what is found on the way stays in build/fuzz/.  Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-30}
[ $# -gt 0 ] && shift

# Each fuzz_*.c; and fuzz_decode_<vendor>, fuzz_classify_<vendor>, fuzz_intake_<vendor>, fuzz_mapping_<vendor> of each
# integration that plays the role, made of any_decode.c, any_classify.c, any_intake.c and any_mapping.c, with its cases for seeds, where there is no file of
# that name.
targets() {
    ls tests/fuzz/fuzz_*.c | sed 's|.*/||; s|\.c$||'
    grep -l '\.decode = ' integrations/*/*.c | sed 's|^integrations/\([^/]*\)/.*|fuzz_decode_\1|'
    grep -l '\.classify = ' integrations/*/*.c | sed 's|^integrations/\([^/]*\)/.*|fuzz_classify_\1|'
    grep -l '\.intake = ' integrations/*/*.c | sed 's|^integrations/\([^/]*\)/.*|fuzz_intake_\1|'
    ls integrations/*/mapping.jq | sed 's|^integrations/\([^/]*\)/.*|fuzz_mapping_\1|'
}
names=${*:-$(targets | sort -u)}
out=build/fuzz
mkdir -p $out/obj
pkgs="libmicrohttpd gnutls libsystemd libcurl jansson libmosquitto libconfig sqlite3 libpcre2-8 libcrypto libssl zlib libxxhash libprotobuf-c"
flags="-g -O1 -std=c11 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -pthread
       -Iinclude -Isrc -Itests -Itests/fuzz -D_GNU_SOURCE -DTOCSIN_VERSION=\"fuzz\" $(pkg-config --cflags $pkgs)"

# a changed header makes all objects old
[ -z "$(find src include tests integrations -name '*.h' -newer $out/libcore.a 2>/dev/null | head -1)" ] || rm -f $out/obj/*

# what is made of a .proto, as the Makefile has it
for f in integrations/*/*.proto; do
    folder=$out/gen/$(basename "$(dirname "$f")")
    mkdir -p "$folder"
    [ "$folder/$(basename "$f" .proto).pb-c.c" -nt "$f" ] || protoc-c --c_out="$folder" --proto_path="$(dirname "$f")" "$f"
    flags="$flags -I$folder"
done

compile() { # source
    object=$out/obj/$(printf %s "$1" | tr / _).o
    [ "$object" -nt "$1" ] || clang -fsanitize=fuzzer-no-link $flags -c "$1" -o "$object" || return 1
    printf '%s\n' "$object"
}

# the parts in C++, as the Makefile has them
fast=
if pkg-config --exists simdjson; then
    flags="$flags -DHAVE_SIMDJSON"
    fast="$(pkg-config --libs simdjson) -lstdc++"
fi
compile_cc() { # source
    object=$out/obj/$(printf %s "$1" | tr / _).o
    [ "$object" -nt "$1" ] || clang++ -fsanitize=fuzzer-no-link $(printf %s "$flags" | sed 's/-std=c11/-std=c++17/') -fno-exceptions \
        -fno-rtti -c "$1" -o "$object" || return 1
    printf '%s\n' "$object"
}

core=$(for f in $(find src -name '*.c' ! -path src/main.c | sort); do compile "$f"; done
       [ -z "$fast" ] || for f in $(find src -name '*.cc' | sort); do compile_cc "$f"; done)
rm -f $out/libcore.a
ar rcs $out/libcore.a $core
passed=0 failed=0
for name in $names; do
    role=$(printf %s "$name" | cut -d_ -f2)
    vendor=$(printf %s "$name" | sed -n 's/^fuzz_\(decode\|classify\|intake\|mapping\)_//p')
    source=tests/fuzz/$name.c
    [ -f "$source" ] || source=tests/fuzz/any_$role.c
    objects=$(compile "$source")
    if [ -n "$vendor" ] && [ "$role" != mapping ]; then
        for f in integrations/"$vendor"/*.c $(ls $out/gen/"$vendor"/*.c 2>/dev/null); do objects="$objects $(compile "$f")"; done
    fi
    # muldefs: a target may play a part of the library
    clang -fsanitize=fuzzer,address,undefined -Wl,-z,muldefs -pthread $objects $out/libcore.a $(pkg-config --libs $pkgs) -ljq -lonig $fast -lm -ldl \
        -o "$out/$name"
    seeds=tests/fuzz/corpus/${name#fuzz_}
    mkdir -p "$out/found/$name" "$out/seeds/$name"
    [ -d "$seeds" ] || seeds=
    [ "$source" = "tests/fuzz/$name.c" ] || /usr/bin/python3 tests/fuzz/seeds.py "$vendor" "$role" "$out/seeds/$name"
    # programs that do not compile leak within libjq; mappings that do must not leak
    [ "$role" = mapping ] && [ -n "$vendor" ] && known=lsan_mapping.supp || known=lsan.supp
    if ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS="suppressions=tests/fuzz/$known:print_suppressions=0" "$out/$name" -max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=2048 \
        -artifact_prefix="$out/$name-" "$out/found/$name" $seeds "$out/seeds/$name" >"$out/$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "$name: $(grep -o 'Done .*' "$out/$name.log" | tail -1)"
    else
        failed=$((failed + 1))
        echo "$name: FAILED, see $out/$name.log"
        tail -30 "$out/$name.log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
