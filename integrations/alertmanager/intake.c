/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - POST /api/v2/alerts, as Prometheus, amtool and others send it.
 *
 * Answers are Alertmanager's: a document of the wrong shape is refused as a
 * whole; an alert that makes no sense is refused with 400 after the others of
 * its request were stored.  An alert is known by the fingerprint of its labels,
 * which is what Alertmanager's own webhook says of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"

enum { ERRORS_MAX = 2048 };

const struct tocsin_route intake_routes[] = {
    { "POST", "/api/v2/alerts", 1, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};

struct self { int64_t resolve_ms; };

struct request { char errors[ERRORS_MAX]; };

enum tocsin_rc
intake_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    struct self *s = malloc(sizeof *s);

    if (s == NULL)
        return host->fail(err, TOCSIN_INTERNAL, "", "out of memory");
    s->resolve_ms = host->setting_int(set, "resolve_timeout");
    *self_r = s;
    return TOCSIN_OK;
}

void
intake_close(void *self)
{
    free(self);
}

/* --- answers ------------------------------------------------------------------------ */

static void
headers(const struct tocsin_host *host, struct tocsin_call *call)
{
    if (call->in->header != NULL && call->in->header(call->in, "Origin") != NULL)
        host->reply_header(call, "Access-Control-Allow-Origin", "*");
    host->reply_header(call, "Vary", "Origin");
    host->reply_header(call, "Cache-Control", "no-store");
}

/* A message is a JSON string by itself. */
static void
reply_text(const struct tocsin_host *host, struct tocsin_call *call, int status, const char *text)
{
    json_t *v = json_string(text);
    char *dump = v != NULL ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

    headers(host, call);
    host->reply(call, status, "application/json", dump != NULL ? dump : "\"\"", dump != NULL ? strlen(dump) : 2);
    free(dump);
    json_decref(v);
}

void
intake_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call,
              const struct tocsin_results *results)
{
    const struct request *r = call->state;

    (void)self;
    (void)results;
    if (r->errors[0] != '\0') {
        reply_text(host, call, 400, r->errors);
        return;
    }
    headers(host, call);
    host->reply(call, 200, NULL, "", 0);
}

static enum tocsin_rc
malformed(const struct tocsin_host *host, struct tocsin_call *call, int status, int code, const char *text)
{
    headers(host, call);
    host->reply_json(call, status, json_pack("{s:i, s:s}", "code", code, "message", text));
    return TOCSIN_OK;
}

void
intake_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    switch (err->rc) {
    case TOCSIN_TEMPORARY:
    case TOCSIN_FULL:
    case TOCSIN_FATAL:
        host->reply_header(call, "Retry-After", "1");
        reply_text(host, call, 503, err->what);
        break;
    case TOCSIN_TOO_LARGE:
        malformed(host, call, 413, 413, err->what);
        break;
    case TOCSIN_UNSUPPORTED:
        malformed(host, call, 415, 415, err->what);
        break;
    case TOCSIN_BAD_INPUT:
        malformed(host, call, 400, 400, err->what);
        break;
    default:                       /* who sends: Alertmanager does not ask */
        break;
    }
}

/* --- shape ----------------------------------------------------------------------------- */

/* A value that is null is an empty one. */
static bool
is_text_map(const json_t *map)
{
    const char *key;
    json_t *value;

    if (map == NULL || json_is_null(map))
        return true;
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
        if (!json_is_string(value) && !json_is_null(value))
            return false;
    return json_is_object(map);
}

/* Missing, Go's zero time, or a time. */
static bool
is_time(const struct tocsin_host *host, const json_t *v)
{
    const char *s = json_string_value(v);

    if (v == NULL || json_is_null(v))
        return true;
    return s != NULL && (*s == '\0' || strncmp(s, "0001-01-01T", 11) == 0 || host->time_of(s) != 0);
}

/* What is wrong with one of the alerts; NULL: nothing.  code: of the validation. */
static const char *
bad_shape(const struct tocsin_host *host, struct tocsin_call *call, const json_t *item, size_t i, int *code)
{
    const json_t *labels = json_object_get(item, "labels");

    *code = 400;
    if (!json_is_object(item))
        return host->call_printf(call, "parsing alerts body from \"\" failed, because %zu is no object", i);
    if (labels == NULL || json_is_null(labels)) {
        *code = 602;
        return host->call_printf(call, "%zu.labels in body is required", i);
    }
    if (!is_text_map(labels) || !is_text_map(json_object_get(item, "annotations")))
        return host->call_printf(call, "parsing alerts body from \"\" failed, because labels or annotations of %zu are "
                                       "no object of strings", i);
    if (!is_time(host, json_object_get(item, "startsAt")) || !is_time(host, json_object_get(item, "endsAt")))
        return host->call_printf(call, "parsing alerts body from \"\" failed, because a time of %zu cannot be parsed",
                                 i);
    return NULL;
}

