/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses a mapping, the others are the JSON that a stranger
 * sends it.  The mappings use what authors of mappings use: whatever the JSON
 * is, they give alerts or fail with words, in bounded time and memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/normalise/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const programs[] = {
    /* an event list */
    ".body.events[] | {dedup_key: \"\\(.host)/\\(.id)\", status: (if .ok then \"resolved\" else \"firing\" end),"
    " severity: (.level // \"error\" | ascii_downcase), summary: .text, labels: (.tags // {})}",
    /* text work */
    ".. | strings | [(try [splits(\"[,; ]+\")] catch 0), ltrimstr(\"x\"), (try tonumber catch 0), test(\"^a.*b$\"),"
    " (try gsub(\"(?<x>[a-z]+)\"; \"<\\(.x)>\") catch 0), .[1:3], .[-2:], explode, (explode|implode), ascii_upcase,"
    " index(\"a\"), indices(\"a\"), indices(\"\"), split(\"\"), @uri, @sh, @html, @base64, (try @base64d catch 0),"
    " (try fromjson catch 0), [scan(\"[0-9]\")], (. * 3), ltrimstr(.), (try split(.) catch 0), (try (. / .) catch 0),"
    " (try test(.) catch 0), (try fromdate catch 0), (try strptime(\"%Y-%m-%d\") catch 0),"
    " (try ({} | .[\"a\"]) catch 0),"
    " gsub(\"\"; \"-\"), gsub(\"\\\\s*$\"; \"\"), gsub(\"[a-z]*\"; \"x\"), [scan(\"a*\")], [splits(\" *\")],"
    " rtrimstr(\"x\"), startswith(.), length, utf8bytelength, (try ({a: .} | @json) catch 0),"
    " (try (strptime(\"%s\")|mktime) catch 0), (try capture(\"(?<y>\\\\d+)-(?<m>\\\\d+)\") catch 0)] | {a: .}",
    /* numbers from outside decide about sizes and times */
    ".. | numbers | . as $n | [(try [limit(5; range($n))] catch 0), (try (\"x\" * $n) catch 0),"
    " (try ([] | .[$n] = 1) catch 0), (try todate catch 0), (try todateiso8601 catch 0), (try gmtime catch 0),"
    " [1,2,3][$n], [1,2,3][$n:], [1,2,3][:$n], \"abc\"[:$n], ($n|tostring), (try ([$n]|implode) catch 0),"
    " (try strftime(\"%Y %j %s\") catch 0), ($n|floor|sqrt|pow(.;2)), (try ($n % 7) catch 0), (try (7 % $n) catch 0),"
    " (try (7 / $n) catch 0), (try [limit($n; 1,2,3)] catch 0), (try ([1,2]|.[$n:$n] = [9]) catch 0),"
    " (try ([[1]]|flatten($n)) catch 0), (try [range($n;0;-1000)] catch 0), (try ([$n,1,1,1,1,1]|mktime) catch 0),"
    " (try ([1970,$n,1,1,1,1,1,1]|todate) catch 0), (try ([1,2]|del(.[$n])) catch 0), (try ([1]|has($n)) catch 0),"
    " (try ([1,2]|nth($n)) catch 0), (try ([1,2]|getpath([$n])) catch 0), (try (logb,significand,gamma,frexp) catch 0),"
    " (try ([1,2,3]|.[$n] |= 5) catch 0), (try ([[1,2]|combinations($n)]) catch 0), (try ldexp($n;$n) catch 0),"
    " (try ([1]|delpaths([[$n]])) catch 0), (try (\"a,b\"|split(\",\";null)|.[$n]) catch 0),"
    " (try tojson catch 0)] | {a: .}",
    /* shapes */
    "[[paths], [leaf_paths], (try to_entries catch 0), (try keys catch 0), (try (map(type)) catch 0),"
    " (try flatten catch 0), (try group_by(.a) catch 0), (try (sort_by(.a)|unique) catch 0), tojson,"
    " (try with_entries(.value |= tostring) catch 0), (try add catch 0), [tostream], walk(.),"
    " (try (.[] |= 1) catch 0), (try del(.[0]) catch 0), (try join(\",\") catch 0), (try min catch 0),"
    " (try transpose catch 0), (try @csv catch 0), (try @tsv catch 0), (try from_entries catch 0), (try any catch 0),"
    " (try .body.a.b.c catch 0), (try has(\"a\") catch 0), (try contains({a: 1}) catch 0), (try inside(.) catch 0),"
    " (try (. - .) catch 0), (try (. + .) catch 0), (try (. * .) catch 0), (try implode catch 0), (try mktime catch 0),"
    " (try todate catch 0), (try (. == .) catch 0), (try @sh catch 0), (try @text catch 0), (try max_by(.a) catch 0),"
    " (try indices(1) catch 0), (try indices([1]) catch 0), (try (.[0:1] = [3]) catch 0), (try getpath([\"a\","
    " 0]) catch 0),"
    " (try delpaths([[0], [\"a\"]]) catch 0), (try fromstream(tostream) catch 0), (try [splits(\"a\")] catch 0),"
    " (try unique_by(length) catch 0), (try ([.[]?] | .[1:] | first) catch 0), (try (.a,"
    " .body | ascii_downcase) catch 0),"
    " (try setpath([.a]; 1) catch 0), (try getpath(.) catch 0), (try delpaths(.) catch 0), (try test(.) catch 0),"
    " (try strftime(.) catch 0), (try ltrimstr(.) catch 0), (try (.a as [$x, {k: $y}] | $x, $y) catch 0),"
    " (try (\"x\" | split(.)) catch 0), (try (. as $i | {a: 1} | .[$i]) catch 0),"
    " (try (. as $i | [1,2] | .[$i]) catch 0),"
    " (try (. as $i | [1,2] | .[$i:]) catch 0), (try limit(.; 1) catch 0), (try [range(.)] catch 0)] | {a: .}",
};

enum { PROGRAMS = sizeof programs / sizeof programs[0] };

static struct mapping *mappings[PROGRAMS];

static void
prepare(void)
{
    struct tocsin_err err;

    for (size_t i = 0; i < PROGRAMS; i++)
        if (mapping_compile("fuzz.jq", programs[i], &mappings[i], &err) != TOCSIN_OK)
            abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tocsin_err err = { .what = "" };
    json_t *in, *out = NULL;

    if (mappings[0] == NULL)
        prepare();
    if (size < 1)
        return 0;
    in = json_loadb((const char *)data + 1, size - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (in == NULL)
        return 0;
    if (mapping_run(mappings[data[0] % PROGRAMS], in, 1000, NULL, &out, &err) == TOCSIN_OK) {
        if (!json_is_array(out) || json_array_size(out) > 1000)
            abort();
        json_decref(out);
    } else if (err.what[0] == '\0' || out != NULL) {
        abort();
    }
    json_decref(in);
    return 0;
}
