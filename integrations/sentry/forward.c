/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.c - what goes on to another Sentry, always as an envelope.
 *
 * Items that are JSON have been redacted when they were read, and are written
 * anew from what was left.  Others (attachments, recordings) cannot be looked
 * into: they go on only when the configuration says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sentry.h"

enum { FORWARD_MAX = 32 << 20 };

/* --- the address --------------------------------------------------------------------------- */

/* https://KEY[:SECRET]@HOST[:PORT][/PATH]/PROJECT */
bool
dsn_parse(char *text, struct dsn *out)
{
    char *key, *at, *slash, *project, *colon;

    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return false;
    key = strstr(text, "://");
    *key = '\0';
    key += 3;
    at = strchr(key, '@');
    slash = at != NULL ? strchr(at, '/') : NULL;
    project = slash != NULL ? strrchr(slash, '/') : NULL;
    if (project == NULL || project[1] == '\0' || at == key || slash == at + 1)
        return false;
    *at = *slash = *project = '\0';
    colon = strchr(key, ':');
    if (colon != NULL)
        *colon = '\0';
    if (strpbrk(key, " \r\n,\"\\") != NULL || key[0] == '\0')
        return false;
    *out = (struct dsn){ text, key, at + 1, project == slash ? "" : slash + 1, project + 1 };
    return true;
}

enum tocsin_rc
forward_render(void *self, const struct tocsin_host *host, const char *body, size_t len, struct tocsin_request *out,
               struct tocsin_err *err)
{
    const struct sentry *s = self;
    const struct dsn *d = &s->dsn;

    if (d->key == NULL)
        return host->fail(err, TOCSIN_BAD_CONFIG, "forward_to", "nothing goes on any more");
    host->request_http(out, "POST",
                       host->request_printf(out, "%s://%s%s%s/api/%s/envelope/", d->scheme, d->host,
                                            d->path[0] != '\0' ? "/" : "", d->path, d->project));
    host->request_header(out, "X-Sentry-Auth",
                         host->request_printf(out, "Sentry sentry_version=7, sentry_client=tocsin/1, sentry_key=%s",
                                              d->key));
    host->request_body(out, "application/x-sentry-envelope", body, len);
    return TOCSIN_OK;
}

/* --- the bytes -------------------------------------------------------------------------------- */

struct bytes { char *p; size_t n, cap; bool broken; };

static void
put(struct bytes *b, const char *p, size_t n)
{
    if (b->broken || n > FORWARD_MAX - b->n) {
        b->broken = true;
        return;
    }
    if (b->n + n > b->cap) {
        size_t cap = (b->n + n) * 2;
        char *bigger = realloc(b->p, cap);

        if (bigger == NULL) {
            b->broken = true;
            return;
        }
        b->p = bigger;
        b->cap = cap;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void
put_json(struct bytes *b, const json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT);

    b->broken |= text == NULL;
    if (text != NULL)
        put(b, text, strlen(text));
    free(text);
    put(b, "\n", 1);
}

static void
put_item(struct bytes *b, json_t *header, const char *payload, size_t len)
{
    json_object_set_new(header, "length", json_integer((json_int_t)len));
    put_json(b, header);
    put(b, payload, len);
    put(b, "\n", 1);
}

static enum tocsin_rc
finish(struct bytes *b, const struct tocsin_host *host, struct tocsin_batch *out, const char *what,
       struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;

    if (b->broken)
        rc = host->fail(err, TOCSIN_TOO_LARGE, "", "cannot be sent on");
    else
        host->batch_forward(out, b->p, b->n, what);
    free(b->p);
    return rc;
}

enum tocsin_rc
forward_event(const struct tocsin_host *host, const char *event_id, const json_t *event, struct tocsin_batch *out,
              struct tocsin_err *err)
{
    struct bytes b = { .p = NULL };
    json_t *header = json_pack("{s:s}", "event_id", event_id), *item = json_pack("{s:s}", "type", "event");
    char *text = json_dumps(event, JSON_COMPACT);

    b.broken = header == NULL || item == NULL || text == NULL;
    if (!b.broken) {
        put_json(&b, header);
        put_item(&b, item, text, strlen(text));
    }
    json_decref(header);
    json_decref(item);
    free(text);
    return finish(&b, host, out, "event", err);
}

/* Item types whose payload is JSON as a whole.  Others are bytes. */
static bool
is_json(const char *type)
{
    static const char *const types[] = { "event", "transaction", "session", "sessions", "client_report", "user_report",
                                         "feedback", "check_in", "log", "otel_log", "span", "otel_span", "profile",
                                         "profile_chunk", "replay_event", "metric", "trace_metric" };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* False: it does not go on. */
static bool
put_next(const struct sentry *self, const struct tocsin_host *host, struct bytes *b, const struct item *item)
{
    json_t *doc;
    char *text;

    if (!is_json(item->type)) {
        if (self->attachments)
            put_item(b, item->header, item->payload, item->len);
        return self->attachments;
    }
    if (host->parse_json(item->payload, item->len, &doc, NULL) != TOCSIN_OK)
        return false;              /* what cannot be read cannot be redacted */
    text = json_dumps(doc, JSON_COMPACT);
    b->broken |= text == NULL;
    if (text != NULL)
        put_item(b, item->header, text, strlen(text));
    free(text);
    json_decref(doc);
    return true;
}

enum tocsin_rc
forward_envelope(const struct sentry *self, const struct tocsin_host *host, const char *body, size_t len,
                 struct tocsin_batch *out, struct tocsin_err *err)
{
    struct bytes b = { .p = NULL };
    struct envelope e;
    struct item item;
    char what[80] = "";
    bool any = false;
    enum tocsin_rc rc = envelope_open(host, body, len, &e, err);

    if (rc != TOCSIN_OK)
        return rc;
    json_object_del(e.header, "dsn");
    put_json(&b, e.header);
    json_decref(e.header);
    while ((rc = envelope_next(host, &e, &item, err)) == TOCSIN_OK) {
        bool goes = put_next(self, host, &b, &item);

        if (goes && !any)
            snprintf(what, sizeof what, "envelope with %.40s", item.type);
        any |= goes;
        json_decref(item.header);
    }
    if (rc == TOCSIN_NOT_FOUND && any)
        return finish(&b, host, out, what, err);
    free(b.p);
    return rc == TOCSIN_NOT_FOUND ? TOCSIN_OK : rc;
}
