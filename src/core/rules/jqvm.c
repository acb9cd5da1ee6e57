/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set is compiled as   def __e0: ...; def __e1: ...; . as [$i, $v] | $v | <tree of ifs>
 * and run with [index, value].  Each expression is a function of its own, since
 * jq limits the length of one function's code to 64 KiB.
 *
 * __tick is `debug` underneath, whose callback counts and halts the machine.
 * It is written so that it passes its input on as a path: `path(..)` and
 * assignments still work through it.
 */
#include "core/rules/jqvm.h"

#include <jq.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "core/rules/jqscan.h"

/*
 * What replaces jq's own, and why:
 *   range, while, until, repeat, recurse, combinations   count their steps
 *   _plus                                                doubling a text or an array a few times is all memory
 *   _multiply, setpath, _assign, _modify                 a number from outside chose how much memory
 *   strftime, gmtime, todate                             abort on 1e300 and on a format that is no string
 *   _mod                                                 -1e300 % -1 is a division error of the processor
 *   indices, index, rindex                               without end for ""; over arrays both arrays are lost
 *   any, all, map, add, ..., recurse, paths              the next key of an object is lost where an error or a `break`
 *                                                        passes through its `[]` (jqscan.c does the same for programs)
 *   match and all that is made of it                     empty matches: without end in gsub, reported twice, and a
 *                                                        wild pointer in text that is not ASCII (left out there)
 *   tonumber                                             "nan" as a slice's end aborts
 * One line, so that jq's line numbers are ours plus one.
 */
