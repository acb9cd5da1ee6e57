/* SPDX-License-Identifier: Apache-2.0 */
/* Reading templates, and the table of their expressions.  Rendering is render.c. */
#include "core/rules/template.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "core/rules/jqscan.h"
#include "core/rules/jqvm.h"

enum { MAX_PARTS = 64, MAX_EXPR = 4096 };

struct parser {
    struct arena *arena;
    struct expr_table *exprs;
    const char *text;
    struct part parts[MAX_PARTS];
    size_t n;
    struct tocsin_err *err;
};

static enum tocsin_rc
fail_at(struct parser *s, const char *at, const char *what)
{
    return err_set(s->err, TOCSIN_BAD_CONFIG, "", "column %zu: %s", (size_t)(at - s->text) + 1, what);
}

static size_t
expr_add(struct expr_table *t, struct arena *arena, const char *checked)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->checked[i], checked) == 0)
            return i;
    if (t->n == t->cap) {
        t->cap = t->cap > 0 ? t->cap * 2 : 16;
        t->checked = xrealloc(t->checked, t->cap * sizeof *t->checked);
    }
    t->checked[t->n] = arena_strdup(arena, checked);
    return t->n++;
}

/* --- plain paths ------------------------------------------------------------------ */

static const struct { const char *name; enum path_root root; } roots[] = {
    { "labels", PATH_LABEL },       { "annotations", PATH_ANNOTATION }, { "summary", PATH_SUMMARY },
    { "severity", PATH_SEVERITY },  { "source", PATH_SOURCE },          { "status", PATH_STATUS },
    { "dedup_key", PATH_DEDUP_KEY }, { "group", PATH_GROUP },           { "starts_at", PATH_STARTS_AT },
    { "ends_at", PATH_ENDS_AT },
};

static size_t
name_len(const char *p)
{
    size_t n = 0;

    while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') || p[n] == '_' ||
           (n > 0 && p[n] >= '0' && p[n] <= '9'))
        n++;
    return n;
}

/* ["any text"], as a JSON string.  NULL when it is something else. */
static const char *
bracket_key(struct arena *arena, const char *p, const char *end)
{
    json_t *key;
    const char *name = NULL;

    if (end - p < 4 || p[0] != '[' || p[1] != '"' || end[-1] != ']')
        return NULL;
    key = json_loadb(p + 1, (size_t)(end - p) - 2, JSON_DECODE_ANY, NULL);
    if (json_is_string(key) && memchr(p, '\\', (size_t)(end - p)) == NULL)
        name = arena_strdup(arena, json_string_value(key));
    json_decref(key);
    return name;
}

/* Is [p, end) a plain path?  Then fill the part; *unknown_r is set when it names no field. */
static bool
plain_path(struct parser *s, const char *p, const char *end, struct part *part, bool *unknown_r)
{
    const char *key;
    size_t len, i = 0, n = sizeof roots / sizeof roots[0];

    if (*p++ != '.' || (len = name_len(p)) == 0)
        return false;
    while (i < n && !(strlen(roots[i].name) == len && memcmp(roots[i].name, p, len) == 0))
        i++;
    p += len;
    if (i == n) {
        *unknown_r = p == end && !(len == 5 && memcmp(p - 5, "links", 5) == 0);
        return false;
    }
    part->root = roots[i].root;
    if (part->root != PATH_LABEL && part->root != PATH_ANNOTATION)
        return p == end;
    if (*p == '.') {
        len = name_len(++p);
        part->text = arena_strndup(s->arena, p, len);
        return len > 0 && p + len == end;
    }
    key = bracket_key(s->arena, p, end);
    part->text = key;
    return key != NULL;
}

/* --- parts --------------------------------------------------------------------------- */

