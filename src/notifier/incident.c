/* SPDX-License-Identifier: Apache-2.0 */
/* incident.c - a snapshot of the ledger as the incident and the job that an integration renders. */
#include <stdlib.h>
#include <string.h>

#include "core/alert.h"
#include "notifier/impl.h"

static struct tocsin_alert
alert_of(struct arena *a, const struct alert_row *row)
{
    struct tocsin_alert out = { .severity = row->severity,
                                .dedup_key = row->dedup_key,
                                .starts_at = row->starts_at,
                                .ends_at = row->ends_at,
                                .expires_at = row->expires_at,
                                .count = row->count };
    struct alert_text text;

    /* damaged bytes leave the text empty: a page with less to read is better than none */
    alert_text_decode(a, row->body, row->body_len, &text);
    out.status = row->state == ALERT_RESOLVED  ? TOCSIN_RESOLVED
                 : row->state == ALERT_UNKNOWN ? TOCSIN_UNKNOWN
                                               : TOCSIN_FIRING;
    if (out.dedup_key == NULL)
        out.dedup_key = "";
    out.summary = text.summary != NULL ? text.summary : "";
    out.labels = text.labels;
    out.n_labels = text.n_labels;
    out.annotations = text.annotations;
    out.n_annotations = text.n_annotations;
    out.links = text.links;
    out.n_links = text.n_links;
    return out;
}

static enum tocsin_rc
fill_note(struct flight *f, struct tocsin_err *err)
{
    const struct store_ops *ops = f->n->store->ops;
    struct event_row *notes = NULL;
    size_t n = 0;
    enum tocsin_rc rc =
        ops->get_notes(f->n->store, f->arena, &f->detail.row.id, f->delivery->told_notes, &notes, &n, err);

    if (rc != TOCSIN_OK)
        return rc;
    /* a note that retention took away is told as empty rather than for ever */
    f->incident.note = n > 0 ? notes[0].text : "";
    f->incident.note_by = n > 0 ? notes[0].actor : "";
    return TOCSIN_OK;
}

static const char *
page_of(struct flight *f, const char *id)
{
    const char *base = f->conf->http.public_url;

    return base != NULL && base[0] != '\0' ? arena_printf(f->arena, "%s/incidents/%s", base, id) : NULL;
}

static size_t
firing(const struct incident_row *row)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof row->n_firing / sizeof row->n_firing[0]; i++)
        n += row->n_firing[i];
    return n;
}

enum tocsin_rc
incident_fill(struct flight *f, struct tocsin_err *err)
{
    const struct incident_row *row = &f->detail.row;
    char *id = arena_alloc(f->arena, ID_TEXT);
    struct tocsin_alert *alerts = arena_alloc(f->arena, (f->detail.n_alerts + 1) * sizeof *alerts);

    id_format(&row->id, id);
    for (size_t i = 0; i < f->detail.n_alerts; i++)
        alerts[i] = alert_of(f->arena, &f->detail.alerts[i]);
    f->incident = (struct tocsin_incident){
        .id = id,
        .number = id + strlen(id) - 8,
        .state = row->state,
        .severity = row->severity,
        .summary = row->summary,
        .source = row->source,
        .group_key = row->group_key,
        .policy = row->policy_name,
        .url = page_of(f, id),
        .vendor_ref = f->delivery->vendor_ref[0] != '\0' ? f->delivery->vendor_ref : NULL,
        .opened_at = row->opened_at,
        .acknowledged_at = row->acked_at,
        .resolved_at = row->resolved_at,
        .step = f->delivery->step,
        .episode = row->episode,
        .alerts = alerts,
        .n_alerts = f->detail.n_alerts,
        .n_firing = firing(row),
        .n_total = row->n_total,
    };
    f->incident.by = row->state == TOCSIN_INC_RESOLVED       ? row->resolved_by
                     : row->state == TOCSIN_INC_ACKNOWLEDGED ? row->acked_by
                                                             : "";
    f->job =
        (struct tocsin_job){ .change = f->work.change, .incident = &f->incident, .carry = "", .now = row->updated_at };
    return f->work.change == TOCSIN_NOTE ? fill_note(f, err) : TOCSIN_OK;
}
