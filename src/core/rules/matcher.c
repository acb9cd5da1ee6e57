/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alertmanager has two parsers, and where both accept a text the classic one
 * decides.  So here: after a name that the classic one knows ([a-zA-Z_:] and
 * digits), its value rules hold: a quoted value knows \n, \" and \\ and leaves
 * any other backslash alone, so "\d+" is what it looks like.  After any other
 * name (quoted, or with '-', '.', letters of any script) the escapes of a Go
 * string are understood as well.
 *
 * A regex that is nothing but words between bars becomes a list of values: it
 * is faster, and the index can find it.
 */
#include "core/rules/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "core/normalise/severity.h"

enum { MAX_PATTERN = 4096, MAX_WORDS = 64 };

struct parser {
    struct arena *arena;
    const char *text, *p;
    bool classic;                  /* the name is one that the classic parser knows */
    struct tocsin_err *err;
};

static enum tocsin_rc
fail_at(struct parser *s, const char *at, const char *what, const char *arg)
{
    return err_set(s->err, TOCSIN_BAD_CONFIG, "", "column %zu: %s%s", (size_t)(at - s->text) + 1, what, arg);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_reserved(char c)
{
    return c == '\0' || is_blank(c) || strchr("{}!=~,\\\"'`<>", c) != NULL;
}

static bool
is_classic(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        bool digit = c >= '0' && c <= '9';

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (digit && i > 0)))
            return false;
    }
    return n > 0;
}

static void
skip_blanks(struct parser *s)
{
    while (is_blank(*s->p))
        s->p++;
}

/* --- quoted strings ------------------------------------------------------------ */

static size_t
put_utf8(char *out, unsigned long c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH, \uHHHH, \UHHHHHHHH with p at the letter: the bytes read, 0 when it is not one.  A \x above 7f
 * would make bytes that are not UTF-8, so it is none. */
static size_t
go_code_point(const char *p, char *out, size_t *len)
{
    size_t digits = *p == 'x' ? 2 : *p == 'u' ? 4 : *p == 'U' ? 8 : 0;
    unsigned long c = 0;

    for (size_t i = 1; i <= digits; i++) {
        int d = hex_digit(p[i]);

        if (d < 0)
            return 0;
        c = c << 4 | (unsigned long)d;
    }
    if (digits == 0 || c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (*p == 'x' && c > 0x7f))
        return 0;
    *len = put_utf8(out, c);
    return digits + 1;
}

/* The escape at p (after the backslash): what it means to out, the bytes read; 0 when it is spurious. */
static size_t
escape(const char *p, bool classic, char *out, size_t *len)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    const char *found = *p != '\0' ? strchr(from, *p) : NULL;

    *len = 1;
    if (*p == '"' || *p == '\\') {
        *out = *p;
        return 1;
    }
    if (found != NULL && (!classic || *p == 'n')) {
        *out = to[found - from];
        return 1;
    }
    return classic ? 0 : go_code_point(p, out, len);
}

/* From the opening quote to after the closing one.  No form of escape is longer than what it stands for. */
static enum tocsin_rc
quoted(struct parser *s, const char **out_r)
{
    const char *start = s->p++;
    char *out = arena_alloc(s->arena, strlen(s->p) + 1), *o = out;

    while (*s->p != '"') {
        size_t used, len;

        if (*s->p == '\0')
            return fail_at(s, start, "the quote is not closed", "");
        if (*s->p == '\\' && s->p[1] != '\0') {
            used = escape(s->p + 1, s->classic, o, &len);
            if (used > 0) {
                s->p += 1 + used;
                o += len;
                continue;
            }
        }
        *o++ = *s->p++;
    }
    s->p++;
    *o = '\0';
    *out_r = out;
    return TOCSIN_OK;
}

/* --- name, operator, value --------------------------------------------------------- */

static enum tocsin_rc
parse_name(struct parser *s, const char **name_r)
{
    const char *start;
    enum tocsin_rc rc = TOCSIN_OK;

    skip_blanks(s);
    start = s->p;
    if (*start == '"') {
        rc = quoted(s, name_r);
    } else {
        while (!is_reserved(*s->p))
            s->p++;
        s->classic = is_classic(start, (size_t)(s->p - start));
        *name_r = arena_strndup(s->arena, start, (size_t)(s->p - start));
    }
    if (rc == TOCSIN_OK && (*name_r)[0] == '\0')
        return fail_at(s, start, "expected a name", "");
    return rc;
}

