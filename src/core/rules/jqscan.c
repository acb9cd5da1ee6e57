/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tokenizer for jq 1.6 (its lexer.l is the reference).  It keeps a stack of
 * open brackets; a string interpolation counts as one.  What makes `{env: 1}`
 * different from `[env]` is only the bracket and the token before it.
 *
 * `T[]` becomes `(T|__each)`, and `T[]?` becomes `(T|__each_opt)`: libjq loses
 * an object's next key whenever an error or a `break` passes through `[]`, and
 * the object is a stranger's.  For that the scan knows where the term begins
 * that a `[` continues.
 *
 * A parameter's name becomes `(debug|x)`: in `def f(x): x, f(x);` the x of
 * the n-th call is reached through n calls, so 200,000 calls alone would cost
 * 20,000,000,000 steps.
 */
#include "core/rules/jqscan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/rules/jqwords.h"

enum { MAX_NESTING = 128, MAX_PARAMETERS = 64 };
#define NO_TERM SIZE_MAX

/* What came before; only what decides the meaning of the next name. */
enum prev { PREV_NONE, PREV_OPEN_BRACE, PREV_COMMA, PREV_DOLLAR, PREV_OTHER };
/* Where in a `def` head we are. */
enum head { HEAD_NONE, HEAD_NAME, HEAD_AFTER_NAME, HEAD_PARAMS };

struct scan {
    const char *p;
    size_t n, i;
    char open[MAX_NESTING];        /* '(', '[', '{' or '"' for an interpolation */
    size_t depth;
    size_t term[MAX_NESTING + 1];  /* of each depth: where in out the term begins that may go on with `[]`; NO_TERM */
    enum prev prev;
    enum head head;
    size_t head_depth;
    struct { const char *p; size_t len; } params[MAX_PARAMETERS];  /* of all functions; the same name twice is one */
    size_t n_params;
    unsigned flags;
    bool any, done;
    struct buf *out;
    struct tocsin_err *err;
};

static enum tocsin_rc
fail(struct scan *s, size_t at, const char *what, const char *name, size_t len)
{
    s->i = at;
    return err_set(s->err, TOCSIN_BAD_CONFIG, "", what, (int)len, name);
}

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_name(char c)
{
    return is_alpha(c) || is_digit(c);
}

static char
peek(const struct scan *s, size_t ahead)
{
    return s->i + ahead < s->n ? s->p[s->i + ahead] : '\0';
}

static void
copy(struct scan *s, size_t len)
{
    buf_addn(s->out, s->p + s->i, len);
    s->i += len;
}

static enum tocsin_rc
push(struct scan *s, char c)
{
    if (s->depth == MAX_NESTING)
        return fail(s, s->i, "brackets are nested too deep at '%.*s'", &s->p[s->i], 1);
    s->open[s->depth++] = c;
    s->term[s->depth] = NO_TERM;
    return TOCSIN_OK;
}

/* A term begins at the next byte, unless what comes belongs to the term before it. */
static void
begin_term(struct scan *s)
{
    if (s->term[s->depth] == NO_TERM)
        s->term[s->depth] = s->out->n;
}

static void
end_term(struct scan *s)
{
    s->term[s->depth] = NO_TERM;
}

/* Index of the first byte from i on that is no blank and in no comment. */
static size_t
skip_blank(const struct scan *s, size_t i)
{
    while (i < s->n && (s->p[i] == ' ' || s->p[i] == '\t' || s->p[i] == '\n' || s->p[i] == '\r' || s->p[i] == '#')) {
        if (s->p[i] == '#')
            while (i < s->n && s->p[i] != '\n')
                i++;
        else
            i++;
    }
    return i;
}

