/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both directions walk recursively; the depth is limited, so a stranger cannot choose how much stack is used.
 * What comes out is limited in size as well.
 */
#include "core/rules/jvjson.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

static const double EXACT = 9007199254740992.0;   /* 2^53 */

static bool from_json(const json_t *in, unsigned depth, size_t *longest, jv *out_r);

static void
note(size_t *longest, size_t n)
{
    if (n > *longest)
        *longest = n;
}

static jv
from_integer(json_int_t n)
{
    char text[24];

    if (n >= -(json_int_t)EXACT && n <= (json_int_t)EXACT)
        return jv_number((double)n);
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, n);
    return jv_string(text);
}

static bool
from_array(const json_t *in, unsigned depth, size_t *longest, jv *out_r)
{
    jv a = jv_array();
    size_t i;
    json_t *item;

    note(longest, json_array_size(in));
    json_array_foreach(in, i, item) {
        jv v;

        if (!from_json(item, depth, longest, &v)) {
            jv_free(a);
            return false;
        }
        a = jv_array_append(a, v);
    }
    *out_r = a;
    return true;
}

static bool
from_object(const json_t *in, unsigned depth, size_t *longest, jv *out_r)
{
    jv o = jv_object();
    const char *key;
    json_t *item;

    json_object_foreach((json_t *)in, key, item) {
        jv v;

        if (!from_json(item, depth, longest, &v)) {
            jv_free(o);
            return false;
        }
        o = jv_object_set(o, jv_string(key), v);
    }
    *out_r = o;
    return true;
}

static bool
from_json(const json_t *in, unsigned depth, size_t *longest, jv *out_r)
{
    if (depth == 0)
        return false;
    switch (json_typeof(in)) {
    case JSON_OBJECT:
        return from_object(in, depth - 1, longest, out_r);
    case JSON_ARRAY:
        return from_array(in, depth - 1, longest, out_r);
    case JSON_STRING:
        if (json_string_length(in) > INT_MAX)
            return false;
        note(longest, json_string_length(in));
        *out_r = jv_string_sized(json_string_value(in), (int)json_string_length(in));
        return true;
    case JSON_INTEGER:
        *out_r = from_integer(json_integer_value(in));
        return true;
    case JSON_REAL:
        *out_r = jv_number(json_real_value(in));
        return true;
    case JSON_TRUE:
        *out_r = jv_true();
        return true;
    case JSON_FALSE:
        *out_r = jv_false();
        return true;
    case JSON_NULL:
        break;
    }
    *out_r = jv_null();
    return true;
}

bool
jv_from_json(const json_t *in, jv *out_r, size_t *longest_r)
{
    *longest_r = 0;
    return from_json(in, JVJSON_MAX_DEPTH, longest_r, out_r);
}

/* What may still be written, and what was in the way. */
struct room { int64_t values, text; const char *why; };

static json_t *to_json(jv v, unsigned depth, struct room *room);

static json_t *
to_number(jv v)
{
    double d = jv_number_value(v);

    if (isnan(d))
        return json_null();
    if (d == floor(d) && fabs(d) <= EXACT)
        return json_integer((json_int_t)d);
    if (isinf(d))
        d = d > 0 ? 1.7976931348623157e308 : -1.7976931348623157e308;   /* as jq prints it */
    return json_real(d);
}

static json_t *
to_text(jv v, struct room *room)
{
    int n = jv_string_length_bytes(jv_copy(v));

    room->text -= n;
    if (room->text < 0) {
        room->why = "holds too much text";
        return NULL;
    }
    return json_stringn(jv_string_value(v), (size_t)n);
}

static json_t *
to_array(jv v, unsigned depth, struct room *room)
{
    json_t *a = json_array();

    jv_array_foreach(v, i, item) {
        if (a != NULL && json_array_append_new(a, to_json(jv_copy(item), depth, room)) != 0) {
            json_decref(a);
            a = NULL;
        }
        jv_free(item);
    }
    jv_free(v);
    return a;
}

static json_t *
to_object(jv v, unsigned depth, struct room *room)
{
    json_t *o = json_object();

    jv_object_foreach(v, key, item) {
        if (o != NULL && json_object_set_new(o, jv_string_value(key), to_json(jv_copy(item), depth, room)) != 0) {
            json_decref(o);
            o = NULL;
        }
        jv_free(key);
        jv_free(item);
    }
    jv_free(v);
    return o;
}

static json_t *
to_json(jv v, unsigned depth, struct room *room)
{
    json_t *out = NULL;

    if (depth == 0 || room->values-- == 0) {
        room->why = depth == 0 ? "is nested too deep" : "holds too many values";
        jv_free(v);
        return NULL;
    }
    switch (jv_get_kind(v)) {
    case JV_KIND_OBJECT:
        return to_object(v, depth - 1, room);
    case JV_KIND_ARRAY:
        return to_array(v, depth - 1, room);
    case JV_KIND_STRING:
        out = to_text(v, room);
        break;
    case JV_KIND_NUMBER:
        out = to_number(v);
        break;
    case JV_KIND_TRUE:
        out = json_true();
        break;
    case JV_KIND_FALSE:
        out = json_false();
        break;
    case JV_KIND_NULL:
        out = json_null();
        break;
    case JV_KIND_INVALID:
        break;
    }
    jv_free(v);
    return out;
}

json_t *
json_from_jv_take(jv v, const char **why_r)
{
    struct room room = { .values = JVJSON_MAX_VALUES, .text = JVJSON_MAX_TEXT, .why = "cannot be kept" };
    json_t *out = to_json(v, JVJSON_MAX_DEPTH, &room);

    if (out == NULL)
        *why_r = room.why;
    return out;
}