static enum tocsin_rc
add_expr(struct parser *s, const char *start, const char *end, const char *checked)
{
    struct part *part = &s->parts[s->n];
    const char *from = start, *to = end;
    bool unknown = false;

    while (from < to && (*from == ' ' || *from == '\t' || *from == '\n'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\n'))
        to--;
    memset(part, 0, sizeof *part);
    part->column = (size_t)(from - s->text) + 1;
    part->kind = PART_PATH;
    if (!plain_path(s, from, to, part, &unknown)) {
        if (unknown)
            return fail_at(s, from,
                           "an alert has no such field; there are .labels, .annotations, .links, .summary, .severity, "
                           ".source, .status, .dedup_key, .group, .starts_at, .ends_at");
        part->kind = PART_JQ;
        part->text = arena_strndup(s->arena, from, (size_t)(to - from));
        part->expr = expr_add(s->exprs, s->arena, checked);
    }
    s->n++;
    return TOCSIN_OK;
}

/* From after "{{"; *next_r is set to after "}}". */
static enum tocsin_rc
expression(struct parser *s, const char *start, const char **next_r)
{
    struct tocsin_err inner;
    struct buf checked;
    size_t used;
    enum tocsin_rc rc;

    buf_init(&checked, MAX_EXPR);
    rc = jqscan(start, strlen(start), JQSCAN_BRACES, &checked, &used, &inner);
    if (rc == TOCSIN_OK)
        rc = add_expr(s, start, start + used, checked.p);
    else
        rc = fail_at(s, used < strlen(start) ? start + used : start - 2, inner.what);
    *next_r = start + used + 2;
    buf_release(&checked);
    return rc;
}

static void
add_text(struct parser *s, const char *p, size_t len)
{
    struct part *part = &s->parts[s->n];

    if (len == 0)
        return;
    memset(part, 0, sizeof *part);
    part->kind = PART_TEXT;
    part->text = arena_strndup(s->arena, p, len);
    part->len = len;
    part->column = (size_t)(p - s->text) + 1;
    s->n++;
}

static enum tocsin_rc
parse(struct parser *s)
{
    const char *p = s->text;

    for (;;) {
        const char *open = strstr(p, "{{"), *stray = strstr(p, "}}");
        enum tocsin_rc rc;

        if (stray != NULL && (open == NULL || stray < open))
            return fail_at(s, stray, "'}}' without '{{' before it; {{ \"}}\" }} stands for the sign itself");
        if (s->n + 2 > MAX_PARTS)
            return fail_at(s, p, "more than 31 expressions");
        add_text(s, p, open != NULL ? (size_t)(open - p) : strlen(p));
        if (open == NULL)
            return TOCSIN_OK;
        rc = expression(s, open + 2, &p);
        if (rc != TOCSIN_OK)
            return rc;
    }
}

enum tocsin_rc
template_parse(struct arena *arena, struct expr_table *exprs, const char *text, struct template *out,
               struct tocsin_err *err)
{
    struct parser s = { .arena = arena, .exprs = exprs, .text = text, .err = err };
    size_t n_exprs = exprs->n;
    enum tocsin_rc rc = parse(&s);

    if (rc != TOCSIN_OK) {
        exprs->n = n_exprs;        /* those before the mistake belong to nobody */
        return rc;
    }
    out->parts = arena_memdup(arena, s.parts, s.n * sizeof s.parts[0]);
    out->n_parts = s.n;
    return TOCSIN_OK;
}

const char *
template_literal(const struct template *t)
{
    if (t->n_parts == 0)
        return "";
    return t->n_parts == 1 && t->parts[0].kind == PART_TEXT ? t->parts[0].text : NULL;
}

/* --- is it jq? -------------------------------------------------------------------------- */

bool
expr_table_check(const struct expr_table *t, void (*report)(void *, size_t expr, const char *what), void *ctx)
{
    bool good = true;

    for (size_t i = 0; i < t->n; i++) {
        struct tocsin_err err = { .what = "" };
        struct jqvm *vm = NULL;

        if (jqvm_compile_set(&t->checked[i], 1, &vm, &err) != TOCSIN_OK) {
            report(ctx, i, err.what);
            good = false;
        }
        jqvm_free(vm);
    }
    return good;
}
