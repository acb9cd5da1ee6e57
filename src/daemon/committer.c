/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/committer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "daemon/committer_impl.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/rand.h"
#include "store/row_fields.h"

enum {
    FLUSH_MS = 1000,
    UPKEEP_MS = 5000,
    UPKEEP_BUDGET_MS = 20
};

/* --- the queue ------------------------------------------------------------------------------ */

static enum tocsin_rc
admission(struct committer *c, size_t n, struct tocsin_err *err)
{
    if (c->failed)
        return err_set(err, TOCSIN_FATAL, "", "the store failed: %s", c->last_err.what);
    if (c->stopping)
        return err_set(err, TOCSIN_TEMPORARY, "", "tocsin is shutting down");
    if (n > 0 && c->queued + n > c->opt.queue_max && c->queued > 0)
        return err_set(err, TOCSIN_TEMPORARY, "", "%zu alerts are waiting to be stored already", c->queued);
    return TOCSIN_OK;
}

/* When the thread has something to do without being woken. */
static int64_t
next_wait_ms(struct committer *c, int64_t mono)
{
    int64_t due = c->opt.store->ops->next_due(c->opt.store), wait = c->next_upkeep - mono;

    if (c->n_unchecked > 0)
        wait = 0;
    if (c->lazy && c->next_flush - mono < wait)
        wait = c->next_flush - mono;
    if (due > 0 && due - committer_time(c) < wait)
        wait = due - committer_time(c);
    if (c->retry_at > mono && wait < c->retry_at - mono)
        wait = c->retry_at - mono;
    return wait > 0 ? wait : 0;
}

/* Is there something queued that is not to wait any longer?  The mutex is held. */
static bool
is_ready(const struct committer *c, int64_t mono)
{
    if (c->intake_head != NULL || (c->n_gone > 0 && c->gone_at <= mono && c->retry_at <= mono))
        return true;
    return c->job_head != NULL && c->jobs_at <= mono && c->retry_at <= mono;
}

/* What was just counted may be due, or is to be flushed, before the thread would look. */
static void
wake_if_sooner(struct committer *c)
{
    int64_t mono = clock_mono_ms(), at = mono + next_wait_ms(c, mono);

    if (at < c->wake_at) {
        c->wake_at = at;
        pthread_cond_signal(&c->wake);
    }
}

static void
enqueue(struct committer *c, struct intake *in)
{
    c->n_intakes++;
    if (c->n_intakes == 1 || c->n_intakes == c->company)
        pthread_cond_signal(&c->wake);
    *c->intake_tail = in;
    c->intake_tail = &in->next;
    c->queued += in->n;
}

/*
 * Most payloads repeat what is known.  While the thread sleeps and no payload waits that it would overtake, such a
 * payload is counted here: no thread is woken, and its request is not parked.
 */
void
committer_intake(struct committer *c, struct intake *in)
{
    struct tocsin_err err;
    enum tocsin_rc rc;
    bool counted = false;

    in->next = NULL;
    pthread_mutex_lock(&c->mutex);
    rc = admission(c, in->n, &err);
    if (rc == TOCSIN_OK && c->asleep && c->intake_head == NULL && in->n_alerts + in->n_beats == in->n &&
        in->n_outbox == 0)
        counted = committer_repeats(c, in);
    if (rc != TOCSIN_OK)
        c->stats.refused += in->n;
    else if (counted)
        wake_if_sooner(c);
    else
        enqueue(c, in);
    pthread_mutex_unlock(&c->mutex);
    if (rc != TOCSIN_OK)
        intake_refuse(in, &err);
    else if (counted)
        intake_accept(in, in->events);
}

static char *
copy(const char *s)
{
    return s != NULL ? xstrdup(s) : NULL;
}

static void
enqueue_job(struct committer *c, struct job *j)
{
    struct tocsin_err err;
    enum tocsin_rc rc = TOCSIN_OK;

    j->event.by = j->by;
    j->event.note = j->note;
    j->event.origin = j->origin;
    j->event.target = j->target;
    j->event.outcome = &j->outcome;
    j->event.err = &j->err;
    j->event.silence = j->silence;
    pthread_mutex_lock(&c->mutex);
    if (job_is_asked(j))
        rc = admission(c, 0, &err);
    if (rc == TOCSIN_OK) {
        bool waits = j->event.kind == EV_DELIVERY && c->news_gap <= BUSY_GAP_MS;
        int64_t at = clock_mono_ms() + (waits ? REPORT_WAIT_MS : 0);

        if (c->job_head == NULL || at < c->jobs_at) {
            c->jobs_at = at;
            pthread_cond_signal(&c->wake);
        }
        *c->job_tail = j;
        c->job_tail = &j->next;
    }
    pthread_mutex_unlock(&c->mutex);
    if (rc != TOCSIN_OK)
        job_answer(j, rc, &err);
}

