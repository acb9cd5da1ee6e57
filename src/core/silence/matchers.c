/* SPDX-License-Identifier: Apache-2.0 */
#include "core/silence/matchers.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

static const char *const op_texts[] = { [OP_EQ] = "=", [OP_NE] = "!=", [OP_RE] = "=~", [OP_NOT_RE] = "!~",
                                        [OP_LT] = "<", [OP_LE] = "<=", [OP_GT] = ">", [OP_GE] = ">=" };

/* In a rule file the operator is told; here it is whoever sent the matcher. */
static enum tocsin_rc
wrong(struct tocsin_err *err, const char *matcher)
{
    err->rc = TOCSIN_MEANINGLESS;
    return err_wrap(err, "matcher '%.100s'", matcher);
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

/* The end of the matcher that begins at p: a comma outside of quotes, or the end of the text. */
static const char *
end_of_matcher(const char *p)
{
    bool quoted = false;

    for (; *p != '\0' && (quoted || *p != ','); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '\\' && p[1] != '\0')
            p++;
    }
    return p;
}

static const char *
trim(struct arena *arena, const char *text)
{
    size_t n;

    text += strspn(text, " \t\r\n");
    n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
        n--;
    return arena_strndup(arena, text, n);
}

/* Braces around all of it, or none. */
static enum tocsin_rc
unwrap(struct arena *arena, const char **text, struct tocsin_err *err)
{
    const char *t = trim(arena, *text);
    size_t n = strlen(t);

    if (n > 0 && t[0] == '{') {
        if (n < 2 || t[n - 1] != '}')
            return err_set(err, TOCSIN_BAD_INPUT, "", "the brace of '%.100s' is not closed", *text);
        t = trim(arena, arena_strndup(arena, t + 1, n - 2));
    } else if (n > 0 && t[n - 1] == '}' && end_of_matcher(t)[0] == '\0' && strchr(t, '"') == NULL) {
        return err_set(err, TOCSIN_BAD_INPUT, "", "'%.100s' ends with a brace that was not opened", *text);
    }
    *text = t;
    return TOCSIN_OK;
}

enum tocsin_rc
matchers_add(struct arena *arena, struct matchers *m, const char *text, struct tocsin_err *err)
{
    enum tocsin_rc rc = unwrap(arena, &text, err);

    for (const char *p = text, *end; rc == TOCSIN_OK && *p != '\0'; p = *end == ',' ? end + 1 : end) {
        struct matcher_parts parts;
        const char *one;

        end = end_of_matcher(p);
        one = trim(arena, arena_strndup(arena, p, (size_t)(end - p)));
        if (*end == '\0' && one[0] == '\0' && m->n > 0)
            break;                           /* a comma behind the last one */
        rc = matcher_split(arena, one, &parts, err);
        if (rc != TOCSIN_OK)
            return wrong(err, one);
        if (m->n == MATCHERS_MAX)
            return err_set(err, TOCSIN_MEANINGLESS, "", "more than %d matchers", MATCHERS_MAX);
        append(arena, m, &parts);
    }
    return rc;
}

/* --- the stored form ------------------------------------------------------------------ */

static bool
is_plain_name(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9')
        return false;
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:")] == '\0';
}

/* These three escapes are read back alike by both forms of quoted text (matcher.c). */
static void
add_quoted(struct buf *b, const char *s)
{
    buf_addc(b, '"');
    for (; *s != '\0'; s++) {
        if (*s == '\n') {
            buf_add(b, "\\n");
            continue;
        }
        if (*s == '"' || *s == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *s);
    }
    buf_addc(b, '"');
}

static void
add_matcher(struct buf *b, const struct matcher_parts *m)
{
    if (is_plain_name(m->name))
        buf_add(b, m->name);
    else
        add_quoted(b, m->name);
    buf_add(b, op_texts[m->op]);
    add_quoted(b, m->value);
}

const char *
matcher_format(struct arena *arena, const struct matcher_parts *m)
{
    const char *text;
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    add_matcher(&b, m);
    text = arena_strndup(arena, b.p, b.n);
    buf_release(&b);
    return text;
}

const char *
matchers_format(struct arena *arena, const struct matchers *m)
{
    const char *text;
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    for (size_t i = 0; i < m->n; i++) {
        if (i > 0)
            buf_addc(&b, '\n');
        add_matcher(&b, &m->v[i]);
    }
    text = arena_strndup(arena, b.n > 0 ? b.p : "", b.n);
    buf_release(&b);
    return text;
}

bool
matchers_parse(struct arena *arena, const char *lines, struct matchers *out)
{
    *out = (struct matchers){ 0 };
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");
        struct matcher_parts parts;

        if (matcher_split(arena, arena_strndup(arena, lines, n), &parts, NULL) != TOCSIN_OK)
            return false;
        append(arena, out, &parts);
        lines += n + (lines[n] == '\n');
    }
    return out->n > 0;
}

/* --- what a silence may say -------------------------------------------------------------- */

static enum tocsin_rc
check_one(struct arena *arena, const struct matcher_parts *p, struct match_state *state, bool *selective,
          struct tocsin_err *err)
{
    const char *why;
    struct matcher m;
    enum tocsin_rc rc;

    if (p->op > OP_NOT_RE)
        return err_set(err, TOCSIN_MEANINGLESS, "", "matcher '%.100s': a silence knows = != =~ and !~, not %s",
                       matcher_format(arena, p), op_texts[p->op]);
    if (p->name[0] == '\0')
        return err_set(err, TOCSIN_MEANINGLESS, "", "a matcher without a name");
    rc = matcher_of_label(arena, p, &m, err);
    if (rc != TOCSIN_OK)
        return wrong(err, matcher_format(arena, p));
    *selective |= matcher_test(&m, "", TOCSIN_SEV_NONE, state, &why) == NO;
    matcher_release(&m);
    return TOCSIN_OK;
}

enum tocsin_rc
matchers_check(struct arena *arena, const struct matchers *m, struct tocsin_err *err)
{
    struct match_state state;
    bool selective = false;
    enum tocsin_rc rc = TOCSIN_OK;

    if (m->n == 0)
        return err_set(err, TOCSIN_MEANINGLESS, "", "at least one matcher required");
    if (m->n > MATCHERS_MAX)
        return err_set(err, TOCSIN_MEANINGLESS, "", "more than %d matchers", MATCHERS_MAX);
    match_state_init(&state);
    for (size_t i = 0; i < m->n && rc == TOCSIN_OK; i++)
        rc = check_one(arena, &m->v[i], &state, &selective, err);
    match_state_release(&state);
    if (rc == TOCSIN_OK && !selective)
        rc = err_set(err, TOCSIN_MEANINGLESS, "", "at least one matcher must not match the empty string");
    if (rc == TOCSIN_OK && strlen(matchers_format(arena, m)) > MATCHERS_MAX_BYTES)
        rc = err_set(err, TOCSIN_TOO_LARGE, "", "the matchers are longer than %d bytes", MATCHERS_MAX_BYTES);
    return rc;
}
