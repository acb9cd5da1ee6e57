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
            found = unless_found(re, regex, text_of(found));
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

/* --- joining ------------------------------------------------------------------------------ */

/* jq's words for iterating over what has no items.  Takes v. */
static jv
no_items(jv v)
{
    char shown[15];
    const char *kind = jv_kind_name(jv_get_kind(v));

    return jv_invalid_with_msg(
        jv_string_fmt("Cannot iterate over %s (%s)", kind, jv_dump_string_trunc(v, shown, sizeof shown)));
}

/* jq's words for a sum of two that do not go together.  Takes b. */
static jv
no_sum(const struct buf *a, jv b)
{
    char left[15], right[15];
    const char *kind = jv_kind_name(jv_get_kind(b));

    jv_dump_string_trunc(jv_string_sized(a->n > 0 ? a->p : "", (int)a->n), left, sizeof left);
    jv_dump_string_trunc(b, right, sizeof right);
    return jv_invalid_with_msg(jv_string_fmt("string (%s) and %s (%s) cannot be added", left, kind, right));
}

static void
add_text(struct buf *out, jv text)
{
    buf_addn(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    jv_free(text);
}

/* As jq's join() shows an item.  Takes item. */
static jv
add_item(struct buf *out, jv item)
{
    switch (jv_get_kind(item)) {
    case JV_KIND_ARRAY:
    case JV_KIND_OBJECT:
        return no_sum(out, item);
    case JV_KIND_NULL:
        return jv_true();
    case JV_KIND_STRING:
        add_text(out, item);
        return jv_true();
    default:
        add_text(out, jv_dump_string(item, 0));
        return jv_true();
    }
}

static jv
join_all(struct buf *out, jv items, jv glue)
{
    jv_kind kind = jv_get_kind(glue);
    jv good = jv_true();

    for (int i = 0, n = jv_array_length(jv_copy(items)); i < n && jv_is_valid(good); i++) {
        if (i > 0 && kind == JV_KIND_STRING)
            add_text(out, jv_copy(glue));
        else if (i > 0 && kind != JV_KIND_NULL)
            return no_sum(out, jv_copy(glue));
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

static jv
run_join(struct jqregex *re, jv *args)
{
    jv glue = args[0], items = args[1], made;
    struct buf out;

    (void)re;
    if (jv_get_kind(items) == JV_KIND_OBJECT)
        items = values_of(items);
    if (jv_get_kind(items) != JV_KIND_ARRAY) {
        jv_free(glue);
        return no_items(items);
    }
    buf_init(&out, JQFUNC_MAX_TEXT);
    made = join_all(&out, items, glue);
    if (jv_is_valid(made))
        made = buf_ok(&out) ? jv_string_sized(out.n > 0 ? out.p : "", (int)out.n) : jqfunc_too_long();
    buf_release(&out);
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
    jv items = args[0], out;

    (void)re;
    if (jv_get_kind(items) == JV_KIND_OBJECT)
        items = values_of(items);
    if (jv_get_kind(items) != JV_KIND_ARRAY)
        return no_items(items);
    out = jv_object();
    for (int i = 0, n = jv_array_length(jv_copy(items)); i < n && jv_is_valid(out); i++)
        out = put_entry(out, jv_array_get(jv_copy(items), i));
    jv_free(items);
    return out;
}

/* An array or an object without what is null in it. */
static jv
run_compact(struct jqregex *re, jv *args)
{
    jv v = args[0], out;

    (void)re;
    if (jv_get_kind(v) == JV_KIND_ARRAY) {
        out = jv_array();
        jv_array_foreach(v, i, value) {
            if (jv_get_kind(value) != JV_KIND_NULL)
                out = jv_array_append(out, value);
        }
    } else if (jv_get_kind(v) == JV_KIND_OBJECT) {
        out = jv_object();
        jv_object_foreach(v, key, value) {
            if (jv_get_kind(value) != JV_KIND_NULL)
                out = jv_object_set(out, key, value);
            else
                jv_free(key);
        }
    } else {
        return no_items(v);
    }
    jv_free(v);
    return out;
}

/* Of an object the first n members: those that have a name and a text, as text.  {} for anything else. */
static jv
run_texts(struct jqregex *re, jv *args)
{
    jv v = args[1], out = jv_object();
    double n = jv_get_kind(args[0]) == JV_KIND_NUMBER ? jv_number_value(args[0]) : 0;

    (void)re;
    jv_free(args[0]);
    if (jv_get_kind(v) == JV_KIND_OBJECT) {
        jv_object_foreach(v, key, value) {
            jv text = n-- >= 1 ? text_of(value) : (jv_free(value), jv_null());

            if (jv_get_kind(text) == JV_KIND_STRING && jv_string_length_bytes(jv_copy(key)) > 0) {
                out = jv_object_set(out, key, text);
            } else {
                jv_free(key);
                jv_free(text);
            }
        }
    }
    jv_free(v);
    return out;
}

/* A name in lower case and without the characters in drop (ASCII).  Takes name. */
static jv
folded(jv name, const char *drop)
{
    const char *p = jv_string_value(name);
    int n = jv_string_length_bytes(jv_copy(name));
    struct buf out;
    jv made;

    buf_init(&out, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        if (p[i] == '\0' || strchr(drop, p[i]) == NULL)
            buf_addc(&out, p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] - 'A' + 'a') : p[i]);
    made = jv_string_sized(out.n > 0 ? out.p : "", (int)out.n);
    buf_release(&out);
    jv_free(name);
    return made;
}

/* An object with its names folded; of two that become one the last counts. */
static jv
run_fold(struct jqregex *re, jv *args)
{
    jv drop = args[0], v = args[1], out;

    (void)re;
    if (jv_get_kind(v) != JV_KIND_OBJECT || jv_get_kind(drop) != JV_KIND_STRING) {
        jv_free(drop);
        return jqfunc_refuse(v, "has no names to fold");
    }
    out = jv_object();
    jv_object_foreach(v, key, value) {
        out = jv_object_set(out, folded(key, jv_string_value(drop)), value);
    }
    jv_free(v);
    jv_free(drop);
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
    { "filled", 3, run_filled },     { "compact", 1, run_compact }, { "texts", 2, run_texts },
    { "tests", 2, jqregex_tests },   { "down", 1, run_down },       { "join", 2, run_join },
    { "gather", 1, run_gather },     { "entries", 1, run_entries }, { "parts", 3, jqregex_parts },
    { "test", 3, jqregex_test },     { "named", 3, jqregex_named }, { "match", 3, jqregex_match },
    { "indices", 2, run_indices },   { "up", 1, run_up },           { "fold", 2, run_fold },
};
const size_t jqfuncs_n = sizeof jqfuncs / sizeof jqfuncs[0];
