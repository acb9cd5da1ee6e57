/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

/* --- UTF-8 ------------------------------------------------------------------ */

size_t
utf8_seq(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned c = n > 0 ? p[0] : 0xff, code;
    size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

    if (len == 0 || len > n)
        return 0;
    if (len == 1)
        return 1;
    code = c & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    if ((len == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (len == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    return len;
}

static size_t
step(const char *s, size_t n)
{
    size_t len = utf8_seq(s, n);

    return len > 0 ? len : 1;
}

size_t
utf8_chars(const char *s)
{
    size_t n = strlen(s), count = 0;

    while (n > 0) {
        size_t len = step(s, n);

        s += len;
        n -= len;
        count++;
    }
    return count;
}

static const char *
cut_at(struct arena *a, const char *s, size_t keep)
{
    char *out = arena_alloc(a, keep + sizeof TEXT_MARK);

    memcpy(out, s, keep);
    memcpy(out + keep, TEXT_MARK, sizeof TEXT_MARK);
    return out;
}

const char *
text_cut_chars(struct arena *a, const char *s, size_t max_chars)
{
    size_t n = strlen(s), at = 0, keep = 0;

    if (n <= max_chars)
        return s;
    for (size_t count = 0; at < n; count++) {
        if (count + 1 == max_chars)
            keep = at;
        if (count == max_chars)
            return cut_at(a, s, keep);
        at += step(s + at, n - at);
    }
    return s;
}

const char *
text_cut_bytes(struct arena *a, const char *s, size_t max_bytes)
{
    size_t n = strlen(s), keep = 0, limit;

    if (n <= max_bytes)
        return s;
    limit = max_bytes > sizeof TEXT_MARK - 1 ? max_bytes - (sizeof TEXT_MARK - 1) : 0;
    for (size_t len; (len = step(s + keep, n - keep)) + keep <= limit;)
        keep += len;
    return cut_at(a, s, keep);
}

static bool
is_clean_byte(unsigned char c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n';
}

/* Nearly all text is plain ASCII, so eight bytes are looked at together; their order does not matter. */
static bool
is_clean(const char *s, size_t n)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x80 * ones;
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        uint64_t v;

        memcpy(&v, s + i, 8);
        /* a byte's top bit: it is not ASCII, or below a blank, or (plus one) 0x7f and above */
        if (((v | (v - 0x20 * ones) | (v + ones)) & tops) == 0)
            continue;
        for (size_t k = 0; k < 8; k++)
            if (!is_clean_byte((unsigned char)s[i + k]))
                return false;
    }
    for (; i < n; i++)
        if (!is_clean_byte((unsigned char)s[i]))
            return false;
    return true;
}

const char *
text_clean(struct arena *a, const char *s, size_t n, size_t max_bytes)
{
    char *out, *p;

    if (is_clean(s, n)) {
        s = arena_strndup(a, s, n);
        return n <= max_bytes ? s : text_cut_bytes(a, s, max_bytes);
    }
    if (n > max_bytes + 4)
        n = max_bytes + 4;                   /* the cut below still sees that it is too long */
    out = p = arena_alloc(a, 3 * n + 1);
    for (size_t i = 0; i < n;) {
        size_t len = utf8_seq(s + i, n - i);
        unsigned char c = (unsigned char)s[i];

        if (len == 0 || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n')) {
            memcpy(p, "\xef\xbf\xbd", 3);
            p += 3;
            i++;
        } else {
            memcpy(p, s + i, len);
            p += len;
            i += len;
        }
    }
    *p = '\0';
    return text_cut_bytes(a, out, max_bytes);
}

bool
text_is_utf8(const char *s, size_t n)
{
    const uint64_t tops = 0x8080808080808080u;

    for (size_t i = 0, len; i < n; i += len) {
        uint64_t v;

        len = 8;
        if (n - i >= 8 && (memcpy(&v, s + i, 8), (v & tops) == 0))
            continue;
        len = utf8_seq(s + i, n - i);
        if (len == 0)
            return false;
    }
    return true;
}

/* A code point below 0x10000 as UTF-8; the bytes written. */
static size_t
put_code(unsigned code, char *out)
{
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

size_t
text_to_utf8(const char *s, size_t n, char *out)
{
    /* 0x80 to 0x9f; all others are Latin-1, whose bytes are code points */
    static const uint16_t windows[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
        0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
    };
    char *p = out;

    for (size_t i = 0; i < n;) {
        size_t len = utf8_seq(s + i, n - i);
        unsigned char c = (unsigned char)s[i];

        if (len > 0) {
            memcpy(p, s + i, len);
            p += len;
            i += len;
        } else {
            p += put_code(c < 0xa0 ? windows[c - 0x80] : c, p);
            i++;
        }
    }
    *p = '\0';
    return (size_t)(p - out);
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t
text_unescape(char *s)
{
    char *out = s;

    for (const char *p = s; *p != '\0'; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : -1, low = high >= 0 ? hex_digit(p[2]) : -1;

        if (low >= 0) {
            *out++ = (char)(high * 16 + low);
            p += 2;
        } else {
            *out++ = *p;
        }
    }
    *out = '\0';
    return (size_t)(out - s);
}

/* --- times ------------------------------------------------------------------ */

char *
time_format(int64_t ms, char out[TIME_TEXT])
{
    time_t sec = (time_t)(ms / 1000);
    struct tm tm;
    size_t n;

    out[0] = '\0';
    if (ms <= 0 || gmtime_r(&sec, &tm) == NULL || tm.tm_year > 8099)
        return out;
    n = strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, TIME_TEXT - n, ".%03dZ", (int)(ms % 1000));
    return out;
}

static bool
digits(const char **s, int n, int *out)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        v = v * 10 + (**s - '0');
    }
    *out = v;
    return true;
}

