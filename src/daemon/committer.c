/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/committer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/rand.h"
#include "plugin/loader.h"

enum {
    TURN_ALERTS = 2000,            /* of one turn: bounds the time that a sender waits for others */
    TURN_TIMERS = 500,
    FLUSH_MS = 1000,
    UPKEEP_MS = 5000,
    UPKEEP_BUDGET_MS = 20,
    FAILED_WAIT_MS = 1000          /* after a failed commit, before what must not be lost is tried again */
};

/* An action or a report, owned by the queue. */
struct job {
    struct job *next;
    struct event event;
    char *by, *note, *origin, *target;
    void (*done)(void *ctx, enum tocsin_rc, const struct tocsin_err *);
    void *done_ctx;
};

struct committer {
    struct committer_options opt;
    struct turn_env env;
    struct notifier *notifier;
    pthread_t thread;

    pthread_mutex_t mutex;                   /* guards what follows */
    pthread_cond_t wake;
    struct intake *intake_head, **intake_tail;
    struct job *job_head, **job_tail;
    size_t queued;
    bool stopping, failed;
    struct turn_stats stats;
    struct tocsin_err last_err;              /* rc TOCSIN_OK while commits succeed */

    /* the thread's own */
    struct arena *arena;
    struct conf *conf;                       /* during a turn */
    int64_t last_wall, last_mono;            /* of the turn before: wall time never goes back here */
    int64_t next_flush, next_upkeep, retry_at;
    bool lazy;
    struct complaint trouble;
};

/* --- time ---------------------------------------------------------------------------- */

/* Wall time that goes on at the pace of the monotonic clock while the system's is behind it. */
static int64_t
turn_time(struct committer *c)
{
    int64_t wall = clock_wall_ms(), mono = clock_mono_ms(), expected = c->last_wall + (mono - c->last_mono);

    if (c->last_wall > 0 && (wall < expected - 2000 || wall > expected + 60000)) {
        pthread_mutex_lock(&c->mutex);
        c->stats.clock_jumps++;
        pthread_mutex_unlock(&c->mutex);
        log_warn("turn", "", "the system's clock moved by %lld ms", (long long)(wall - expected));
    }
    if (wall < c->last_wall)
        wall = expected > c->last_wall ? expected : c->last_wall;
    c->last_wall = wall;
    c->last_mono = mono;
    return wall;
}

/* --- what the core asks ----------------------------------------------------------------- */

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    struct committer *c = ctx;
    const struct conf_notifier *n = conf_notifier(c->conf, target);

    if (n == NULL)
        return false;
    out->can_ack = n->plugin->api.flags & TOCSIN_CAN_ACK;
    out->can_note = n->plugin->api.flags & TOCSIN_CAN_NOTE;
    out->can_unack = n->plugin->api.flags & TOCSIN_CAN_UNACK;
    out->send_resolved = n->send_resolved;
    return true;
}

/* --- answers ------------------------------------------------------------------------------ */

static void
intake_answer(struct intake *in, const struct ingest_result *result)
{
    in->done(in->done_ctx, result);
    conf_unref(in->conf);
    arena_free(in->arena);                   /* the intake itself lives in it */
}

static void
intake_refuse(struct intake *in, const struct tocsin_err *err)
{
    struct ingest_result r = { .rc = err->rc, .err = *err };

    intake_answer(in, &r);
}

static void
intake_accept(struct intake *in, const struct event *events)
{
    struct ingest_result r = { .accepted = in->n };

    r.items = arena_alloc(in->arena, (in->n + 1) * sizeof *r.items);
    for (size_t i = 0; i < in->n; i++) {
        r.items[i].dedup_key = in->decisions[i]->dedup_key;
        r.items[i].incident[0] = '\0';
        if (!id_is_zero(&events[i].incident_r))
            id_format(&events[i].incident_r, r.items[i].incident);
    }
    intake_answer(in, &r);
}

static void
job_free(struct job *j)
{
    free(j->by);
    free(j->note);
    free(j->origin);
    free(j->target);
    free(j);
}

static void
job_answer(struct job *j, enum tocsin_rc rc, const struct tocsin_err *err)
{
    if (j->done != NULL)
        j->done(j->done_ctx, rc, err);
    job_free(j);
}

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

