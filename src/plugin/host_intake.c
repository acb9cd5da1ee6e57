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

/*
 * What is kept of an identity that stands alone.  Without a document around it there is nothing that a path names,
 * unless the integration asks for host_named_key().
 */
static const char *
lone_key(const struct host_call *c, const struct redact *r, const char *key)
{
    return r != NULL ? host_kept_key(r, c->batch.names, c->arena, key, key) : key;
}

/* The rules of the collector, also while the request is read unredacted. */
static const struct redact *
rules_of(const struct host_call *c)
{
    return c->batch.names != NULL ? c->batch.names->rules : NULL;
}

const char *
host_named_key(struct tocsin_call *call, const char *member, const char *value)
{
    struct host_call *c = host_of(call);
    const struct redact *r = rules_of(c);
    const char *left, *kept;
    json_t *doc;

    if (r == NULL || value == NULL)
        return value;
    doc = json_pack("{s:s}", member, value);
    if (doc != NULL)
        redact_json(r, doc);
    left = json_string_value(json_object_get(doc, member));
    kept = host_kept_key(r, c->batch.names, c->arena, arena_strdup(c->arena, value),
                         left != NULL ? arena_strdup(c->arena, left) : NULL);
    json_decref(doc);
    if (kept != NULL && strcmp(kept, value) != 0)
        host_names_add(c->batch.names, c->arena, value, kept);
    return value;
}

static struct tocsin_find
find_as_stored(const struct host_call *c, const struct tocsin_find *find)
{
    struct tocsin_find clean = *find;

    clean.dedup_key = lone_key(c, rules_of(c), host_clean_key(c->arena, find->dedup_key));
    return clean;
}

/* The sender is told of the alert that it named under the name it used.  Whatever it does with the key of one that was
 * found is about the key that is stored. */
static const struct tocsin_known *
found_as_named(struct host_call *c, const struct tocsin_find *find, const struct tocsin_find *stored,
               const struct tocsin_known *known, size_t n)
{
    struct tocsin_known *list;

    if (rules_of(c) == NULL || n == 0)
        return known;
    list = arena_memdup(c->arena, known, n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct tocsin_alert *alert = arena_memdup(c->arena, known[i].alert, sizeof *alert);

        host_names_add(c->batch.names, c->arena, alert->dedup_key, alert->dedup_key);
        if (stored->dedup_key != NULL && strcmp(stored->dedup_key, find->dedup_key) != 0) {
            host_names_add(c->batch.names, c->arena, find->dedup_key, alert->dedup_key);
            alert->dedup_key = arena_strdup(c->arena, find->dedup_key);
        }
        list[i].alert = alert;
    }
    return list;
}

enum tocsin_rc
host_find(struct tocsin_call *call, const struct tocsin_find *find, const struct tocsin_known **out_r, size_t *n_r,
          struct tocsin_err *err)
{
    struct host_call *c = host_of(call);
    struct tocsin_find clean = find_as_stored(c, find);
    enum tocsin_rc rc;

