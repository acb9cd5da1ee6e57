/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.c - the paths that a DSN leads to, as Sentry serves them.
 *
 *   /api/PROJECT/envelope/   all that SDKs of today send
 *   /api/PROJECT/store/      one event: older SDKs, curl
 *
 * Browsers ask first (OPTIONS) and read the answer only with the headers of
 * CORS.  What is no error is counted and let go.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sentry.h"

enum { ENVELOPE = 1, STORE, PREFLIGHT, BODY_MAX = 20 << 20, EVENTS_MAX = 100, KEY_LEN = 128, RETRY_S = 60 };

const struct tocsin_route sentry_routes[] = {
    { "POST", "{*}/api/{project}/envelope", ENVELOPE, BODY_MAX, EVENTS_MAX },
    { "POST", "{*}/api/{project}/store", STORE, BODY_MAX, EVENTS_MAX },
    { "OPTIONS", "{*}/api/{project}/envelope", PREFLIGHT, 0, 0 },
    { "OPTIONS", "{*}/api/{project}/store", PREFLIGHT, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};

struct state {
    bool has_key;                  /* the request brought one, good or not */
    char key[KEY_LEN];
    char event_id[40];             /* 32 hexadecimal digits; "" none */
};

static struct state *
state_of(const struct tocsin_host *host, struct tocsin_call *call)
{
    if (call->state == NULL)
        call->state = host->call_alloc(call, sizeof(struct state));
    return call->state;
}

static const char in_path[] = "path", in_coding[] = "header Content-Encoding";

static const char *
project_of(const struct tocsin_call *call)
{
    return call->n_path > 0 ? call->path[call->n_path - 1].value : "";
}

/* --- who sends -------------------------------------------------------------------------------- */

static bool
take_key(struct state *s, const char *p, size_t len)
{
    if (len == 0 || len >= sizeof s->key)
        return false;
    memcpy(s->key, p, len);
    s->key[len] = '\0';
    return s->has_key = true;
}

/* "Sentry sentry_version=7, sentry_key=abc" */
static bool
key_of_header(struct state *s, const char *header)
{
    const char *p = header != NULL ? strstr(header, "sentry_key=") : NULL;

    return p != NULL && take_key(s, p + 11, strcspn(p + 11, ", \t\""));
}

/* "https://abc@host/1" */
static bool
key_of_dsn(struct state *s, const char *dsn)
{
    const char *p = dsn != NULL ? strstr(dsn, "://") : NULL;

    return p != NULL && strchr(p, '@') != NULL && take_key(s, p + 3, strcspn(p + 3, ":@"));
}

/* From an envelope's own header, for SDKs behind a tunnel. */
static bool
key_of_body(const struct tocsin_host *host, struct tocsin_call *call, struct state *s)
{
    const char *eol = memchr(call->in->body, '\n', call->in->len);
    size_t len = eol != NULL ? (size_t)(eol - call->in->body) : call->in->len;
    json_t *header;
    bool found;

    if (call->route != ENVELOPE || len > 65536 || host->parse_json(call->in->body, len, &header, NULL) != TOCSIN_OK)
        return false;
    found = key_of_dsn(s, json_string_value(json_object_get(header, "dsn")));
    json_decref(header);
    return found;
}

enum tocsin_rc
intake_identify(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
                struct tocsin_err *err)
{
    struct state *s = state_of(host, call);
    const char *query = call->in->query(call->in, "sentry_key"), *project = project_of(call);

    if (project[strspn(project, "0123456789")] != '\0')
        return host->fail(err, TOCSIN_BAD_INPUT, in_path, "invalid value for project id");
    if (s->has_key || key_of_header(s, call->in->header(call->in, "X-Sentry-Auth")) ||
        key_of_header(s, call->in->header(call->in, "Authorization")) ||
        (query != NULL && take_key(s, query, strlen(query))) || key_of_body(host, call, s))
        *credential_r = s->key;
    return TOCSIN_OK;
}

/* --- answers ------------------------------------------------------------------------------------ */

/* origin NULL: none is allowed. */
static void
allow_origin(const struct tocsin_host *host, struct tocsin_call *call, const char *origin)
{
    if (origin == NULL)
        return;
    host->reply_header(call, "Access-Control-Allow-Origin", origin);
    host->reply_header(call, "Access-Control-Expose-Headers", "x-sentry-error, x-sentry-rate-limits, retry-after");
    if (strcmp(origin, "*") != 0)
        host->reply_header(call, "Vary", "Origin");
    if (call->route != PREFLIGHT)
        return;
    host->reply_header(call, "Access-Control-Allow-Methods", "POST, OPTIONS");
    host->reply_header(call, "Access-Control-Allow-Headers",
                       "x-sentry-auth, x-requested-with, origin, accept, content-type, content-encoding, "
                       "authentication, authorization, sentry-trace, baggage");
    host->reply_header(call, "Access-Control-Max-Age", "3600");
}

static const char *
origin_of(const struct sentry *self, const struct tocsin_call *call)
{
    const char *origin = call->in->header(call->in, "Origin");

    for (size_t i = 0; i < self->n_origins; i++) {
        if (strcmp(self->origins[i], "*") == 0)
            return "*";
        if (origin != NULL && strcmp(self->origins[i], origin) == 0)
            return origin;
    }
    return NULL;
}

void
intake_answer(void *self, const struct tocsin_host *host, struct tocsin_call *call,
              const struct tocsin_results *results)
{
    const struct state *s = call->state;
    json_t *doc = json_object();

    (void)results;
    if (s->event_id[0] != '\0')
        json_object_set_new(doc, "id", json_string(s->event_id));
    allow_origin(host, call, origin_of(self, call));
    host->reply_json(call, 200, doc);
}

static int
status_of(const struct tocsin_err *err, bool has_key, bool bad_shape)
{
    switch (err->rc) {
    case TOCSIN_UNAUTHORIZED:
        return bad_shape ? 400 : has_key ? 403 : 401;
    case TOCSIN_FORBIDDEN:
        return 403;
    case TOCSIN_TOO_LARGE:
        return 413;
    case TOCSIN_UNSUPPORTED:
        return 415;
    case TOCSIN_TOO_MANY:
        return 429;
    case TOCSIN_TEMPORARY:
    case TOCSIN_FULL:
    case TOCSIN_FATAL:
        return 503;
    case TOCSIN_BAD_CONFIG:
    case TOCSIN_INTERNAL:
        return 500;
    default:
        return 400;
    }
}

/* Public keys are 32 hexadecimal digits; what is none cannot be anybody's. */
static bool
is_bad_key(const struct state *s)
{
    return s->has_key && (strlen(s->key) != 32 || s->key[strspn(s->key, "0123456789abcdefABCDEF")] != '\0');
}

static bool
is_empty(const struct tocsin_call *call, const struct tocsin_err *err)
{
    return call->in->len == 0 && err->rc == TOCSIN_BAD_INPUT && strcmp(err->where, in_path) != 0 &&
           strcmp(err->where, in_coding) != 0;
}

/* Which of Sentry's refusals it is; why, in causes. */
static const char *
detail_of(const struct tocsin_call *call, const struct tocsin_err *err, int status)
{
    switch (status) {
    case 401:
        return "missing authorization information";
    case 403:
        return "event submission rejected with_reason: ProjectId";
    case 413:
        return "envelope exceeded size limits";
    case 429:
        return "Sentry dropped data due to a quota or internal rate limit being reached";
    case 400:
        break;
    default:
        return err->what;
    }
    if (err->rc == TOCSIN_UNAUTHORIZED)
        return "bad sentry DSN public key";
    if (strcmp(err->where, in_path) == 0)
        return "bad project path parameter";
    if (strcmp(err->where, in_coding) == 0)
        return "invalid request body";
    if (is_empty(call, err))
        return "empty request body";
    return call->route == STORE ? "invalid JSON data" : "invalid event envelope";
}

static json_t *
causes_of(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    if (err->rc == TOCSIN_UNAUTHORIZED)
        return json_pack("[s]", "invalid project key");
    if (err->where[0] == '\0' || strcmp(err->where, in_path) == 0)
        return json_pack("[s]", err->what);
    return json_pack("[s]", host->call_printf(call, "%s: %s", err->where, err->what));
}

void
intake_refuse(const struct tocsin_host *host, struct tocsin_call *call, const struct tocsin_err *err)
{
    const struct state *s = state_of(host, call);
    int status = status_of(err, s->has_key, is_bad_key(s));
    json_t *doc;

    allow_origin(host, call, "*");
    if (call->route == PREFLIGHT && (err->rc == TOCSIN_UNAUTHORIZED || err->rc == TOCSIN_FORBIDDEN)) {
        host->reply(call, 200, "text/plain", "", 0);   /* a browser sends no credentials along when it asks */
        return;
    }
    doc = json_pack("{s:s}", "detail", detail_of(call, err, status));
    if ((status == 400 || status == 413) && !is_empty(call, err))
        json_object_set_new(doc, "causes", causes_of(host, call, err));
    if (status == 429)
        host->reply_header(call, "X-Sentry-Rate-Limits", host->call_printf(call, "%d::organization:tocsin", RETRY_S));
    if (status == 429 || status == 503)
        host->reply_header(call, "Retry-After", host->call_printf(call, "%d", RETRY_S));
    host->reply_json(call, status, doc);
}

/* --- what came ------------------------------------------------------------------------------------ */

/* 32 hexadecimal digits, with or without hyphens; false: it is none. */
static bool
take_id(struct state *s, const char *text)
{
    size_t n = 0;

    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || n == 32)
            return false;
        s->event_id[n++] = (char)tolower((unsigned char)*text);
    }
    s->event_id[n == 32 ? 32 : 0] = '\0';
    return n == 32;
}