/* The inside of a string, from after its quote or after an interpolation, up to either. */
static enum tocsin_rc
string_body(struct scan *s)
{
    size_t start = s->i;

    while (s->i < s->n) {
        char c = s->p[s->i];

        if (c == '"') {
            copy(s, 1);
            s->prev = PREV_OTHER;
            return TOCSIN_OK;
        }
        if (c == '\\' && peek(s, 1) == '(') {
            enum tocsin_rc rc = push(s, '"');

            copy(s, 2);
            s->prev = PREV_NONE;
            return rc;
        }
        copy(s, c == '\\' && s->i + 1 < s->n ? 2 : 1);
    }
    return fail(s, start, "a string is not closed%.*s", "", 0);
}

static enum tocsin_rc
close_bracket(struct scan *s, char c)
{
    char want = c == ')' ? '(' : c == ']' ? '[' : '{';
    char top = s->depth > 0 ? s->open[s->depth - 1] : '\0';

    if (c == ')' && top == '"') {
        s->depth--;
        copy(s, 1);
        return string_body(s);
    }
    if (top != want)
        return fail(s, s->i, "unexpected '%.*s'", &s->p[s->i], 1);
    s->depth--;
    if (s->head == HEAD_PARAMS && s->depth == s->head_depth)
        s->head = HEAD_AFTER_NAME;
    copy(s, 1);
    s->prev = PREV_OTHER;
    return TOCSIN_OK;
}

static bool
at_object_key(const struct scan *s)
{
    return s->depth > 0 && s->open[s->depth - 1] == '{' && (s->prev == PREV_OPEN_BRACE || s->prev == PREV_COMMA);
}

static bool
is_param(const struct scan *s, const char *p, size_t len)
{
    for (size_t i = 0; i < s->n_params; i++)
        if (s->params[i].len == len && memcmp(s->params[i].p, p, len) == 0)
            return true;
    return false;
}

/* What a function takes, `x` or `$x`: both can be called as x. */
static enum tocsin_rc
add_param(struct scan *s, const char *p, size_t len)
{
    if (is_param(s, p, len))
        return TOCSIN_OK;
    if (s->n_params == MAX_PARAMETERS)
        return fail(s, s->i, "'%.*s': there are too many parameters with names of their own", p, len);
    s->params[s->n_params].p = p;
    s->params[s->n_params++].len = len;
    return TOCSIN_OK;
}

/* Is the name one that may stand for a parameter, and no function with arguments? */
static bool
calls_param(const struct scan *s, const char *p, size_t len)
{
    size_t next = skip_blank(s, s->i + len);

    return s->head == HEAD_NONE && is_param(s, p, len) && (next == s->n || s->p[next] != '(');
}

/* Which words are no names of functions at this place is checked before. */
static enum tocsin_rc
put_name(struct scan *s, const char *p, size_t len, bool is_function)
{
    enum tocsin_rc rc = TOCSIN_OK;

    if (s->head == HEAD_PARAMS)
        rc = add_param(s, p, len);
    if (!is_function || !calls_param(s, p, len)) {
        copy(s, len);
        return rc;
    }
    buf_add(s->out, "(debug|");
    copy(s, len);
    buf_addc(s->out, ')');
    return rc;
}

