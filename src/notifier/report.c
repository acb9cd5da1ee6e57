/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - the end of a send: the event for the turn, the figures for people, the row's way on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "notifier/impl.h"
#include "notifier/verdict.h"
#include "os/clock.h"
#include "os/rand.h"

enum { SETTLE_CHECK_MS = 60000 };

static const char *
change_name(enum tocsin_change change)
{
    static const char *const names[] = { "nothing", "trigger", "update", "acknowledgement", "un-acknowledgement",
                                         "note",    "resolve" };

    return (size_t)change < sizeof names / sizeof names[0] ? names[change] : "change";
}

static void
count_latency(struct notifier_stats *s, int64_t ms)
{
    static const int64_t le[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000 };
    size_t i = 0;

    while (i < sizeof le / sizeof le[0] && ms > le[i])
        i++;
    s->latency_ms_buckets[i]++;
    s->latency_ms_sum += ms > 0 ? (uint64_t)ms : 0;
}

static void
count(struct flight *f, const struct tocsin_outcome *o)
{
    struct lane *lane = f->row->key.lane;
    struct notifier_stats *s = &lane->stats;
    int64_t now = clock_steady_ms();

    pthread_mutex_lock(&f->n->lock);
    s->breaker_open = lane->host != NULL && lane->host->breaker.open;
    if (f->work.change != 0 && o->verdict == TOCSIN_DELIVERED) {
        s->sent++;
        s->last_ok_at = now;
        count_latency(s, now - f->due_at);
    } else if (o->verdict != TOCSIN_DELIVERED) {
        s->retried += o->verdict == TOCSIN_RETRY;
        s->rejected += o->verdict == TOCSIN_REJECTED;
        s->uncertain += o->verdict == TOCSIN_UNCERTAIN;
        s->last_error_at = now;
        snprintf(s->last_error, sizeof s->last_error, "%s", o->reason);
    }
    pthread_mutex_unlock(&f->n->lock);
}

static void
tell_people(struct flight *f, const struct tocsin_outcome *o)
{
    struct lane *lane = f->row->key.lane;
    char id[ID_TEXT];

    id_format(&f->row->key.incident, id);
    if (o->verdict != TOCSIN_DELIVERED)
        complain(&lane->complaint, "notifier", lane->name, "%s of incident '%s' %s: %s", change_name(f->work.change),
                 id, o->verdict == TOCSIN_REJECTED ? "was refused" : "did not get through", o->reason);
    else if (f->work.change != 0)
        complaint_over(&lane->complaint, "notifier", lane->name, "delivers again");
}

void
flight_free(struct flight *f)
{
    if (f->call != NULL)
        transport_drop(f->call);
    if (f->conf != NULL)
        conf_unref(f->conf);
    arena_free(f->arena);
    free(f);
}

struct told_mark
told_mark_of(const struct delivery_row *d)
{
    return (struct told_mark){ .sends = d->sends,
                               .attempts = d->attempts,
                               .told_ver = d->told_ver,
                               .told_page = d->told_page,
                               .told_notes = d->told_notes,
                               .refused_ver = d->refused_ver,
                               .refused_page = d->refused_page,
                               .refused_change = d->refused_change,
                               .told = d->told,
                               .state = d->state };
}

/* The row waits for the turn that settles it; a wake that came meanwhile is still to be looked at. */
static void
let_go(struct flight *f)
{
    struct row *row = f->row;

    if (row->state == ROW_FLYING) {
        row->state = ROW_IDLE;
        row->key.lane->in_flight--;
        DL_DELETE(f->n->flights, f);
        pthread_mutex_lock(&f->n->lock);
        row->key.lane->stats.in_flight--;
        pthread_mutex_unlock(&f->n->lock);
    }
    row->reported = true;
    row->reported_ms = clock_mono_ms();
    row->mark = told_mark_of(f->delivery);
    row_count(f->n, row, row->again && row->due_again > 0);
    row_sleep(f->n, row, row->again && row->due_again > 0 ? row->due_again : clock_steady_ms() + SETTLE_CHECK_MS);
    row->again = false;
}

void
report_send(struct flight *f, struct tocsin_outcome *o)
{
    struct event ev = { .kind = EV_DELIVERY,
                        .incident = f->row->key.incident,
                        .target = f->row->key.lane->name,
                        .change = f->work.change,
                        .ver = f->work.ver,
                        .page = f->work.page,
                        .notes = f->work.notes,
                        .seed = rand_u64() };

    verdict_tidy(f->arena, f->cn != NULL ? f->cn->settings : NULL, o);
    ev.outcome = o;
    count(f, o);
    tell_people(f, o);
    let_go(f);
    f->n->hooks.report(f->n->hooks.ctx, &ev);
    flight_free(f);
}