static void
read_one(struct sentry *self, const struct tocsin_host *host, struct tocsin_call *call, json_t *event)
{
    struct reader r = { .host = host, .self = self, .out = call->batch, .event = event };
    struct state *s = call->state;

    if (s->event_id[0] == '\0' && !take_id(s, json_string_value(json_object_get(event, "event_id"))))
        take_id(s, call->id);
    json_object_set_new(event, "event_id", json_string(s->event_id));
    if (strcmp(text_of(&r, event, "type"), "transaction") == 0) {
        host->batch_count(call->batch, "transaction", 1);
        return;
    }
    r.project = project_of(call);
    r.release = text_of(&r, event, "release");
    host->batch_count(call->batch, "event", 1);
    event_read(&r, call->in->received_at);
}

static enum tocsin_rc
read_event(struct sentry *self, const struct tocsin_host *host, struct tocsin_call *call, const char *text, size_t len,
           bool forward, struct tocsin_err *err)
{
    struct state *s = call->state;
    json_t *event;
    enum tocsin_rc rc = host->parse_json(text, len, &event, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (!json_is_object(event)) {
        json_decref(event);
        return host->fail(err, TOCSIN_BAD_INPUT, "$", "invalid event: expected an object");
    }
    read_one(self, host, call, event);
    if (forward)
        rc = forward_event(host, s->event_id, event, call->batch, err);
    json_decref(event);
    return rc;
}

/* Constants: a sender's own words would be a counter each. */
static const char *
kind_of(const char *type)
{
    static const char *const kinds[] = { "transaction", "session", "sessions", "attachment", "client_report",
                                         "replay_event", "replay_recording", "replay_video", "check_in", "log",
                                         "user_report", "feedback", "profile", "span" };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i], type) == 0)
            return kinds[i];
    return "other";
}