static bool
zone(const char **s, int *seconds)
{
    int sign, h, m = 0;

    *seconds = 0;
    if (**s == 'Z' || **s == 'z') {
        (*s)++;
        return true;
    }
    if (**s != '+' && **s != '-')
        return true;
    sign = *(*s)++ == '-' ? -1 : 1;
    if (!digits(s, 2, &h))
        return false;
    if (**s == ':')
        (*s)++;
    if (isdigit((unsigned char)**s) && !digits(s, 2, &m))
        return false;
    *seconds = sign * (h * 3600 + m * 60);
    return h < 24 && m < 60;
}

int64_t
time_parse(const char *s)
{
    struct tm tm = { 0 };
    int year, month, offset, ms = 0;
    int64_t out;

    if (!digits(&s, 4, &year) || *s++ != '-' || !digits(&s, 2, &month) || *s++ != '-' || !digits(&s, 2, &tm.tm_mday))
        return 0;
    if (*s == 'T' || *s == 't' || *s == ' ') {
        s++;
        if (!digits(&s, 2, &tm.tm_hour) || *s++ != ':' || !digits(&s, 2, &tm.tm_min))
            return 0;
        if (*s == ':' && (s++, !digits(&s, 2, &tm.tm_sec)))
            return 0;
        if (*s == '.' || *s == ',') {
            int scale = 100;

            for (s++; isdigit((unsigned char)*s); s++, scale /= 10)
                ms += (*s - '0') * scale;
        }
        if (*s == ' ')
            s++;
    }
    if (!zone(&s, &offset) || *s != '\0' || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
        return 0;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    out = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
    return out > 0 ? out : 0;
}

/* --- durations ---------------------------------------------------------------- */

static const struct {
    const char *unit;
    int64_t ms;
} units[] = { { "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

static int64_t
unit_of(const char *s, size_t n)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].unit) == n && strncmp(units[i].unit, s, n) == 0)
            return units[i].ms;
    return 0;
}

bool
duration_parse(const char *s, int64_t *ms_out)
{
    int64_t total = 0;

    if (strcmp(s, "0") == 0) {
        *ms_out = 0;
        return true;
    }
    if (*s == '\0')
        return false;
    while (*s != '\0') {
        char *end;
        size_t n = 0;
        int64_t unit;
        double v;

        if (!isdigit((unsigned char)*s))
            return false;
        v = strtod(s, &end);
        while (isalpha((unsigned char)end[n]))
            n++;
        unit = unit_of(end, n);
        if (unit == 0 || v * (double)unit > 3.2e11)      /* ten years */
            return false;
        total += (int64_t)(v * (double)unit + 0.5);
        s = end + n;
    }
    *ms_out = total;
    return true;
}

char *
duration_format(int64_t ms, char out[DURATION_TEXT])
{
    size_t n = 0;

    if (ms <= 0)
        snprintf(out, DURATION_TEXT, "0s");
    for (size_t i = 1; i < sizeof units / sizeof units[0] && ms > 0; i++) {
        if (ms < units[i].ms || n + 16 > DURATION_TEXT)
            continue;
        n += (size_t)snprintf(out + n, DURATION_TEXT - n, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
        ms %= units[i].ms;
    }
    return out;
}

unsigned
text_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned row[65];

    if (n > 64 || m > 64)
        return 8;
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diag = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned up = row[j], best = diag + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diag = up;
        }
    }
    return row[m] < 8 ? row[m] : 8;
}
