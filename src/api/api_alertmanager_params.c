/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters as Alertmanager reads them.
 *
 * A filter is one matcher.  It is read in the classic way first, where the
 * value needs no quotes and may hold anything; what that refuses may still be
 * a list of matchers, quoted names or braces (core/silence/matchers.h).  When
 * neither reads it, the classic words for it stand.
 */
#include <string.h>
#include <strings.h>

#include "api/api_alertmanager.h"
#include "base/buf.h"
#include "base/err.h"

static const char blanks[] = " \t\n\f\r";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
static const char letters_digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";

static bool
take_operator(const char **p, enum match_op *out)
{
    static const struct { const char *text; enum match_op op; } ops[] = {
        { "=~", OP_RE }, { "=", OP_EQ }, { "!=", OP_NE }, { "!~", OP_NOT_RE } };

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strncmp(*p, ops[i].text, strlen(ops[i].text)) == 0) {
            *p += strlen(ops[i].text);
            *out = ops[i].op;
            return true;
        }
    return false;
}

/* What stands between the quotes, or all of it without any; \\n, \\" and \\\\ are undone, other backslashes stand for
 * themselves.  NULL: a quote is where none may be. */
static const char *
unquoted(struct arena *arena, const char *raw, size_t n)
{
    bool quoted = n > 0 && raw[0] == '"', closed = false;
    char *out = arena_alloc(arena, n + 1), *to = out;

    for (size_t i = quoted; i < n; i++) {
        if (raw[i] == '"') {
            if (!quoted || i + 1 < n)
                return NULL;
            closed = true;
        } else if (raw[i] == '\\' && i + 1 < n && strchr("n\"\\", raw[i + 1]) != NULL) {
            i++;
            *to++ = raw[i] == 'n' ? '\n' : raw[i];
        } else {
            *to++ = raw[i];
        }
    }
    *to = '\0';
    return quoted == closed ? out : NULL;
}

static enum tocsin_rc
read_classic(struct arena *arena, const char *text, struct matcher_parts *out, struct tocsin_err *err)
{
    const char *name = text + strspn(text, blanks), *p = name;
    size_t len, n;

    len = strchr(letters, *p) != NULL && *p != '\0' ? strspn(p, letters_digits) : 0;
    p += len;
    p += strspn(p, blanks);
    if (len == 0 || !take_operator(&p, &out->op))
        return err_set(err, TOCSIN_BAD_INPUT, "", "bad matcher format: %.300s", text);
    p += strspn(p, blanks);
    n = strlen(p);
    while (n > 0 && strchr(blanks, p[n - 1]) != NULL)
        n--;
    out->name = arena_strndup(arena, name, len);
    out->value = unquoted(arena, p, n);
    if (out->value == NULL)
        return err_set(err, TOCSIN_BAD_INPUT, "", "matcher value contains unescaped double quote: %.*s",
                       n < 300 ? (int)n : 300, p);
    return TOCSIN_OK;
}

static void
append(struct arena *arena, struct matchers *m, const struct matcher_parts *parts)
{
    struct matcher_parts *more = arena_alloc(arena, (m->n + 1) * sizeof *more);

    if (m->n > 0)
        memcpy(more, m->v, m->n * sizeof *more);
    more[m->n++] = *parts;
    m->v = more;
}

/* Regular expressions are looked at as well: whoever filters silences only compares their text. */
static enum tocsin_rc
check_meaning(struct arena *arena, const char *text, const struct matchers *m, size_t from, struct tocsin_err *err)
{
    for (size_t i = from; i < m->n; i++) {
        struct matcher compiled;

        if (m->v[i].op > OP_NOT_RE)
            return err_set(err, TOCSIN_BAD_INPUT, "", "bad matcher format: %.300s", text);
        if (matcher_of_label(arena, &m->v[i], &compiled, err) != TOCSIN_OK)
            return err_wrap(err, "error parsing regexp");
        matcher_release(&compiled);
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_filter(struct arena *arena, const char *text, struct matchers *out, struct tocsin_err *err)
{
    struct matcher_parts parts;
    struct tocsin_err unused;
    size_t before = out->n;

    if (out->n >= MATCHERS_MAX)
        return err_set(err, TOCSIN_BAD_INPUT, "", "more than %d matchers", MATCHERS_MAX);
    if (read_classic(arena, text, &parts, err) == TOCSIN_OK)
        append(arena, out, &parts);
    else if (matchers_add(arena, out, text, &unused) != TOCSIN_OK || out->n == before)
        return TOCSIN_BAD_INPUT;
    return check_meaning(arena, text, out, before, err);
}

bool
am_filters(struct call *c, const char *param, struct matchers *out)
{
    const char **values;
    struct tocsin_err err;
    size_t n = http_query_all(c->req, param, &values);

    *out = (struct matchers){ 0 };
    for (size_t i = 0; i < n; i++)
        if (read_filter(http_arena(c->req), values[i], out, &err) != TOCSIN_OK) {
            am_fail(c, 400, "%s", err.what);
            return false;
        }
    return true;
}

/* Of a parameter that is there twice the last one counts. */
bool
am_flag(struct call *c, const char *name)
{
    static const char *const words[] = { "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled" };
    const char **values, *value;
    size_t n = http_query_all(c->req, name, &values);

    value = n > 0 ? values[n - 1] : "";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return *value == '\0';
}
