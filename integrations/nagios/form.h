/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h - an application/x-www-form-urlencoded body as a JSON object of text,
 * so that what reads JSON reads forms as well.
 *
 * Of two fields with one name the last counts.  An escape that is none stands
 * for itself; bytes that are not UTF-8 become '?', since jansson takes no others.
 */
#ifndef FORM_H
#define FORM_H

#include <stdlib.h>
#include <string.h>

#include <tocsin/plugin.h>

static inline int
form_hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes n bytes at p into out, which has room for n + 1. */
static inline size_t
form_unescape(const char *p, size_t n, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        int high = p[i] == '%' && i + 2 < n ? form_hex(p[i + 1]) : -1;
        int low = high >= 0 ? form_hex(p[i + 2]) : -1;

        if (low >= 0) {
            out[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[len++] = p[i] == '+' ? ' ' : p[i];
        }
    }
    out[len] = '\0';
    return len;
}

static inline json_t *
form_text(char *s, size_t n)
{
    json_t *text = json_stringn(s, n);

    for (size_t i = 0; text == NULL && i < n; i++)
        if ((unsigned char)s[i] >= 0x80)
            s[i] = '?';
    return text != NULL ? text : json_stringn(s, n);
}

/* NULL: no memory, or there is no field at all. */
static inline json_t *
form_parse(const char *body, size_t len)
{
    const char *p = body, *end = body + len;
    char *name = malloc(len + 1), *value = malloc(len + 1);
    json_t *fields = json_object();

    while (name != NULL && value != NULL && p < end) {
        const char *next = memchr(p, '&', (size_t)(end - p)), *stop = next != NULL ? next : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));

        if (equals != NULL && equals > p) {
            size_t n = form_unescape(p, (size_t)(equals - p), name);
            size_t m = form_unescape(equals + 1, (size_t)(stop - equals - 1), value);

            while (m > 0 && (value[m - 1] == '\n' || value[m - 1] == '\r'))
                m--;
            if (n == strlen(name))
                json_object_set_new(fields, name, form_text(value, m)); /* refuses a name that is not UTF-8 */
        }
        p = stop + 1;
    }
    free(name);
    free(value);
    if (json_object_size(fields) > 0)
        return fields;
    json_decref(fields);
    return NULL;
}

/* JSON, or a form: told by the first byte, for senders call either by the other's name. */
static inline enum tocsin_rc
form_or_json(const struct tocsin_host *host, const struct tocsin_payload *in, json_t **out_r, struct tocsin_err *err)
{
    size_t blank = strspn(in->body, " \t\r\n");
    bool is_form = blank < in->len && in->body[blank] != '{' && in->body[blank] != '[' &&
                   (unsigned char)in->body[blank] != 0xef && memchr(in->body, '=', in->len) != NULL;
    enum tocsin_rc rc;

    if (is_form) {
        *out_r = form_parse(in->body + blank, in->len - blank);
        return *out_r != NULL ? TOCSIN_OK : host->fail(err, TOCSIN_BAD_INPUT, "", "a form without a field");
    }
    rc = host->parse_json(in->body, in->len, out_r, err);
    if (rc != TOCSIN_OK || json_is_object(*out_r))
        return rc;
    json_decref(*out_r);
    return host->fail(err, TOCSIN_MEANINGLESS, "$", "expected an object");
}

#endif
