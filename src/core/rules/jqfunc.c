/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those that jq has as well give what jq's own give, its errors word for word;
 * tests/unit/test_jqfunc.c compares the two.
 */
#include "core/rules/jqfunc.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "core/rules/jqitems.h"
#include "core/rules/jqregex.h"

jv
jqfunc_refuse(jv bad, const char *words)
{
    char shown[15];
    const char *kind = jv_kind_name(jv_get_kind(bad));

    return jv_invalid_with_msg(jv_string_fmt("%s (%s) %s", kind, jv_dump_string_trunc(bad, shown, sizeof shown), words));
}

jv
jqfunc_too_long(void)
{
    return jv_invalid_with_msg(jv_string_fmt("a text is limited to %d MiB", JQFUNC_MAX_TEXT >> 20));
}

/* --- values as text ----------------------------------------------------------------------- */

jv
jqfunc_text(jv v)
{
    switch (jv_get_kind(v)) {
    case JV_KIND_STRING:
        if (jv_string_length_bytes(jv_copy(v)) > 0)
            return v;
        break;
    case JV_KIND_NUMBER:
    case JV_KIND_TRUE:
    case JV_KIND_FALSE:
        return jv_dump_string(v, 0);
    default:
        break;
    }
    jv_free(v);
    return jv_null();
}

static jv
run_text(struct jqregex *re, jv *args)
{
    (void)re;
    return jqfunc_text(args[0]);
}

/* What stands at a name; null where it leads into something that is no object.  Takes both. */
static jv
member(jv v, jv name)
{
    jv found;

    if (jv_get_kind(name) != JV_KIND_STRING) {
        jv_free(v);
        return jqfunc_refuse(name, "is no name of a member");
    }
    if (jv_get_kind(v) != JV_KIND_OBJECT) {
        jv_free(v);
        jv_free(name);
        return jv_null();
    }
    found = jv_object_get(v, name);
    if (jv_is_valid(found))
        return found;
    jv_free(found);
    return jv_null();
}

/* path: a name, or an array of names.  Takes both. */
static jv
walk(jv v, jv path)
{
    if (jv_get_kind(path) != JV_KIND_ARRAY)
        return member(v, path);
    for (int i = 0, n = jv_array_length(jv_copy(path)); i < n && jv_is_valid(v); i++)
        v = member(v, jv_array_get(jv_copy(path), i));
    jv_free(path);
    return v;
}

static jv
run_at(struct jqregex *re, jv *args)
{
    (void)re;
    return walk(args[1], args[0]);
}

/* null instead of a text that the regex finds; with no regex (null) none is looked for.  Takes text. */
static jv
unless_found(struct jqregex *re, jv regex, jv text)
{
    jv found, args[3] = { jv_copy(regex), jv_null(), jv_copy(text) };

    if (jv_get_kind(text) != JV_KIND_STRING || jv_get_kind(regex) == JV_KIND_NULL) {
        jv_free(args[0]);
        jv_free(args[2]);
        return text;
    }
    found = jqregex_test(re, args);
    if (jv_get_kind(found) == JV_KIND_FALSE)
        return text;
    jv_free(text);
    return jv_is_valid(found) ? jv_null() : found;
}

/* The text at a path, or at the first of an array of paths that has one.  Takes v and paths. */
static jv
first_text(struct jqregex *re, jv v, jv paths, jv regex)
{
    jv first = jv_get_kind(paths) == JV_KIND_ARRAY ? jv_array_get(jv_copy(paths), 0) : jv_null();
    bool many = jv_get_kind(first) == JV_KIND_ARRAY;
    jv found = jv_null();

    jv_free(first);
    for (int i = 0, n = many ? jv_array_length(jv_copy(paths)) : 1; i < n && jv_get_kind(found) == JV_KIND_NULL; i++) {
        found = walk(jv_copy(v), many ? jv_array_get(jv_copy(paths), i) : jv_copy(paths));
        if (jv_is_valid(found))
            found = unless_found(re, regex, jqfunc_text(found));
    }
    jv_free(paths);
    jv_free(v);
    return found;
}

static jv
run_txt(struct jqregex *re, jv *args)
{
    return first_text(re, args[1], args[0], jv_null());
}

static jv
run_filled(struct jqregex *re, jv *args)
{
    jv found = first_text(re, args[2], args[0], args[1]);

    jv_free(args[1]);
    return found;
}

/* Letters of ASCII only, as jq has it. */
static jv
change_case(jv v, char from, char to)
{
    const char *p;
    struct buf out;
    jv made;
    int n;

    if (jv_get_kind(v) != JV_KIND_STRING) {
        jv_free(v);
        return jv_invalid_with_msg(jv_string("explode input must be a string"));
    }
    p = jv_string_value(v);
    n = jv_string_length_bytes(jv_copy(v));
    buf_init(&out, (size_t)n + 1);
    buf_addn(&out, p, (size_t)n);
    for (int i = 0; i < n; i++)
        if (p[i] >= from && p[i] <= from + ('z' - 'a'))
            out.p[i] = (char)(p[i] - from + to);
    made = jv_string_sized(n > 0 ? out.p : "", n);
    buf_release(&out);
    jv_free(v);
    return made;
}

static jv
run_down(struct jqregex *re, jv *args)
{
    (void)re;
    return change_case(args[0], 'A', 'a');
}

static jv
run_up(struct jqregex *re, jv *args)
{
    (void)re;
    return change_case(args[0], 'a', 'A');
}

const struct jqfunc jqfuncs[] = {
    /* the most used first: a call looks through them */
    { "txt", 2, run_txt },
    { "text", 1, run_text },
    { "at", 2, run_at },
    { "filled", 3, run_filled },
    { "compact", 1, jqitems_compact },
    { "texts", 2, jqitems_texts },
    { "tests", 2, jqregex_tests },
    { "down", 1, run_down },
    { "join", 2, jqitems_join },
    { "gather", 1, jqitems_gather },
    { "entries", 1, jqitems_entries },
    { "parts", 3, jqregex_parts },
    { "test", 3, jqregex_test },
    { "named", 3, jqregex_named },
    { "match", 3, jqregex_match },
    { "indices", 2, jqitems_indices },
    { "up", 1, run_up },
    { "fold", 2, jqitems_fold },
    { "line", 1, NULL },
};
const size_t jqfuncs_n = sizeof jqfuncs / sizeof jqfuncs[0];
