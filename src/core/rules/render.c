/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendering templates.  Expressions are compiled in sets of SET_SIZE: jq's
 * compiler needs time quadratic in the number of definitions, and about 20 ms
 * for each machine, so neither one set nor one machine each would do.
 */
#include <stdlib.h>
#include <string.h>

#include <jv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "core/rules/jqvm.h"
#include "core/rules/template.h"

enum { SET_SIZE = 128 };

struct jq_pool {
    struct jqvm **sets;
    size_t n_sets;
    bool known;                    /* alert is set */
    jv alert;
};

struct jq_pool *
jq_pool_new(const struct expr_table *t)
{
    struct jq_pool *pool = xcalloc(1, sizeof *pool);

    pool->n_sets = (t->n + SET_SIZE - 1) / SET_SIZE;
    pool->sets = xcalloc(pool->n_sets + 1, sizeof(struct jqvm *));
    for (size_t i = 0; i < pool->n_sets; i++) {
        size_t from = i * SET_SIZE, n = t->n - from < SET_SIZE ? t->n - from : SET_SIZE;

        if (jqvm_compile_set(t->checked + from, n, &pool->sets[i], NULL) != TOCSIN_OK) {
            jq_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

void
jq_pool_free(struct jq_pool *pool)
{
    if (pool == NULL)
        return;
    jq_pool_forget(pool);
    for (size_t i = 0; i < pool->n_sets; i++)
        jqvm_free(pool->sets[i]);
    free(pool->sets);
    free(pool);
}

void
jq_pool_forget(struct jq_pool *pool)
{
    if (pool->known)
        jv_free(pool->alert);
    pool->known = false;
}

/* --- the alert for jq ---------------------------------------------------------------- */

static const char *
status_name(enum tocsin_status s)
{
    return s == TOCSIN_FIRING ? "firing" : s == TOCSIN_RESOLVED ? "resolved" : "unknown";
}

static jv
set(jv o, const char *name, const char *value)
{
    return jv_object_set(o, jv_string(name), value != NULL ? jv_string(value) : jv_null());
}

static jv
set_time(jv o, const char *name, int64_t at)
{
    char text[TIME_TEXT];

    return set(o, name, at != 0 ? time_format(at, text) : NULL);
}

static jv
pairs(const struct tocsin_pair *p, size_t n)
{
    jv o = jv_object();

    for (size_t i = 0; i < n; i++)
        o = set(o, p[i].name, p[i].value);
    return o;
}

static jv
links(const struct tocsin_link *p, size_t n)
{
    jv a = jv_array();

    for (size_t i = 0; i < n; i++)
        a = jv_array_append(a, set(set(jv_object(), "href", p[i].href), "text", p[i].text));
    return a;
}

static jv
alert_of(const struct view *v)
{
    jv o = jv_object();

    o = set(o, "status", status_name(v->status));
    o = set(o, "severity", severity_name(v->severity));
    o = set(o, "summary", v->summary);
    o = set(o, "source", v->source);
    o = set(o, "dedup_key", v->dedup_key);
    o = set(o, "group", v->group);
    o = set_time(o, "starts_at", v->starts_at);
    o = set_time(o, "ends_at", v->ends_at);
    o = jv_object_set(o, jv_string("labels"), pairs(v->labels, v->n_labels));
    o = jv_object_set(o, jv_string("annotations"), pairs(v->annotations, v->n_annotations));
    return jv_object_set(o, jv_string("links"), links(v->links, v->n_links));
}

/* --- parts ------------------------------------------------------------------------------- */

static void
add_path(const struct part *p, const struct view *v, struct buf *out)
{
    char time[TIME_TEXT];

    switch (p->root) {
    case PATH_LABEL:
        buf_add(out, alert_pair_find(v->labels, v->n_labels, p->text));
        break;
    case PATH_ANNOTATION:
        buf_add(out, alert_pair_find(v->annotations, v->n_annotations, p->text));
        break;
    case PATH_SUMMARY:
        buf_add(out, v->summary);
        break;
    case PATH_SEVERITY:
        buf_add(out, severity_name(v->severity));
        break;
    case PATH_SOURCE:
        buf_add(out, v->source);
        break;
    case PATH_STATUS:
        buf_add(out, status_name(v->status));
        break;
    case PATH_DEDUP_KEY:
        buf_add(out, v->dedup_key);
        break;
    case PATH_GROUP:
        buf_add(out, v->group != NULL ? v->group : "");
        break;
    case PATH_STARTS_AT:
        buf_add(out, time_format(v->starts_at, time));
        break;
    case PATH_ENDS_AT:
        buf_add(out, time_format(v->ends_at, time));
        break;
    }
}

/* Consumes v. */
static void
add_value(jv v, struct buf *out)
{
    if (jv_get_kind(v) == JV_KIND_NULL) {
        jv_free(v);
        return;
    }
    if (jv_get_kind(v) != JV_KIND_STRING)
        v = jv_dump_string(v, 0);
    /* a zero byte would end every later use of the text as a C string */
    buf_add(out, jv_string_value(v));
    jv_free(v);
}

static enum tocsin_rc
add_jq(const struct part *p, const struct view *v, struct jq_pool *pool, struct buf *out, struct tocsin_err *err)
{
    struct jqvm *vm = pool->sets[p->expr / SET_SIZE];
    enum tocsin_rc rc;
    jv value, more;

    if (!pool->known)
        pool->alert = alert_of(v);
    pool->known = true;
    jqvm_start(vm, p->expr % SET_SIZE, jv_copy(pool->alert), 0, NULL);
    rc = jqvm_next(vm, &value, err);
    if (rc == TOCSIN_OK && !jv_is_valid(value)) {
        jv_free(value);
        rc = err_set(err, TOCSIN_MEANINGLESS, "", "no result");
    } else if (rc == TOCSIN_OK) {
        add_value(value, out);
        rc = jqvm_next(vm, &more, err);
        if (rc == TOCSIN_OK && jv_is_valid(more))
            rc = err_set(err, TOCSIN_MEANINGLESS, "", "more than one result");
        if (rc != TOCSIN_OK || jv_is_valid(more))
            more = jv_null();
    }
    return rc == TOCSIN_OK ? TOCSIN_OK : err_wrap(err, "{{ %.100s }}", p->text);
}

static enum tocsin_rc
add_part(const struct part *p, const struct view *v, struct jq_pool *pool, struct buf *out, struct tocsin_err *err)
{
    if (p->kind == PART_JQ)
        return add_jq(p, v, pool, out, err);
    if (p->kind == PART_TEXT)
        buf_addn(out, p->text, p->len);
    else
        add_path(p, v, out);
    return TOCSIN_OK;
}

enum tocsin_rc
template_render_whole(const struct template *t, const struct view *v, struct jq_pool *pool, struct buf *out,
                      bool *whole_r, struct tocsin_err *err)
{
    *whole_r = true;
    for (size_t i = 0; i < t->n_parts; i++) {
        size_t before = out->n;
        enum tocsin_rc rc = add_part(&t->parts[i], v, pool, out, err);

        if (rc != TOCSIN_OK)
            return rc;
        *whole_r &= out->n > before;
    }
    if (!buf_ok(out))
        return err_set(err, TOCSIN_TOO_LARGE, "", "the text is longer than %zu bytes", out->max);
    return TOCSIN_OK;
}

enum tocsin_rc
template_render(const struct template *t, const struct view *v, struct jq_pool *pool, struct buf *out,
                struct tocsin_err *err)
{
    bool whole;

    return template_render_whole(t, v, pool, out, &whole, err);
}
