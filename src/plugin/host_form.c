/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_form.c - fields that a stranger sent, as a JSON object of text: so what
 * reads JSON reads forms and queries as well.
 *
 * An escape that is none stands for itself; bytes that are not UTF-8 become
 * '?', since jansson takes no others.
 */
#include "plugin/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsonmem.h"
#include "base/text.h"
#include "base/xalloc.h"

/* Decodes n bytes at s, which has room for a NUL behind them, in place; gives the new length. */
static size_t
decode(char *s, size_t n)
{
    s[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '+')
            s[i] = ' ';
        else if (s[i] == '\0')
            s[i] = '\xff';         /* as good as any other that is no text */
    }
    n = text_unescape(s);
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_seq(s + i, n - i);
        if (len == 0) {
            s[i] = '?';
            len = 1;
        }
    }
    return n;
}

/* name=value in n bytes; they and the byte behind them are written to. */
static void
add_field(json_t *fields, char *name, size_t n)
{
    char *equals = memchr(name, '=', n), *value = equals != NULL ? equals + 1 : name + n;
    size_t value_len = decode(value, (size_t)(name + n - value));
    size_t name_len = decode(name, equals != NULL ? (size_t)(equals - name) : n);

    while (value_len > 0 && (value[value_len - 1] == '\n' || value[value_len - 1] == '\r'))
        value_len--;               /* of the file that the sender read it from */
    if (name_len > 0 && strlen(name) == name_len)
        json_object_set_new_nocheck(fields, name, json_stringn_nocheck(value, value_len));
}

static enum tocsin_rc
read_form(const char *body, size_t len, json_t *fields, struct tocsin_err *err)
{
    char *text = xmalloc(len + 1), *end = text + len;
    size_t n = 0;

    memcpy(text, body, len);
    for (char *p = text, *next; p < end && n <= HOST_JSON_KEYS; p = next + 1, n++) {
        next = memchr(p, '&', (size_t)(end - p));
        if (next == NULL)
            next = end;
        add_field(fields, p, (size_t)(next - p));
    }
    free(text);
    if (n > HOST_JSON_KEYS)
        return host_fail(err, TOCSIN_TOO_LARGE, "", "more than %d fields in a form", HOST_JSON_KEYS);
    if (json_object_size(fields) == 0)
        return host_fail(err, TOCSIN_BAD_INPUT, "", "a form without a field");
    return TOCSIN_OK;
}

/* The server has decoded and bounded it. */
static enum tocsin_rc
read_query(const struct tocsin_payload *in, json_t *fields)
{
    for (size_t i = 0; i < in->n_queries; i++) {
        const char *value = in->queries[i].value;

        /* refuses what is not UTF-8: such a field is left out */
        json_object_set_new(fields, in->queries[i].name, json_string(value != NULL ? value : ""));
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
read_object(const struct tocsin_payload *in, json_t **out_r, struct tocsin_err *err)
{
    enum tocsin_rc rc = host_parse_json(in->body, in->len, out_r, err);

    if (rc != TOCSIN_OK || json_is_object(*out_r))
        return rc;
    json_decref(*out_r);
    *out_r = NULL;
    return host_fail(err, TOCSIN_MEANINGLESS, "$", "expected an object");
}

/* Told by the first byte: JSON begins with a bracket or a byte order mark, or has no '=' if it is broken. */
static bool
is_form(const char *s, size_t n)
{
    return n > 0 && *s != '{' && *s != '[' && *s != '\xef' && memchr(s, '=', n) != NULL;
}

enum tocsin_rc
host_parse_form(const struct tocsin_payload *in, json_t **out_r, struct tocsin_err *err)
{
    size_t blank = strspn(in->body, " \t\r\n");
    bool query = in->len == 0 && in->n_queries > 0, used;
    enum tocsin_rc rc;
    json_t *fields;

    if (!query && !is_form(in->body + blank, in->len - blank))
        return read_object(in, out_r, err);
    used = jsonmem_use(true);
    fields = json_object();
    rc = query ? read_query(in, fields) : read_form(in->body + blank, in->len - blank, fields, err);
    if (rc == TOCSIN_OK)
        host_redact_doc(fields);
    jsonmem_use(used);
    if (rc == TOCSIN_OK)
        *out_r = fields;
    else
        json_decref(fields);
    return rc;
}