void
committer_act(struct committer *c, const struct api_action *a, const char *origin,
              void (*done)(void *, enum tocsin_rc, const struct tocsin_err *), void *done_ctx)
{
    struct job *j = xcalloc(1, sizeof *j);

    j->event = (struct event){ .kind = EV_ACTION, .incident = a->incident, .action = a->action, .until = a->until };
    j->by = copy(a->by);
    j->note = copy(a->note);
    j->origin = copy(origin);
    j->done = done;
    j->done_ctx = done_ctx;
    enqueue_job(c, j);
}

void
committer_silence(struct committer *c, const struct api_silence *s, silence_done done, void *done_ctx)
{
    struct job *j = xcalloc(1, sizeof *j);

    j->event = (struct event){ .kind = s->end ? EV_SILENCE_END : EV_SILENCE, .key = s->row.id };
    j->silence = s->end ? NULL : silence_row_dup(&s->row);
    j->silence_done = done;
    j->done_ctx = done_ctx;
    enqueue_job(c, j);
}

void
committer_report(struct committer *c, const struct event *e)
{
    struct job *j = xcalloc(1, sizeof *j);

    j->event = *e;
    j->target = copy(e->target);
    if (e->outcome != NULL)
        j->outcome = *e->outcome;
    enqueue_job(c, j);
}

void
committer_outbox_gone(struct committer *c, int64_t id)
{
    pthread_mutex_lock(&c->mutex);
    if (c->n_gone == c->cap_gone) {
        c->cap_gone = c->cap_gone > 0 ? c->cap_gone * 2 : 64;
        c->gone = xrealloc(c->gone, c->cap_gone * sizeof *c->gone);
    }
    if (c->n_gone == 0) {
        c->gone_at = clock_mono_ms() + GONE_WAIT_MS;
        pthread_cond_signal(&c->wake);
    }
    c->gone[c->n_gone++] = id;
    pthread_mutex_unlock(&c->mutex);
}

static void
take(struct committer *c, struct load *l)
{
    struct intake *in, **at = &l->intake;
    struct job **job_at = &l->jobs;

    *l = (struct load){ 0 };
    while ((in = c->intake_head) != NULL && (l->n_alerts == 0 || l->n_alerts + in->n <= TURN_ALERTS)) {
        c->intake_head = in->next;
        in->next = NULL;
        *at = in;
        at = &in->next;
        l->n_alerts += in->n;
        c->n_intakes--;
    }
    if (c->intake_head == NULL)
        c->intake_tail = &c->intake_head;
    c->queued -= l->n_alerts;
    while (c->job_head != NULL && l->n_jobs < TURN_ALERTS) {
        struct job *j = c->job_head;

        c->job_head = j->next;
        j->next = NULL;
        *job_at = j;
        job_at = &j->next;
        l->n_jobs++;
    }
    if (c->job_head == NULL)
        c->job_tail = &c->job_head;
    l->gone = c->gone;
    l->n_gone = c->n_gone;
    c->gone = NULL;
    c->n_gone = c->cap_gone = 0;
}

/* --- the thread -------------------------------------------------------------------------------- */

/* One flush takes so many rows and no more; with others left the next is due in a second, whether anything comes or not. */
static bool
is_ahead_of_disk(struct store *s)
{
    struct store_stats st;
    struct tocsin_err err;

    return s->ops->stats(s, &st, &err) != TOCSIN_OK || st.lazy_unflushed > 0;
}

static void
upkeep(struct committer *c, int64_t mono)
{
    const struct store_ops *ops = c->opt.store->ops;
    struct tocsin_err err;
    enum tocsin_rc rc = TOCSIN_OK;

    if (c->lazy && mono >= c->next_flush) {
        rc = ops->flush(c->opt.store, &err);
        c->next_flush = mono + FLUSH_MS;
        c->lazy = rc != TOCSIN_OK || is_ahead_of_disk(c->opt.store);
    }
    if (rc == TOCSIN_OK && mono >= c->next_upkeep) {
        struct conf *conf = c->opt.conf(c->opt.ctx);

        rc = ops->maintain(c->opt.store, committer_time(c), conf->store.keep_ms, UPKEEP_BUDGET_MS, &err);
        conf_unref(conf);
        c->next_upkeep = mono + UPKEEP_MS;
    }
    if (rc != TOCSIN_OK)
        committer_failed(c, &err);
}

