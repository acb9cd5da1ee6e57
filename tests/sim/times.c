/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that wait: `delay` before an incident opens, `resolve_after` before an alert without news ends. */
#include <string.h>

#include "sim/sim.h"

static bool
is_kind(int key, const char *kind)
{
    return strcmp(sender_kind(key), kind) == 0;
}

bool
times_expires(int key)
{
    return is_kind(key, "expiring");
}

void
times_news(struct sim *s, int source, int key, enum tocsin_status status)
{
    struct expiring *x = &s->expiring[source][key];
    int64_t until = s->now + SIM_RESOLVE_AFTER_MS;

    if (!times_expires(key) || status == TOCSIN_UNKNOWN)
        return;
    /* while the clock is behind what it showed before, a deadline from then may be the one that is stored */
    *x = (struct expiring){ .on = status == TOCSIN_FIRING, .floor = until, .ceil = x->on && x->ceil > until ? x->ceil
                                                                                                            : until };
}

/* A start gives sources time to report, and may have lost the latest news; a clock that was ahead moves what waits. */
void
times_restart(struct sim *s)
{
    int64_t grace = s->now + COMMITTER_GRACE_MS;

    for (int source = 0; source < N_SOURCES; source++)
        for (int key = 0; key < N_KEYS; key++) {
            struct expiring *x = &s->expiring[source][key];
            struct delayed *d = &s->delayed[source][key];

            x->floor = x->floor < grace ? x->floor : grace;
            x->ceil = x->ceil > grace ? x->ceil : grace;
            if (s->now < s->latest && d->opens_min > s->now)
                d->opens_min = s->now;
            if (d->opens_max > s->now + SIM_DELAY_MS)
                d->opens_max = s->now + SIM_DELAY_MS;
        }
}

static void
load(struct sim *s, struct arena *a, int source, int key, struct alert_row *out)
{
    struct id16 id = sender_key(a, source, key);
    struct tocsin_err err;

    if (s->store->ops->load_alerts(s->store, &id, 1, out, &err) != TOCSIN_OK)
        broken(s, "load_alerts failed: %s", err.what);
}

/* E1, E2 */
static void
check_expiry(struct sim *s, struct arena *a, int source, int key)
{
    struct expiring *x = &s->expiring[source][key];
    struct alert_row row;

    if (!x->on)
        return;
    load(s, a, source, key, &row);
    if (alert_is_open(&row) && s->now >= x->ceil)
        broken(s, "E1: 'key-%d' is open %lld s after its news ran out", key, (long long)(s->now - x->ceil) / 1000);
    if (!alert_is_open(&row) && s->now < x->floor)
        broken(s, "E2: 'key-%d' ended %lld s before its news ran out", key, (long long)(x->floor - s->now) / 1000);
    x->on = alert_is_open(&row);
}

/* D2: who was told of an incident that is not open yet, or never was? */
static void
check_untold(struct sim *s, int key, const struct id16 *incident)
{
    for (size_t v = 0; v < N_VENDORS; v++)
        if (vendor_alert(&s->vendors[v], incident) != NULL)
            broken(s, "D2: 'key-%d' never opened an incident, and %s was told of it", key, s->vendors[v].name);
}

/* D1, D2 */
static void
check_delay(struct sim *s, struct arena *a, int source, int key)
{
    struct delayed *w = &s->delayed[source][key];
    struct incident_detail d;
    struct tocsin_err err;
    struct alert_row row;
    enum tocsin_rc rc;
    bool fires;

    load(s, a, source, key, &row);
    if (row.state == ALERT_FIRING && row.rowid != w->rowid)
        *w = (struct delayed){ row.rowid, row.first_at + SIM_DELAY_MS, row.first_at + SIM_DELAY_MS, row.incident };
    if (id_is_zero(&w->incident))
        return;
    fires = row.state == ALERT_FIRING && row.rowid == w->rowid;
    rc = s->store->ops->get_incident(s->store, a, &w->incident, 1, 100, &d, &err);
    if (rc == TOCSIN_NOT_FOUND && !fires) {  /* resolved before it opened: it never was */
        check_untold(s, key, &w->incident);
        return;
    }
    if (rc != TOCSIN_OK) {
        broken(s, "get_incident failed: %s", err.what);
        return;
    }
    if (d.row.opened_at == 0)
        check_untold(s, key, &w->incident);
    if (d.row.opened_at == 0 && (d.n_deliveries > 0 || d.row.paging))
        broken(s, "D2: '%s' is not open and has deliveries", d.row.group_key);
    if (d.row.opened_at > 0 && d.row.opened_at < w->opens_min)
        broken(s, "D2: '%s' opened %lld s before its delay was over", d.row.group_key,
               (long long)(w->opens_min - d.row.opened_at) / 1000);
    if (fires && d.row.opened_at == 0 && s->now >= w->opens_max)
        broken(s, "D1: '%s' fires longer than its delay and did not open", d.row.group_key);
    if (!fires && d.row.opened_at == 0)
        broken(s, "D2: '%s' is over, and its incident still waits to open", d.row.group_key);
}

void
check_times(struct sim *s, struct arena *a)
{
    for (int source = 0; source < N_SOURCES; source++)
        for (int key = 0; key < N_KEYS; key++) {
            if (times_expires(key))
                check_expiry(s, a, source, key);
            if (is_kind(key, "delayed"))
                check_delay(s, a, source, key);
        }
}
