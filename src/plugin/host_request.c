/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_request.c - requests as integrations describe them, their signature at
 * the moment of sending, and what an answer means by default.
 *
 * A part that cannot be made marks the request as broken; host_request_seal()
 * says so, and nothing is sent.
 */
#include "plugin/host.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/text.h"

enum { MAX_DELAY_MS = 24 * 60 * 60 * 1000, FIRST = 8 };

void
host_request_init(struct tocsin_request *q, struct arena *arena)
{
    memset(q, 0, sizeof *q);
    q->arena = arena;
}

void
host_request_http(struct tocsin_request *q, const char *method, const char *url)
{
    q->kind = REQUEST_HTTP;
    q->method = arena_strdup(q->arena, method);
    q->url = arena_strdup(q->arena, url);
}

/* A name is a token of RFC 9110; in a value nothing may end the line. */
void
host_request_header(struct tocsin_request *q, const char *name, const char *value)
{
    char *clean;

    if (name == NULL || value == NULL)
        return;
    if (name[0] == '\0' || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                             "!#$%&'*+-.^_`|~")] != '\0') {
        host_fail(&q->broken, TOCSIN_INTERNAL, "header", "'%s' is no name of a header", name);
        return;
    }
    if (q->n_headers == q->cap_headers) {
        size_t cap = q->cap_headers > 0 ? q->cap_headers * 2 : FIRST;
        struct tocsin_pair *bigger = arena_alloc(q->arena, cap * sizeof *bigger);

        if (q->n_headers > 0)
            memcpy(bigger, q->headers, q->n_headers * sizeof *bigger);
        q->headers = bigger;
        q->cap_headers = cap;
    }
    clean = arena_strdup(q->arena, value);
    for (char *p = clean; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    q->headers[q->n_headers].name = arena_strdup(q->arena, name);
    q->headers[q->n_headers++].value = clean;
}

void
host_request_json(struct tocsin_request *q, json_t *doc)
{
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;

    if (text != NULL)
        host_request_body(q, "application/json", text, strlen(text));
    else
        host_fail(&q->broken, TOCSIN_INTERNAL, "body", "the document could not be made");
    free(text);
    json_decref(doc);
}

void
host_request_body(struct tocsin_request *q, const char *content_type, const char *body, size_t len)
{
    q->content_type = arena_strdup(q->arena, content_type);
    q->body = arena_strndup(q->arena, body, len);
    q->body_len = len;
}

void
host_request_log(struct tocsin_request *q, const char *line)
{
    q->kind = REQUEST_LOG;
    q->line = text_clean(q->arena, line, strlen(line), HOST_MAX_VALUE);
}

void
host_request_sign(struct tocsin_request *q, const char *secret, const char *id)
{
    q->sign_secret = arena_strdup(q->arena, secret);
    q->sign_id = arena_strdup(q->arena, id);
}

char *
host_request_printf(struct tocsin_request *q, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = arena_vprintf(q->arena, fmt, ap);
    va_end(ap);
    return s;
}

char *
host_escape(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    char *escaped, *out;

    if (n == 0)                    /* to curl, 0 means "measure it" */
        return arena_strdup(a, "");
    escaped = curl_easy_escape(NULL, text, n < INT32_MAX / 3 ? (int)n : INT32_MAX / 3);
    out = arena_strdup(a, escaped != NULL ? escaped : "");
    curl_free(escaped);
    return out;
}

char *
host_request_cut(struct tocsin_request *q, const char *text, size_t max_chars)
{
    return arena_strdup(q->arena, text_cut_chars(q->arena, text, max_chars));
}

char *
host_request_cut_bytes(struct tocsin_request *q, const char *text, size_t max_bytes)
{
    return arena_strdup(q->arena, text_cut_bytes(q->arena, text, max_bytes));
}

char *
host_request_time(struct tocsin_request *q, int64_t when)
{
    return time_format(when, arena_alloc(q->arena, TIME_TEXT));
}

enum tocsin_rc
host_request_seal(struct tocsin_request *q, int64_t now_ms, struct tocsin_err *err)
{
    const char *signature, *timestamp;
    enum tocsin_rc rc;

    if (q->broken.rc != TOCSIN_OK) {
        *err = q->broken;
        return err->rc;
    }
    if (q->sign_secret == NULL)
        return TOCSIN_OK;
    timestamp = arena_printf(q->arena, "%" PRId64, now_ms / 1000);
    rc =
        host_standard_signature(q->arena, q->sign_secret, q->sign_id, timestamp, q->body, q->body_len, &signature, err);
    if (rc != TOCSIN_OK)
        return rc;
    host_request_header(q, "webhook-id", q->sign_id);
    host_request_header(q, "webhook-timestamp", timestamp);
    host_request_header(q, "webhook-signature", signature);
    q->sign_secret = NULL;         /* sealed: a second call would add them again */
    return TOCSIN_OK;
}

/* --- answers ------------------------------------------------------------------------------- */

static const char *
reason_phrase(int status)
{
    static const struct { int status; const char *phrase; } phrases[] = {
        { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
        { 301, "Moved Permanently" }, { 302, "Found" }, { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
        { 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" }, { 403, "Forbidden" },
        { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
        { 410, "Gone" }, { 411, "Length Required" }, { 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Content" }, { 429, "Too Many Requests" }, { 500, "Internal Server Error" },
        { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
    };

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

/* Retry-After: seconds, or a date; 0 when there is none or it is past. */
static int64_t
retry_after(const struct tocsin_response *r, int64_t now_ms)
{
    const char *value = r->header != NULL ? r->header(r, "Retry-After") : NULL;
    char *end;
    int64_t delay;
    time_t date;

    if (value == NULL || value[0] == '\0')
        return 0;
    delay = strtoll(value, &end, 10);
    if (end != value && *end == '\0' && delay < MAX_DELAY_MS / 1000) {
        delay = delay > 0 ? delay * 1000 : 0;
    } else if (end != value && *end == '\0') {
        delay = MAX_DELAY_MS;
    } else {
        date = curl_getdate(value, NULL);
        delay = date > (INT64_MAX / 1000) ? MAX_DELAY_MS : date > 0 ? (int64_t)date * 1000 - now_ms : 0;
    }
    return delay < 0 ? 0 : delay > MAX_DELAY_MS ? MAX_DELAY_MS : delay;
}

void
host_outcome_default(const struct tocsin_response *r, int64_t now_ms, struct tocsin_outcome *out)
{
    int status = r->status;

    memset(out, 0, sizeof *out);
    if (status == 0) {
        out->verdict = r->sent ? TOCSIN_UNCERTAIN : TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "%s", r->error != NULL ? r->error : "no answer");
        return;
    }
    snprintf(out->reason, sizeof out->reason, "%d%s%s", status, reason_phrase(status)[0] != '\0' ? " " : "",
             reason_phrase(status));
    if (status >= 200 && status < 300) {
        out->verdict = TOCSIN_DELIVERED;
    } else if (status == 408 || status == 429 || status >= 500) {
        out->verdict = TOCSIN_RETRY;
        out->delay_ms = retry_after(r, now_ms);
    } else {
        out->verdict = TOCSIN_REJECTED;
    }
}