/* A name: a function, a variable after '$', a keyword or an object's key. */
static enum tocsin_rc
name(struct scan *s)
{
    const char *p = s->p + s->i;
    enum tocsin_rc rc;
    size_t len = 0;

    while (s->i + len < s->n && (is_name(p[len]) || (p[len] == ':' && peek(s, len + 1) == ':' &&
                                                      is_alpha(peek(s, len + 2)))))
        len += p[len] == ':' ? 2 : 1;
    if (s->prev == PREV_DOLLAR) {
        if (jqword_is(p, len, "ENV") || jqword_is(p, len, "__prog_args"))
            return fail(s, s->i, "'$%.*s' is not available: it reaches outside the value", p, len);
        if (len > 1 && p[0] == '_' && p[1] == '_' && !jqword_is(p, len, "__loc__"))
            return fail(s, s->i, "'$%.*s': names that begin with '__' are reserved", p, len);
    } else if (!at_object_key(s)) {
        if (jqword_is_refused(p, len))
            return fail(s, s->i, "'%.*s' is not available: it reaches outside the value", p, len);
        if (p[0] == '_' && s->head != HEAD_PARAMS)
            return fail(s, s->i, "'%.*s': names that begin with '_' are reserved", p, len);
        if (memchr(p, ':', len) != NULL)
            return fail(s, s->i, "'%.*s': modules are not available", p, len);
    }
    if (jqword_is_keyword(p, len)) {
        end_term(s);
    } else if (s->prev != PREV_DOLLAR) {
        end_term(s);
        begin_term(s);
    }
    if (s->head == HEAD_NAME) {
        s->head = HEAD_AFTER_NAME;
        s->head_depth = s->depth;
    } else if (jqword_is(p, len, "def") && s->prev != PREV_DOLLAR && !at_object_key(s)) {
        s->head = HEAD_NAME;
    }
    rc = put_name(s, p, len, s->prev != PREV_DOLLAR && !at_object_key(s) && !jqword_is_keyword(p, len));
    s->prev = PREV_OTHER;
    return rc;
}

/* As in jq's lexer: digits, then a fraction, then an exponent if it is complete. */
static void
number(struct scan *s)
{
    size_t len = 0;

    end_term(s);
    begin_term(s);
    while (is_digit(peek(s, len)))
        len++;
    if (peek(s, len) == '.')
        len++;
    while (is_digit(peek(s, len)))
        len++;
    if (peek(s, len) == 'e' || peek(s, len) == 'E') {
        size_t e = len + 1;

        if (peek(s, e) == '+' || peek(s, e) == '-')
            e++;
        if (is_digit(peek(s, e))) {
            while (is_digit(peek(s, e)))
                e++;
            len = e;
        }
    }
    copy(s, len);
    s->prev = PREV_OTHER;
}

static void
dot(struct scan *s)
{
    size_t len = 1;

    if (is_digit(peek(s, 1))) {
        number(s);
        return;
    }
    begin_term(s);
    if (peek(s, 1) == '.') {
        len = 2;
    } else if (is_alpha(peek(s, 1))) {
        while (is_name(peek(s, len)))
            len++;
    }
    copy(s, len);
    s->prev = PREV_OTHER;
}

static void
skip_line(struct scan *s)
{
    while (s->i < s->n && s->p[s->i] != '\n')
        s->i++;                    /* not copied: a comment at the end would swallow what is put after it */
}

/* Where a pipeline begins. */
static void
say_line(struct scan *s)
{
    size_t line = 1;

    if ((s->flags & JQSCAN_LINES) == 0)
        return;
    for (size_t i = skip_blank(s, s->i); i > 0; i--)
        line += s->p[i - 1] == '\n';
    buf_addf(s->out, "__line(%zu)|", line);
}

static enum tocsin_rc
punctuation(struct scan *s, char c)
{
    if (c == ':' && s->head == HEAD_AFTER_NAME && s->depth == s->head_depth) {
        copy(s, 1);
        buf_add(s->out, "debug|");
        say_line(s);
        end_term(s);
        s->head = HEAD_NONE;
        s->prev = PREV_NONE;
        return TOCSIN_OK;
    }
    s->prev = c == ',' ? PREV_COMMA : c == '$' ? PREV_DOLLAR : PREV_OTHER;
    if (c != '?')
        end_term(s);
    if (c == '$')
        begin_term(s);
    copy(s, 1);
    if (c == '|' && peek(s, 0) != '=')
        say_line(s);
    return TOCSIN_OK;
}

