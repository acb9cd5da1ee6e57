/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rules/jqitems.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "core/rules/jqfunc.h"

enum { MAX_COMPARISONS = 5000000 };

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

jv
jqitems_join(struct jqregex *re, jv *args)
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

jv
jqitems_entries(struct jqregex *re, jv *args)
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

jv
jqitems_gather(struct jqregex *re, jv *args)
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

jv
jqitems_compact(struct jqregex *re, jv *args)
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

jv
jqitems_texts(struct jqregex *re, jv *args)
{
    jv v = args[1], out = jv_object();
    double n = jv_get_kind(args[0]) == JV_KIND_NUMBER ? jv_number_value(args[0]) : 0;

    (void)re;
    jv_free(args[0]);
    if (jv_get_kind(v) == JV_KIND_OBJECT) {
        jv_object_foreach(v, key, value) {
            jv text = jqfunc_text(value);

            if (n-- >= 1 && jv_get_kind(text) == JV_KIND_STRING && jv_string_length_bytes(jv_copy(key)) > 0) {
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

jv
jqitems_fold(struct jqregex *re, jv *args)
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

jv
jqitems_indices(struct jqregex *re, jv *args)
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
