/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.c - a line of headers, then items: a line of headers and a payload.
 *
 * A payload is as long as its header says or, without a length, ends with the
 * line.  Blank lines between items and a missing line end at the end are fine.
 */
#include <stdio.h>
#include <string.h>

#include "sentry.h"

enum { ITEMS_MAX = 1000 };

/* The line at *at, without its end; *at moves behind it. */
static const char *
line(const char **at, const char *end, size_t *len)
{
    const char *p = *at, *eol = memchr(p, '\n', (size_t)(end - p));

    *at = eol != NULL ? eol + 1 : end;
    *len = (size_t)((eol != NULL ? eol : end) - p);
    if (*len > 0 && p[*len - 1] == '\r')
        --*len;
    return p;
}

static enum tocsin_rc
headers(const struct tocsin_host *host, struct envelope *e, const char *where, json_t **out, struct tocsin_err *err)
{
    size_t len;
    const char *text = line(&e->at, e->end, &len);
    enum tocsin_rc rc = host->parse_json(text, len, out, err);

    if (rc != TOCSIN_OK)
        return host->fail(err, TOCSIN_BAD_INPUT, where, "invalid headers");
    if (!json_is_object(*out)) {
        json_decref(*out);
        return host->fail(err, TOCSIN_BAD_INPUT, where, "expected an object");
    }
    return TOCSIN_OK;
}

enum tocsin_rc
envelope_open(const struct tocsin_host *host, const char *body, size_t len, struct envelope *out,
              struct tocsin_err *err)
{
    *out = (struct envelope){ .at = body, .end = body + len };
    if (len == 0)
        return host->fail(err, TOCSIN_BAD_INPUT, "envelope header", "empty body");
    return headers(host, out, "envelope header", &out->header, err);
}

enum tocsin_rc
envelope_next(const struct tocsin_host *host, struct envelope *e, struct item *out, struct tocsin_err *err)
{
    const json_t *length;
    char where[40];
    enum tocsin_rc rc;

    while (e->at < e->end && (*e->at == '\n' || *e->at == '\r'))
        e->at++;
    if (e->at == e->end)
        return TOCSIN_NOT_FOUND;
    snprintf(where, sizeof where, "item %u", ++e->items);
    if (e->items > ITEMS_MAX)
        return host->fail(err, TOCSIN_TOO_LARGE, where, "more than %d items", ITEMS_MAX);
    rc = headers(host, e, where, &out->header, err);
    if (rc != TOCSIN_OK)
        return rc;
    out->type = json_string_value(json_object_get(out->header, "type"));
    out->type = out->type != NULL ? out->type : "";
    length = json_object_get(out->header, "length");
    if (!json_is_integer(length)) {
        out->payload = line(&e->at, e->end, &out->len);
        return TOCSIN_OK;
    }
    if (json_integer_value(length) < 0 || json_integer_value(length) > e->end - e->at) {
        json_decref(out->header);
        return host->fail(err, TOCSIN_BAD_INPUT, where, "unexpected end of file: the payload is shorter than its length");
    }
    out->payload = e->at;
    out->len = (size_t)json_integer_value(length);
    e->at += out->len;
    if (e->at < e->end && *e->at != '\n' && *e->at != '\r') {
        json_decref(out->header);
        return host->fail(err, TOCSIN_BAD_INPUT, where, "missing newline after the payload");
    }
    return TOCSIN_OK;
}
