/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notifier.c - the thread: take wakes, start what is due, wait for answers.
 *
 * Other threads only touch the inbox and the statistics, so nobody waits for
 * a vendor.  Due times are stored, so they are steady wall-clock times (os/clock.h);
 * all other waits are monotonic.
 */
#include "notifier/notifier.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "notifier/impl.h"
#include "os/clock.h"

enum {
    ROUND_MAX = 256,   /* rows started between two looks at the network */
    NAP_MAX_MS = 1000, /* a clock that was set is noticed within this */
    GET_TIMEOUT_MS = 10000
};

/* --- the inbox -------------------------------------------------------------------------- */

static void
post(struct notifier *n, const struct wake *w)
{
    bool first;

    pthread_mutex_lock(&n->lock);
    if (n->n_inbox == n->cap_inbox) {
        n->cap_inbox = n->cap_inbox > 0 ? n->cap_inbox * 2 : 64;
        n->inbox = xrealloc(n->inbox, n->cap_inbox * sizeof *n->inbox);
    }
    first = n->n_inbox == 0;
    n->inbox[n->n_inbox++] = *w;
    pthread_mutex_unlock(&n->lock);
    if (first)
        transport_wake(n->transport);
}

void
notifier_wake(struct notifier *n, const struct id16 *incident, const char *target, int64_t due_at)
{
    post(n, &(struct wake){ .kind = WAKE_ROW, .incident = *incident, .target = xstrdup(target), .due_at = due_at });
}

void
notifier_draft(struct notifier *n, const struct incident_detail *detail)
{
    post(n, &(struct wake){ .kind = WAKE_DRAFT, .draft = draft_new(detail) });
}

void
notifier_drop_drafts(struct notifier *n)
{
    post(n, &(struct wake){ .kind = WAKE_DROP_DRAFTS });
}

void
notifier_reload(struct notifier *n)
{
    pthread_mutex_lock(&n->lock);
    n->reload = true;
    pthread_mutex_unlock(&n->lock);
    transport_wake(n->transport);
}

static void
configure_lane(struct notifier *n, struct lane *lane)
{
    lane->cn = conf_notifier(n->conf, lane->name);
    lane->host = NULL; /* the address may be another one now */
    if (lane->cn != NULL)
        bucket_set(&lane->bucket, lane->cn->rate_per_s, lane->cn->burst, clock_mono_ms());
}

static struct lane *
lane_of(struct notifier *n, const char *name)
{
    struct lane *lane;

    HASH_FIND_STR(n->lanes, name, lane);
    if (lane == NULL) {
        lane = lane_get(n, name);
        configure_lane(n, lane);
    }
    return lane;
}

static void
load_conf(struct notifier *n)
{
    struct conf *old = n->conf;
    struct lane *lane, *next;

    drafts_discard(n);                       /* the address, or the text, may be another one now */
    n->conf = n->hooks.conf(n->hooks.ctx);
    for (size_t i = 0; i < n->conf->n_notifiers; i++)
        lane_get(n, n->conf->notifiers[i].name);
    HASH_ITER(hh, n->lanes, lane, next)
    configure_lane(n, lane);
    if (old != NULL)
        conf_unref(old);
}

static void
take_wake(struct notifier *n, const struct wake *w)
{
    struct lane *lane = lane_of(n, w->target);
    struct row *row = row_get(n, &w->incident, lane);

    /* a draft goes with the wake of the commit that it was made for; what came since is in the ledger */
    if (row->draft != NULL && (row->state != ROW_IDLE || w->due_at != row->draft->delivery->due_at))
        draft_discard(n, row);
    if (row->state == ROW_FLYING) {
        row->again = true;
        row->due_again = w->due_at;
        return;
    }
    if (w->due_at == 0) {
        row_forget(n, row);
        return;
    }
    row_count(n, row, true);
    if (row->state == ROW_READY) {
        enum row_class class;

        /* what it has to say may have become more urgent, or it may have moved off */
        row_unlink(n, row);
        class = attempt_class(n, row);
        if (class != N_CLASSES)
            row_ready(n, row, class);
        return;
    }
    row_sleep(n, row, w->due_at);
}