/* `[]` or `[]?` behind a term. */
static bool
each(struct scan *s)
{
    size_t begin = s->term[s->depth], close = skip_blank(s, s->i + 1), mark;
    bool optional;

    if (begin == NO_TERM || close == s->n || s->p[close] != ']')
        return false;
    mark = skip_blank(s, close + 1);
    /* `?//` is a token of its own */
    optional = mark < s->n && s->p[mark] == '?' && !(mark + 2 < s->n && memcmp(s->p + mark, "?//", 3) == 0);
    buf_addc(s->out, '(');
    if (buf_ok(s->out)) {
        memmove(s->out->p + begin + 1, s->out->p + begin, s->out->n - 1 - begin);
        s->out->p[begin] = '(';
    }
    buf_add(s->out, optional ? "|__each_opt)" : "|__each)");
    s->i = optional ? mark + 1 : close + 1;
    s->prev = PREV_OTHER;
    return true;
}

static enum tocsin_rc
open_bracket(struct scan *s, char c)
{
    enum tocsin_rc rc;

    if (c == '[' && each(s))
        return TOCSIN_OK;
    begin_term(s);
    rc = push(s, c);
    if (rc != TOCSIN_OK)
        return rc;
    if (s->head == HEAD_AFTER_NAME && c == '(')
        s->head = HEAD_PARAMS;
    copy(s, 1);
    if (c == '(' && s->head != HEAD_PARAMS)
        say_line(s);
    s->prev = c == '{' ? PREV_OPEN_BRACE : PREV_OTHER;
    return TOCSIN_OK;
}

static enum tocsin_rc
format(struct scan *s)
{
    size_t len = 1;

    end_term(s);
    begin_term(s);
    while (is_name(peek(s, len)))
        len++;
    copy(s, len);
    s->prev = PREV_OTHER;
    return TOCSIN_OK;
}

static enum tocsin_rc
token(struct scan *s)
{
    char c = s->p[s->i];

    if (c == '}' && (s->flags & JQSCAN_BRACES) != 0 && s->depth == 0 && peek(s, 1) == '}') {
        s->done = true;
        return TOCSIN_OK;
    }
    if (c == '\0')
        return fail(s, s->i, "a zero byte%.*s", "", 0);
    if (c == '#') {
        skip_line(s);
        return TOCSIN_OK;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        copy(s, 1);
        return TOCSIN_OK;
    }
    s->any = true;
    switch (c) {
    case '"':
        begin_term(s);
        copy(s, 1);
        return string_body(s);
    case '(':
    case '[':
    case '{':
        return open_bracket(s, c);
    case ')':
    case ']':
    case '}':
        return close_bracket(s, c);
    case '.':
        dot(s);
        return TOCSIN_OK;
    case '@':
        return format(s);
    default:
        if (is_alpha(c))
            return name(s);
        if (is_digit(c)) {
            number(s);
            return TOCSIN_OK;
        }
        return punctuation(s, c);
    }
}

enum tocsin_rc
jqscan(const char *p, size_t n, unsigned flags, struct buf *out, size_t *used_r, struct tocsin_err *err)
{
    struct scan s = { .p = p, .n = n, .flags = flags, .out = out, .err = err,
                      .term = { NO_TERM } };
    enum tocsin_rc rc = TOCSIN_OK;

    say_line(&s);
    while (rc == TOCSIN_OK && s.i < s.n && !s.done)
        rc = token(&s);
    if (rc == TOCSIN_OK && jqword_utf8(p, s.i) < s.i)    /* jq would put U+FFFD in place of it, and go on */
        rc = fail(&s, jqword_utf8(p, s.i), "not UTF-8%.*s", "", 0);
    if (rc == TOCSIN_OK && (flags & JQSCAN_BRACES) != 0 && !s.done)
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "'{{' is not closed");
    if (rc == TOCSIN_OK && s.depth > 0)
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "'%c' is not closed", s.open[s.depth - 1]);
    if (rc == TOCSIN_OK && !s.any)
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "empty expression");
    if (rc == TOCSIN_OK && !buf_ok(out))
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "the program is longer than %zu bytes", out->max);
    *used_r = s.i;
    return rc;
}
