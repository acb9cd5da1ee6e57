/* SPDX-License-Identifier: Apache-2.0 */
/* A transport without a network: the test answers.  poll() sleeps like the real one, so threads behave alike. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/xalloc.h"
#include "transport/ops.h"

struct call {
    struct transport_call base;
    struct call *next;
    struct arena *arena;
    struct tocsin_request *req;
    transport_done done;
    void *ctx;
};

struct null {
    struct transport base;
    void (*answer)(void *ctx, const struct tocsin_request *, struct tocsin_response *);
    void *answer_ctx;
    struct call *calls, **tail;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
};

static void
call_free(struct call *c)
{
    arena_free(c->arena);
    free(c);
}

static void
null_free(struct transport *t)
{
    struct null *n = (struct null *)t;

    while (n->calls != NULL) {
        struct call *c = n->calls;

        n->calls = c->next;
        call_free(c);
    }
    pthread_cond_destroy(&n->woken);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

static struct transport_call *
null_prepare(struct transport *t, const struct tocsin_request *req, const struct transport_options *opt,
             transport_done done, void *ctx)
{
    struct call *c = xcalloc(1, sizeof *c);

    (void)t;
    (void)opt;
    c->arena = arena_new();
    c->req = transport_copy(c->arena, req);
    c->done = done;
    c->ctx = ctx;
    return &c->base;
}

static void
null_start(struct transport_call *base)
{
    struct null *n = (struct null *)base->transport;
    struct call *c = (struct call *)base;

    *n->tail = c;
    n->tail = &c->next;
}

static void
null_drop(struct transport_call *base)
{
    call_free((struct call *)base);
}

static const char *
no_header(const struct tocsin_response *r, const char *name)
{
    (void)r;
    (void)name;
    return NULL;
}

/* Ask for every answer once.  What done() sends anew waits for the next round. */
static bool
answer_all(struct null *n)
{
    struct call *c = n->calls;
    bool any = false;

    n->calls = NULL;
    n->tail = &n->calls;
    while (c != NULL) {
        struct call *next = c->next;
        struct tocsin_response r = { .body = "", .header = no_header };

        c->next = NULL;
        n->answer(n->answer_ctx, c->req, &r);
        if (r.status == TRANSPORT_LATER) {
            *n->tail = c;
            n->tail = &c->next;
        } else {
            n->base.in_flight--;
            c->done(c->ctx, &r);
            call_free(c);
            any = true;
        }
        c = next;
    }
    return any;
}

static void
null_poll(struct transport *t, int64_t wait_ms)
{
    struct null *n = (struct null *)t;
    struct timespec until;

    if (answer_all(n))
        wait_ms = 0;
    if (t->in_flight > 0 && wait_ms > 1)
        wait_ms = 1; /* a test may let an answer go at any moment */
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&n->lock);
    while (!n->wake && wait_ms > 0)
        if (pthread_cond_timedwait(&n->woken, &n->lock, &until) != 0)
            break;
    n->wake = false;
    pthread_mutex_unlock(&n->lock);
}

static void
null_wake(struct transport *t)
{
    struct null *n = (struct null *)t;

    pthread_mutex_lock(&n->lock);
    n->wake = true;
    pthread_cond_signal(&n->woken);
    pthread_mutex_unlock(&n->lock);
}

static const struct transport_ops null_ops = { null_free, null_prepare, null_start, null_drop, null_poll, null_wake };

struct transport *
transport_null_new(void (*answer)(void *ctx, const struct tocsin_request *, struct tocsin_response *), void *ctx)
{
    struct null *n = xcalloc(1, sizeof *n);
    pthread_condattr_t attr;

    n->base.ops = &null_ops;
    n->answer = answer;
    n->answer_ctx = ctx;
    n->tail = &n->calls;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->woken, &attr);
    pthread_condattr_destroy(&attr);
    return &n->base;
}
