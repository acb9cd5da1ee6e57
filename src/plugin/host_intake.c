/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_intake.c - one request to an intake: what the integration may ask about
 * it, what it wants done, and the answer that it gives.
 *
 * Nothing is sent and nothing is stored here: whoever serves the paths
 * (collector/intake.c) hands on what was gathered and sends the answer.  So an
 * intake is tested, and fuzzed, without a server.
 */
#include "plugin/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/jsonmem.h"
#include "base/text.h"

enum { FIRST = 8, MAX_HEADERS = 16 };

static struct host_call *
host_of(const struct tocsin_call *call)
{
    return (struct host_call *)(uintptr_t)call->host_data;
}

void
host_call_init(struct host_call *c, struct arena *arena, const struct tocsin_route *route, const char *id)
{
    memset(c, 0, sizeof *c);
    c->arena = arena;
    host_batch_init(&c->batch, arena);
    c->batch.max_alerts = route->alerts_max;
    c->call.route = route->id;
    c->call.id = arena_strdup(arena, id);
    c->call.batch = &c->batch;
    c->call.host_data = c;
}

/* --- what came ------------------------------------------------------------------------ */

enum tocsin_rc
host_call_json(struct tocsin_call *call, json_t **out_r, struct tocsin_err *err)
{
    struct host_call *c = host_of(call);

    if (c->doc == NULL && c->bad_json.rc == TOCSIN_OK)
        (void)host_parse_json(call->in->body, call->in->len, &c->doc, &c->bad_json);
    if (c->doc == NULL) {
        *err = c->bad_json;
        return err->rc;
    }
    *out_r = c->doc;
    return TOCSIN_OK;
}

void
host_call_forget_json(struct host_call *c)
{
    json_decref(c->doc);
    c->doc = NULL;
    c->bad_json.rc = TOCSIN_OK;
}

void *
host_call_alloc(struct tocsin_call *call, size_t n)
{
    return arena_zalloc(host_of(call)->arena, n);
}

char *
host_call_printf(struct tocsin_call *call, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = arena_vprintf(host_of(call)->arena, fmt, ap);
    va_end(ap);
    return s;
}

char *
host_call_time(struct tocsin_call *call, int64_t when)
{
    return time_format(when, arena_alloc(host_of(call)->arena, TIME_TEXT));
}

int64_t
host_elapsed_us(struct tocsin_call *call)
{
    struct host_call *c = host_of(call);

    return c->elapsed_us != NULL ? c->elapsed_us(c) : 0;
}

/* --- what is to be done ------------------------------------------------------------------ */

void
host_act(struct tocsin_call *call, const struct tocsin_act *act)
{
    struct host_call *c = host_of(call);
    struct host_act *list;

    if (c->n_acts == HOST_MAX_ACTS) {
        if (c->batch.over.rc == TOCSIN_OK)
            host_fail(&c->batch.over, TOCSIN_TOO_LARGE, "", "more than %d actions in one request", HOST_MAX_ACTS);
        return;
    }
    if (c->n_acts == c->cap_acts) {
        c->cap_acts = c->cap_acts > 0 ? c->cap_acts * 2 : FIRST;
        list = arena_alloc(c->arena, c->cap_acts * sizeof *list);
        if (c->n_acts > 0)
            memcpy(list, c->acts, c->n_acts * sizeof *list);
        c->acts = list;
    }
    list = &c->acts[c->n_acts++];
    list->act = *act;
    list->before = c->batch.n_alerts;
    list->act.dedup_key = host_clean_key(c->arena, act->dedup_key);
    list->act.by = act->by != NULL ? text_clean(c->arena, act->by, strlen(act->by), HOST_MAX_NAME) : NULL;
    list->act.note = act->note != NULL ? text_clean(c->arena, act->note, strlen(act->note), HOST_MAX_VALUE) : NULL;
}

void
host_route_to(struct tocsin_call *call, const char *name)
{
    struct host_call *c = host_of(call);

    if (name != NULL)
        c->route_to = text_clean(c->arena, name, strlen(name), HOST_MAX_NAME);
}

/* --- what is known ------------------------------------------------------------------------- */

/* An identity that a path or a query names, as the alert has it whose identity stood in a JSON body: there the rules
 * held first, with the marks that they ask for, and only what they left is hashed. */
static const char *
redact_named_key(const struct host_call *c, const char *key)
{
    return redact_key(c->batch.redact, c->arena, redact_text(c->batch.redact, c->arena, key));
}

static struct tocsin_find
find_as_stored(const struct host_call *c, const struct tocsin_find *find)
{
    struct tocsin_find clean = *find;

    clean.dedup_key = host_clean_key(c->arena, find->dedup_key);
    if (c->batch.redact != NULL)
        clean.dedup_key = redact_named_key(c, clean.dedup_key);
    return clean;
}

enum tocsin_rc
host_find(struct tocsin_call *call, const struct tocsin_find *find, const struct tocsin_known **out_r, size_t *n_r,
          struct tocsin_err *err)
{
    struct host_call *c = host_of(call);
    struct tocsin_find clean = find_as_stored(c, find);

