/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts as Alertmanager's clients see them: one by one, or in groups, which
 * are incidents.  What holds an alert is asked at the moment of the request,
 * as over there, so a silence shows at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_alertmanager.h"
#include "base/err.h"
#include "base/text.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "core/silence/set.h"
#include "os/clock.h"

enum { SILENCES_SHOWN = 32, UNTIL_MS = 300000 /* the end that an alert without one is shown with, from now */ };

/* One alert with what is known of it. */
struct shown {
    const struct alert_row *row;
    struct alert_text text;
    uint64_t fingerprint;
    const struct incident_row *incident;     /* NULL: not read; between two reads it may have come or gone */
    const char *receiver;
    struct id16 silences[SILENCES_SHOWN]; size_t n_silences;
    bool by_rule;
};

struct request {
    struct call *call;
    struct arena *arena;
    int64_t now;
    bool active, silenced, inhibited, muted;
    struct matcher *filters; size_t n_filters;
    struct matcher receiver; bool has_receiver;
    struct match_state match;
    struct silence_set *silences;
    struct incident_row *incidents; size_t n_incidents;      /* by id */
    const char *default_receiver;
    struct shown *list; size_t n;
};

/* --- the request ---------------------------------------------------------------------- */

static bool
compile(struct request *q, const struct matchers *m)
{
    struct tocsin_err err;

    q->filters = arena_zalloc(q->arena, (m->n + 1) * sizeof *q->filters);
    for (size_t i = 0; i < m->n; i++) {
        if (matcher_of_label(q->arena, &m->v[i], &q->filters[i], &err) != TOCSIN_OK) {
            am_fail(q->call, 400, "bad matcher format: %s", err.what);
            return false;
        }
        q->n_filters++;
    }
    return true;
}

static bool
read_receiver(struct request *q)
{
    struct matcher_parts parts = { "receiver", http_query(q->call->req, "receiver"), OP_RE };
    struct tocsin_err err;

    if (parts.value == NULL || parts.value[0] == '\0')
        return true;
    if (matcher_of_label(q->arena, &parts, &q->receiver, &err) != TOCSIN_OK) {
        am_fail(q->call, 400, "failed to parse receiver param: %s", err.what);
        return false;
    }
    q->has_receiver = true;
    return true;
}

static bool
begin(struct request *q, struct call *c)
{
    struct matchers m, unused;
    struct conf *conf = c->api->deps->conf(c->api->deps->ctx);

    *q = (struct request){ .call = c, .arena = http_arena(c->req), .now = clock_steady_ms(),
                           .active = am_flag(c, "active"), .silenced = am_flag(c, "silenced"),
                           .inhibited = am_flag(c, "inhibited"), .muted = am_flag(c, "muted") };
    q->default_receiver = arena_strdup(q->arena, conf->default_policy->name);
    conf_unref(conf);
    match_state_init(&q->match);
    return am_filters(c, "filter", &m) && am_filters(c, "receiver_matchers", &unused) && compile(q, &m) &&
           read_receiver(q);
}

static void
end(struct request *q)
{
    for (size_t i = 0; i < q->n_filters; i++)
        matcher_release(&q->filters[i]);
    if (q->has_receiver)
        matcher_release(&q->receiver);
    match_state_release(&q->match);
    silence_set_free(q->silences);
}

/* --- loading ---------------------------------------------------------------------------- */

static enum tocsin_rc
load_silences(struct request *q, struct store *store, struct tocsin_err *err)
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
load_incidents(struct request *q, struct store *store, struct tocsin_err *err)
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

/*
 * Clients take the label alertname for granted.  An alert without it does not come from Prometheus: it shows its
 * summary there, and its severity and source as labels, by all of which silences match it too (core/silence/set.h).
 */
static void
complete_labels(struct request *q, struct shown *s)
{
    const struct tocsin_pair more[] = { { "alertname", s->text.summary },
                                        { "severity", severity_name((enum tocsin_severity)s->row->severity) },
                                        { "source", s->row->source } };
    struct alert_text *t = &s->text;
    struct tocsin_pair *labels;
    size_t n = t->n_labels;

    if (alert_pair_find(t->labels, n, "alertname")[0] != '\0')
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
fill(struct request *q, struct shown *s, const struct alert_row *row)
{
    struct incident_row key = { .id = row->incident };
    const struct silence_row *held[SILENCES_SHOWN];
    struct silence_subject subject;

    s->row = row;
    alert_text_decode(q->arena, row->body, row->body_len, &s->text);
    complete_labels(q, s);
    s->fingerprint = am_fingerprint(s->text.labels, s->text.n_labels);
    s->incident = q->n_incidents > 0
                      ? bsearch(&key, q->incidents, q->n_incidents, sizeof key, incident_by_id)
                      : NULL;
    s->receiver = s->incident != NULL ? s->incident->policy_name : q->default_receiver;
    s->by_rule = row->suppressed & HELD_BY_RULE;
    subject = (struct silence_subject){ .labels = s->text.labels, .n_labels = s->text.n_labels,
                                        .severity = severity_name((enum tocsin_severity)row->severity),
                                        .summary = s->text.summary, .source = row->source };
    s->n_silences = silence_set_all(q->silences, &subject, held, SILENCES_SHOWN);
    for (size_t i = 0; i < s->n_silences; i++)
        s->silences[i] = held[i]->id;
}

static bool
wanted(struct request *q, const struct shown *s)
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
    const struct shown *a = x, *b = y;

    return a->fingerprint != b->fingerprint ? (a->fingerprint < b->fingerprint ? -1 : 1)
                                            : strcmp(a->row->source, b->row->source);
}

