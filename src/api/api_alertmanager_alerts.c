/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts as Alertmanager's clients see them, one by one; the groups of
 * api_alertmanager_groups.c are made of the same.  What holds an alert is asked
 * at the moment of the request, as over there, so a silence shows at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_alertmanager.h"
#include "base/err.h"
#include "base/text.h"
#include "core/normalise/severity.h"
#include "os/clock.h"

enum { UNTIL_MS = 300000 /* the end that an alert without one is shown with, from now */ };

static const char own_format[] = "alertmanager";

/* --- the request ---------------------------------------------------------------------- */

static bool
compile(struct am_request *q, const struct matchers *m)
{
    struct tocsin_err err;

    q->filters = arena_zalloc(q->arena, (m->n + 1) * sizeof *q->filters);
    for (size_t i = 0; i < m->n; i++) {
        if (matcher_of_label(q->arena, &m->v[i], &q->filters[i], &err) != TOCSIN_OK) {
            am_fail(q->call, 400, "%s", err.what);
            return false;
        }
        q->n_filters++;
    }
    return true;
}

static bool
read_receiver(struct am_request *q)
{
    struct matcher_parts parts = { "receiver", http_query(q->call->req, "receiver"), OP_RE };
    struct tocsin_err err;

    if (parts.value == NULL || parts.value[0] == '\0')
        return true;
    if (matcher_of_label(q->arena, &parts, &q->receiver, &err) != TOCSIN_OK) {
        am_fail(q->call, 400, "failed to parse receiver param: error parsing regexp: %s", err.what);
        return false;
    }
    q->has_receiver = true;
    return true;
}

bool
am_alerts_begin(struct am_request *q, struct call *c)
{
    struct matchers m, unused;

    *q = (struct am_request){ .call = c, .arena = http_arena(c->req), .now = clock_steady_ms(),
                           .active = am_flag(c, "active"), .silenced = am_flag(c, "silenced"),
                           .inhibited = am_flag(c, "inhibited"), .muted = am_flag(c, "muted") };
    q->conf = c->api->deps->conf(c->api->deps->ctx);
    match_state_init(&q->match);
    return am_filters(c, "filter", &m) && am_filters(c, "receiver_matchers", &unused) && compile(q, &m) &&
           read_receiver(q);
}

void
am_alerts_end(struct am_request *q)
{
    conf_unref(q->conf);
    for (size_t i = 0; i < q->n_filters; i++)
        matcher_release(&q->filters[i]);
    if (q->has_receiver)
        matcher_release(&q->receiver);
    match_state_release(&q->match);
    silence_set_free(q->silences);
}

/* --- loading ---------------------------------------------------------------------------- */

static enum tocsin_rc
load_silences(struct am_request *q, struct store *store, struct tocsin_err *err)
{
    struct silence_row *rows = NULL;
    size_t n = 0;
    enum tocsin_rc rc = store->ops->list_silences(store, q->arena, &rows, &n, err);

    q->silences = silence_set_new();
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++)
        if (silence_phase_at(&rows[i], q->now) == SILENCE_ACTIVE)
            silence_set_put(q->silences, &rows[i]);
    return rc;
}

static int
incident_by_id(const void *a, const void *b)
{
    return id_cmp(&((const struct incident_row *)a)->id, &((const struct incident_row *)b)->id);
}

static enum tocsin_rc
load_incidents(struct am_request *q, struct store *store, struct tocsin_err *err)
{
    struct incident_filter f = { .states = 1u << TOCSIN_INC_TRIGGERED | 1u << TOCSIN_INC_ACKNOWLEDGED };
    enum tocsin_rc rc = store->ops->list_incidents(store, q->arena, &f, &q->incidents, &q->n_incidents, err);

    if (rc == TOCSIN_OK && q->n_incidents > 1)
        qsort(q->incidents, q->n_incidents, sizeof *q->incidents, incident_by_id);
    return rc;
}

static int
pair_by_name(const void *a, const void *b)
{
    return strcmp(((const struct tocsin_pair *)a)->name, ((const struct tocsin_pair *)b)->name);
}