static enum tocsin_rc
parse_op(struct parser *s, enum match_op *op_r)
{
    static const struct { const char *text; enum match_op op; } ops[] = {
        { "=~", OP_RE }, { "!~", OP_NOT_RE }, { "!=", OP_NE }, { "<=", OP_LE },
        { ">=", OP_GE }, { "=", OP_EQ },      { "<", OP_LT },  { ">", OP_GT },
    };

    skip_blanks(s);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        size_t n = strlen(ops[i].text);

        if (strncmp(s->p, ops[i].text, n) == 0) {
            *op_r = ops[i].op;
            s->p += n;
            /* `==`, `=<`: read as Alertmanager does, the value would begin with the second sign */
            if (*s->p != '\0' && strchr("=<>~", *s->p) != NULL)
                return fail_at(s, s->p, "unexpected sign; a value that begins with one needs quotes", "");
            return TOCSIN_OK;
        }
    }
    return fail_at(s, s->p, "expected one of = != =~ !~ < <= > >=", "");
}

/* Without quotes: up to the end, without the blanks around it. */
static enum tocsin_rc
bare(struct parser *s, const char **out_r)
{
    size_t n = strlen(s->p);
    char *out, *o;

    while (n > 0 && is_blank(s->p[n - 1]))
        n--;
    out = o = arena_alloc(s->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t len, used = s->p[i] == '\\' && i + 1 < n ? escape(s->p + i + 1, true, o, &len) : 0;

        if (s->p[i] == '"')
            return fail_at(s, s->p + i, "a quote inside a value needs \\ before it", "");
        if (used == 0)
            *o++ = s->p[i];
        else
            o += len;
        i += used;
    }
    *o = '\0';
    *out_r = out;
    return TOCSIN_OK;
}

static enum tocsin_rc
parse_value(struct parser *s, const char **value_r)
{
    enum tocsin_rc rc;

    skip_blanks(s);
    if (*s->p != '"')
        return bare(s, value_r);
    rc = quoted(s, value_r);
    if (rc != TOCSIN_OK)
        return rc;
    skip_blanks(s);
    if (*s->p != '\0')
        return fail_at(s, s->p, "unexpected text after the value", "");
    return TOCSIN_OK;
}

/* --- meaning --------------------------------------------------------------------------- */

bool
matcher_number(const char *text, double *out)
{
    char *end;
    double d;

    /* strtod() also reads "inf", "nan", "0x10" and leading blanks */
    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0' || strpbrk(text, "0123456789") == NULL)
        return false;
    d = strtod(text, &end);
    if (*end != '\0')
        return false;
    *out = d;
    return true;
}

/* A word of a fixed vocabulary that is never true would make a rule that never fires. */
static enum tocsin_rc
check_word(struct parser *s, const char *at, enum field field, const char **value)
{
    if (field == FIELD_SEVERITY) {
        enum tocsin_severity sev = severity_of(*value);

        if (sev == TOCSIN_SEV_NONE)
            return fail_at(s, at, "not a severity (critical, error, warning, info): ", *value);
        *value = severity_name(sev);
    }
    if (field == FIELD_STATUS && strcmp(*value, "firing") != 0 && strcmp(*value, "resolved") != 0 &&
        strcmp(*value, "unknown") != 0)
        return fail_at(s, at, "not a status (firing, resolved, unknown): ", *value);
    return TOCSIN_OK;
}

static enum tocsin_rc
order(struct parser *s, const char *at, const char *value, struct matcher *m)
{
    enum tocsin_rc rc;

    if (m->field != FIELD_SEVERITY)
        return matcher_number(value, &m->number) ? TOCSIN_OK : fail_at(s, at, "not a number: ", value);
    rc = check_word(s, at, m->field, &value);
    if (rc == TOCSIN_OK)
        m->number = severity_of(value);
    return rc;
}

