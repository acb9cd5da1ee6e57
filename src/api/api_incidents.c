/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/incidents: lists, one of them, and what people do to it. */
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "os/clock.h"

static const struct word states[] = {
    { "delayed", INCIDENT_DELAYED },
    { "triggered", 1u << TOCSIN_INC_TRIGGERED },
    { "acknowledged", 1u << TOCSIN_INC_ACKNOWLEDGED },
    { "resolved", 1u << TOCSIN_INC_RESOLVED },
    { "open", 1u << TOCSIN_INC_TRIGGERED | 1u << TOCSIN_INC_ACKNOWLEDGED },
    { NULL, 0 },
};

static const struct word severities[] = {
    { "critical", 1u << TOCSIN_CRITICAL },
    { "error", 1u << TOCSIN_ERROR },
    { "warning", 1u << TOCSIN_WARNING },
    { "info", 1u << TOCSIN_INFO },
    { NULL, 0 },
};

static enum tocsin_rc
read_filter(struct call *c, struct incident_filter *f, struct tocsin_err *err)
{
    const char *cursor = NULL;
    enum tocsin_rc rc = param_words(c, "state", states, &f->states, err);

    if (rc == TOCSIN_OK)
        rc = param_words(c, "severity", severities, &f->severities, err);
    if (rc == TOCSIN_OK)
        rc = param_text(c, "q", API_Q_MAX, &f->q, err);
    if (rc == TOCSIN_OK)
        rc = param_limit(c, &f->limit, err);
    if (rc == TOCSIN_OK)
        rc = param_text(c, "cursor", API_Q_MAX, &cursor, err);
    if (rc == TOCSIN_OK && cursor != NULL) {
        struct id16 *before = arena_alloc(http_arena(c->req), sizeof *before);

        if (!id_parse(cursor, before))
            return err_set(err, TOCSIN_MEANINGLESS, "query cursor", "not a cursor that this API gave: '%.40s'", cursor);
        f->before = before;
    }
    return rc;
}

void
handle_incident_list(struct call *c)
{
    struct store *store = c->api->deps->store;
    struct arena *arena = http_arena(c->req);
    struct incident_filter f = { 0 };
    struct incident_row *rows = NULL;
    struct tocsin_err err;
    size_t n = 0, limit;
    json_t *list;
    enum tocsin_rc rc = read_filter(c, &f, &err);

    limit = f.limit++;                       /* one more than asked for tells whether there is a next page */
    if (rc == TOCSIN_OK)
        rc = store->ops->list_incidents(store, arena, &f, &rows, &n, &err);
    if (rc != TOCSIN_OK) {
        http_reply_problem(c->req, &err);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < n && i < limit; i++)
        json_array_append_new(list, shape_incident(arena, &rows[i]));
    http_reply_json(c->req, 200, json_pack("{s:o, s:o}", "incidents", list, "next",
                                           n > limit ? shape_id(&rows[limit - 1].id) : json_null()));
}

static enum tocsin_rc
load(struct call *c, const struct id16 *id, struct incident_detail *out, struct tocsin_err *err)
{
    struct store *store = c->api->deps->store;

    return store->ops->get_incident(store, http_arena(c->req), id, API_MAX_ALERTS, API_MAX_EVENTS, out, err);
}

enum tocsin_rc
incident_read(struct call *c, struct incident_detail *out, struct tocsin_err *err)
{
    struct id16 id;
    enum tocsin_rc rc = find_incident(c, c->arg, &id, err);

    return rc == TOCSIN_OK ? load(c, &id, out, err) : rc;
}

void
handle_incident_get(struct call *c)
{
    struct incident_detail detail = { 0 };
    struct tocsin_err err;

    if (incident_read(c, &detail, &err) != TOCSIN_OK)
        http_reply_problem(c->req, &err);
    else
        http_reply_json(c->req, 200, shape_detail(http_arena(c->req), &detail));
}

/* --- actions ---------------------------------------------------------------------- */

enum { SNOOZE_MAX_DAYS = 30 };

struct waiting {
    struct call *call;
    struct api_action action;
};

/* After the commit, on the thread that made it; or with the refusal. */
static void
action_done(void *ctx, enum tocsin_rc rc, const struct tocsin_err *refusal)
{
    struct waiting *w = ctx;
    struct incident_detail detail = { 0 };
    struct tocsin_err err;

    if (rc != TOCSIN_OK) {
        http_reply_problem(w->call->req, refusal);
        return;
    }
    if (load(w->call, &w->action.incident, &detail, &err) == TOCSIN_OK) {
        http_reply_json(w->call->req, 200, shape_detail(http_arena(w->call->req), &detail));
        return;
    }
    err_wrap(&err, "the action is stored, but the incident cannot be read back");
    http_reply_problem(w->call->req, &err);
}

static enum tocsin_rc
read_until(struct call *c, const json_t *body, int64_t now, int64_t *until_r, struct tocsin_err *err)
{
    const char *name = json_object_get(body, "until") != NULL ? "until" : "for";
    const char *where = arena_printf(http_arena(c->req), "$.%s", name);
    enum tocsin_rc rc = param_until(c, body, "until", now, until_r, err);

    if (rc != TOCSIN_OK)
        return rc;
    if (*until_r <= now)
        return err_set(err, TOCSIN_MEANINGLESS, where, "'%.64s' is not in the future",
                       json_string_value(json_object_get(body, name)));
    if (*until_r > now + SNOOZE_MAX_DAYS * INT64_C(86400000))
        return err_set(err, TOCSIN_MEANINGLESS, where, "more than %d days ahead", SNOOZE_MAX_DAYS);
    return TOCSIN_OK;
}

static enum tocsin_rc
read_action(struct call *c, struct api_action *a, struct tocsin_err *err)
{
    static const char *const plain[] = { "by", "note", NULL };
    static const char *const snooze[] = { "by", "note", "until", "for", NULL };
    json_t *body = NULL;
    enum tocsin_rc rc = param_body(c, c->route->action == ACTION_SNOOZE ? snooze : plain, &body, err);

    if (rc != TOCSIN_OK)
        return rc;
    a->action = c->route->action;
    rc = param_by(c, body, &a->by, err);
    if (rc == TOCSIN_OK)
        rc = param_member(c, body, "note", API_NOTE_MAX, &a->note, err);
    if (rc == TOCSIN_OK && a->action == ACTION_NOTE && a->note == NULL)
        rc = err_set(err, TOCSIN_MEANINGLESS, "$.note", "missing: a note needs a text");
    if (rc == TOCSIN_OK && a->action == ACTION_SNOOZE)
        rc = read_until(c, body, clock_steady_ms(), &a->until, err);
    json_decref(body);
    return rc;
}

void
handle_incident_action(struct call *c)
{
    struct waiting *w = arena_zalloc(http_arena(c->req), sizeof *w);
    struct tocsin_err err;
    enum tocsin_rc rc = read_action(c, &w->action, &err);

    if (rc == TOCSIN_OK)
        rc = find_incident(c, c->arg, &w->action.incident, &err);
    if (rc != TOCSIN_OK) {
        http_reply_problem(c->req, &err);
        return;
    }
    w->call = c;
    http_defer(c->req);
    c->api->deps->act(c->api->deps->ctx, &w->action, action_done, w);
}
