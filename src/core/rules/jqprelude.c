/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libjq calls its host in two places: `debug` shows it a value and goes on with
 * that value, `_input` asks it for one.  Both are one step of its byte code.
 *
 * A step of a loop is a `debug`: the host counts (jqvm.c), and looks whether
 * the value has grown too large.  Being its own input, it is passed on as a
 * path, so `path(..)` and assignments work through it.
 *
 * A function in C is called by showing its key, an empty array that nothing
 * else is identical with, and then its arguments, `.` being the last; `_input`
 * fetches the result.  The key goes through getpath(), for getpath([]) is `.`.
 * An argument is worked out before the key is shown, so nothing comes between.
 *
 * A program that says its lines (JQSCAN_LINES) shows them like an argument, and fetches nothing.
 *
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
 *                                                        wild pointer in text that is not ASCII; each use compiled the
 *                                                        regex, and searched as long as it took (jqregex.h)
 *   tonumber                                             "nan" as a slice's end aborts
 *   ascii_downcase, ascii_upcase, join, to_entries       were programs of many steps (jqfunc.h)
 */
#include "core/rules/jqprelude.h"

#define KEY(name) "getpath($" JQPRELUDE_KEY name "|debug)"
/* A function in C of `.`, of p and `.`, of p, q and `.` */
#define ONE(name) KEY(name) "|debug|_input"
#define TWO(name, p) "getpath(" p "|" KEY(name) "|debug|[])|debug|_input"
#define THREE(name, p, q) q " as $__q|getpath(" p "|" KEY(name) "|debug|$__q|debug|[])|debug|_input"

const char jqprelude[] =
    "def __each: debug | if type == \"object\" then .[keys_unsorted[]] else .[] end; "
    "def __each_opt: debug | if type == \"object\" then .[keys_unsorted[]] elif type == \"array\" then .[] "
    "  else empty end; "
    "def __line(n): getpath(n|" KEY("line") "|debug|[]); "
    "def text: " ONE("text") "; def at(p): " TWO("at", "p") "; def txt(p): " TWO("txt", "p") "; "
    "def txt(p;re): " THREE("filled", "p", "re") "; def gather: " ONE("gather") "; def compact: " ONE("compact") "; "
    "def texts(n): " TWO("texts", "n") "; def fold(chars): " TWO("fold", "chars") "; "
    "def __range(a;b): range(a;b); def range(a;b): __range(a;b)|debug; def range(a): range(0;a); "
    "def while(c;u): def w: debug | if c then ., (u|w) else empty end; w; "
    "def until(c;u): def w: debug | if c then . else (u|w) end; w; "
    "def repeat(f): def r: debug | ., (f|r); r; "
    "def range(a;b;s): a as $a | b as $b | s as $s | if $s > 0 then $a | while(. < $b; . + $s) "
    "  elif $s < 0 then $a | while(. > $b; . + $s) else empty end; "
    "def recurse(f): def r: debug | ., (f|r); r; def recurse: recurse(__each_opt); "
    "def recurse(f;c): def r: debug | ., (f|select(c)|r); r; def recurse_down: recurse; "
    "def combinations: if length > 16 then error(\"combinations are limited to 16 arrays\") elif length == 0 then [] "
    "  else (.[0]|__each) as $x | (.[1:]|combinations) as $w | debug | [$x] + $w end; "
    "def combinations(n): . as $dot | n as $n | if $n > 16 then error(\"combinations are limited to 16 arrays\") "
    "  else [range($n)] | map($dot) | combinations end; "
    "def __plus(a;b): a + b; def _plus(a;b): __plus(a;b)|debug; "
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
    "def __indices($i): indices($i); def indices($i): if type == \"array\" then " TWO("indices", "$i")
    "  elif $i == \"\" then [] else __indices($i) end; "
    "def any(f): any(__each; f); def any: any(.); def all(f): all(__each; f); def all: all(.); "
    "def map(f): [__each | f]; def map_values(f): __each |= f; def add: reduce __each as $x (null; . + $x); "
    "def sort_by(f): _sort_by_impl(map([f])); def group_by(f): _group_by_impl(map([f])); "
    "def unique_by(f): group_by(f) | map(.[0]); def unique: unique_by(.); "
    "def max_by(f): _max_by_impl(map([f])); def min_by(f): _min_by_impl(map([f])); "
    "def __from: from_entries; def from_entries: [__each] | __from; "
    "def to_entries: " ONE("entries") "; def with_entries(f): to_entries | map(f) | from_entries; "
    "def ascii_downcase: " ONE("down") "; def ascii_upcase: " ONE("up") "; "
    "def join(x): " TWO("join", "x") "; "
    "def __transpose: transpose; def transpose: if type == \"object\" then error(\"an object cannot be transposed\") "
    "  else __transpose end; "
    "def paths: path(recurse) | select(length > 0); "
    "def paths(f): . as $dot | paths | select(. as $p | $dot | getpath($p) | f); def leaf_paths: paths(scalars); "
    "def INDEX(f): INDEX(__each; f); def JOIN($idx; f): [__each | [., $idx[f]]]; "
    "def index($i): indices($i) | .[0]; def rindex($i): indices($i) | .[-1:][0]; "
    "def __tonumber: tonumber; def tonumber: __tonumber | if isnan then error(\"not a number\") else . end; "
    "def __mod(a;b): a % b; def _mod(a;b): b as $b | a as $a | if ($a|type) == \"number\" and ($a|fabs) > 9e15 "
    "  then error(\"% needs a number below 9e15\") else __mod($a;$b) end; "
    "def test(re;f): " THREE("test", "re", "f") "; def test(v): " TWO("tests", "v") "; "
    "def match(re;f): (" THREE("match", "re", "f") ")[]; "
    "def match($v): if ($v|type) == \"array\" then match($v[0];$v[1]) else match($v;null) end; "
    "def capture(re;f): (" THREE("named", "re", "f") ")[]; "
    "def capture($v): if ($v|type) == \"array\" then capture($v[0];$v[1]) else capture($v;null) end; "
    "def scan($re): match($re;\"g\") | if (.captures|length) > 0 then [.captures[].string] else .string end; "
    "def __parts($re;$f): " THREE("parts", "$re", "$f") "; "
    "def split($re;$f): . as $in | __parts($re; \"g\" + ($f // \"\")) | if . == null then [$in] "
    "  else map(select(type == \"string\")) end; "
    "def splits($re;$f): split($re;$f)|.[]; def splits($re): splits($re;null); "
    "def sub($re;f;$flags): . as $in | __parts($re;$flags) | if . == null then $in "
    "  else map(if type == \"object\" then [f] | .[0] // \"\" else . end) | add end; "
    "def sub($re;f): sub($re;f;\"\"); def gsub($re;f;$flags): sub($re;f;$flags + \"g\"); "
    "def gsub($re;f): sub($re;f;\"g\");\n";
