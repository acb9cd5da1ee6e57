/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_json.c - reading JSON from strangers with jansson.
 *
 * jansson descends by recursion, to a depth fixed when it was built (2048), and
 * takes memory for each value.  So one pass over the bytes comes first, that
 * knows only strings, brackets and commas: it bounds the nesting, the number of
 * values and the members of each object before anything is allocated.  What it makes of malformed text does
 * not matter: jansson refuses that afterwards.
 */
#include "plugin/host.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonmem.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "plugin/json_fast.h"

static atomic_uint json_depth = HOST_JSON_DEPTH;
static _Thread_local bool last_counts;       /* see TOCSIN_LAST_COUNTS */

void
host_set_json_depth(unsigned depth)
{
    assert(depth <= HOST_JSON_DEPTH_MAX);
    atomic_store(&json_depth, depth);
}

bool
host_json_last_counts(bool yes)
{
    bool before = last_counts;

    last_counts = yes;
    return before;
}

/* Index behind the string that begins at the quote s[i]. */
static size_t
skip_string(const char *s, size_t n, size_t i)
{
    size_t begin = i;

    for (;;) {
        const char *quote = memchr(s + i + 1, '"', n - i - 1);
        size_t slashes = 0;

        if (quote == NULL)
            return n;
        i = (size_t)(quote - s);
        while (i - slashes - 1 > begin && s[i - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return i + 1;
    }
}

static enum tocsin_rc
over(const char *s, size_t at, struct tocsin_err *err, enum tocsin_rc rc, const char *what, size_t limit)
{
    size_t line = 1, column = 1;
    char where[64];

    for (size_t i = 0; i < at; i++) {
        column = s[i] == '\n' ? 1 : column + 1;
        line += s[i] == '\n';
    }
    snprintf(where, sizeof where, "line %zu column %zu", line, column);
    return host_fail(err, rc, where, what, limit);
}

static enum tocsin_rc
check_size(const char *s, size_t n, struct tocsin_err *err)
{
    enum { QUOTE = 1, OPEN, CLOSE, COMMA };
    static const unsigned char kind[256] = {
        ['"'] = QUOTE, ['['] = OPEN, ['{'] = OPEN, [']'] = CLOSE, ['}'] = CLOSE, [','] = COMMA
    };
    unsigned depth = 0, max = atomic_load(&json_depth);
    struct { char open; unsigned commas; } level[HOST_JSON_DEPTH_MAX + 1];
    size_t values = 0;

    level[0].open = '\0';
    level[0].commas = 0;
    for (size_t i = 0; i < n;) {
        switch (kind[(unsigned char)s[i]]) {
        case QUOTE:
            i = skip_string(s, n, i);
            continue;
        case OPEN:
            if (++depth > max)
                return over(s, i, err, TOCSIN_BAD_INPUT, "nested deeper than %zu levels", max);
            level[depth].open = s[i];
            level[depth].commas = 0;
            values++;
            break;
        case CLOSE:
            depth -= depth > 0;
            break;
        case COMMA:
            if (++level[depth].commas >= HOST_JSON_KEYS && level[depth].open == '{')
                return over(s, i, err, TOCSIN_TOO_LARGE, "more than %zu members in an object", HOST_JSON_KEYS);
            values++;
            break;
        default:
            break;
        }
        if (values > HOST_JSON_VALUES)
            return over(s, i, err, TOCSIN_TOO_LARGE, "more than %zu values", HOST_JSON_VALUES);
        i++;
    }
    return TOCSIN_OK;
}

static bool
is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
            return false;
    return true;
}

static json_t *
quick(const char *s, size_t len)
{
#ifdef HAVE_SIMDJSON
    return json_fast(s, len);
#else
    (void)s, (void)len;
    return NULL;
#endif
}

/* The number that four hexadecimal digits behind \\u say; 0: there is no such escape. */
static unsigned
escaped(const char *s, size_t n)
{
    char digits[5], *end;
    unsigned long code;

    if (n < 6 || s[0] != '\\' || s[1] != 'u')
        return 0;
    memcpy(digits, s + 2, 4);
    digits[4] = '\0';
    code = strtoul(digits, &end, 16);
    return end == digits + 4 ? (unsigned)code : 0;
}

/*
 * Halves of surrogate pairs, which jansson refuses: JavaScript cuts texts between them, and Python writes a byte of a
 * name that is not UTF-8 as U+DC00 and the byte.  Such a byte is read as Latin-1, any other half becomes U+FFFD.  A
 * copy for the heap; NULL: there is none.
 */
static char *
without_halves(const char *s, size_t n)
{
    char *copy = NULL;

    for (size_t i = 0; i < n; i++) {
        unsigned code = s[i] == '\\' ? escaped(s + i, n - i) : 0;
        char digits[5];

        if (code >= 0xd800 && code < 0xdc00 && escaped(s + i + 6, n - i - 6) >> 10 == 0xdc00 >> 10) {
            i += 11;
        } else if (code >= 0xd800 && code < 0xe000) {
            if (copy == NULL) {
                copy = xmalloc(n + 1);
                memcpy(copy, s, n);
                copy[n] = '\0';
            }
            snprintf(digits, sizeof digits, "%04x", code >= 0xdc80 && code < 0xdd00 ? code - 0xdc00 : 0xfffdu);
            memcpy(copy + i + 2, digits, 4);
            i += 5;
        } else if (s[i] == '\\') {
            i++;
        }
    }
    return copy;
}

static json_t *
load_mended(const char *s, size_t len, size_t flags, json_error_t *bad)
{
    char *copy = without_halves(s, len);
    json_t *doc = copy != NULL ? json_loadb(copy, len, flags, bad) : NULL;

    free(copy);
    return doc;
}

enum tocsin_rc
host_parse_json(const char *s, size_t len, json_t **out_r, struct tocsin_err *err)
{
    const size_t flags = JSON_ALLOW_NUL | (last_counts ? 0 : JSON_REJECT_DUPLICATES);
    json_error_t bad = { .text = "" };
    enum tocsin_rc rc;
    char where[64];
    json_t *doc;
    bool used;

    if (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        s += 3;
        len -= 3;
    }
    if (is_blank(s, len))
        return host_fail(err, TOCSIN_BAD_INPUT, "", "empty body");
    if (len >= 2 && (memcmp(s, "\xfe\xff", 2) == 0 || memcmp(s, "\xff\xfe", 2) == 0))
        return host_fail(err, TOCSIN_BAD_INPUT, "", "the body is UTF-16; JSON is sent as UTF-8");
    rc = check_size(s, len, err);
    if (rc != TOCSIN_OK)
        return rc;
    used = jsonmem_use(true);
    doc = quick(s, len);
    if (doc == NULL)
        doc = json_loadb(s, len, flags, &bad);
    /* Alertmanager before 0.9 sent 64-bit unsigned group keys: such numbers lose their last digits, no more */
    if (doc == NULL && json_error_code(&bad) == json_error_numeric_overflow)
        doc = json_loadb(s, len, flags | JSON_DECODE_INT_AS_REAL, &bad);
    if (doc == NULL)
        doc = load_mended(s, len, flags, &bad);
    if (doc != NULL)
        host_redact_doc(doc);
    jsonmem_use(used);
    if (doc == NULL) {
        snprintf(where, sizeof where, "line %d column %d", bad.line, bad.column);
        return host_fail(err, TOCSIN_BAD_INPUT, where, "malformed JSON: %s", bad.text);
    }
    *out_r = doc;
    return TOCSIN_OK;
}

enum tocsin_rc
host_parse_unredacted(const char *s, size_t len, json_t **out_r, struct tocsin_err *err)
{
    struct host_redaction before = host_redact_begin(NULL);
    enum tocsin_rc rc = host_parse_json(s, len, out_r, err);

    host_redact_end(before);
    return rc;
}

/* The shortest decimal text that reads back as the same number. */
static const char *
real_text(struct arena *a, double value)
{
    char buf[40];

    if (fabs(value) < 1e21 && value == floor(value))
        return arena_printf(a, "%.0f", value);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, value);
        if (strtod(buf, NULL) == value)
            break;
    }
    return arena_strdup(a, buf);
}

const char *
host_json_text(struct arena *a, const json_t *value)
{
    const char *s;
    size_t n;

    switch (value != NULL ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        s = json_string_value(value);
        n = json_string_length(value);
        if (memchr(s, '\0', n) != NULL)
            return text_clean(a, s, n, n * 3);
        return arena_strndup(a, s, n);
    case JSON_INTEGER:
        return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return real_text(a, json_real_value(value));
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "";
    }
}