static const char prelude[] =
    "def __tick: (null|debug) as $__t | .; "
    "def __each: if type == \"object\" then .[keys_unsorted[]] else .[] end; "
    "def __each_opt: if type == \"object\" then .[keys_unsorted[]] elif type == \"array\" then .[] else empty end; "
    "def __range(a;b): range(a;b); def range(a;b): __range(a;b)|__tick; def range(a): range(0;a); "
    "def while(c;u): def w: __tick | if c then ., (u|w) else empty end; w; "
    "def until(c;u): def w: __tick | if c then . else (u|w) end; w; "
    "def repeat(f): def r: __tick | ., (f|r); r; "
    "def range(a;b;s): a as $a | b as $b | s as $s | if $s > 0 then $a | while(. < $b; . + $s) "
    "  elif $s < 0 then $a | while(. > $b; . + $s) else empty end; "
    "def recurse(f): def r: __tick | ., (f|r); r; def recurse: recurse(__each_opt); "
    "def recurse(f;c): def r: __tick | ., (f|select(c)|r); r; def recurse_down: recurse; "
    "def combinations: if length > 16 then error(\"combinations are limited to 16 arrays\") elif length == 0 then [] "
    "  else (.[0]|__each) as $x | (.[1:]|combinations) as $w | __tick | [$x] + $w end; "
    "def combinations(n): . as $dot | n as $n | if $n > 16 then error(\"combinations are limited to 16 arrays\") "
    "  else [range($n)] | map($dot) | combinations end; "
    "def __plus(a;b): a + b; def _plus(a;b): __plus(a;b) | if type == \"string\" then "
    "    if utf8bytelength > 4194304 then error(\"a text is limited to 4 MiB\") else . end "
    "  elif type == \"array\" and length > 500000 then error(\"an array is limited to 500000 items\") else . end; "
    "def __mul(a;b): a * b; "
    "def _multiply(a;b): b as $b | a as $a | if ($a|type) == \"string\" and ($b|type) == \"number\" "
    "    and __mul($a|utf8bytelength; $b) > 65536 then error(\"a repeated string is limited to 65536 bytes\") "
    "  else __mul($a;$b) end; "
    "def __setpath(p;v): setpath(p;v); "
    "def setpath(p;v): p as $p | if ($p|type) == \"array\" and any($p[]; type == \"number\" and . > 100000) "
    "  then error(\"an array is limited to 100000 items\") else __setpath($p;v) end; "
    "def _assign(paths;$v): reduce path(paths) as $p (.; setpath($p;$v)); "
    "def _modify(paths;f): reduce path(paths) as $p (.; . as $x | label $out "
    "  | (setpath($p; $x|getpath($p)|f) | ., break $out), delpaths([$p])); "
    "def __date: if type == \"number\" and (isnan or . > 253402300799 or . < -62135596800) "
    "  then error(\"not a time between the years 1 and 9999\") else . end; "
    "def __strftime(f): strftime(f); def strftime(f): f as $f | if ($f|type) == \"string\" "
    "  then __date | __strftime($f) else error(\"strftime needs a string\") end; "
    "def __gmtime: gmtime; def gmtime: __date | __gmtime; "
    "def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); def todate: todateiso8601; "
    "def __indices($i): indices($i); def indices($i): if type == \"array\" then "
    "    . as $a | (if ($i|type) == \"array\" then $i else [$i] end) as $b | ($b|length) as $n "
    "    | if $n == 0 then [] else [range(length - $n + 1) | select($a[.:. + $n] == $b)] end "
    "  elif $i == \"\" then [] else __indices($i) end; "
    "def any(f): any(__each; f); def any: any(.); def all(f): all(__each; f); def all: all(.); "
    "def map(f): [__each | f]; def map_values(f): __each |= f; def add: reduce __each as $x (null; . + $x); "
    "def sort_by(f): _sort_by_impl(map([f])); def group_by(f): _group_by_impl(map([f])); "
    "def unique_by(f): group_by(f) | map(.[0]); def unique: unique_by(.); "
    "def max_by(f): _max_by_impl(map([f])); def min_by(f): _min_by_impl(map([f])); "
    "def __from: from_entries; def from_entries: [__each] | __from; "
    "def __join($x): join($x); def join($x): [__each] | __join($x); "
    "def __transpose: transpose; def transpose: if type == \"object\" then error(\"an object cannot be transposed\") "
    "  else __transpose end; "
    "def paths: path(recurse) | select(length > 0); "
    "def paths(f): . as $dot | paths | select(. as $p | $dot | getpath($p) | f); def leaf_paths: paths(scalars); "
    "def INDEX(f): INDEX(__each; f); def JOIN($idx; f): [__each | [., $idx[f]]]; "
    "def index($i): indices($i) | .[0]; def rindex($i): indices($i) | .[-1:][0]; "
    "def __tonumber: tonumber; def tonumber: __tonumber | if isnan then error(\"not a number\") else . end; "
    "def __mod(a;b): a % b; def _mod(a;b): b as $b | a as $a | if ($a|type) == \"number\" and ($a|fabs) > 9e15 "
    "  then error(\"% needs a number below 9e15\") else __mod($a;$b) end; "
    "def __match($re;$f): match($re;$f); def __global: type == \"string\" and contains(\"g\"); "
    "def match($re;$f): if $f|__global|not then __match($re;$f) else "
    "    foreach __match($re; if utf8bytelength == length then $f else $f + \"n\" end) as $m "
    "    ({o:-1}; if $m.offset > .o then {o:$m.offset,m:$m} else {o:.o} end; .m // empty) end; "
    "def match($v): if ($v|type) == \"array\" then match($v[0];$v[1]) else match($v;null) end; "
    "def __named: [.captures[]|select(.name != null)|{(.name):.string}] | add // {}; "
    "def capture($re;$f): match($re;$f)|__named; def capture($v): match($v)|__named; "
    "def scan($re): match($re;\"g\") | if (.captures|length) > 0 then [.captures[].string] else .string end; "
    "def split($re;$f): . as $in | (reduce match($re;\"g\" + ($f // \"\")) as $m ({r:[],i:0}; "
    "  {r:(.r + [$in[.i:$m.offset]]), i:($m.offset + $m.length)})) | .r + [$in[.i:]]; "
    "def splits($re;$f): split($re;$f)|.[]; def splits($re): splits($re;null); "
    "def sub($re;f;$flags): . as $in | (reduce match($re;$flags) as $m ({o:\"\",i:0}; . as $s "
    "  | ($m | __named | [f] | .[0] // \"\") as $r "
    "  | {o:($s.o + $in[$s.i:$m.offset] + $r), i:($m.offset + $m.length)})) | .o + $in[.i:]; "
    "def sub($re;f): sub($re;f;\"\"); def gsub($re;f;$flags): sub($re;f;$flags + \"g\"); "
    "def gsub($re;f): sub($re;f;\"g\");\n";

struct jqvm {
    jq_state *jq;
    bool is_set;
    unsigned ticks;
    bool complained;               /* the first message of a compilation is the one that helps */
    struct tocsin_err *err;        /* during compilation */
};

static void
on_debug(void *ctx, jv v)
{
    struct jqvm *vm = ctx;

    jv_free(v);
    if (++vm->ticks == JQVM_MAX_TICKS)
        jq_halt(vm->jq, jv_number(1), jv_null());
}

/* Drop "needle" and what follows it up to n characters more; the words that help only at a shell. */
static void
cut_out(char *text, const char *needle)
{
    char *p = strstr(text, needle);

    if (p != NULL)
        memmove(p, p + strlen(needle), strlen(p + strlen(needle)) + 1);
}

