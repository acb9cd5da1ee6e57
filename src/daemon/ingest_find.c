/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_find.c - alerts of a collector as they are stored, for intakes whose
 * vendor can be asked.
 *
 * An occurrence is found by its number at once.  A key has no index on disk
 * (the daemon knows what is open by heart, people ask seldom): it is looked
 * for among what is open, then among what is over; the newest is found.
 */
#include "daemon/ingest_find.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "core/alert.h"
#include "plugin/host.h"

enum { PAGE = 500, COUNT_MAX = 20000 };

static const unsigned open_states = 1u << ALERT_FIRING | 1u << ALERT_DROPPED;
static const unsigned closed_states = 1u << ALERT_RESOLVED | 1u << ALERT_DISMISSED;

struct search {
    struct host_call *call;
    struct store *store;
    const struct tocsin_find *find;
    struct alert_filter filter;
    struct alert_row *rows; size_t n, max;   /* rows NULL: only counted */
    size_t skipped;
};

static unsigned
states_of(const struct tocsin_find *f)
{
    if (f->open == f->closed)
        return open_states | closed_states;
    return f->open ? open_states : closed_states;
}

/* All that fit and are in one of the states, a page at a time. */
static enum tocsin_rc
scan(struct search *s, unsigned states, struct tocsin_err *err)
{
    size_t n = 0;

    s->filter.states = states;
    s->filter.before = s->find->number != 0 ? s->find->number + 1 : 0;
    s->filter.limit = s->find->number != 0 || s->find->dedup_key != NULL ? 1 : PAGE;
    do {
        struct alert_row *rows = NULL;
        enum tocsin_rc rc = s->store->ops->list_alerts(s->store, s->call->arena, &s->filter, &rows, &n, err);

        if (rc != TOCSIN_OK)
            return rc;
        if (s->find->number != 0 && n > 0 && rows[0].rowid != s->find->number)
            return TOCSIN_OK;
        for (size_t i = 0; i < n && s->n < s->max; i++) {
            if (s->skipped++ < s->find->skip)
                continue;
            if (s->rows != NULL)
                s->rows[s->n] = rows[i];
            s->n++;
        }
        if (n > 0)
            s->filter.before = rows[n - 1].rowid;
    } while (n == PAGE && s->n < s->max);
    return TOCSIN_OK;
}

/* --- a row as an integration sees it -------------------------------------------------------- */

/* Who asks by a key knows the alert by that, whatever key a rule gave it. */
static const struct tocsin_alert *
alert_of(struct arena *a, const struct alert_row *row, const char *asked)
{
    struct tocsin_alert *alert = arena_zalloc(a, sizeof *alert);
    struct alert_text text;

    alert_text_decode(a, row->body, row->body_len, &text);
    *alert = (struct tocsin_alert){
        .status = row->state == ALERT_RESOLVED || row->state == ALERT_DISMISSED ? TOCSIN_RESOLVED : TOCSIN_FIRING,
        .severity = (enum tocsin_severity)row->severity, .dedup_key = asked != NULL ? asked : row->dedup_key,
        .summary = text.summary,
        .starts_at = row->starts_at, .ends_at = row->ends_at, .expires_at = row->expires_at,
        .labels = text.labels, .n_labels = text.n_labels, .annotations = text.annotations,
        .n_annotations = text.n_annotations, .links = text.links, .n_links = text.n_links, .count = row->count
    };
    return alert;
}

static enum tocsin_rc
add_incident(const struct search *s, const struct id16 *id, struct tocsin_known *out, struct tocsin_err *err)
{
    struct incident_detail d = { .n_alerts = 0 };
    enum tocsin_rc rc;

    out->incident = "";
    if (id_is_zero(id))
        return TOCSIN_OK;
    rc = s->store->ops->get_incident(s->store, s->call->arena, id, 0, 0, &d, err);
    if (rc != TOCSIN_OK)
        return rc == TOCSIN_NOT_FOUND ? TOCSIN_OK : rc;      /* history may have gone meanwhile */
    out->incident = id_format(id, arena_alloc(s->call->arena, ID_TEXT));
    out->state = (enum tocsin_incident_state)d.row.state;
    out->acknowledged_at = d.row.acked_at;
    out->snoozed_until = d.row.snoozed_until;
    out->resolved_at = d.row.resolved_at;
    out->updated_at = d.row.updated_at;
    out->acknowledged_by = d.row.acked_by;
    out->resolved_by = d.row.resolved_by;
    return TOCSIN_OK;
}

static enum tocsin_rc
show(const struct search *s, const struct tocsin_known **out_r, struct tocsin_err *err)
{
    struct tocsin_known *list = arena_zalloc(s->call->arena, (s->n + 1) * sizeof *list);

    for (size_t i = 0; i < s->n; i++) {
        const struct alert_row *row = &s->rows[i];
        enum tocsin_rc rc;

        list[i].alert = alert_of(s->call->arena, row, s->find->dedup_key);
        list[i].number = row->rowid;
        list[i].open = (open_states & 1u << row->state) != 0;
        list[i].first_at = row->first_at;
        list[i].last_at = row->last_at;
        rc = add_incident(s, &row->incident, &list[i], err);
        if (rc != TOCSIN_OK)
            return rc;
    }
    *out_r = list;
    return TOCSIN_OK;
}

enum tocsin_rc
ingest_find(struct store *store, const char *collector, struct host_call *call, const struct tocsin_find *find,
            const struct tocsin_known **out_r, size_t *n_r, struct tocsin_err *err)
{
    const char *parts[] = { collector, find->dedup_key != NULL ? find->dedup_key : "" };
    struct id16 key = id_hash(parts, 2);
    struct search s = { .call = call, .store = store, .find = find, .max = COUNT_MAX };
    unsigned states = states_of(find);
    enum tocsin_rc rc = TOCSIN_OK;

    s.filter = (struct alert_filter){ .source = collector, .key = find->dedup_key != NULL ? &key : NULL, .own = true };
    if (out_r != NULL) {
        s.max = find->max > 0 && find->max < PAGE ? find->max : PAGE;
        s.rows = arena_alloc(call->arena, s.max * sizeof *s.rows);
    }
    /* what is open has an index of its own, so a key is looked for there first */
    if (find->dedup_key != NULL && (states & open_states) != 0) {
        rc = scan(&s, open_states, err);
        states &= closed_states;
    }
    if (rc == TOCSIN_OK && states != 0 && (find->dedup_key == NULL || s.n == 0))
        rc = scan(&s, states, err);
    if (rc == TOCSIN_OK && out_r != NULL)
        rc = show(&s, out_r, err);
    if (rc == TOCSIN_OK)
        *n_r = s.n;
    return rc;
}