static bool
take_inbox(struct notifier *n)
{
    struct wake *inbox;
    size_t count;
    bool reload, stopping;

    pthread_mutex_lock(&n->lock);
    inbox = n->inbox;
    count = n->n_inbox;
    n->inbox = NULL;
    n->n_inbox = n->cap_inbox = 0;
    reload = n->reload;
    n->reload = false;
    stopping = n->stopping;
    pthread_mutex_unlock(&n->lock);
    if (reload)
        load_conf(n);
    for (size_t i = 0; i < count; i++) {
        if (inbox[i].kind == WAKE_ROW)
            take_wake(n, &inbox[i]);
        else if (inbox[i].kind == WAKE_DRAFT)
            draft_take(n, lane_of(n, inbox[i].draft->detail.deliveries[0].target), inbox[i].draft);
        else
            drafts_discard(n);
        free(inbox[i].target);
    }
    free(inbox);
    return stopping;
}

/* --- starting what is due ----------------------------------------------------------------- */

static bool
has_room(struct lane *lane)
{
    if (lane->cn == NULL)
        return true;
    return (lane->cn->concurrency == 0 || lane->in_flight < lane->cn->concurrency) &&
           bucket_wait_ms(&lane->bucket, clock_mono_ms()) == 0;
}

static void
start_row(struct notifier *n, struct row *row)
{
    struct lane *lane = row->key.lane;
    enum row_class class;
    int64_t wait;

    if (row->put_off && lane->host != NULL && (wait = breaker_wait_ms(&lane->host->breaker, clock_mono_ms())) > 0) {
        row_sleep(n, row, clock_steady_ms() + wait);
        return;
    }
    if (lane->n_ready == 0 && has_room(lane)) {
        attempt_row(n, row);
        return;
    }
    draft_discard(n, row);
    class = attempt_class(n, row);
    if (class != N_CLASSES)
        row_ready(n, row, class);
}

/* True when there may be more to start at once. */
static bool
start_due(struct notifier *n)
{
    int64_t now = clock_steady_ms();
    struct lane *lane, *next;
    struct row *row;
    int started = 0;

    HASH_ITER(hh, n->lanes, lane, next)
    while (lane->n_ready > 0 && has_room(lane) && started++ < ROUND_MAX)
        attempt_row(n, row_pop_ready(lane));
    while (started++ < ROUND_MAX && (row = row_pop_due(n, now)) != NULL)
        start_row(n, row);
    return started >= ROUND_MAX;
}