/* --- one alert ---------------------------------------------------------------------------- */

static void
complain(struct request *r, const char *text)
{
    size_t n = strlen(r->errors);

    if (n + strlen(text) + 3 < sizeof r->errors)
        snprintf(r->errors + n, sizeof r->errors - n, "%s%s", n > 0 ? "; " : "", text);
}

static bool
has_label(const json_t *labels)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)labels, name, value)
        if (json_string_length(value) > 0)
            return true;
    return false;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct tocsin_pair *)a)->name, ((const struct tocsin_pair *)b)->name);
}

/* FNV-1a over names and values, each followed by a byte that is in no text. */
static uint64_t
fnv(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (h ^ 0xff) * 1099511628211u;
}

/* Of all labels as they were sent, as Alertmanager's: an alert keeps some of many, and cuts long ones. */
static const char *
fingerprint(const struct tocsin_host *host, struct tocsin_call *call, const json_t *labels)
{
    struct tocsin_pair *sorted = host->call_alloc(call, (json_object_size(labels) + 1) * sizeof *sorted);
    uint64_t h = 14695981039346656037u;
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)labels, name, value)
        if (json_string_length(value) > 0)
            sorted[n++] = (struct tocsin_pair){ name, json_string_value(value) };
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++)
        h = fnv(fnv(h, sorted[i].name), sorted[i].value);
    return host->call_printf(call, "%016llx", (unsigned long long)h);
}

/* False: it makes no sense. */
static bool
take(const struct self *self, const struct frame *f, struct tocsin_call *call, const json_t *item)
{
    int64_t starts_at = f->host->time_of(json_string_value(json_object_get(item, "startsAt")));
    int64_t ends_at = f->host->time_of(json_string_value(json_object_get(item, "endsAt")));
    int64_t now = f->in->received_at;
    struct tocsin_alert *alert;

    if (starts_at > 0 && ends_at > 0 && ends_at < starts_at) {
        complain(call->state, "start time must be before end time");
        return false;
    }
    if (!has_label(json_object_get(item, "labels"))) {
        complain(call->state, "at least one label pair required");
        return false;
    }
    if (json_string_length(json_object_get(json_object_get(item, "labels"), "")) > 0) {
        complain(call->state, "invalid label set: invalid name \"\"");
        return false;
    }
    alert = f->host->alert_new(f->out);
    alert->status = ends_at > 0 && ends_at <= now ? TOCSIN_RESOLVED : TOCSIN_FIRING;
    alert->starts_at = starts_at;
    alert->ends_at = alert->status == TOCSIN_RESOLVED ? ends_at : 0;
    if (alert->status == TOCSIN_FIRING)
        alert->expires_at = ends_at > 0 ? ends_at : now + self->resolve_ms;
    alert_read_text(f, item, alert);
    alert->dedup_key = fingerprint(f->host, call, json_object_get(item, "labels"));
    return true;
}

/* Is the body this word and nothing else? */
static bool
body_is(const struct tocsin_call *call, const char *word)
{
    static const char blanks[] = " \t\r\n";
    const char *text = call->in->body + strspn(call->in->body, blanks);
    size_t n = strlen(word);

    return strncmp(text, word, n) == 0 && text[n + strspn(text + n, blanks)] == '\0';
}

enum tocsin_rc
intake_take(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct frame f = { .host = host, .in = call->in, .out = call->batch, .err = err, .list = "$" };
    const char *type = call->in->content_type;
    size_t valid = 0;
    json_t *doc, *item;
    int code = 400;

    call->state = host->call_alloc(call, sizeof(struct request));
    if (body_is(call, ""))
        return malformed(host, call, 422, 602, "alerts in body is required");
    if (type == NULL || strcmp(type, "application/json") != 0)
        return malformed(host, call, 415, 415,
                         host->call_printf(call, "unsupported media type \"%.80s\", only [application/json] are allowed",
                                           type != NULL ? type : "application/octet-stream"));
    if (body_is(call, "null")) {   /* no alerts */
        intake_answer(self, host, call, NULL);
        return TOCSIN_OK;
    }
    if (host->call_json(call, &doc, err) != TOCSIN_OK)
        return malformed(host, call, 400, 400,
                         host->call_printf(call, "parsing alerts body from \"\" failed, because %s", err->what));
    if (!json_is_array(doc))
        return malformed(host, call, 400, 400, "parsing alerts body from \"\" failed, because it is no array");
    json_array_foreach(doc, f.index, item) {
        const char *bad = bad_shape(host, call, item, f.index, &code);

        if (bad != NULL)
            return malformed(host, call, code == 602 ? 422 : 400, code, bad);
    }
    json_array_foreach(doc, f.index, item)
        valid += take(self, &f, call, item);
    if (valid == 0)                /* there is nothing to be committed first */
        intake_answer(self, host, call, NULL);
    return TOCSIN_OK;
}
