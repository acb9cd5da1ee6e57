/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - tocsin's own JSON: one alert, an array of them, {"alerts": [...]},
 * or one alert a line (NDJSON).
 *
 * The members of an alert are read by the host (decode_schema), which uses the
 * same schema for what a mapping puts out; README.md documents it.
 */
#include <stdio.h>
#include <string.h>

#include <tocsin/plugin.h>

static enum tocsin_rc
decode_array(const struct tocsin_host *host, const json_t *array, const char *path, struct tocsin_batch *out,
             struct tocsin_err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach(array, i, item) {
        char where[64];
        enum tocsin_rc rc;

        snprintf(where, sizeof where, "%s[%zu]", path, i);
        rc = host->decode_schema(out, item, where, err);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
decode_document(const struct tocsin_host *host, const json_t *doc, struct tocsin_batch *out, struct tocsin_err *err)
{
    const json_t *alerts = json_object_get(doc, "alerts");

    if (json_is_array(doc))
        return decode_array(host, doc, "$", out, err);
    if (json_is_array(alerts))
        return decode_array(host, alerts, "$.alerts", out, err);
    if (alerts != NULL && !json_is_null(alerts))
        return host->fail(err, TOCSIN_MEANINGLESS, "$.alerts", "expected an array of alerts");
    return host->decode_schema(out, doc, "$", err);
}

/* Length of the line at p, without its end. */
static size_t
line_length(const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));

    return (size_t)((newline != NULL ? newline : end) - p);
}

static bool
is_blank(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r", p[i]) == NULL || p[i] == '\0')
            return false;
    return true;
}

static enum tocsin_rc
decode_lines(const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
             struct tocsin_err *err)
{
    const char *p = in->body, *end = in->body + in->len;
    size_t lines = 0, n;

    for (size_t line = 1; p < end; line++, p += n + 1) {
        enum tocsin_rc rc;
        char where[64];
        json_t *doc;

        n = line_length(p, end);
        if (is_blank(p, n))
            continue;
        snprintf(where, sizeof where, "line %zu: $", line);
        rc = host->parse_json(p, n, &doc, err);
        if (rc != TOCSIN_OK)
            return host->fail(err, rc, where, "%s", err->what);
        rc = host->decode_schema(out, doc, where, err);
        json_decref(doc);
        if (rc != TOCSIN_OK)
            return rc;
        lines++;
    }
    return lines > 0 ? TOCSIN_OK : host->fail(err, TOCSIN_BAD_INPUT, "", "empty body");
}

static bool
says_lines(const char *type)
{
    return type != NULL && (strcmp(type, "application/x-ndjson") == 0 || strcmp(type, "application/ndjson") == 0 ||
                            strcmp(type, "application/jsonl") == 0 || strcmp(type, "application/json-lines") == 0);
}

/* A sender of NDJSON that calls it application/json, or nothing: the first of several lines is a document. */
static bool
looks_like_lines(const struct tocsin_host *host, const struct tocsin_payload *in)
{
    size_t n = line_length(in->body, in->body + in->len);
    json_t *first;

    if (n == in->len || is_blank(in->body + n, in->len - n) || host->parse_json(in->body, n, &first, NULL) != TOCSIN_OK)
        return false;
    json_decref(first);
    return true;
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct tocsin_err bad;         /* not the caller's: it may turn out that these are lines */
    enum tocsin_rc rc;
    json_t *doc;

    (void)self;
    if (says_lines(in->content_type))
        return decode_lines(host, in, out, err);
    rc = host->parse_json(in->body, in->len, &doc, &bad);
    if (rc == TOCSIN_BAD_INPUT && looks_like_lines(host, in))
        return decode_lines(host, in, out, err);
    if (rc != TOCSIN_OK)
        return host->fail(err, rc, bad.where, "%s", bad.what);
    rc = decode_document(host, doc, out, err);
    json_decref(doc);
    return rc;
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "json",
    .summary = "tocsin's own JSON, one alert or many; with a mapping, any JSON",
    .decode = decode,
};