static enum tocsin_rc
equality(struct parser *s, const char *at, struct matcher *m)
{
    for (size_t i = 0; i < m->n_values; i++) {
        enum tocsin_rc rc = check_word(s, at, m->field, &m->values[i]);

        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static void
one_value(struct parser *s, const char *value, struct matcher *m)
{
    m->values = arena_alloc(s->arena, sizeof *m->values);
    m->values[0] = value;
    m->n_values = 1;
}

/* "a|b|c" without any other sign of the regex language, and no empty word. */
static bool
words_only(struct parser *s, const char *pattern, struct matcher *m)
{
    size_t n = 1;
    char *copy, *bar;

    if (pattern[0] == '\0' || strpbrk(pattern, "\\^$.[](){}*+?#\n") != NULL)
        return false;
    for (const char *p = pattern; *p != '\0'; p++)
        n += *p == '|';
    if (n > MAX_WORDS)
        return false;
    copy = arena_strdup(s->arena, pattern);
    m->values = arena_alloc(s->arena, n * sizeof *m->values);
    m->n_values = 0;
    do {
        bar = strchr(copy, '|');
        if (bar != NULL)
            *bar = '\0';
        if (copy[0] == '\0')
            return false;
        m->values[m->n_values++] = copy;
        copy = bar != NULL ? bar + 1 : NULL;
    } while (copy != NULL);
    return true;
}

static enum tocsin_rc
regex(struct parser *s, const char *at, const char *pattern, struct matcher *m)
{
    uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_UTF |
                       PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE;
    PCRE2_SIZE where;
    int code;

    if (words_only(s, pattern, m)) {
        m->op = m->op == OP_RE ? OP_EQ : OP_NE;
        return equality(s, at, m);
    }
    m->n_values = 0;
    if (strlen(pattern) > MAX_PATTERN)
        return fail_at(s, at, "the regex is longer than 4096 bytes", "");
    m->re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &where, NULL);
    if (m->re == NULL) {
        char text[128];

        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return err_set(s->err, TOCSIN_BAD_CONFIG, "", "column %zu: regex '%s': %s at its offset %zu",
                       (size_t)(at - s->text) + 1, pattern, text, where);
    }
    /* Without the compiler (or the permission to use it) the interpreter does the same, slower. */
    (void)pcre2_jit_compile(m->re, PCRE2_JIT_COMPLETE);
    return TOCSIN_OK;
}

static enum tocsin_rc
check_utf8(struct parser *s)
{
    size_t n = strlen(s->text), len;

    for (size_t i = 0; i < n; i += len) {
        len = utf8_seq(s->text + i, n - i);
        if (len == 0)
            return fail_at(s, s->text + i, "not UTF-8", "");
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
split(struct parser *s, struct matcher_parts *out, const char **at_r)
{
    enum tocsin_rc rc = check_utf8(s);

    *out = (struct matcher_parts){ "", "", OP_EQ };
    if (rc == TOCSIN_OK)
        rc = parse_name(s, &out->name);
    if (rc == TOCSIN_OK)
        rc = parse_op(s, &out->op);
    skip_blanks(s);
    *at_r = s->p;
    return rc == TOCSIN_OK ? parse_value(s, &out->value) : rc;
}

static enum tocsin_rc
mean(struct parser *s, const char *at, const char *value, struct matcher *m)
{
    if (m->op == OP_RE || m->op == OP_NOT_RE)
        return regex(s, at, value, m);
    if (m->op != OP_EQ && m->op != OP_NE)
        return order(s, at, value, m);
    one_value(s, value, m);
    return equality(s, at, m);
}

enum tocsin_rc
matcher_parse(struct arena *arena, const char *text, struct matcher *out, struct tocsin_err *err)
{
    struct parser s = { .arena = arena, .text = text, .p = text, .err = err };
    struct matcher m = { .text = arena_strdup(arena, text) };
    struct matcher_parts parts;
    const char *at;
    enum tocsin_rc rc = split(&s, &parts, &at);

    if (rc != TOCSIN_OK)
        return rc;
    m.op = parts.op;
    m.field = field_of(parts.name, &m.label);
    rc = mean(&s, at, parts.value, &m);
    if (rc == TOCSIN_OK)
        *out = m;
    return rc;
}

enum tocsin_rc
matcher_split(struct arena *arena, const char *text, struct matcher_parts *out, struct tocsin_err *err)
{
    struct parser s = { .arena = arena, .text = text, .p = text, .err = err };
    const char *at;

    return split(&s, out, &at);
}

enum tocsin_rc
matcher_of_label(struct arena *arena, const struct matcher_parts *parts, struct matcher *out, struct tocsin_err *err)
{
    struct parser s = { .arena = arena, .text = parts->value, .p = parts->value, .err = err };
    struct matcher m = { .text = parts->value, .field = FIELD_LABEL, .label = parts->name, .op = parts->op };
    enum tocsin_rc rc = mean(&s, parts->value, parts->value, &m);

    if (rc == TOCSIN_OK)
        *out = m;
    return rc;
}

void
matcher_release(struct matcher *m)
{
    pcre2_code_free(m->re);
    m->re = NULL;
}
