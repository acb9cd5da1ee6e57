/* SPDX-License-Identifier: Apache-2.0 */
/* committer_impl.h - shared by committer.c (queue and thread) and committer_turn.c (one turn and its answers). */
#ifndef DAEMON_COMMITTER_IMPL_H
#define DAEMON_COMMITTER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/committer.h"
#include "os/log.h"

enum {
    TURN_ALERTS = 2000,            /* of one turn: bounds the time that a sender waits for others */
    TURN_TIMERS = 500,
    FAILED_WAIT_MS = 1000,         /* after a failed commit, before what must not be lost is tried again */
    REPORT_WAIT_MS = 30,           /* while turns of alerts are no further apart than BUSY_GAP_MS, a send's result waits */
    BUSY_GAP_MS = 20,              /* for one to go along with: a sync of its own would be in their way */
    COMPANY_MIN = 4,               /* payloads that a turn answered, from which on their senders are expected back */
    COMPANY_US = 5000,             /* and at most so long */
    GONE_WAIT_MS = 50              /* rows of the outbox that were sent may wait for company */
};

/* An action or a report, owned by the queue. */
struct job {
    struct job *next;
    struct event event;
    char *by, *note, *origin, *target;
    struct tocsin_outcome outcome;           /* EV_DELIVERY */
    struct tocsin_err err;                   /* EV_ACTION: why not */
    struct silence_row *silence;             /* EV_SILENCE */
    void (*done)(void *ctx, enum tocsin_rc, const struct tocsin_err *);
    silence_done silence_done;               /* of silences, in its place */
    void *done_ctx;
};

/* Somebody waits for the answer: refused where it cannot be stored.  Other jobs are tried again. */
static inline bool
job_is_asked(const struct job *j)
{
    return j->event.kind == EV_ACTION || j->event.kind == EV_SILENCE || j->event.kind == EV_SILENCE_END;
}

struct committer {
    struct committer_options opt;
    struct turn_env env;
    struct notifier *notifier;
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex;                   /* guards what follows */
    pthread_cond_t wake;
    struct intake *intake_head, **intake_tail;
    struct job *job_head, **job_tail;
    int64_t jobs_at;                         /* when the jobs that are queued are to have a turn of their own */
    int64_t news_at, news_gap;               /* the latest turn that stored alerts, and how long after the one before */
    int64_t *gone; size_t n_gone, cap_gone;  /* rows of the outbox to be removed */
    int64_t gone_at;                         /* when at the latest: as jobs_at */
    size_t queued;
    size_t n_intakes, company;       /* payloads that are queued; as many as the turn before answered, if that was many */
    int64_t company_us;              /* how long the thread waits for these */
    bool stopping, failed;
    bool asleep;                             /* the thread waits: nobody uses the store, the turn's arena, the clock below */
    int64_t wake_at;                         /* until when, by the monotonic clock */
    struct turn_stats stats;
    struct tocsin_err last_err;              /* rc TOCSIN_OK while commits succeed */

    /* the thread's own, and while it is asleep of whoever holds the mutex */
    struct arena *arena;
    struct conf *conf;                       /* during a turn */
    bool announced;                          /* this turn has announced pages */
    int64_t last_wall, last_mono;            /* of the turn before: wall time never goes back here */
    atomic_llong clock_jumps;
    int64_t next_flush, next_upkeep, retry_at;
    bool lazy;
    struct id16 *unchecked;                  /* incidents that are still to be asked whether their clock was ahead */
    size_t n_unchecked;
    struct complaint trouble;
};

struct load {                                /* what one turn works on */
    struct intake *intake;
    struct job *jobs;
    size_t n_alerts, n_jobs;
    int64_t *gone; size_t n_gone;            /* heap */
    struct event *events;
};

/* The hook of struct turn_env. */
const struct decision *committer_silent(void *committer, struct arena *, const struct alert_row *);
/* Wall time that goes on at the pace of the monotonic clock while the system's is behind it. */
int64_t committer_time(struct committer *);
/* Notifier's flags as the core wants them; the hook of struct turn_env. */
bool committer_caps_of(void *committer, const char *target, struct delivery_caps *out);
const struct policy *committer_default_policy(void *committer);
/* A page is made ready during the commit; the hook of struct turn_env. */
void committer_announce(void *committer, const struct incident_detail *);
/* Apply and commit, answer, wake the notifier; or deal with the failure. */
void committer_turn(struct committer *, struct load *);
/* Look at the next incidents whose deadlines were stored before this start. */
void committer_check_clock(struct committer *);
/* Alerts and actions are refused; what must not be lost goes back to the front of the queue. */
void committer_refuse(struct committer *, struct load *, const struct tocsin_err *);
/* A commit or upkeep failed: complain, remember, and on TOCSIN_FATAL end everything. */
void committer_failed(struct committer *, const struct tocsin_err *);
/* Count a payload that only repeats what is known, at once.  False: it must wait for a turn.  The mutex is held. */
bool committer_repeats(struct committer *, struct intake *);
/* Answer and free one piece of work. */
void intake_accept(struct intake *, const struct event *events);
void intake_refuse(struct intake *, const struct tocsin_err *);
void job_answer(struct job *, enum tocsin_rc, const struct tocsin_err *);
void job_free(struct job *);

#endif
