/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats: two configurations of them, those who beat, and what must be so. */
#include <string.h>

#include "base/xalloc.h"
#include "conf/conf.h"
#include "sim/sim.h"

enum { N_CONFS = 2 };

static const char *by_host[] = { "host" };

/* In the second one "nightly" has another period and "probe" is not there. */
static struct conf_heartbeat first[] = {
    { .name = "nightly", .every_ms = 600000, .grace_ms = 60000, .severity = TOCSIN_ERROR },
    { .name = "sensors", .every_ms = 60000, .severity = TOCSIN_CRITICAL, .by = by_host, .n_by = 1, .max = 2 },
    { .name = "probe", .every_ms = 30000, .grace_ms = 5000, .severity = TOCSIN_WARNING },
};
static struct conf_heartbeat second[] = {
    { .name = "nightly", .every_ms = 240000, .grace_ms = 60000, .severity = TOCSIN_ERROR },
    { .name = "sensors", .every_ms = 60000, .severity = TOCSIN_CRITICAL, .by = by_host, .n_by = 1, .max = 2 },
};
static struct conf confs[N_CONFS] = {
    { .heartbeats = first, .n_heartbeats = 3, .generation = 1 },
    { .heartbeats = second, .n_heartbeats = 2, .generation = 2 },
};

void
beats_init(struct sim *s)
{
    static const struct watched all[N_WATCHED] = { { .name = "nightly", .host = "" }, { .name = "probe", .host = "" },
                                                   { .name = "sensors", .host = "a" },
                                                   { .name = "sensors", .host = "b" },
                                                   { .name = "sensors", .host = "c" } };

    memcpy(s->watched, all, sizeof all);
    for (size_t i = 0; i < N_CONFS; i++)
        confs[i].rules = s->rules;
}

static const struct conf_heartbeat *
conf_of(const struct sim *s, const struct watched *w)
{
    return conf_heartbeat(&confs[s->conf], w->name);
}

static int64_t
span_of(const struct conf_heartbeat *h)
{
    return h->every_ms + h->grace_ms;
}

/* Heard of now: a beat, or that it is to be watched. */
static void
heard(const struct sim *s, struct watched *w)
{
    w->on = w->fresh = true;
    w->last_at = s->now > w->last_at ? s->now : w->last_at;
    w->floor = w->ceil = s->now + span_of(conf_of(s, w));
}

/* --- starts and reloads ------------------------------------------------------------------ */

static void
apply(struct sim *s, bool starting)
{
    struct arena *a = arena_new();
    struct event *events;
    size_t n = beats_changes(s->beats, &confs[s->conf], a, s->now, starting, &events);

    while (!sim_turn(s, events, n))
        ;
    for (size_t i = 0; i < n; i++)
        beats_done(s->beats, &events[i], s->now);
    arena_free(a);
}

static void
expect_new(struct sim *s)
{
    for (size_t i = 0; i < N_WATCHED; i++) {
        struct watched *w = &s->watched[i];
        const struct conf_heartbeat *h = conf_of(s, w);

        if (h == NULL) {
            *w = (struct watched){ .name = w->name, .host = w->host };
        } else if (!w->on && h->n_by == 0) {
            w->last_at = 0;
            heard(s, w);
        }
    }
}

void
beats_start(struct sim *s)
{
    struct tocsin_err err;

    beats_free(s->beats);
    s->beats = beats_new(s->store);
    if (s->plant != PLANT_UNWATCH && beats_load(s->beats, &err) != TOCSIN_OK)
        broken(s, "beats_load failed: %s", err.what);
    for (size_t i = 0; i < N_WATCHED; i++) {
        struct watched *w = &s->watched[i];
        int64_t span = w->on ? span_of(conf_of(s, w)) : 0;
        int64_t least = s->now + (span < COMMITTER_GRACE_MS ? span : COMMITTER_GRACE_MS);

        w->fresh = false;
        w->last_at = w->last_at < s->now ? w->last_at : s->now;
        w->floor = least;
        w->ceil = w->last_at + span > least ? w->last_at + span : least;
    }
    expect_new(s);
    apply(s, true);
}

void
beats_reload(struct sim *s)
{
    const struct conf *was = &confs[s->conf];

    s->conf = (s->conf + 1) % N_CONFS;
    for (size_t i = 0; i < N_WATCHED; i++) {
        struct watched *w = &s->watched[i];
        const struct conf_heartbeat *h = conf_of(s, w);

        if (!w->on || h == NULL || span_of(h) == span_of(conf_heartbeat(was, w->name)))
            continue;
        w->ceil = w->last_at + span_of(h);
        w->floor = w->fresh ? w->ceil : 0;   /* of the beats before the start, the last may be lost */
    }
    expect_new(s);
    apply(s, false);
    trace(s, "configuration %u of heartbeats", s->conf);
}