static enum tocsin_rc
read_envelope(struct sentry *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct state *s = call->state;
    struct envelope e;
    struct item item;
    enum tocsin_rc rc = envelope_open(host, call->in->body, call->in->len, &e, err);

    if (rc != TOCSIN_OK)
        return rc;
    take_id(s, json_string_value(json_object_get(e.header, "event_id")));
    json_decref(e.header);
    while ((rc = envelope_next(host, &e, &item, err)) == TOCSIN_OK) {
        if (strcmp(item.type, "event") == 0)
            rc = read_event(self, host, call, item.payload, item.len, false, err);
        else
            host->batch_count(call->batch, kind_of(item.type), 1);
        json_decref(item.header);
        if (rc != TOCSIN_OK)
            return rc;
    }
    if (rc == TOCSIN_NOT_FOUND)
        rc = self->dsn.key != NULL
                 ? forward_envelope(self, host, call->in->body, call->in->len, call->batch, err)
                 : TOCSIN_OK;
    return rc;
}

enum tocsin_rc
intake_read(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    struct sentry *s = self;

    state_of(host, call);
    if (call->route == PREFLIGHT) {
        allow_origin(host, call, origin_of(self, call));
        host->reply(call, 200, "text/plain", "", 0);
        return TOCSIN_OK;
    }
    if (call->route == STORE)
        return read_event(s, host, call, call->in->body, call->in->len, s->dsn.key != NULL, err);
    return read_envelope(s, host, call, err);
}