/* "jq: error: X at <top-level>, line 3:\n<source>" to "X (line 2)": the prelude is line 1. */
static void
on_error(void *ctx, jv v)
{
    struct jqvm *vm = ctx;
    char *text, *at;
    long line = 0;

    if (jv_get_kind(v) != JV_KIND_STRING)
        v = jv_dump_string(v, 0);
    if (vm->complained || vm->err == NULL) {
        jv_free(v);
        return;
    }
    vm->complained = true;
    text = xstrdup(jv_string_value(v));
    jv_free(v);
    at = strstr(text, " at <top-level>, line ");
    if (at != NULL) {
        line = strtol(at + strlen(" at <top-level>, line "), NULL, 10) - 1;
        *at = '\0';
    }
    text[strcspn(text, "\n")] = '\0';
    cut_out(text, "jq: error: ");
    cut_out(text, " (Unix shell quoting issues?)");
    if (line > 1)
        err_set(vm->err, TOCSIN_BAD_CONFIG, "", "%s (line %ld)", text, line);
    else
        err_set(vm->err, TOCSIN_BAD_CONFIG, "", "%s", text);
    free(text);
}

/* Compile text that begins with the prelude. */
static enum tocsin_rc
compile(const char *text, bool is_set, struct jqvm **out_r, struct tocsin_err *err)
{
    struct tocsin_err unwanted;
    struct jqvm *vm = xcalloc(1, sizeof *vm);
    enum tocsin_rc rc = TOCSIN_OK;

    vm->is_set = is_set;
    vm->err = err != NULL ? err : &unwanted;
    vm->jq = jq_init();
    if (vm->jq == NULL) {
        free(vm);
        return err_set(err, TOCSIN_INTERNAL, "", "cannot start a jq machine");
    }
    jq_set_error_cb(vm->jq, on_error, vm);
    jq_set_debug_cb(vm->jq, on_debug, vm);
    if (!jq_compile(vm->jq, text)) {
        if (!vm->complained)
            err_set(err, TOCSIN_BAD_CONFIG, "", "jq does not accept the program");
        rc = TOCSIN_BAD_CONFIG;
        jqvm_free(vm);
        vm = NULL;
    } else {
        vm->err = NULL;
        *out_r = vm;
    }
    return rc;
}

enum tocsin_rc
jqvm_compile(const char *program, struct jqvm **out_r, struct tocsin_err *err)
{
    struct buf text;
    size_t used;
    enum tocsin_rc rc;

    buf_init(&text, JQVM_MAX_PROGRAM);
    buf_add(&text, prelude);
    rc = jqscan(program, strlen(program), 0, &text, &used, err);
    if (rc == TOCSIN_OK)
        rc = compile(text.p, false, out_r, err);
    buf_release(&text);
    return rc;
}

/* A balanced tree of ifs over [from, to): its depth is what jq's parser has to stack. */
static void
add_choice(struct buf *text, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;

    if (to - from == 1) {
        buf_addf(text, "__e%zu", from);
        return;
    }
    buf_addf(text, "if $__i < %zu then ", middle);
    add_choice(text, from, middle);
    buf_add(text, " else ");
    add_choice(text, middle, to);
    buf_add(text, " end");
}

enum tocsin_rc
jqvm_compile_set(const char *const *checked, size_t n, struct jqvm **out_r, struct tocsin_err *err)
{
    struct buf text;
    enum tocsin_rc rc;

    buf_init(&text, JQVM_MAX_PROGRAM);
    buf_add(&text, prelude);
    for (size_t i = 0; i < n; i++)
        buf_addf(&text, "def __e%zu: (%s\n);", i, checked[i]);
    buf_add(&text, ".[0] as $__i | .[1] | ");
    add_choice(&text, 0, n);
    if (buf_ok(&text))
        rc = compile(text.p, true, out_r, err);
    else
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "the expressions are longer than %d bytes", JQVM_MAX_PROGRAM);
    buf_release(&text);
    return rc;
}

void
jqvm_free(struct jqvm *vm)
{
    if (vm == NULL)
        return;
    jq_teardown(&vm->jq);
    free(vm);
}

void
jqvm_start(struct jqvm *vm, size_t which, jv input)
{
    if (vm->is_set)
        input = JV_ARRAY(jv_number((double)which), input);
    vm->ticks = 0;
    jq_start(vm->jq, input, 0);
}

static enum tocsin_rc
failed(jv message, struct tocsin_err *err)
{
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    err_set(err, TOCSIN_MEANINGLESS, "", "%s", jv_string_value(message));
    jv_free(message);
    return TOCSIN_MEANINGLESS;
}

enum tocsin_rc
jqvm_next(struct jqvm *vm, jv *out_r, struct tocsin_err *err)
{
    jv v = jq_next(vm->jq);

    if (jq_halted(vm->jq)) {
        jv_free(v);
        return err_set(err, TOCSIN_TOO_LARGE, "", "stopped after %d steps of a loop", JQVM_MAX_TICKS);
    }
    if (!jv_is_valid(v) && jv_invalid_has_msg(jv_copy(v)))
        return failed(jv_invalid_get_msg(v), err);
    *out_r = v;
    return TOCSIN_OK;
}
