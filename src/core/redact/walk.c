/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules over a document.  On the way down each rule has a state (redact.c);
 * where a path is matched, a rule without a pattern replaces the value as a
 * whole, and one with a pattern works on all texts below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/redact/impl.h"

struct level { uint32_t state[REDACT_RULES]; };

static bool
is_hit(const struct rule *rule, uint32_t state)
{
    return state >> rule->n_segments & 1;
}

/* What is gone is gone, whatever a later rule would do: NULL for "the value stays". */
static const struct rule *
whole_rule(const struct redact *r, const struct level *at)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->rules[i].re == NULL && is_hit(&r->rules[i], at->state[i]))
            return &r->rules[i];
    return NULL;
}

/* Below a path that is matched everything is: patterns look at all texts in there. */
static void
step(const struct work *w, const struct level *from, const char *name, bool index, struct level *to)
{
    for (unsigned i = 0; i < w->r->n; i++) {
        const struct rule *rule = &w->r->rules[i];

        to->state[i] = redact_step(w, rule, from->state[i], name, index);
        if (rule->re != NULL && is_hit(rule, from->state[i]))
            to->state[i] |= 1u << rule->n_segments;
    }
}

/* --- one value -------------------------------------------------------------------------- */

static const char *
scalar_text(const json_t *v, char number[64], size_t *len)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        *len = json_string_length(v);
        return json_string_value(v);
    case JSON_INTEGER:
        *len = (size_t)snprintf(number, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return number;
    case JSON_REAL:
        *len = (size_t)snprintf(number, 64, "%.17g", json_real_value(v));
        return number;
    default:
        return NULL;
    }
}

static json_t *
hashed(struct work *w, const json_t *v)
{
    char number[64], mark[REDACT_HASH_TEXT];
    const char *text;
    size_t len;
    json_t *out, *item;
    const char *name;
    size_t i;

    if (json_is_array(v)) {
        out = json_array();
        json_array_foreach(v, i, item)
            json_array_append_new(out, hashed(w, item));
        return out;
    }
    if (json_is_object(v)) {
        out = json_object();
        for (void *it = json_object_iter((json_t *)(uintptr_t)v); it != NULL;
             it = json_object_iter_next((json_t *)(uintptr_t)v, it)) {
            name = json_object_iter_key(it);
            json_object_setn_new_nocheck(out, name, json_object_iter_key_len(it),
                                         hashed(w, json_object_iter_value(it)));
        }
        return out;
    }
    text = scalar_text(v, number, &len);
    if (text == NULL)
        return json_incref((json_t *)(uintptr_t)v);
    redact_hash_mark(w->r, text, len, mark);
    return json_string_nocheck(mark);
}

static json_t *
truncated(const struct rule *rule, const json_t *v)
{
    const char *s = json_string_value(v);
    size_t n = json_string_length(v), at = 0;

    if (!json_is_string(v))        /* what has no beginning to keep goes as a whole */
        return json_string_nocheck(rule->replace);
    for (unsigned chars = 0; at < n && chars < rule->keep; chars++) {
        size_t step_len = utf8_seq(s + at, n - at);

        at += step_len > 0 ? step_len : 1;
    }
    if (at == n)
        return json_incref((json_t *)(uintptr_t)v);
    return json_sprintf("%.*s%s", (int)at, s, TEXT_MARK);
}

/* The value in its place; NULL: the member goes. */
static json_t *
replaced(struct work *w, const struct rule *rule, const json_t *v)
{
    json_t *out = NULL;

    switch (rule->action) {
    case REDACT_REMOVE:
        return NULL;
    case REDACT_HASH:
        out = hashed(w, v);
        break;
    case REDACT_TRUNCATE:
        out = truncated(rule, v);
        break;
    case REDACT_MASK:
        out = json_stringn_nocheck(rule->replace, rule->replace_len);
        break;
    }
    return out;
}

/* All patterns on one text or number; NULL: nothing matched. */
static json_t *
substituted(struct work *w, const struct level *at, const json_t *v)
{
    char number[64];
    size_t len;
    const char *text = scalar_text(v, number, &len);
    json_t *out = NULL;

    for (unsigned i = 0; i < w->r->n && text != NULL; i++) {
        const struct rule *rule = &w->r->rules[i];
        enum subst done = SUBST_NONE;

        if (rule->re != NULL && is_hit(rule, at->state[i]))
            done = redact_subst(w, rule, text, len);
        if (done == SUBST_NONE)
            continue;
        json_decref(out);
        if (done == SUBST_FAILED)
            return json_string_nocheck(REDACT_FAILED);
        out = json_stringn_nocheck(w->out.p, w->out.n);
        if (out == NULL)
            return json_string_nocheck(REDACT_FAILED);
        text = json_string_value(out);
        len = json_string_length(out);
    }
    return out;
}