    *out_r = NULL;
    *n_r = 0;
    if (c->find == NULL)
        return host_fail(err, TOCSIN_TEMPORARY, "", "the store cannot be asked at present");
    return c->find(c, &clean, out_r, n_r, err);
}

enum tocsin_rc
host_count(struct tocsin_call *call, const struct tocsin_find *find, size_t *n_r, struct tocsin_err *err)
{
    struct host_call *c = host_of(call);
    struct tocsin_find clean = find_as_stored(c, find);

    *n_r = 0;
    if (c->find == NULL)
        return host_fail(err, TOCSIN_TEMPORARY, "", "the store cannot be asked at present");
    return c->find(c, &clean, NULL, n_r, err);
}

/* --- the answer ------------------------------------------------------------------------------ */

void
host_reply_header(struct tocsin_call *call, const char *name, const char *value)
{
    struct host_call *c = host_of(call);

    if (c->headers == NULL)
        c->headers = arena_alloc(c->arena, MAX_HEADERS * sizeof *c->headers);
    for (size_t i = 0; i < c->n_headers; i++) {
        if (strcasecmp(c->headers[i].name, name) == 0) {
            c->headers[i].value = arena_strdup(c->arena, value);
            return;
        }
    }
    if (c->n_headers < MAX_HEADERS)
        c->headers[c->n_headers++] =
            (struct tocsin_pair){ arena_strdup(c->arena, name), arena_strdup(c->arena, value) };
}

void
host_reply(struct tocsin_call *call, int status, const char *content_type, const char *body, size_t len)
{
    struct host_call *c = host_of(call);

    c->status = status;
    c->content_type = content_type != NULL ? arena_strdup(c->arena, content_type) : NULL;
    c->body = len > 0 ? arena_strndup(c->arena, body, len) : "";
    c->len = len;
}

void
host_reply_json(struct tocsin_call *call, int status, json_t *doc)
{
    /* 15 digits: a decimal fraction is written as it was meant, 0.302 and not 0.30199999999999999 */
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;

    json_decref(doc);
    host_reply(call, text != NULL ? status : 500, "application/json", text != NULL ? text : "",
               text != NULL ? strlen(text) : 0);
    free(text);
}

/* --- the way of a request through an integration ------------------------------------------------ */

enum tocsin_rc
host_identify(const struct tocsin_plugin *plugin, struct host_call *c, const char **credential_r,
              struct tocsin_err *err)
{
    const char *credential = NULL;
    enum tocsin_rc rc;

    *credential_r = NULL;
    if (plugin->identify == NULL)
        return TOCSIN_OK;
    rc = plugin->identify(&plugin_host, &c->call, &credential, err);
    if (rc == TOCSIN_OK && credential != NULL)
        *credential_r = arena_strdup(c->arena, credential);
    return rc;
}

static void
redact_call(struct host_call *c)
{
    for (size_t i = 0; i < c->batch.n_alerts; i++)
        c->batch.alerts[i]->dedup_key = redact_named_key(c, c->batch.alerts[i]->dedup_key);
    host_redact_batch(&c->batch);
    for (size_t i = 0; i < c->n_acts; i++) {
        c->acts[i].act.dedup_key = redact_named_key(c, c->acts[i].act.dedup_key);
        c->acts[i].act.note = redact_text(c->batch.redact, c->arena, c->acts[i].act.note);
    }
}

enum tocsin_rc
host_intake(const struct tocsin_plugin *plugin, void *self, struct host_call *c, struct tocsin_err *err)
{
    const struct redact *redact = c->batch.redact, *before = host_redact_with(redact);
    enum tocsin_rc rc;

    c->batch.received_at = c->call.in->received_at;
    if (redact != NULL && c->doc != NULL)    /* read while the sender was not known yet */
        redact_json(redact, c->doc);
    rc = plugin->intake(self, &plugin_host, &c->call, err);
    host_redact_with(before);
    if (rc != TOCSIN_OK && redact != NULL)
        host_redact_err(redact, c->arena, err);
    if (rc == TOCSIN_OK) {
        if (redact != NULL)
            redact_call(c);
        host_batch_finish(&c->batch);
        rc = c->batch.over.rc;
        if (rc != TOCSIN_OK)
            *err = c->batch.over;
    }
    if (rc != TOCSIN_OK) {
        c->batch.n_alerts = c->batch.n_gets = c->batch.n_notes = c->batch.n_forwards = c->n_acts = 0;
        c->status = 0;
        c->n_headers = 0;
    }
    return rc;
}

void
host_answer(const struct tocsin_plugin *plugin, void *self, struct host_call *c, const struct tocsin_results *results)
{
    jsonmem_begin();
    if (plugin->answer != NULL)
        plugin->answer(self, &plugin_host, &c->call, results);
    jsonmem_end();
}

void
host_refuse(const struct tocsin_plugin *plugin, struct host_call *c, const struct tocsin_err *err)
{
    c->status = 0;
    c->n_headers = 0;
    if (plugin->refuse != NULL)
        plugin->refuse(&plugin_host, &c->call, err);
}
