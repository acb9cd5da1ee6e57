/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_text.c - the bytes of a payload as the text that they mean.
 *
 * All formats are UTF-8.  Some senders put a byte order mark before it, and a
 * few old ones send another charset and say so: Java's libraries, unless they
 * are told otherwise.  Over MQTT and syslog nobody can say it, and nobody is
 * told that a message was refused: what is no UTF-8 there is read as
 * Windows-1252, which controllers and old machines send.  Signatures were
 * checked over the bytes as they came.
 */
#include "plugin/host.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"

/* The charset that the header Content-Type names, without quotes; its length, 0: none. */
static size_t
charset_of(const struct tocsin_payload *in, const char **out)
{
    const char *type = in->header != NULL ? in->header(in, "content-type") : NULL;
    const char *p = type != NULL ? strcasestr(type, "charset=") : NULL;

    if (p == NULL)
        return 0;
    p += strlen("charset=");
    p += *p == '"';
    *out = p;
    return strcspn(p, "\"; \t");
}

static bool
is_latin(const char *name, size_t n)
{
    static const char *const names[] = { "iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "cp1252", "us-ascii" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0)
            return true;
    return false;
}

/* UTF-16 begins with a byte order mark of its own, and is refused by that name. */
static bool
is_another_charset(const struct tocsin_payload *in)
{
    bool is_http = in->topic == NULL && in->n_topic_labels == 0;
    const char *charset = "";
    size_t n = charset_of(in, &charset);

    if (is_http)
        return is_latin(charset, n);
    return !text_is_utf8(in->body, in->len) && memcmp(in->body, "\xff\xfe", 2) != 0 && memcmp(in->body, "\xfe\xff", 2) != 0;
}

struct tocsin_payload
host_as_text(struct arena *a, const struct tocsin_payload *in)
{
    struct tocsin_payload out = *in;

    if (in->len >= 3 && memcmp(in->body, "\xef\xbb\xbf", 3) == 0) {
        out.body += 3;
        out.len -= 3;
    } else if (is_another_charset(in)) {
        char *text = arena_alloc(a, 3 * in->len + 1);

        out.len = text_to_utf8(in->body, in->len, text);     /* a body that is UTF-8 in spite of it stays as it is */
        out.body = text;
    }
    return out;
}

const char *
host_words(struct arena *a, const char *s)
{
    char *out = arena_alloc(a, strlen(s) + 1), *p = out;

    for (size_t n; s += strspn(s, " \t\r\n"), (n = strcspn(s, " \t\r\n")) > 0; s += n) {
        if (p > out)
            *p++ = ' ';
        if (strcspn(s, "0123456789") < n) {
            *p++ = '#';
        } else {
            memcpy(p, s, n);
            p += n;
        }
    }
    *p = '\0';
    return out;
}