/* --- the document --------------------------------------------------------------------------- */

static void walk(struct work *w, const struct level *at, json_t *v);

/* What is to stand in the place of v at this level: v itself (borrowed), a new value, or NULL for nothing. */
static json_t *
treat(struct work *w, const struct level *at, json_t *v, bool *new_r)
{
    const struct rule *rule = json_is_null(v) ? NULL : whole_rule(w->r, at);
    json_t *out;

    *new_r = true;
    w->changed |= rule != NULL;
    if (rule != NULL) {
        out = replaced(w, rule, v);
        if (out == NULL && rule->action != REDACT_REMOVE)
            out = json_string_nocheck(REDACT_FAILED);
        return out;
    }
    if (!json_is_object(v) && !json_is_array(v)) {
        out = substituted(w, at, v);
        w->changed |= out != NULL;
        if (out != NULL)
            return out;
    } else {
        walk(w, at, v);
    }
    *new_r = false;
    return v;
}

/* ["Cookie", "a=b"] in a list of such pairs, or {"key": "cookie", "value": "a=b"}: the member's name. */
static const char *
pair_name(const json_t *item, json_t **value_r)
{
    static const char *const keys[] = { "key", "name" };
    const char *name = NULL;

    if (json_is_array(item) && json_array_size(item) == 2) {
        *value_r = json_array_get(item, 1);
        return json_string_value(json_array_get(item, 0));
    }
    *value_r = json_object_get(item, "value");
    for (size_t i = 0; i < 2 && name == NULL && *value_r != NULL && json_object_size(item) == 2; i++)
        name = json_string_value(json_object_get(item, keys[i]));
    return name;
}

static void
set_pair_value(json_t *item, json_t *value)
{
    if (json_is_array(item))
        json_array_set_new(item, 1, value != NULL ? value : json_null());
    else
        json_object_set_new_nocheck(item, "value", value != NULL ? value : json_null());
}

/* An element that is a pair counts as the member it stands for, and as an element as well. */
static void
walk_pair(struct work *w, const struct level *list, json_t *item)
{
    struct level at;
    json_t *value, *now;
    const char *name = pair_name(item, &value);
    bool is_new;

    if (name == NULL || value == NULL)
        return;
    step(w, list, name, false, &at);
    now = treat(w, &at, value, &is_new);
    if (is_new)
        set_pair_value(item, now);
}

static void
walk_array(struct work *w, const struct level *list, json_t *v)
{
    for (size_t i = 0; i < json_array_size(v);) {
        struct level at;
        char number[24];
        json_t *item = json_array_get(v, i), *now;
        bool is_new;

        walk_pair(w, list, item);
        snprintf(number, sizeof number, "%zu", i);
        step(w, list, number, true, &at);
        now = treat(w, &at, item, &is_new);
        if (is_new)
            json_array_set_new(v, i, now != NULL ? now : json_null());
        i++;
    }
}

static void
walk_object(struct work *w, const struct level *from, json_t *v)
{
    const char *name;
    json_t *item;
    void *next;

    json_object_foreach_safe(v, next, name, item) {
        struct level at;
        json_t *now;
        bool is_new;

        step(w, from, name, false, &at);
        now = treat(w, &at, item, &is_new);
        if (is_new && now == NULL)
            json_object_del(v, name);
        else if (is_new)
            json_object_set_new_nocheck(v, name, now);
    }
}

static void
walk(struct work *w, const struct level *at, json_t *v)
{
    if (json_is_array(v))
        walk_array(w, at, v);
    else if (json_is_object(v))
        walk_object(w, at, v);
}

/* With nothing to work with nothing may pass. */
static void
empty(json_t *doc)
{
    json_object_clear(doc);
    json_array_clear(doc);
}

bool
redact_json(const struct redact *r, json_t *doc)
{
    struct level top;
    struct work w;

    for (unsigned i = 0; i < r->n; i++)
        top.state[i] = r->rules[i].start;
    if (work_begin(&w, r)) {
        walk(&w, &top, doc);
    } else {
        empty(doc);
        w.changed = true;
    }
    work_end(&w);
    return w.changed;
}
