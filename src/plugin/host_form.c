/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_form.c - fields that a stranger sent, as a JSON object of text: so what
 * reads JSON reads forms and queries as well.
 *
 * An escape that is none stands for itself.  Bytes that are not UTF-8 come from
 * programs that know no other charset than their own (the output of a plugin
 * for Nagios on an old host), and names have them as well: they are read as
 * Windows-1252, so that what differs stays different.
 */
#include "plugin/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsonmem.h"
#include "base/text.h"
#include "base/xalloc.h"

/* Decodes n bytes at s, which has room for a NUL behind them, in place, and then to out (3 * n + 1 bytes); the length. */
static size_t
decode(char *s, size_t n, char *out)
{
    s[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '+')
            s[i] = ' ';
        else if (s[i] == '\0')
            s[i] = '?';
    }
    return text_to_utf8(s, text_unescape(s), out);
}

/* name=value in n bytes; they and the byte behind them are written to.  room: 3 * n + 2 bytes. */
static void
add_field(json_t *fields, char *name, size_t n, char *room)
{
    char *equals = memchr(name, '=', n), *value = equals != NULL ? equals + 1 : name + n;
    char *value_text = room + 3 * (size_t)(value - name) + 1;
    size_t value_len = decode(value, (size_t)(name + n - value), value_text);
    size_t name_len = decode(name, equals != NULL ? (size_t)(equals - name) : n, room);

    while (value_len > 0 && (value_text[value_len - 1] == '\n' || value_text[value_len - 1] == '\r'))
        value_len--;               /* of the file that the sender read it from */
    if (name_len > 0 && strlen(room) == name_len)
        json_object_set_new_nocheck(fields, room, json_stringn_nocheck(value_text, value_len));
}

static enum tocsin_rc
read_form(const char *body, size_t len, json_t *fields, struct tocsin_err *err)
{
    char *text = xmalloc(len + 1), *room = xmalloc(3 * len + 2), *end = text + len;
    size_t n = 0;

    memcpy(text, body, len);
    for (char *p = text, *next; p < end && n <= HOST_JSON_KEYS; p = next + 1, n++) {
        next = memchr(p, '&', (size_t)(end - p));
        if (next == NULL)
            next = end;
        add_field(fields, p, (size_t)(next - p), room);
    }
    free(text);
    free(room);
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
        const char *value = in->queries[i].value != NULL ? in->queries[i].value : "";
        char *text = xmalloc(3 * strlen(value) + 1);

        text_to_utf8(value, strlen(value), text);
        json_object_set_new(fields, in->queries[i].name, json_string_nocheck(text));  /* refuses a name that is no UTF-8 */
        free(text);
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

/* Told by the first byte: JSON begins with a bracket, or has no '=' if it is broken. */
static bool
is_form(const char *s, size_t n)
{
    return n > 0 && *s != '{' && *s != '[' && memchr(s, '=', n) != NULL;
}

/* Blanks and a byte order mark. */
static size_t
leading(const char *s)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t n = strncmp(s, mark, strlen(mark)) == 0 ? strlen(mark) : 0;

    return n + strspn(s + n, " \t\r\n");
}

enum tocsin_rc
host_parse_form(const struct tocsin_payload *in, json_t **out_r, struct tocsin_err *err)
{
    size_t blank = leading(in->body);
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
