/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those that jq has as well give what jq's own give, its errors word for word;
 * tests/unit/test_jqfunc.c compares the two.  A function that cannot tell how
 * jq would fail gives null, and the prelude asks jq's own.
 */
#include "core/rules/jqfunc.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "core/rules/jqregex.h"

enum { MAX_COMPARISONS = 5000000 };

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

/* A text that is not empty, a number or a boolean as text; null for anything else.  Takes v. */
static jv
text_of(jv v)
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
    return text_of(args[0]);
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

/* The text at a path, or at the first of an array of paths that has one. */
static jv
run_txt(struct jqregex *re, jv *args)
{
    jv first = jv_get_kind(args[0]) == JV_KIND_ARRAY ? jv_array_get(jv_copy(args[0]), 0) : jv_null();
    bool many = jv_get_kind(first) == JV_KIND_ARRAY;
    jv found = jv_null();

    (void)re;
    jv_free(first);
    if (!many) {
        found = walk(args[1], args[0]);
        return jv_is_valid(found) ? text_of(found) : found;
    }
    for (int i = 0, n = jv_array_length(jv_copy(args[0])); i < n && jv_get_kind(found) == JV_KIND_NULL; i++) {
        found = walk(jv_copy(args[1]), jv_array_get(jv_copy(args[0]), i));
        if (jv_is_valid(found))
            found = text_of(found);
    }
    jv_free(args[0]);
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

/* --- joining ------------------------------------------------------------------------------ */

/* As jq's join() shows an item; false when that would be an error.  Takes item. */
static bool
add_item(struct buf *out, jv item)
{
    jv_kind kind = jv_get_kind(item);
    bool good = kind != JV_KIND_ARRAY && kind != JV_KIND_OBJECT;

    if (kind == JV_KIND_NUMBER || kind == JV_KIND_TRUE || kind == JV_KIND_FALSE)
        item = jv_dump_string(item, 0);
    if (jv_get_kind(item) == JV_KIND_STRING)
        buf_addn(out, jv_string_value(item), (size_t)jv_string_length_bytes(jv_copy(item)));
    jv_free(item);
    return good;
}

static bool
join_all(struct buf *out, jv items, jv glue)
{
    bool good = true;

    for (int i = 0, n = jv_array_length(jv_copy(items)); i < n && good; i++) {
        if (i > 0)
            buf_addn(out, jv_string_value(glue), (size_t)jv_string_length_bytes(jv_copy(glue)));
        good = add_item(out, jv_array_get(jv_copy(items), i));
    }
    return good;
}

static jv
values_of(jv object)
{
    jv values = jv_array();

    jv_object_foreach(object, key, value) {
        jv_free(key);
        values = jv_array_append(values, value);
    }
    jv_free(object);
    return values;
}

/* null: jq's own shall say what is wrong. */
static jv
run_join(struct jqregex *re, jv *args)
{
    jv glue = args[0], items = args[1], made = jv_null();
    struct buf out;

    (void)re;
    if (jv_get_kind(items) == JV_KIND_OBJECT)
        items = values_of(items);
    if (jv_get_kind(items) == JV_KIND_ARRAY && jv_get_kind(glue) == JV_KIND_STRING) {
        buf_init(&out, JQFUNC_MAX_TEXT);
        if (join_all(&out, items, glue))
            made = buf_ok(&out) ? jv_string_sized(out.n > 0 ? out.p : "", (int)out.n) : jqfunc_too_long();
        buf_release(&out);
    }
    jv_free(items);
    jv_free(glue);
    return made;
}

/* --- objects and entries ------------------------------------------------------------------ */

static jv
entry(jv key, jv value)
{
    return jv_object_set(jv_object_set(jv_object(), jv_string("key"), key), jv_string("value"), value);
}

static jv
run_entries(struct jqregex *re, jv *args)
{
    jv v = args[0], out = jv_array();

    (void)re;
    if (jv_get_kind(v) == JV_KIND_OBJECT) {
        jv_object_foreach(v, key, value) {
            out = jv_array_append(out, entry(key, value));
        }
    } else if (jv_get_kind(v) == JV_KIND_ARRAY) {
        jv_array_foreach(v, i, value) {
            out = jv_array_append(out, entry(jv_number(i), value));
        }
    } else {
        jv_free(out);
        return jqfunc_refuse(v, "has no keys");
    }
    jv_free(v);
    return out;
}

/* Takes both; an error if the entry is none. */
static jv
put_entry(jv out, jv e)
{
    jv key = jv_get(jv_copy(e), jv_string("key")), value;
    char shown[15];

    if (jv_get_kind(key) == JV_KIND_STRING) {
        value = jv_get(e, jv_string("value"));
        return jv_object_set(out, key, value);
    }
    jv_free(e);
    jv_free(out);
    if (!jv_is_valid(key))
        return key;
    out = jv_string_fmt("Cannot use %s (%s) as object key", jv_kind_name(jv_get_kind(key)),
                        jv_dump_string_trunc(jv_copy(key), shown, sizeof shown));
    jv_free(key);
    return jv_invalid_with_msg(out);
}

/* An array of {key, value} as an object; of two with one key the last counts. */
static jv
run_gather(struct jqregex *re, jv *args)
{
    jv items = args[0], out = jv_object();
    char shown[15];

    (void)re;
    if (jv_get_kind(items) == JV_KIND_OBJECT)
        items = values_of(items);
    if (jv_get_kind(items) != JV_KIND_ARRAY) {
        jv_free(out);
        out = jv_invalid_with_msg(jv_string_fmt("Cannot iterate over %s (%s)", jv_kind_name(jv_get_kind(items)),
                                                jv_dump_string_trunc(jv_copy(items), shown, sizeof shown)));
        jv_free(items);
        return out;
    }
    for (int i = 0, n = jv_array_length(jv_copy(items)); i < n && jv_is_valid(out); i++)
        out = put_entry(out, jv_array_get(jv_copy(items), i));
    jv_free(items);
    return out;
}

/* --- places in an array ------------------------------------------------------------------- */

/* Does what is looked for stand at i?  Counts what it compares. */
static bool
stands_at(jv items, int i, jv wanted, int n, int *compared)
{
    for (int k = 0; k < n; k++, ++*compared)
        if (!jv_equal(jv_array_get(jv_copy(items), i + k), jv_array_get(jv_copy(wanted), k)))
            return false;
    return true;
}

/* Where a value, or an array of values in a row, stands in an array. */
static jv
run_indices(struct jqregex *re, jv *args)
{
    jv wanted = jv_get_kind(args[0]) == JV_KIND_ARRAY ? args[0] : jv_array_append(jv_array(), args[0]);
    jv items = args[1], out = jv_array();
    int n = jv_array_length(jv_copy(wanted)), all = jv_array_length(jv_copy(items)), compared = 0, i;

    (void)re;
    for (i = 0; n > 0 && i + n <= all && compared < MAX_COMPARISONS; i++, compared++)
        if (stands_at(items, i, wanted, n, &compared))
            out = jv_array_append(out, jv_number(i));
    jv_free(wanted);
    jv_free(items);
    if (compared < MAX_COMPARISONS)
        return out;
    jv_free(out);
    return jv_invalid_with_msg(jv_string_fmt("looking for places is limited to %d comparisons", MAX_COMPARISONS));
}

const struct jqfunc jqfuncs[] = {
    /* the most used first: a call looks through them */
    { "txt", 2, run_txt },           { "text", 1, run_text },       { "at", 2, run_at },
    { "tests", 2, jqregex_tests },   { "down", 1, run_down },       { "join", 2, run_join },
    { "gather", 1, run_gather },     { "entries", 1, run_entries }, { "parts", 3, jqregex_parts },
    { "test", 3, jqregex_test },     { "named", 3, jqregex_named }, { "match", 3, jqregex_match },
    { "indices", 2, run_indices },   { "up", 1, run_up },
};
const size_t jqfuncs_n = sizeof jqfuncs / sizeof jqfuncs[0];