static struct timespec
in_us(int64_t us)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(us / 1000000);
    until.tv_nsec += (long)(us % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

static void
wait_for_work(struct committer *c, int64_t mono, int64_t ms)
{
    struct timespec until = in_us(ms * 1000);

    c->wake_at = mono + ms;
    c->asleep = true;
    pthread_cond_timedwait(&c->wake, &c->mutex, &until);
    c->asleep = false;
}

/*
 * Senders that wait for their answers come back together, a few hundred microseconds apart.  Without patience the
 * first of them would have a sync of its own and all others would wait for it.  A single sender is not held up.
 */
static void
wait_for_company(struct committer *c)
{
    struct timespec until = in_us(c->company_us);

    while (c->n_intakes < c->company && !c->stopping)
        if (pthread_cond_timedwait(&c->wake, &c->mutex, &until) != 0)
            break;
}

/* Sleep until there is something to do, and take it; what may still wait for company stays. */
static bool
await(struct committer *c, struct load *l)
{
    int64_t mono = clock_mono_ms(), wait = next_wait_ms(c, mono);
    bool stop, hopeless;

    pthread_mutex_lock(&c->mutex);
    if (c->job_head != NULL) {
        int64_t at = c->jobs_at > c->retry_at ? c->jobs_at : c->retry_at;

        wait = at - mono < wait ? at - mono : wait;
    }
    if (c->n_gone > 0) {
        int64_t at = c->gone_at > c->retry_at ? c->gone_at : c->retry_at;

        wait = at - mono < wait ? at - mono : wait;
    }
    if (!c->stopping && wait > 0 && !is_ready(c, mono))
        wait_for_work(c, mono, wait);
    *l = (struct load){ 0 };
    /* the store refuses, and the end is near: results of sends are left, the ledger has them sent again */
    if (c->intake_head != NULL)
        wait_for_company(c);
    c->company = 0;
    hopeless = c->stopping && c->intake_head == NULL && c->retry_at > clock_mono_ms();
    if (!hopeless && (c->stopping || c->failed || is_ready(c, clock_mono_ms())))
        take(c, l);
    stop = hopeless || ((c->stopping || c->failed) && l->n_alerts == 0 && (l->n_jobs == 0 || c->failed));
    pthread_mutex_unlock(&c->mutex);
    return stop;
}

static bool
is_timer_due(struct committer *c)
{
    int64_t due = c->opt.store->ops->next_due(c->opt.store);

    return due > 0 && due <= committer_time(c) && clock_mono_ms() >= c->retry_at;
}

/* Deadlines were stored by another process, perhaps under a clock that has been set back since. */
static void
list_deadlines(struct committer *c)
{
    struct tocsin_err err;

    if (turn_deadlines(&c->env, committer_time(c), &c->unchecked, &c->n_unchecked, &err) != TOCSIN_OK)
        log_error("store", "", "cannot look for deadlines that a wrong clock has set: %s", err.what);
}

static void *
committer_main(void *ctx)
{
    struct committer *c = ctx;

    list_deadlines(c);
    for (;;) {
        struct load l;
        bool stop = await(c, &l);

        if (c->failed) {
            free(l.gone);                    /* after the next start they are sent once more */
            committer_refuse(c, &l, &c->last_err);
            if (stop)
                break;
            continue;
        }
        if (l.n_alerts + l.n_jobs + l.n_gone > 0 || l.intake != NULL || is_timer_due(c))
            committer_turn(c, &l);
        else if (stop)
            break;
        else if (c->n_unchecked > 0 && clock_mono_ms() >= c->retry_at)
            committer_check_clock(c);
        upkeep(c, clock_mono_ms());
    }
    return NULL;
}

struct committer *
committer_new(const struct committer_options *opt)
{
    struct committer *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;

    c->opt = *opt;
    c->intake_tail = &c->intake_head;
    c->job_tail = &c->job_head;
    c->news_gap = INT64_MAX;
    c->arena = arena_new();
    turn_env_init(&c->env, opt->store, rand_u64(), rand_u64());
    c->env.caps_of = committer_caps_of;
    c->env.silent = committer_silent;
    c->env.default_policy = committer_default_policy;
    c->env.announce = committer_announce;
    c->env.ctx = c;
    c->env.started_at = clock_wall_ms();
    c->env.grace_until = c->env.started_at + COMMITTER_GRACE_MS;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    return c;
}

void
committer_run(struct committer *c, struct notifier *n)
{
    c->notifier = n;
    c->running = true;
    if (pthread_create(&c->thread, NULL, committer_main, c) != 0)
        abort();
}

void
committer_stats(struct committer *c, struct turn_stats *out)
{
    pthread_mutex_lock(&c->mutex);
    *out = c->stats;
    out->clock_jumps = atomic_load(&c->clock_jumps);
    out->queue_depth = c->queued;
    pthread_mutex_unlock(&c->mutex);
}

enum tocsin_rc
committer_health(struct committer *c, struct tocsin_err *err)
{
    enum tocsin_rc rc;

    pthread_mutex_lock(&c->mutex);
    rc = c->last_err.rc;
    if (rc != TOCSIN_OK && err != NULL)
        *err = c->last_err;
    if (rc == TOCSIN_OK && c->stopping)
        rc = err_set(err, TOCSIN_TEMPORARY, "", "tocsin is shutting down");
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

void
committer_stop(struct committer *c)
{
    struct tocsin_err err;

    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->mutex);
    if (c->running)
        pthread_join(c->thread, NULL);
    if (!c->failed && c->lazy && c->opt.store->ops->flush(c->opt.store, &err) != TOCSIN_OK)
        log_error("store", "", "counters of repeated alerts were not written: %s", err.what);
}

void
committer_free(struct committer *c)
{
    if (c == NULL)
        return;
    while (c->job_head != NULL) {
        struct job *j = c->job_head;

        c->job_head = j->next;
        job_free(j);
    }
    free(c->unchecked);
    free(c->gone);
    turn_env_release(&c->env);
    arena_free(c->arena);
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->wake);
    free(c);
}
