/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/xalloc.h"
#include "os/clock.h"
#include "os/log.h"

enum { WAITING_MAX = 256, FIRST_WAIT_MS = 2000, LAST_WAIT_MS = 300000, GIVE_UP_MS = 3600000 };

struct fetch {
    struct fetch *next;
    char *collector, *url, *why;
    int64_t due, wait, since;
};

struct fetcher {
    struct notifier *notifier;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct fetch *list;
    size_t n;
    bool stopping;
};

static void
fetch_free(struct fetch *f)
{
    free(f->collector);
    free(f->url);
    free(f->why);
    free(f);
}

static struct fetch *
take_due(struct fetcher *x, int64_t now, int64_t *next)
{
    *next = now + 60000;
    for (struct fetch **at = &x->list; *at != NULL; at = &(*at)->next) {
        struct fetch *f = *at;

        if (f->due <= now) {
            *at = f->next;
            x->n--;
            return f;
        }
        if (f->due < *next)
            *next = f->due;
    }
    return NULL;
}

static void
put(struct fetcher *x, struct fetch *f)
{
    pthread_mutex_lock(&x->mutex);
    f->next = x->list;
    x->list = f;
    x->n++;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->mutex);
}

static void
run(struct fetcher *x, struct fetch *f)
{
    struct arena *arena = arena_new();
    struct tocsin_err err;
    const char *body;
    size_t len;

    if (notifier_get(x->notifier, f->url, arena, &body, &len, &err) == TOCSIN_OK) {
        log_info("collector", f->collector, "%s: done", f->why);
        fetch_free(f);
    } else if (clock_mono_ms() - f->since > GIVE_UP_MS) {
        log_error("collector", f->collector, "%s: given up after an hour: %s", f->why, err.what);
        fetch_free(f);
    } else {
        log_warn("collector", f->collector, "%s: failed, tried again in %lld s: %s", f->why, (long long)f->wait / 1000,
                 err.what);
        f->due = clock_mono_ms() + f->wait;
        f->wait = f->wait * 2 < LAST_WAIT_MS ? f->wait * 2 : LAST_WAIT_MS;
        put(x, f);
    }
    arena_free(arena);
}

static void *
fetcher_main(void *ctx)
{
    struct fetcher *x = ctx;

    pthread_mutex_lock(&x->mutex);
    while (!x->stopping) {
        int64_t now = clock_mono_ms(), next;
        struct fetch *f = take_due(x, now, &next);

        if (f != NULL) {
            pthread_mutex_unlock(&x->mutex);
            run(x, f);
            pthread_mutex_lock(&x->mutex);
        } else {
            struct timespec until;

            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_sec += (time_t)((next - now) / 1000 + 1);
            pthread_cond_timedwait(&x->wake, &x->mutex, &until);
        }
    }
    pthread_mutex_unlock(&x->mutex);
    return NULL;
}

struct fetcher *
fetcher_start(struct notifier *n)
{
    struct fetcher *x = xcalloc(1, sizeof *x);
    pthread_condattr_t attr;

    x->notifier = n;
    pthread_mutex_init(&x->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&x->thread, NULL, fetcher_main, x) != 0)
        abort();
    return x;
}

void
fetcher_get(struct fetcher *x, const char *collector, const char *url, const char *why)
{
    struct fetch *f;
    bool full;

    pthread_mutex_lock(&x->mutex);
    full = x->n >= WAITING_MAX;
    pthread_mutex_unlock(&x->mutex);
    if (full) {
        log_error("collector", collector, "%s: not done, %d such requests are waiting already", why, WAITING_MAX);
        return;
    }
    f = xcalloc(1, sizeof *f);
    f->collector = xstrdup(collector);
    f->url = xstrdup(url);
    f->why = xstrdup(why);
    f->wait = FIRST_WAIT_MS;
    f->since = clock_mono_ms();
    put(x, f);
}

void
fetcher_stop(struct fetcher *x)
{
    if (x == NULL)
        return;
    pthread_mutex_lock(&x->mutex);
    x->stopping = true;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->mutex);
    pthread_join(x->thread, NULL);
    while (x->list != NULL) {
        struct fetch *f = x->list;

        x->list = f->next;
        fetch_free(f);
    }
    pthread_mutex_destroy(&x->mutex);
    pthread_cond_destroy(&x->wake);
    free(x);
}
