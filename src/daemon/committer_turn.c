/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn of the committer: events from what was taken, the commit, the
 * answers; and what becomes of each kind of work when the commit fails.
 */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/committer_impl.h"
#include "os/clock.h"
#include "plugin/loader.h"

/* --- time ---------------------------------------------------------------------------- */

int64_t
committer_time(struct committer *c)
{
    int64_t wall = clock_wall_ms(), mono = clock_mono_ms(), moved = wall - (c->last_wall + (mono - c->last_mono));

    if (c->last_wall > 0 && (moved < -2000 || moved > 60000)) {
        atomic_fetch_add(&c->clock_jumps, 1);
        log_warn("turn", "", "the system's clock moved by %lld ms", (long long)moved);
    }
    c->last_wall = wall;
    c->last_mono = mono;
    return clock_steady_ms();
}

/* --- what the core asks ----------------------------------------------------------------- */

bool
committer_caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    struct committer *c = ctx;
    const struct conf_notifier *n = conf_notifier(c->conf, target);

    if (n == NULL)
        return false;
    out->can_ack = n->flags & TOCSIN_CAN_ACK;
    out->can_note = n->flags & TOCSIN_CAN_NOTE;
    out->can_unack = n->flags & TOCSIN_CAN_UNACK;
    out->send_resolved = n->send_resolved;
    out->dedupes = n->flags & TOCSIN_DEDUPES;
    return true;
}

const struct policy *
committer_default_policy(void *ctx)
{
    struct committer *c = ctx;

    return c->conf->default_policy;
}

const struct decision *
committer_silent(void *ctx, struct arena *arena, const struct alert_row *row)
{
    struct committer *c = ctx;

    return c->opt.silent != NULL ? c->opt.silent(c->opt.ctx, c->conf, arena, row) : NULL;
}

void
committer_announce(void *ctx, const struct incident_detail *detail)
{
    struct committer *c = ctx;

    notifier_draft(c->notifier, detail);
    c->announced = true;
}

/* --- answers ------------------------------------------------------------------------------ */

static void
intake_answer(struct intake *in, const struct ingest_result *result)
{
    in->done(in->done_ctx, result);
    conf_unref(in->conf);
    arena_free(in->arena);                   /* the intake itself lives in it */
}

void
intake_refuse(struct intake *in, const struct tocsin_err *err)
{
    struct ingest_result r = { .rc = err->rc, .err = *err };

    intake_answer(in, &r);
}

static void
item_of(const struct event *e, struct ingest_item *out)
{
    *out = (struct ingest_item){ .dedup_key = e->kind == EV_ALERT ? e->decision->dedup_key : NULL,
                                 .number = e->number_r, .rc = e->rc };
    if (!id_is_zero(&e->incident_r))
        id_format(&e->incident_r, out->incident);
}

void
intake_accept(struct intake *in, const struct event *events)
{
    struct ingest_result r = { .accepted = in->n_alerts, .n_actions = in->n - in->n_alerts - in->n_beats };
    size_t alerts = 0, actions = 0;

    r.items = arena_alloc(in->arena, (r.accepted + 1) * sizeof *r.items);
    r.actions = arena_alloc(in->arena, (r.n_actions + 1) * sizeof *r.actions);
    for (size_t i = 0; i < in->n; i++)
        if (events[i].kind == EV_ALERT || events[i].kind == EV_ACTION)
            item_of(&events[i], events[i].kind == EV_ALERT ? &r.items[alerts++] : &r.actions[actions++]);
    intake_answer(in, &r);
}

void
job_free(struct job *j)
{
    free(j->by);
    free(j->note);
    free(j->origin);
    free(j->target);
    free(j->silence);
    free(j);
}

