/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - <PRI> and what follows.
 *
 *   RFC 5424   <34>1 2003-10-11T22:14:15.003Z host app procid msgid [id name="value"] text
 *   RFC 3164   <34>Oct 11 22:14:15 host app[pid]: text
 *
 * The first is a format; the second describes what was seen, and any part of
 * it may be missing.  So nothing is refused: each part is taken if it is there,
 * and what cannot be told apart is text.
 */
#include <ctype.h>
#include <string.h>

#include "syslog.h"

static const char nothing[] = "";

/* --- both -------------------------------------------------------------------------------- */

/* "<34>"; -1, and *p stays, when there is none. */
static int
read_pri(char **p)
{
    const char *q = *p;
    int pri = 0, digits = 0;

    if (*q++ != '<')
        return -1;
    for (; digits < 3 && isdigit((unsigned char)*q); digits++)
        pri = 10 * pri + (*q++ - '0');
    if (digits == 0 || *q != '>' || pri > SYSLOG_PRI_MAX)
        return -1;
    *p += digits + 2;
    return pri;
}

/* The word at *p, cut off at its blank; "" for "-". */
static const char *
word(char **p)
{
    char *start = *p;

    *p += strcspn(*p, " ");
    if (**p != '\0')
        *(*p)++ = '\0';
    return strcmp(start, "-") == 0 ? nothing : start;
}

static const char *
without_bom(const char *text)
{
    return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

/* --- RFC 5424 ------------------------------------------------------------------------------ */

/* A version, and a time or none: "1 2003-" or "1 - ". */
static bool
is_modern(const char *p)
{
    size_t digits = strspn(p, "0123456789");

    if (digits < 1 || digits > 3 || p[0] == '0' || p[digits] != ' ')
        return false;
    p += digits + 1;
    return strncmp(p, "- ", 2) == 0 || (strspn(p, "0123456789") == 4 && p[4] == '-');
}

/* Behind the element at p; NULL when it is malformed. */
static const char *
element_end(const char *p)
{
    size_t n = strcspn(++p, " ]=\"");

    p += n;
    while (n > 0 && *p == ' ') {
        p += strspn(p, " ");
        if (*p == ']')
            break;
        n = strcspn(p, " ]=\"");
        p += n;
        if (n == 0 || p[0] != '=' || p[1] != '"')
            return NULL;
        for (p += 2; *p != '"' && *p != '\0'; p++)
            p += *p == '\\' && p[1] != '\0';
        if (*p++ != '"')
            return NULL;
    }
    return n > 0 && *p == ']' ? p + 1 : NULL;
}

/* The value in quotes at *p, its escapes undone in place. */
static const char *
quoted(char **p)
{
    char *start = *p + 1, *out = start, *q = start;

    for (; *q != '"'; q++) {
        if (*q == '\\' && strchr("\"\\]", q[1]) != NULL)
            q++;
        *out++ = *q;
    }
    *out = '\0';
    *p = q + 1;
    return start;
}

/* Cut up the element at p, which is well formed. */
static void
element(char *p, struct syslog_message *m)
{
    char *id = p + 1, *q = id + strcspn(id, " ]");
    bool more = *q == ' ';

    *q = '\0';
    while (more) {
        struct syslog_param param = { .id = id };

        q += 1 + strspn(q + 1, " ");
        if (*q == ']')
            break;
        param.name = q;
        q += strcspn(q, "=");
        *q++ = '\0';
        param.value = quoted(&q);
        more = *q == ' ';
        if (m->n_params < SYSLOG_PARAMS_MAX)
            m->params[m->n_params++] = param;
    }
}

/* Elements at *p, which is moved behind them and a blank; a malformed one is text. */
static void
elements(char **p, struct syslog_message *m)
{
    while (**p == '[') {
        const char *end = element_end(*p);

        if (end == NULL)
            return;
        element(*p, m);
        *p += end - *p;
    }
    *p += **p == ' ';
}

static void
read_modern(const struct tocsin_host *host, const struct syslog_clock *clock, char *p, struct syslog_message *m)
{
    const char *at;

    word(&p);                      /* the version */
    at = word(&p);
    m->at = syslog_time(host, clock, &at);
    m->host = word(&p);
    m->app = word(&p);
    m->procid = word(&p);
    m->msgid = word(&p);
    if (p[0] == '-' && (p[1] == ' ' || p[1] == '\0'))
        p += p[1] == ' ' ? 2 : 1;
    else
        elements(&p, m);
    m->text = without_bom(p);
}

/* --- RFC 3164 ------------------------------------------------------------------------------ */

/* "su:", "su[230]:", "postfix/smtpd[99]: ", "%LINK-3-UPDOWN:"; false, and *p stays, when it is none. */
static bool
tag(char **p, struct syslog_message *m)
{
    char *q = *p, *end, *bracket = NULL;

    for (; isalnum((unsigned char)*q) || (*q != '\0' && strchr("_-./%@()+#", *q) != NULL); q++)
        ;
    end = q;
    if (end == *p || end - *p > 128)
        return false;
    if (*q == '[') {
        bracket = q + strcspn(q, "] ");
        if (*bracket != ']')
            return false;
        q = bracket + 1;
    }
    if (*q == ':')
        q++;
    else if (bracket == NULL || (*q != ' ' && *q != '\0'))
        return false;
    m->app = *p;
    if (bracket != NULL)
        m->procid = end + 1;
    *p = q + (*q == ' ');
    *end = '\0';
    if (bracket != NULL)
        *bracket = '\0';
    return true;
}

/* Cisco numbers its messages: "<189>29: *Apr 12 10:00:00.123: %SYS-5-CONFIG_I: ...". */
static char *
behind_number(char *p)
{
    size_t digits = strspn(p, "0123456789");

    return digits > 0 && digits < 11 && p[digits] == ':' && p[digits + 1] == ' ' ? p + digits + 2 : p;
}

static void
read_classic(const struct tocsin_host *host, const struct syslog_clock *clock, char *p, struct syslog_message *m)
{
    const char *start = behind_number(p), *q = start + strspn(start, " ");

    m->at = syslog_time(host, clock, &q);
    if (m->at != 0) {
        char *name;

        p = (char *)(uintptr_t)q;
        p += strspn(p, " ");
        name = p;
        /* with a time there is a host, unless what stands there is a tag already */
        if (!tag(&p, m) && strchr(name, ' ') != NULL && *name != '%') {
            m->host = word(&p);
            p += strspn(p, " ");
            if (p[0] == ':' && p[1] == ' ')
                p += 2;
            tag(&p, m);
        }
    } else {
        tag(&p, m);
    }
    m->text = without_bom(p);
}

void
syslog_read(const struct tocsin_host *host, const struct syslog_clock *clock, char *text, struct syslog_message *out)
{
    char *p = (char *)(uintptr_t)without_bom(text);

    *out = (struct syslog_message){ .host = nothing, .app = nothing, .procid = nothing, .msgid = nothing,
                                    .text = nothing };
    p += strspn(p, " ");
    out->pri = read_pri(&p);
    if (out->pri >= 0 && is_modern(p))
        read_modern(host, clock, p, out);
    else
        read_classic(host, clock, p, out);
}
