/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - the message of an event, and what of it stays the same when it happens again. */
#include <ctype.h>
#include <string.h>

#include "sentry.h"

/* "logentry" or "message": a text, or an object with the text and the pattern that it was made from. */
const char *
message_of(const struct reader *r, const char **pattern_r)
{
    static const char *const members[] = { "logentry", "message", "sentry.interfaces.Message" };

    *pattern_r = "";
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const json_t *m = json_object_get(r->event, members[i]);
        const char *text = json_is_object(m) ? text_of(r, m, "formatted") : r->host->text(r->out, m);
        const char *pattern = json_is_object(m) ? text_of(r, m, "message") : "";

        if (text[0] == '\0')
            text = pattern;
        if (text[0] == '\0')
            continue;
        /* a pattern that was filled in, or could have been, is better than any guess */
        if (strcmp(text, pattern) != 0 || strpbrk(pattern, "%{") != NULL)
            *pattern_r = pattern;
        return text;
    }
    return "";
}

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* 8-4-4-4-12 hexadecimal digits, and then no further one. */
static size_t
uuid_at(const char *s)
{
    static const unsigned char groups[] = { 8, 4, 4, 4, 12 };
    size_t n = 0;

    for (size_t g = 0; g < sizeof groups; g++) {
        if (g > 0 && s[n++] != '-')
            return 0;
        for (unsigned i = 0; i < groups[g]; i++, n++)
            if (!isxdigit((unsigned char)s[n]))
                return 0;
    }
    return is_word(s[n]) ? 0 : n;
}

/* 0x..., or eight and more hexadecimal digits among which is a number. */
static size_t
hex_at(const char *s)
{
    size_t n = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 2 : 0, begin = n;
    bool number = false;

    for (; isxdigit((unsigned char)s[n]); n++)
        number |= isdigit((unsigned char)s[n]) != 0;
    if (is_word(s[n]) || n == begin)
        return 0;
    return begin > 0 || (n >= 8 && number) ? n : 0;
}

static size_t
number_at(const char *s)
{
    size_t n = 0;

    while (isdigit((unsigned char)s[n]) ||
           (n > 0 && (s[n] == '.' || s[n] == ',') && isdigit((unsigned char)s[n + 1])))
        n++;
    return n;
}

const char *
message_plain(const struct reader *r, const char *s)
{
    size_t len = strlen(s), n = 0;
    char *out;

    if (len > 4096)
        len = 4096;                /* who differs only behind that is the same */
    out = r->host->batch_printf(r->out, "%*s", (int)(len * 6 + 8), "");
    for (size_t i = 0; i < len;) {
        bool begins = i == 0 || !is_word(s[i - 1]);
        size_t uuid = begins ? uuid_at(s + i) : 0, hex = begins && uuid == 0 ? hex_at(s + i) : 0;
        size_t number = begins && uuid == 0 ? number_at(s + i) : 0;
        const char *mark = uuid > 0 ? "<uuid>" : hex > number ? "<hex>" : number > 0 ? "<num>" : NULL;

        if (mark == NULL) {
            out[n++] = s[i++];
            continue;
        }
        memcpy(out + n, mark, strlen(mark));
        n += strlen(mark);
        i += uuid > 0 ? uuid : hex > number ? hex : number;
    }
    out[n] = '\0';
    return out;
}