void
job_answer(struct job *j, enum tocsin_rc rc, const struct tocsin_err *err)
{
    if (j->silence_done != NULL)
        j->silence_done(j->done_ctx, rc, &j->event.silence_r, err);
    else if (j->done != NULL)
        j->done(j->done_ctx, rc, err);
    job_free(j);
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void
make_events(struct committer *c, struct load *l)
{
    size_t n = 0;

    l->events = arena_alloc(c->arena, (l->n_alerts + l->n_jobs + 1) * sizeof *l->events);
    for (const struct intake *in = l->intake; in != NULL; in = in->next)
        for (size_t i = 0; i < in->n; i++)
            l->events[n++] = in->events[i];
    for (const struct job *j = l->jobs; j != NULL; j = j->next)
        l->events[n++] = j->event;
}

/* What is to be sent, and was, goes into the transaction with the rest. */
static void
set_outbox(struct committer *c, const struct load *l)
{
    struct outbox_row **rows;
    size_t n = 0;

    for (const struct intake *in = l->intake; in != NULL; in = in->next)
        n += in->n_outbox;
    rows = arena_alloc(c->arena, (n + 1) * sizeof *rows);
    n = 0;
    for (const struct intake *in = l->intake; in != NULL; in = in->next)
        for (size_t i = 0; i < in->n_outbox; i++)
            rows[n++] = in->outbox[i];
    c->env.outbox = rows;
    c->env.n_outbox = n;
    c->env.outbox_gone = l->gone;
    c->env.n_outbox_gone = l->n_gone;
}

static void
clear_outbox(struct committer *c)
{
    c->env.outbox = NULL;
    c->env.outbox_gone = NULL;
    c->env.n_outbox = c->env.n_outbox_gone = 0;
}

static void
wake_notifier(struct committer *c, const struct turn_result *r)
{
    for (size_t i = 0; i < r->n_due; i++)
        notifier_wake(c->notifier, &r->due[i].incident, r->due[i].target, r->due[i].due_at);
}

static void
answer_all(struct load *l)
{
    const struct event *e = l->events;

    while (l->intake != NULL) {
        struct intake *in = l->intake;
        size_t n = in->n;

        l->intake = in->next;
        intake_accept(in, e);                /* frees it */
        e += n;
    }
    while (l->jobs != NULL) {
        struct job *j = l->jobs;

        l->jobs = j->next;
        j->event.silence_r = e->silence_r;
        job_answer(j, e->rc, &j->err);
        e++;
    }
}

void
committer_refuse(struct committer *c, struct load *l, const struct tocsin_err *err)
{
    struct job *keep = NULL, **at = &keep;

    while (l->intake != NULL) {
        struct intake *in = l->intake;

        l->intake = in->next;
        pthread_mutex_lock(&c->mutex);
        c->stats.refused += in->n;
        pthread_mutex_unlock(&c->mutex);
        intake_refuse(in, err);
    }
    while (l->jobs != NULL) {
        struct job *j = l->jobs;

        l->jobs = j->next;
        j->next = NULL;
        if (job_is_asked(j)) {
            job_answer(j, err->rc, err);
        } else {
            *at = j;
            at = &j->next;
        }
    }
    if (keep == NULL)
        return;
    pthread_mutex_lock(&c->mutex);
    *at = c->job_head;
    if (c->job_head == NULL)
        c->job_tail = at;
    c->job_head = keep;
    pthread_mutex_unlock(&c->mutex);
}

static void
count_intake(struct turn_stats *s, const struct intake *in)
{
    s->events += in->n;
    s->alerts += in->n_alerts;
    for (size_t i = 0; i < in->n; i++) {
        const struct decision *d = in->events[i].decision;

        if (in->events[i].kind != EV_ALERT)
            continue;
        s->alerts_resolved += d->status == TOCSIN_RESOLVED;
        s->dropped += d->drop;
        s->suppressed += d->suppress;
        s->rule_failures += d->failed;
    }
}

static void
note_stats(struct committer *c, const struct load *l, const struct turn_result *r, int64_t us)
{
    static const int64_t le[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000 };
    size_t b = 0, n_intakes = 0;

    while (b < sizeof le / sizeof le[0] && us > le[b])
        b++;
    pthread_mutex_lock(&c->mutex);
    c->stats.turns++;
    c->stats.events += l->n_jobs;
    c->stats.repeats += r->repeats;
    for (const struct intake *in = l->intake; in != NULL; in = in->next, n_intakes++)
        count_intake(&c->stats, in);
    if (r->wrote && n_intakes >= COMPANY_MIN) {
        c->company = n_intakes;
        c->company_us = us / 2 < COMPANY_US ? us / 2 : COMPANY_US;   /* less than what it may spare */
    }
    if (r->wrote && l->n_alerts > 0) {
        c->news_gap = clock_mono_ms() - c->news_at;
        c->news_at += c->news_gap;
    }
    if (r->wrote) {
        c->stats.commits++;
        c->stats.commit_us_buckets[b]++;
        c->stats.commit_us_sum += (uint64_t)us;
    }
    c->last_err.rc = TOCSIN_OK;
    pthread_mutex_unlock(&c->mutex);
}

bool
committer_repeats(struct committer *c, struct intake *in)
{
    struct turn_result r;
    bool done;

    done = turn_repeats(&c->env, c->arena, in->events, in->n, committer_time(c), &r);
    arena_reset(c->arena);
    if (!done)
        return false;
    c->stats.turns++;
    c->stats.repeats += r.repeats;
    count_intake(&c->stats, in);
    c->lazy = true;
    return true;
}

void
committer_failed(struct committer *c, const struct tocsin_err *err)
{
    char text[1024];

    complain(&c->trouble, "store", "", "cannot commit: %s", err_text(err, text, sizeof text));
    c->retry_at = clock_mono_ms() + FAILED_WAIT_MS;
    pthread_mutex_lock(&c->mutex);
    c->last_err = *err;
    c->failed |= err->rc == TOCSIN_FATAL;
    pthread_mutex_unlock(&c->mutex);
    if (err->rc == TOCSIN_FATAL)
        c->opt.fatal(c->opt.ctx, err);
}

static enum tocsin_rc
run(struct committer *c, struct event *events, size_t n, struct turn_result *r, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    c->conf = c->opt.conf(c->opt.ctx);
    c->announced = false;
    rc = turn_run(&c->env, c->arena, events, n, committer_time(c), TURN_TIMERS, r, err);
    for (size_t i = 0; rc == TOCSIN_OK && i < r->n_damage; i++)
        log_error("store", "", "%s", r->damage[i]);
    if (rc != TOCSIN_OK && c->announced)
        notifier_drop_drafts(c->notifier);
    conf_unref(c->conf);
    c->conf = NULL;
    return rc;
}

void
committer_check_clock(struct committer *c)
{
    size_t n = c->n_unchecked < TURN_TIMERS ? c->n_unchecked : TURN_TIMERS;
    struct event *events = arena_zalloc(c->arena, (n + 1) * sizeof *events);
    struct turn_result r;
    struct tocsin_err err;

    for (size_t i = 0; i < n; i++)
        events[i] = (struct event){ .kind = EV_CLOCK, .incident = c->unchecked[c->n_unchecked - 1 - i] };
    if (run(c, events, n, &r, &err) == TOCSIN_OK) {
        wake_notifier(c, &r);
        c->n_unchecked -= n;
    } else {
        committer_failed(c, &err);           /* they stay: after a while they are asked again */
    }
    arena_reset(c->arena);
}

/* With the disk full new alerts are refused, but acknowledgements and results of sends have a reserve. */
static enum tocsin_rc
run_jobs_alone(struct committer *c, struct load *l, const struct tocsin_err *why)
{
    struct load rest = { .jobs = l->jobs, .n_jobs = l->n_jobs };
    struct turn_result r;
    struct tocsin_err err;

    l->jobs = NULL;
    l->n_jobs = 0;
    committer_refuse(c, l, why);
    make_events(c, &rest);
    if (run(c, rest.events, rest.n_jobs, &r, &err) != TOCSIN_OK) {
        committer_refuse(c, &rest, &err);
        return err.rc;
    }
    wake_notifier(c, &r);
    answer_all(&rest);
    return TOCSIN_OK;
}

void
committer_turn(struct committer *c, struct load *l)
{
    struct turn_result r;
    struct tocsin_err err;
    int64_t begin = clock_mono_us();
    enum tocsin_rc rc;

    make_events(c, l);
    set_outbox(c, l);
    rc = run(c, l->events, l->n_alerts + l->n_jobs, &r, &err);
    clear_outbox(c);
    if (rc == TOCSIN_OK) {
        complaint_over(&c->trouble, "store", "", "commits succeed again");
        c->lazy |= r.repeats > 0;
        note_stats(c, l, &r, clock_mono_us() - begin);
        wake_notifier(c, &r);
        free(l->gone);
        answer_all(l);
        if (c->opt.store->ops->settle != NULL)
            c->opt.store->ops->settle(c->opt.store);
    } else {
        committer_failed(c, &err);
        for (size_t i = 0; i < l->n_gone; i++)
            committer_outbox_gone(c, l->gone[i]);
        free(l->gone);
        if (err.rc == TOCSIN_FULL && l->n_alerts > 0)
            run_jobs_alone(c, l, &err);
        else
            committer_refuse(c, l, &err);
    }
    arena_reset(c->arena);
}