void
committer_intake(struct committer *c, struct intake *in)
{
    struct tocsin_err err;
    enum tocsin_rc rc;

    in->next = NULL;
    pthread_mutex_lock(&c->mutex);
    rc = admission(c, in->n, &err);
    if (rc == TOCSIN_OK) {
        bool idle = c->intake_head == NULL && c->job_head == NULL;

        *c->intake_tail = in;
        c->intake_tail = &in->next;
        c->queued += in->n;
        if (idle)
            pthread_cond_signal(&c->wake);
    } else {
        c->stats.refused += in->n;
    }
    pthread_mutex_unlock(&c->mutex);
    if (rc != TOCSIN_OK)
        intake_refuse(in, &err);
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
    pthread_mutex_lock(&c->mutex);
    if (j->event.kind == EV_ACTION)
        rc = admission(c, 0, &err);
    if (rc == TOCSIN_OK) {
        *c->job_tail = j;
        c->job_tail = &j->next;
        pthread_cond_signal(&c->wake);
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
committer_report(struct committer *c, const struct event *e)
{
    struct job *j = xcalloc(1, sizeof *j);

    j->event = *e;
    j->target = copy(e->target);
    enqueue_job(c, j);
}

/* --- a turn ---------------------------------------------------------------------------------- */

struct load {                                /* what one turn works on */
    struct intake *intake;
    struct job *jobs;
    size_t n_alerts, n_jobs;
    struct event *events;
};

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
}

static void
make_events(struct committer *c, struct load *l)
{
    size_t n = 0;

    l->events = arena_zalloc(c->arena, (l->n_alerts + l->n_jobs + 1) * sizeof *l->events);
    for (const struct intake *in = l->intake; in != NULL; in = in->next)
        for (size_t i = 0; i < in->n; i++)
            l->events[n++] = (struct event){ .kind = EV_ALERT, .decision = in->decisions[i] };
    for (const struct job *j = l->jobs; j != NULL; j = j->next)
        l->events[n++] = j->event;
}

static void
wake_notifier(struct committer *c, const struct turn_result *r)
{
    if (c->notifier == NULL)
        return;
    for (size_t i = 0; i < r->n_due; i++)
        notifier_wake(c->notifier, &r->due[i].incident, r->due[i].target, r->due[i].due_at);
}

static void
answer_all(struct load *l)
{
    const struct event *e = l->events;

    while (l->intake != NULL) {
        struct intake *in = l->intake;

        l->intake = in->next;
        intake_accept(in, e);
        e += in->n;
    }
    while (l->jobs != NULL) {
        struct job *j = l->jobs;

        l->jobs = j->next;
        job_answer(j, e->rc, &e->err);
        e++;
    }
}

/* Alerts and actions are refused; what must not be lost goes back to the front of the queue. */
static void
refuse_all(struct committer *c, struct load *l, const struct tocsin_err *err)
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
        if (j->event.kind == EV_ACTION) {
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
note_stats(struct committer *c, const struct load *l, const struct turn_result *r, int64_t us)
{
    static const int64_t le[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000 };
    size_t b = 0;

    while (b < sizeof le / sizeof le[0] && us > le[b])
        b++;
    pthread_mutex_lock(&c->mutex);
    c->stats.turns++;
    c->stats.events += l->n_alerts + l->n_jobs;
    c->stats.alerts += l->n_alerts;
    c->stats.repeats += r->repeats;
    for (const struct intake *in = l->intake; in != NULL; in = in->next)
        for (size_t i = 0; i < in->n; i++) {
            c->stats.dropped += in->decisions[i]->drop;
            c->stats.suppressed += in->decisions[i]->suppress;
            c->stats.rule_failures += in->decisions[i]->failed;
        }
    if (r->wrote) {
        c->stats.commits++;
        c->stats.commit_us_buckets[b]++;
        c->stats.commit_us_sum += (uint64_t)us;
    }
    c->last_err.rc = TOCSIN_OK;
    pthread_mutex_unlock(&c->mutex);
}

static void
turn_failed(struct committer *c, const struct tocsin_err *err)
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
    rc = turn_run(&c->env, c->arena, events, n, turn_time(c), TURN_TIMERS, r, err);
    conf_unref(c->conf);
    c->conf = NULL;
    return rc;
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
    refuse_all(c, l, why);
    make_events(c, &rest);
    if (run(c, rest.events, rest.n_jobs, &r, &err) != TOCSIN_OK) {
        refuse_all(c, &rest, &err);
        return err.rc;
    }
    wake_notifier(c, &r);
    answer_all(&rest);
    return TOCSIN_OK;
}

static void
turn(struct committer *c, struct load *l)
{
    struct turn_result r;
    struct tocsin_err err;
    int64_t begin = clock_mono_us();

    make_events(c, l);
    if (run(c, l->events, l->n_alerts + l->n_jobs, &r, &err) == TOCSIN_OK) {
        complaint_over(&c->trouble, "store", "", "commits succeed again");
        c->lazy |= r.repeats > 0;
        note_stats(c, l, &r, clock_mono_us() - begin);
        wake_notifier(c, &r);
        answer_all(l);
    } else {
        turn_failed(c, &err);
        if (err.rc == TOCSIN_FULL && l->n_alerts > 0 && l->n_jobs > 0)
            run_jobs_alone(c, l, &err);
        else
            refuse_all(c, l, &err);
    }
    arena_reset(c->arena);
}

/* --- the thread -------------------------------------------------------------------------------- */

static void
upkeep(struct committer *c, int64_t mono)
{
    const struct store_ops *ops = c->opt.store->ops;
    struct tocsin_err err;
    enum tocsin_rc rc = TOCSIN_OK;

    if (c->lazy && mono >= c->next_flush) {
        rc = ops->flush(c->opt.store, &err);
        c->next_flush = mono + FLUSH_MS;
        c->lazy = false;
    }
    if (rc == TOCSIN_OK && mono >= c->next_upkeep) {
        struct conf *conf = c->opt.conf(c->opt.ctx);

        rc = ops->maintain(c->opt.store, turn_time(c), conf->store.keep_ms, UPKEEP_BUDGET_MS, &err);
        conf_unref(conf);
        c->next_upkeep = mono + UPKEEP_MS;
    }
    if (rc != TOCSIN_OK)
        turn_failed(c, &err);
}

/* When the thread has something to do without being woken. */
static int64_t
next_wait_ms(struct committer *c, int64_t mono)
{
    int64_t due = c->opt.store->ops->next_due(c->opt.store), wait = c->next_upkeep - mono;

    if (c->lazy && c->next_flush - mono < wait)
        wait = c->next_flush - mono;
    if (due > 0 && due - turn_time(c) < wait)
        wait = due - turn_time(c);
    if (c->retry_at > mono && wait < c->retry_at - mono)
        wait = c->retry_at - mono;
    return wait > 0 ? wait : 0;
}

static void
wait_for_work(struct committer *c, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&c->wake, &c->mutex, &until);
}