const struct decision *
beats_fall_silent(void *ctx, struct arena *a, const struct alert_row *row)
{
    struct sim *s = ctx;

    return beats_silent(s->beats, &confs[s->conf], a, row);
}

/* --- who beats ------------------------------------------------------------------------------ */

static size_t
sensors_known(const struct sim *s)
{
    size_t n = 0;

    for (size_t i = 0; i < N_WATCHED; i++)
        n += s->watched[i].host[0] != '\0' && s->watched[i].on;
    return n;
}

void
beats_beat(struct sim *s)
{
    struct watched *w = &s->watched[roll(s, N_WATCHED)];
    const struct conf_heartbeat *h = conf_of(s, w);
    struct tocsin_pair labels[] = { { "cluster", "x" }, { "host", w->host } };
    struct arena *a = arena_new();
    struct event e;
    bool ok = false;

    for (int tries = 0; tries < 5 && h != NULL && !ok; tries++) {
        if (!beats_event(s->beats, a, h, labels, 2, s->now, &e)) {
            if (w->on || sensors_known(s) < h->max)
                broken(s, "H3: a beat of '%s' (%s) is not taken", w->name, w->host);
            break;
        }
        s->fail_commit = roll(s, 25) == 0;
        ok = s->plant == PLANT_LOSE_BEAT || sim_turn(s, &e, 1);
        s->fail_commit = false;
        if (ok) {
            beats_done(s->beats, &e, s->now);
            heard(s, w);
        }
        if (roll(s, 40) == 0)
            sim_crash(s);                    /* behind the answer, or before the next try */
    }
    trace(s, "beat of '%s' %s %s", w->name, w->host, ok ? "accepted" : "refused");
    arena_free(a);
}

/* --- what must be so ---------------------------------------------------------------------------- */

static struct id16
key_of(struct arena *a, const struct watched *w)
{
    const char *parts[] = { HEARTBEAT_SOURCE,
                            w->host[0] != '\0' ? arena_printf(a, "%s{host=%s}", w->name, w->host) : w->name };

    return id_hash(parts, 2);
}

/* The silence is a problem that people are told of. */
static void
check_silent(struct sim *s, struct arena *a, const struct watched *w, const struct alert_row *row)
{
    struct incident_row incident;
    struct tocsin_err err;
    struct id16 id = row->incident;
    bool found = false;

    if (s->store->ops->load_incidents(s->store, a, &id, 1, &incident, &found, &err) != TOCSIN_OK)
        broken(s, "load_incidents failed: %s", err.what);
    if (row->state == ALERT_FIRING && (!found || incident.opened_at == 0 || incident.state == TOCSIN_INC_RESOLVED))
        broken(s, "H1: '%s' %s is silent, and no incident is open", w->name, w->host);
    if (!w->silent && s->now < w->floor)
        broken(s, "H2: '%s' %s is called silent %lld s before it may be", w->name, w->host,
               (long long)(w->floor - s->now) / 1000);
}

static void
check_waiting(struct sim *s, const struct watched *w, const struct alert_row *row)
{
    if (row->state != ALERT_DROPPED || row->expires_at == 0)
        broken(s, "H3: '%s' %s is not watched any more", w->name, w->host);
    else if (s->now >= w->ceil)
        broken(s, "H1: '%s' %s is silent for %lld s too long, and nobody is told", w->name, w->host,
               (long long)(s->now - w->ceil) / 1000);
    else if (row->expires_at > w->ceil)
        broken(s, "H1: the deadline of '%s' %s is %lld s too late", w->name, w->host,
               (long long)(row->expires_at - w->ceil) / 1000);
}

void
check_beats(struct sim *s, struct arena *a)
{
    for (size_t i = 0; i < N_WATCHED; i++) {
        struct watched *w = &s->watched[i];
        struct id16 key = key_of(a, w);
        struct alert_row row;
        struct tocsin_err err;
        bool silent;

        if (s->store->ops->load_alerts(s->store, &key, 1, &row, &err) != TOCSIN_OK)
            broken(s, "load_alerts failed: %s", err.what);
        silent = row.state == ALERT_FIRING || row.state == ALERT_DISMISSED;
        if (!w->on && alert_is_open(&row))
            broken(s, "H4: '%s' %s is not to be watched, and is", w->name, w->host);
        if (w->on && silent)
            check_silent(s, a, w, &row);
        else if (w->on)
            check_waiting(s, w, &row);
        w->silent = silent;
    }
}