/* Its sender takes tocsin for Alertmanager, or is one. */
static bool
is_native(const struct am_request *q, const char *source)
{
    for (size_t i = 0; i < q->conf->n_collectors; i++)
        if (strcmp(q->conf->collectors[i].name, source) == 0)
            return strcmp(q->conf->collectors[i].format, own_format) == 0;
    return false;
}

/*
 * Clients take the label alertname for granted.  An alert of another kind of source has none: it shows its summary
 * there, and its severity and source as labels, by all of which silences match it too (core/silence/set.h).
 */
static void
complete_labels(struct am_request *q, struct am_alert *s)
{
    const struct tocsin_pair more[] = { { "alertname", s->text.summary },
                                        { "severity", severity_name((enum tocsin_severity)s->row->severity) },
                                        { "source", s->row->source } };
    struct alert_text *t = &s->text;
    struct tocsin_pair *labels;
    size_t n = t->n_labels;

    if (alert_pair_find(t->labels, n, "alertname")[0] != '\0' || is_native(q, s->row->source))
        return;
    labels = arena_alloc(q->arena, (n + 3) * sizeof *labels);
    if (n > 0)
        memcpy(labels, t->labels, n * sizeof *labels);
    for (size_t i = 0; i < 3; i++)
        if (alert_pair_find(t->labels, t->n_labels, more[i].name)[0] == '\0' && more[i].value[0] != '\0')
            labels[n++] = more[i];
    qsort(labels, n, sizeof *labels, pair_by_name);
    t->labels = labels;
    t->n_labels = alert_pairs_normalise(labels, n);
}

static void
fill(struct am_request *q, struct am_alert *s, const struct alert_row *row)
{
    struct incident_row key = { .id = row->incident };
    const struct silence_row *held[AM_SILENCES_SHOWN];
    struct silence_subject subject;

    s->row = row;
    alert_text_decode(q->arena, row->body, row->body_len, &s->text);
    complete_labels(q, s);
    s->fingerprint = am_fingerprint(s->text.labels, s->text.n_labels);
    s->incident = q->n_incidents > 0
                      ? bsearch(&key, q->incidents, q->n_incidents, sizeof key, incident_by_id)
                      : NULL;
    s->receiver = s->incident != NULL ? s->incident->policy_name : q->conf->default_policy->name;
    s->by_rule = row->suppressed & HELD_BY_RULE;
    subject = (struct silence_subject){ .labels = s->text.labels, .n_labels = s->text.n_labels,
                                        .severity = severity_name((enum tocsin_severity)row->severity),
                                        .summary = s->text.summary, .source = row->source };
    s->n_silences = silence_set_all(q->silences, &subject, held, AM_SILENCES_SHOWN);
    for (size_t i = 0; i < s->n_silences; i++)
        s->silences[i] = held[i]->id;
}

static bool
wanted(struct am_request *q, const struct am_alert *s)
{
    bool held = s->n_silences > 0 || s->by_rule;
    const char *why;

    if (s->row->expires_at > 0 && s->row->expires_at <= q->now)
        return false;                        /* over, though no turn has said so yet */
    if ((!q->active && !held) || (!q->silenced && s->n_silences > 0) || (!q->inhibited && s->by_rule) ||
        (!q->muted && s->by_rule))
        return false;
    if (q->has_receiver && matcher_test(&q->receiver, s->receiver, TOCSIN_SEV_NONE, &q->match, &why) != YES)
        return false;
    for (size_t i = 0; i < q->n_filters; i++)
        if (matcher_test(&q->filters[i], alert_pair_find(s->text.labels, s->text.n_labels, q->filters[i].label),
                         TOCSIN_SEV_NONE, &q->match, &why) != YES)
            return false;
    return true;
}

static int
by_fingerprint(const void *x, const void *y)
{
    const struct am_alert *a = x, *b = y;

    return a->fingerprint != b->fingerprint ? (a->fingerprint < b->fingerprint ? -1 : 1)
                                            : strcmp(a->row->source, b->row->source);
}

