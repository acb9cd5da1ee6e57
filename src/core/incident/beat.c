/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heartbeats.  One that is watched is an open, quiet occurrence whose expires_at
 * is the deadline of the next beat (rows.h).  A beat moves the deadline; one
 * that comes soon after another is a counter and touches no disk.  When the
 * deadline comes, the same occurrence fires (incident_on_expiry()); the beat
 * after that ends it and opens the next one.
 */
#include "core/incident/impl.h"

/*
 * A crash takes back what was counted last.  That harms nobody who beats as often as this: a start gives everybody
 * twice as long to beat (COMMITTER_GRACE_MS).  Who beats once a day would be called silent in spite of the beat.
 */
enum { BEAT_COUNTED_MS = 60000 };

bool
incident_beat_is_counted(const struct decision *d, const struct alert_row *a)
{
    return a->state == ALERT_DROPPED && a->expires_at > 0 && a->count > 0 &&
           d->expires_at - a->expires_at <= BEAT_COUNTED_MS;
}

static struct world_alert *
arm(struct world *w, struct world_alert *a, const struct decision *d, uint32_t beats)
{
    if (a->row.state != ALERT_NONE && a->row.state != ALERT_DROPPED)
        a = world_next_occurrence(w, a);
    if (a->row.state == ALERT_DROPPED)
        beats += a->row.count;
    incident_take_report(a, d, w, ALERT_DROPPED);
    a->row.count = beats;
    return a;
}

static void
on_beat(struct world *w, struct world_alert *a, const struct decision *d)
{
    if (a->row.state == ALERT_DROPPED && a->row.expires_at > 0) {
        if (!incident_beat_is_counted(d, &a->row))
            a->dirt = DIRTY;
        else if (a->dirt == CLEAN)
            a->dirt = COUNTED;
        a->row.count++;
        a->row.last_at = w->now;
        a->row.expires_at = d->expires_at;
        return;
    }
    if (a->row.state == ALERT_FIRING)
        incident_alert_over(w, a, w->now, HEARTBEAT_SOURCE, "it beats again");
    else if (a->row.state == ALERT_DISMISSED)
        incident_close_alert(w, a, w->now);
    arm(w, a, d, 1);
}

/* One that is silent stays so: only a beat ends that. */
static void
on_arm(struct world *w, struct world_alert *a, const struct decision *d)
{
    int64_t last_at = a->row.last_at;
    bool known = a->row.state == ALERT_DROPPED;

    if (a->row.state == ALERT_FIRING || a->row.state == ALERT_DISMISSED)
        return;
    a = arm(w, a, d, 0);
    if (known && last_at < w->now)           /* it may be of a clock that was ahead */
        a->row.last_at = last_at;
}

void
incident_on_beat(struct world *w, const struct event *e)
{
    struct world_alert *a = world_alert(w, &e->decision->key);

    if (e->kind == EV_BEAT)
        on_beat(w, a, e->decision);
    else if (e->kind == EV_ARM)
        on_arm(w, a, e->decision);
    else if (a->row.state == ALERT_FIRING)
        incident_alert_over(w, a, w->now, "configuration", "the heartbeat is not watched any more");
    else if (alert_is_open(&a->row))
        incident_close_alert(w, a, w->now);
}
