/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/refusal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"
#include "os/log.h"

enum { EVERY_MS = 60000, LINES_PER_S = 20 };

/* Of one name; kept for good. */
struct refusal {
    struct refusal *next;
    char *name;
    int64_t next_ms;               /* monotonic */
    unsigned long unsaid;
    uint64_t unauthorized;
    char last[320];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct refusal *refusals;

static struct refusal *
refusal_of(const char *name)
{
    struct refusal *r = refusals;

    while (r != NULL && strcmp(r->name, name) != 0)
        r = r->next;
    if (r == NULL) {
        r = xcalloc(1, sizeof *r);
        r->name = xstrdup(name);
        r->next = refusals;
        refusals = r;
    }
    return r;
}

/* How many there were since the last line; 0: it is too early for the next. */
static unsigned long
due(const char *name, bool who, const char *why)
{
    int64_t now = clock_mono_ms();
    unsigned long n = 0;
    struct refusal *r;

    pthread_mutex_lock(&mutex);
    r = refusal_of(name);
    r->unsaid++;
    r->unauthorized += who;
    snprintf(r->last, sizeof r->last, "%s", why);
    if (r->next_ms <= now) {
        n = r->unsaid;
        r->unsaid = 0;
        r->next_ms = now + EVERY_MS;
    }
    pthread_mutex_unlock(&mutex);
    return n;
}

void
refusal_say(const char *name, const char *peer, const struct tocsin_err *err)
{
    bool who = err->rc == TOCSIN_UNAUTHORIZED || err->rc == TOCSIN_FORBIDDEN;
    unsigned long n;
    char more[64] = "", why[320];

    /* a store that is away says so itself; asking for what is not there is no mistake */
    if (rc_http_status(err->rc) == 503 || err->rc == TOCSIN_NOT_FOUND || err->rc == TOCSIN_CONFLICT)
        return;
    if (who)
        snprintf(why, sizeof why, "%.300s", err->what);
    else
        snprintf(why, sizeof why, "%s%s%.250s", rc_title(err->rc), err->where[0] != '\0' ? " at " : "", err->where);
    n = due(name, who, why);
    if (n == 0)
        return;
    if (n > 1)
        snprintf(more, sizeof more, " (%lu refused since the last such line)", n);
    log_warn("collector", name, "a %s of %s was refused: %s%s", who ? "request" : "payload", peer, why, more);
}

size_t
refusal_counts(struct arena *a, struct refusal_count **out)
{
    size_t n = 0;

    pthread_mutex_lock(&mutex);
    for (const struct refusal *r = refusals; r != NULL; r = r->next)
        n++;
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    n = 0;
    for (const struct refusal *r = refusals; r != NULL; r = r->next)
        (*out)[n++] = (struct refusal_count){ arena_strdup(a, r->name), r->unauthorized, arena_strdup(a, r->last) };
    pthread_mutex_unlock(&mutex);
    return n;
}

void
refusal_flood_report(struct refusal_flood *f, const char *comp, const char *name)
{
    int64_t second = clock_mono_ms() / 1000;

    if (second == f->second)
        return;
    if (f->hidden > 0)
        log_warn(comp, name, "%lu more messages were refused", f->hidden);
    *f = (struct refusal_flood){ .second = second };
}

bool
refusal_flood_line(struct refusal_flood *f, const char *comp, const char *name)
{
    refusal_flood_report(f, comp, name);
    if (f->lines >= LINES_PER_S) {
        f->hidden++;
        return false;
    }
    f->lines++;
    return true;
}