bool
am_alerts_load(struct am_request *q)
{
    struct store *store = q->call->api->deps->store;
    struct alert_filter f = { .states = 1u << ALERT_FIRING };
    struct alert_row *rows = NULL;
    struct tocsin_err err;
    size_t n = 0;
    enum tocsin_rc rc = load_silences(q, store, &err);

    if (rc == TOCSIN_OK)
        rc = load_incidents(q, store, &err);
    if (rc == TOCSIN_OK)
        rc = store->ops->list_alerts(store, q->arena, &f, &rows, &n, &err);
    if (rc != TOCSIN_OK) {
        am_fail(q->call, 500, "%s", err.what);
        return false;
    }
    q->list = arena_zalloc(q->arena, (n + 1) * sizeof *q->list);
    for (size_t i = 0; i < n; i++) {
        fill(q, &q->list[q->n], &rows[i]);
        q->n += wanted(q, &q->list[q->n]);
    }
    if (q->n > 1)
        qsort(q->list, q->n, sizeof *q->list, by_fingerprint);
    return true;
}

/* --- shapes ----------------------------------------------------------------------------- */

static json_t *
map(struct arena *arena, const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(out, p[i].name, shape_string(arena, p[i].value));
    return out;
}

/* The name of the rule that holds it.  Known of the whole incident: an alert by itself only knows that one does. */
static const char *
rule_name(struct am_request *q, const struct am_alert *s)
{
    static const char before[] = "rule '";
    const char *by = s->incident != NULL ? s->incident->suppressed_by : "";

    if (strncmp(by, before, sizeof before - 1) != 0)
        return "a rule";
    by += sizeof before - 1;
    return arena_strndup(q->arena, by, strcspn(by, "'"));
}

static json_t *
status(struct am_request *q, const struct am_alert *s)
{
    json_t *silences = json_array(), *muted = json_array();

    for (size_t i = 0; i < s->n_silences; i++)
        json_array_append_new(silences, shape_id(&s->silences[i]));
    if (s->by_rule)
        json_array_append_new(muted, shape_string(q->arena, rule_name(q, s)));
    return json_pack("{s:[], s:o, s:o, s:s}", "inhibitedBy", "mutedBy", muted, "silencedBy", silences, "state",
                     s->n_silences > 0 || s->by_rule ? "suppressed" : "active");
}

static const char *
generator(const struct alert_text *t)
{
    for (size_t i = 0; i < t->n_links; i++)
        if (t->links[i].text != NULL && strcmp(t->links[i].text, "source") == 0)
            return t->links[i].href;
    return NULL;                             /* then the member is left out */
}

json_t *
am_alert_shape(struct am_request *q, const struct am_alert *s)
{
    const struct alert_row *r = s->row;
    char fingerprint[17];

    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)s->fingerprint);
    return json_pack("{s:o, s:o, s:s, s:[{s:o}], s:o, s:o, s:o, s:s*, s:o}", "annotations",
                     map(q->arena, s->text.annotations, s->text.n_annotations), "endsAt",
                     shape_time(r->expires_at > 0 ? r->expires_at : q->now + UNTIL_MS), "fingerprint", fingerprint,
                     "receivers", "name", shape_string(q->arena, s->receiver), "startsAt",
                     shape_time(r->starts_at > 0 ? r->starts_at : r->first_at), "status", status(q, s), "updatedAt",
                     shape_time(r->last_at), "generatorURL", generator(&s->text), "labels",
                     map(q->arena, s->text.labels, s->text.n_labels));
}

void
handle_alertmanager_alert_list(struct call *c)
{
    struct am_request q;

    if (am_alerts_begin(&q, c) && am_alerts_load(&q)) {
        json_t *list = json_array();

        for (size_t i = 0; i < q.n; i++)
            json_array_append_new(list, am_alert_shape(&q, &q.list[i]));
        am_reply(c, list);
    }
    am_alerts_end(&q);
}
