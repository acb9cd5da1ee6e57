/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words from alerts are hostile input to a terminal: an escape sequence could
 * retitle the window, a direction mark could turn "resolved" around.  All text
 * from the daemon passes term_clean() before it is printed.
 */
#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/text.h"
#include "base/xalloc.h"
#include "cli/internal.h"

/* Code point of the valid sequence of n bytes at s. */
static unsigned
code_point(const char *s, size_t n)
{
    unsigned code = (unsigned char)s[0];

    if (n == 1)
        return code;
    code &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s[i] & 0x3fu);
    return code;
}

static bool
is_hostile(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ||              /* C0, DEL, C1 */
           c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff) || (c & 0xfffe) == 0xfffe;
}

const char *
term_clean(struct arena *arena, const char *s)
{
    size_t n = strlen(s);
    char *out = arena_alloc(arena, n + 1), *p = out;

    for (size_t i = 0; i < n;) {
        size_t len = utf8_seq(s + i, n - i);

        if (len > 0 && !is_hostile(code_point(s + i, len))) {
            memcpy(p, s + i, len);
            p += len;
        } else if (s[i] == '\n' || s[i] == '\t') {
            *p++ = ' ';
        } else if (len == 0) {
            *p++ = '?';
        }
        i += len > 0 ? len : 1;
    }
    *p = '\0';
    return out;
}

static locale_t utf8_locale;

static void
open_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* Columns of one character: 0 for what combines, 2 for wide ones. */
static size_t
columns(unsigned c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    locale_t before;
    int w;

    if (c < 0x7f)
        return 1;
    pthread_once(&once, open_locale);
    if (utf8_locale == (locale_t)0)
        return 1;
    before = uselocale(utf8_locale);
    w = wcwidth((wchar_t)c);
    uselocale(before);
    return w >= 0 ? (size_t)w : 1;
}

/* Walks at most max columns; sets *bytes to where that is. */
static size_t
walk(const char *s, size_t max, size_t *bytes)
{
    size_t n = strlen(s), at = 0, width = 0;

    while (at < n) {
        size_t len = utf8_seq(s + at, n - at);
        size_t w = len > 0 ? columns(code_point(s + at, len)) : 1;

        if (width + w > max)
            break;
        width += w;
        at += len > 0 ? len : 1;
    }
    *bytes = at;
    return width;
}

size_t
term_width(const char *s)
{
    size_t bytes;

    return walk(s, SIZE_MAX / 2, &bytes);
}

const char *
term_cut(struct arena *arena, const char *s, size_t width)
{
    size_t bytes;

    if (width == 0 || term_width(s) <= width)
        return s;
    walk(s, width - 1, &bytes);
    return arena_printf(arena, "%.*s" TEXT_MARK, (int)bytes, s);
}

const char *
term_severity_colour(const struct cli *cli, const char *severity)
{
    static const struct { const char *severity, *code; } colours[] = {
        { "critical", "\033[1;31m" }, { "error", "\033[31m" }, { "warning", "\033[33m" }, { "info", "\033[36m" },
    };

    for (size_t i = 0; cli->colour && i < sizeof colours / sizeof colours[0]; i++)
        if (strcmp(colours[i].severity, severity) == 0)
            return colours[i].code;
    return "";
}

const char *
term_bold(const struct cli *cli)
{
    return cli->colour ? "\033[1m" : "";
}

const char *
term_reset(const struct cli *cli)
{
    return cli->colour ? "\033[0m" : "";
}

const char *
term_age(const struct cli *cli, const char *when)
{
    int64_t ms = time_parse(when), s = (cli->now - ms) / 1000;

    if (ms == 0)
        return "";
    if (s < 60)
        return arena_printf(cli->arena, "%" PRId64 "s", s > 0 ? s : 0);
    if (s < 3600)
        return arena_printf(cli->arena, "%" PRId64 "m", s / 60);
    if (s < 86400)
        return arena_printf(cli->arena, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    return arena_printf(cli->arena, "%" PRId64 "d%" PRId64 "h", s / 86400, s / 3600 % 24);
}

const char *
term_clock(const struct cli *cli, const char *when)
{
    time_t then = (time_t)(time_parse(when) / 1000), now = (time_t)(cli->now / 1000);
    struct tm a, b;
    char text[32];

    if (then == 0 || localtime_r(&then, &a) == NULL || localtime_r(&now, &b) == NULL)
        return "";
    if (a.tm_year == b.tm_year && a.tm_yday == b.tm_yday)
        strftime(text, sizeof text, "%H:%M:%S", &a);
    else
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &a);
    return arena_strdup(cli->arena, text);
}

const char *
doc_text(const struct cli *cli, const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s != NULL ? term_clean(cli->arena, s) : "";
}

json_int_t
doc_int(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* --- tables ------------------------------------------------------------------------ */

void
table_add(struct table *t, const char *const *cells, const char *colour)
{
    if (t->rows == t->cap) {
        t->cap = t->cap > 0 ? t->cap * 2 : 64;
        t->cells = xrealloc(t->cells, t->cap * sizeof *t->cells);
        t->colours = xrealloc(t->colours, t->cap * sizeof *t->colours);
    }
    for (size_t i = 0; i < t->n; i++)
        t->cells[t->rows][i] = cells[i];
    t->colours[t->rows++] = colour;
}

static void
print_row(const struct table *t, const struct cli *cli, const char *const *cells, const size_t *widths,
          const char *colour)
{
    fputs(colour, stdout);
    for (size_t i = 0; i < t->n; i++) {
        const char *text = term_cut(cli->arena, cells[i], i == t->flexible && cli->width > 0 ? widths[i] : 0);
        size_t pad = i + 1 < t->n ? widths[i] - term_width(text) + 2 : 0;

        printf("%s%*s", text, (int)pad, "");
    }
    printf("%s\n", *colour != '\0' ? term_reset(cli) : "");
}

void
table_print(struct table *t, const struct cli *cli)
{
    size_t widths[TABLE_COLUMNS], total = 0;

    for (size_t i = 0; i < t->n; i++) {
        widths[i] = term_width(t->heads[i]);
        for (size_t r = 0; r < t->rows; r++) {
            size_t w = term_width(t->cells[r][i]);

            widths[i] = w > widths[i] ? w : widths[i];
        }
        total += widths[i] + (i + 1 < t->n ? 2 : 0);
    }
    if (cli->width > 0 && total > cli->width) {
        size_t over = total - cli->width, *w = &widths[t->flexible];

        *w = *w > over + 10 ? *w - over : 10;
    }
    print_row(t, cli, t->heads, widths, term_bold(cli));
    for (size_t r = 0; r < t->rows; r++)
        print_row(t, cli, t->cells[r], widths, t->colours[r]);
    free(t->cells);
    free(t->colours);
    *t = (struct table){ 0 };
}