static void *
committer_main(void *ctx)
{
    struct committer *c = ctx;

    for (;;) {
        int64_t mono = clock_mono_ms(), wait, due;
        struct load l;
        bool hurt, stop;

        wait = next_wait_ms(c, mono);
        pthread_mutex_lock(&c->mutex);
        hurt = c->retry_at > mono && c->intake_head == NULL;     /* only what can wait is there */
        if (!c->stopping && wait > 0 && ((c->intake_head == NULL && c->job_head == NULL) || hurt))
            wait_for_work(c, wait);
        take(c, &l);
        stop = (c->stopping || c->failed) && l.n_alerts == 0 && (l.n_jobs == 0 || c->failed);
        pthread_mutex_unlock(&c->mutex);
        if (c->failed) {
            refuse_all(c, &l, &c->last_err);
            if (stop)
                break;
            continue;
        }
        due = c->opt.store->ops->next_due(c->opt.store);
        if (l.n_alerts + l.n_jobs > 0 || l.intake != NULL || (due > 0 && due <= turn_time(c) && mono >= c->retry_at))
            turn(c, &l);
        else if (stop)
            break;
        upkeep(c, clock_mono_ms());
    }
    return NULL;
}

struct committer *
committer_start(const struct committer_options *opt)
{
    struct committer *c = xcalloc(1, sizeof *c);
    pthread_condattr_t attr;

    c->opt = *opt;
    c->intake_tail = &c->intake_head;
    c->job_tail = &c->job_head;
    c->arena = arena_new();
    turn_env_init(&c->env, opt->store, rand_u64(), rand_u64());
    c->env.caps_of = caps_of;
    c->env.ctx = c;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&c->thread, NULL, committer_main, c) != 0)
        abort();
    return c;
}

void
committer_set_notifier(struct committer *c, struct notifier *n)
{
    pthread_mutex_lock(&c->mutex);
    c->notifier = n;
    pthread_mutex_unlock(&c->mutex);
}

void
committer_stats(struct committer *c, struct turn_stats *out)
{
    pthread_mutex_lock(&c->mutex);
    *out = c->stats;
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
    turn_env_release(&c->env);
    arena_free(c->arena);
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->wake);
    free(c);
}
