/* SPDX-License-Identifier: Apache-2.0 */
#include "notifier/verdict.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CONTINUE_MAX_MS = 60000, SECRET_MIN = 4 };

static const struct {
    int status;
    const char *text;
} phrases[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
};

static void
say_status(char *out, size_t size, int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            snprintf(out, size, "%d %s", status, phrases[i].text);
            return;
        }
    }
    snprintf(out, size, "%d", status);
}

/* Seconds or an HTTP date. */
static int64_t
retry_after(const struct tocsin_response *r, int64_t now_ms)
{
    const char *value = r->header != NULL ? r->header(r, "Retry-After") : NULL;
    int64_t ms;
    char *end;

    if (value == NULL || value[0] == '\0')
        return 0;
    if (value[strspn(value, "0123456789")] == '\0') {
        long long s = strtoll(value, &end, 10);

        ms = s > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : s * 1000;
    } else {
        time_t when = curl_getdate(value, NULL);

        ms = when == (time_t)-1 ? 0 : (int64_t)when * 1000 - now_ms;
    }
    return ms < 0 ? 0 : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

void
verdict_default(const struct tocsin_response *r, int64_t now_ms, struct tocsin_outcome *out)
{
    memset(out, 0, sizeof *out);
    if (r->status == 0) {
        out->verdict = r->sent ? TOCSIN_UNCERTAIN : TOCSIN_RETRY;
        snprintf(out->reason, sizeof out->reason, "%s", r->error != NULL ? r->error : "no answer");
        return;
    }
    say_status(out->reason, sizeof out->reason, r->status);
    if (r->status >= 200 && r->status < 300) {
        out->verdict = TOCSIN_DELIVERED;
    } else if (r->status == 408 || r->status == 429 || r->status >= 500) {
        out->verdict = TOCSIN_RETRY;
        out->delay_ms = retry_after(r, now_ms);
    } else {
        out->verdict = TOCSIN_REJECTED;
    }
}

/* Replace each occurrence of the secret, and a piece of it at the very end that a full buffer cut off. */
static void
hide(char *text, size_t size, const char *secret)
{
    char out[sizeof((struct tocsin_outcome *)0)->reason];
    size_t n = strlen(secret), len = strlen(text), used = 0, i = 0;

    if (n < SECRET_MIN || size > sizeof out)
        return;
    while (i < len && used + 3 < size) {
        size_t left = len - i, part = left < n ? left : n;
        bool cut = left < n && len == size - 1 && part >= SECRET_MIN;

        if ((left >= n || cut) && strncmp(text + i, secret, part) == 0) {
            memcpy(out + used, "***", 3);
            used += 3;
            i += part;
        } else {
            out[used++] = text[i++];
        }
    }
    while (i < len && used + 1 < size)
        out[used++] = text[i++];
    out[used] = '\0';
    memcpy(text, out, used + 1);
}

static int64_t
clamp(int64_t value, int64_t max)
{
    return value < 0 ? 0 : value > max ? max : value;
}

void
verdict_tidy(struct arena *a, const struct tocsin_settings *set, struct tocsin_outcome *out)
{
    out->reason[sizeof out->reason - 1] = '\0';
    out->vendor_ref[sizeof out->vendor_ref - 1] = '\0';
    out->carry[sizeof out->carry - 1] = '\0';
    if (out->verdict < TOCSIN_DELIVERED || out->verdict > TOCSIN_CONTINUE)
        out->verdict = TOCSIN_RETRY;
    out->delay_ms = clamp(out->delay_ms, out->verdict == TOCSIN_CONTINUE ? CONTINUE_MAX_MS : RETRY_AFTER_MAX_MS);
    for (size_t i = 0; set != NULL && i < set->n; i++)
        if (set->items[i].type == TOCSIN_OPT_SECRET && set->items[i].text != NULL)
            hide(out->reason, sizeof out->reason, set->items[i].text);
    snprintf(out->reason, sizeof out->reason, "%s",
             text_clean(a, out->reason, strlen(out->reason), sizeof out->reason - 1));
    snprintf(out->vendor_ref, sizeof out->vendor_ref, "%s",
             text_clean(a, out->vendor_ref, strlen(out->vendor_ref), sizeof out->vendor_ref - 1));
}