    *out_r = NULL;
    *n_r = 0;
    if (c->find == NULL)
        return host_fail(err, TOCSIN_TEMPORARY, "", "the store cannot be asked at present");
    rc = c->find(c, &clean, out_r, n_r, err);
    if (rc == TOCSIN_OK)
        *out_r = found_as_named(c, find, &clean, *out_r, *n_r);
    return rc;
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

/* --- redaction: the request is read twice where that changed it (host_identity.c) ------------------- */

static void
keep_acts(struct host_call *c, const struct host_call *said)
{
    const struct redact *r = c->batch.redact;

    for (size_t i = 0; i < c->n_acts; i++) {
        struct tocsin_act *act = &c->acts[i].act;

        act->dedup_key = host_kept_key(r, c->batch.names, c->arena, said->acts[i].act.dedup_key, act->dedup_key);
        act->note = redact_text(r, c->arena, act->note);
        act->by = redact_text(r, c->arena, act->by);
    }
}

static bool
acts_fit(const struct host_call *c, const struct host_call *said)
{
    bool fit = c->n_acts == said->n_acts;

    for (size_t i = 0; fit && i < c->n_acts; i++)
        fit = c->acts[i].act.kind == said->acts[i].act.kind && c->acts[i].before == said->acts[i].before;
    return fit;
}

/* What is to be done, by the reading that is not redacted: of people and their words nothing is kept. */
static void
keep_bare(struct host_call *c, const struct host_call *said, const char *why)
{
    host_keep_bare(&c->batch, &said->batch, why);
    c->acts = arena_memdup(c->arena, said->acts, said->n_acts * sizeof *c->acts);
    c->n_acts = c->cap_acts = said->n_acts;
    for (size_t i = 0; i < c->n_acts; i++) {
        struct tocsin_act *act = &c->acts[i].act;

        act->dedup_key = host_kept_key(c->batch.redact, c->batch.names, c->arena, act->dedup_key, NULL);
        act->by = NULL;
        act->note = act->kind == TOCSIN_ACT_NOTE ? REDACT_MARK : NULL;
    }
    c->route_to = said->route_to;
}

static void
take_reply(struct host_call *c, const struct host_call *from)
{
    c->status = from->status;
    c->content_type = from->content_type;
    c->body = from->body;
    c->len = from->len;
    c->headers = from->headers;
    c->n_headers = from->n_headers;
}

/* NULL: it cannot be read as it was sent. */
static struct host_call *
read_as_sent(const struct tocsin_plugin *plugin, void *self, const struct host_call *c)
{
    const struct tocsin_route route = { .id = c->call.route, .alerts_max = c->batch.max_alerts };
    struct host_call *said = arena_alloc(c->arena, sizeof *said);
    const char *credential;
    struct tocsin_err err;
    enum tocsin_rc rc;

    host_call_init(said, c->arena, &route, c->call.id);
    said->call.in = c->call.in;
    said->call.path = c->call.path;
    said->call.n_path = c->call.n_path;
    said->call.peer = c->call.peer;
    said->find = c->find;
    said->elapsed_us = c->elapsed_us;
    said->ctx = c->ctx;
    said->batch.names = c->batch.names;
    said->batch.received_at = c->batch.received_at;
    rc = host_identify(plugin, said, &credential, &err);
    if (rc == TOCSIN_OK)
        rc = plugin->intake(self, &plugin_host, &said->call, &err);
    host_call_forget_json(said);
    return rc == TOCSIN_OK && said->batch.over.rc == TOCSIN_OK ? said : NULL;
}

static enum tocsin_rc
pair_up(struct host_call *c, struct host_call *said, enum tocsin_rc rc, const struct tocsin_err *err)
{
    c->said = said;
    if (said == NULL && rc == TOCSIN_OK) {
        host_keep_by_bytes(&c->batch, c->call.in);
        keep_acts(c, c);
    } else if (said != NULL && rc != TOCSIN_OK) {
        keep_bare(c, said, arena_printf(c->arena, "nothing that can be read (%s)", err->what));
        take_reply(c, said);
        rc = TOCSIN_OK;
    } else if (said != NULL && !(host_fits(&c->batch, &said->batch) && acts_fit(c, said))) {
        keep_bare(c, said, "other alerts than were sent");
        take_reply(c, said);
    } else if (said != NULL) {
        host_keep(&c->batch, &said->batch);
        keep_acts(c, said);
    }
    return rc;
}

/* What an error quotes of an identity is not for the log; nor is what is left of a long one at the end of a text that
 * was cut. */
static void
hide_names(const struct host_call *c, struct tocsin_err *err)
{
    const struct host_names *names = c->batch.names;

    for (size_t i = 0; i < names->n; i++) {
        const struct tocsin_pair *name = &names->list[i];
        const char *at = strcmp(name->name, name->value) != 0 ? strstr(err->what, name->name) : NULL;
        char what[sizeof err->what];

        if (at != NULL)
            snprintf(what, sizeof what, "%.*s%s%s", (int)(at - err->what), err->what, name->value,
                     at + strlen(name->name));
        else if (strcmp(name->name, name->value) != 0 && strlen(err->what) + 1 == sizeof err->what)
            snprintf(what, sizeof what, "refused: [%s]", name->value);
        else
            continue;
        memcpy(err->what, what, sizeof what);
    }
}

static enum tocsin_rc
read_redacted(const struct tocsin_plugin *plugin, void *self, struct host_call *c, struct tocsin_err *err)
{
    struct host_redaction before = host_redact_begin(c->batch.redact);
    struct tocsin_err refused;
    enum tocsin_rc rc;

    c->batch.names = arena_zalloc(c->arena, sizeof *c->batch.names);
    c->batch.names->rules = c->batch.redact;
    if (c->doc != NULL)                      /* read while the sender was not known yet */
        host_redact_doc(c->doc);
    rc = plugin->intake(self, &plugin_host, &c->call, &refused);
    if (rc == TOCSIN_OK && c->batch.over.rc != TOCSIN_OK) {
        refused = c->batch.over;
        rc = refused.rc;
    }
    if (host_redact_end(before)) {
        rc = pair_up(c, read_as_sent(plugin, self, c), rc, &refused);
    } else if (rc == TOCSIN_OK) {
        host_keep(&c->batch, NULL);
        keep_acts(c, c);
    }
    if (rc != TOCSIN_OK) {
        hide_names(c, &refused);
        host_redact_err(c->batch.redact, c->arena, &refused);
        *err = refused;
    }
    return rc;
}

enum tocsin_rc
host_intake(const struct tocsin_plugin *plugin, void *self, struct host_call *c, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    c->batch.received_at = c->call.in->received_at;
    rc = c->batch.redact != NULL ? read_redacted(plugin, self, c, err)
                                 : plugin->intake(self, &plugin_host, &c->call, err);
    if (rc == TOCSIN_OK) {
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

/* By what the integration remembers of the request as it was sent: what the sender sent is no secret to it. */
void
host_answer(const struct tocsin_plugin *plugin, void *self, struct host_call *c, const struct tocsin_results *results)
{
    struct host_call *said = c->said != NULL ? c->said : c;

    jsonmem_begin();
    if (plugin->answer != NULL)
        plugin->answer(self, &plugin_host, &said->call, results);
    jsonmem_end();
    if (said != c)
        take_reply(c, said);
}

void
host_refuse(const struct tocsin_plugin *plugin, struct host_call *c, const struct tocsin_err *err)
{
    c->status = 0;
    c->n_headers = 0;
    if (plugin->refuse != NULL)
        plugin->refuse(&plugin_host, &c->call, err);
}