static void
resume_delayed(struct notifier *n)
{
    struct flight *f, *next;
    int64_t now = clock_mono_ms();

    DL_FOREACH_SAFE(n->flights, f, next)
    {
        if (!f->paused || f->resume_ms > now)
            continue;
        f->paused = false;
        flight_run(f);
    }
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
nap(struct notifier *n, bool stopping)
{
    int64_t mono = clock_mono_ms(), wait = NAP_MAX_MS;
    struct lane *lane, *next;
    struct flight *f;

    DL_FOREACH(n->flights, f)
    if (f->paused)
        wait = sooner(wait, f->resume_ms - mono);
    if (stopping)
        return sooner(wait, n->stop_at_ms - mono);
    if (row_next_due(n) > 0)
        wait = sooner(wait, row_next_due(n) - clock_steady_ms());
    HASH_ITER(hh, n->lanes, lane, next)
    if (lane->n_ready > 0 &&
        (lane->cn == NULL || lane->cn->concurrency == 0 || lane->in_flight < lane->cn->concurrency))
        wait = sooner(wait, bucket_wait_ms(&lane->bucket, mono));
    return wait;
}

static void *
run(void *arg)
{
    struct notifier *n = arg;

    for (;;) {
        bool more = false, stopping = take_inbox(n);

        if (stopping && (n->flights == NULL || clock_mono_ms() >= n->stop_at_ms))
            break;
        if (!stopping)
            more = start_due(n);
        resume_delayed(n);
        transport_poll(n->transport, more ? 0 : nap(n, stopping));
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

static enum tocsin_rc
load_pending(struct notifier *n, struct tocsin_err *err)
{
    struct arena *a = arena_new();
    struct pending *rows = NULL;
    size_t count = 0;
    enum tocsin_rc rc = n->store->ops->pending(n->store, a, &rows, &count, err);

    if (rc != TOCSIN_OK)
        err_wrap(err, "cannot read what is still to be told");
    for (size_t i = 0; rc == TOCSIN_OK && i < count; i++) {
        struct row *row;

        if (rows[i].due_at == 0)
            continue;                        /* refused: waits for a change */
        row = row_get(n, &rows[i].incident, lane_of(n, rows[i].target));
        row_count(n, row, true);
        row_sleep(n, row, rows[i].due_at);
    }
    arena_free(a);
    return rc;
}

enum tocsin_rc
notifier_start(struct store *store, struct transport *transport, const struct notifier_hooks *hooks,
               struct notifier **out_r, struct tocsin_err *err)
{
    struct notifier *n = xcalloc(1, sizeof *n);
    enum tocsin_rc rc;
    int no;

    n->store = store;
    n->transport = transport;
    n->hooks = *hooks;
    n->joined = true;
    pthread_mutex_init(&n->lock, NULL);
    load_conf(n);
    rc = load_pending(n, err);
    if (rc != TOCSIN_OK)
        goto out;
    *out_r = n; /* before the first report can come */
    no = pthread_create(&n->thread, NULL, run, n);
    if (no != 0) {
        *out_r = NULL;
        rc = err_set(err, TOCSIN_TEMPORARY, "", "cannot start the notifier's thread: %s", err_errno(no));
        goto out;
    }
    n->joined = false;
    n = NULL;
out:
    notifier_free(n);
    return rc;
}

void
notifier_stop(struct notifier *n, int64_t grace_ms)
{
    if (n->joined)
        return;
    pthread_mutex_lock(&n->lock);
    n->stopping = true;
    n->stop_at_ms = clock_mono_ms() + grace_ms;
    pthread_mutex_unlock(&n->lock);
    transport_wake(n->transport);
    pthread_join(n->thread, NULL);
    n->joined = true;
}

void
notifier_free(struct notifier *n)
{
    if (n == NULL)
        return;
    notifier_stop(n, 0);
    while (n->flights != NULL) { /* not answered in time: their rows are due again at the next start */
        struct flight *f = n->flights;

        DL_DELETE(n->flights, f);
        flight_free(f);
    }
    drafts_discard(n);
    for (size_t i = 0; i < n->n_inbox; i++) {
        free(n->inbox[i].target);
        draft_free(n->inbox[i].draft);
    }
    free(n->inbox);
    rows_free(n);
    if (n->conf != NULL)
        conf_unref(n->conf);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

size_t
notifier_stats(struct notifier *n, struct arena *a, struct notifier_stats **out)
{
    struct lane *lane, *next;
    size_t i = 0;

    pthread_mutex_lock(&n->lock);
    *out = arena_alloc(a, (HASH_COUNT(n->lanes) + 1) * sizeof **out);
    HASH_ITER(hh, n->lanes, lane, next)
    {
        (*out)[i] = lane->stats;
        (*out)[i++].name = arena_strdup(a, lane->name);
    }
    pthread_mutex_unlock(&n->lock);
    return i;
}

enum tocsin_rc
notifier_get(struct notifier *n, const char *url, struct arena *a, const char **body, size_t *len,
             struct tocsin_err *err)
{
    const struct transport_options opt = { .timeout_ms = GET_TIMEOUT_MS };

    (void)n;
    return transport_get(url, &opt, a, body, len, err);
}