static bool
load(struct request *q)
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

static json_t *
status(const struct shown *s)
{
    json_t *silences = json_array(), *muted = json_array();

    for (size_t i = 0; i < s->n_silences; i++)
        json_array_append_new(silences, shape_id(&s->silences[i]));
    if (s->by_rule)
        json_array_append_new(muted, json_string("a rule"));
    return json_pack("{s:s, s:o, s:[], s:o}", "state", s->n_silences > 0 || s->by_rule ? "suppressed" : "active",
                     "silencedBy", silences, "inhibitedBy", "mutedBy", muted);
}

static const char *
generator(const struct alert_text *t)
{
    for (size_t i = 0; i < t->n_links; i++)
        if (t->links[i].text != NULL && strcmp(t->links[i].text, "source") == 0)
            return t->links[i].href;
    return NULL;                             /* then the member is left out */
}

static json_t *
shape(struct request *q, const struct shown *s)
{
    const struct alert_row *r = s->row;
    char fingerprint[17];

    snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)s->fingerprint);
    return json_pack("{s:o, s:o, s:s, s:[{s:o}], s:o, s:o, s:o, s:s*, s:o}", "annotations",
                     map(q->arena, s->text.annotations, s->text.n_annotations), "endsAt",
                     shape_time(r->expires_at > 0 ? r->expires_at : q->now + UNTIL_MS), "fingerprint", fingerprint,
                     "receivers", "name", shape_string(q->arena, s->receiver), "startsAt",
                     shape_time(r->starts_at > 0 ? r->starts_at : r->first_at), "status", status(s), "updatedAt",
                     shape_time(r->last_at), "generatorURL", generator(&s->text), "labels",
                     map(q->arena, s->text.labels, s->text.n_labels));
}

void
handle_alertmanager_alert_list(struct call *c)
{
    struct request q;

    if (begin(&q, c) && load(&q)) {
        json_t *list = json_array();

        for (size_t i = 0; i < q.n; i++)
            json_array_append_new(list, shape(&q, &q.list[i]));
        am_reply(c, list);
    }
    end(&q);
}

/* --- groups ------------------------------------------------------------------------------- */

static int
by_incident(const void *x, const void *y)
{
    const struct shown *a = x, *b = y;
    int d = id_cmp(&a->row->incident, &b->row->incident);

    return d != 0 ? d : by_fingerprint(x, y);
}

/* `policy/a=b,c=d`, as a rule's group_by makes it: the names by which the group was made.  NULL: it is no such key. */
static json_t *
labels_of_key(struct request *q, const struct incident_row *r, const struct shown *first)
{
    size_t n = strlen(r->policy_name);
    const char *p = r->group_key + n + 1;
    json_t *out;

    if (strncmp(r->group_key, r->policy_name, n) != 0 || r->group_key[n] != '/')
        return NULL;
    out = json_object();
    while (*p != '\0') {
        char name[256];
        size_t len = 0;
        const char *value;

        for (; *p != '\0' && *p != '=' && len < sizeof name - 1; p++)
            name[len++] = *p == '\\' && p[1] != '\0' ? *++p : *p;
        name[len] = '\0';
        if (*p != '=')
            break;
        while (*p != '\0' && *p != ',')      /* the value stands in the alert as well, without escapes */
            p += *p == '\\' && p[1] != '\0' ? 2 : 1;
        p += *p == ',';
        value = alert_pair_find(first->text.labels, first->text.n_labels, name);
        if (value[0] != '\0')
            json_object_set_new(out, name, shape_string(q->arena, value));
    }
    return out;
}

/* What all alerts of the group have in common. */
static json_t *
labels_in_common(struct request *q, const struct shown *s, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < s->text.n_labels; i++) {
        const struct tocsin_pair *p = &s->text.labels[i];
        bool all = true;

        for (size_t k = 1; k < n && all; k++)
            all = strcmp(alert_pair_find(s[k].text.labels, s[k].text.n_labels, p->name), p->value) == 0;
        if (all)
            json_object_set_new(out, p->name, shape_string(q->arena, p->value));
    }
    return out;
}

static json_t *
shape_group(struct request *q, const struct shown *s, size_t n)
{
    json_t *alerts = json_array(), *labels = s->incident != NULL ? labels_of_key(q, s->incident, s) : NULL;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(alerts, shape(q, &s[i]));
    return json_pack("{s:o, s:o, s:{s:o}, s:{}}", "alerts", alerts, "labels",
                     labels != NULL ? labels : labels_in_common(q, s, n), "receiver", "name",
                     shape_string(q->arena, s->receiver), "routeLabels");
}

void
handle_alertmanager_groups(struct call *c)
{
    struct request q;

    if (begin(&q, c) && load(&q)) {
        json_t *list = json_array();

        if (q.n > 1)
            qsort(q.list, q.n, sizeof *q.list, by_incident);
        for (size_t i = 0, n; i < q.n; i += n) {
            for (n = 1; i + n < q.n && id_eq(&q.list[i].row->incident, &q.list[i + n].row->incident);)
                n++;
            json_array_append_new(list, shape_group(&q, &q.list[i], n));
        }
        am_reply(c, list);
    }
    end(&q);
}
