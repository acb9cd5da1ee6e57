/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/refusal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"
#include "os/log.h"

enum { EVERY_MS = 60000 };

/* Of one name; kept for good. */
struct refusal {
    struct refusal *next;
    char *name;
    int64_t next_ms;               /* monotonic */
    unsigned long unsaid;
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
due(const char *name)
{
    int64_t now = clock_mono_ms();
    unsigned long n = 0;
    struct refusal *r;

    pthread_mutex_lock(&mutex);
    r = refusal_of(name);
    r->unsaid++;
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
    char more[64] = "";

    /* a store that is away says so itself; asking for what is not there is no mistake */
    if (rc_http_status(err->rc) == 503 || err->rc == TOCSIN_NOT_FOUND || err->rc == TOCSIN_CONFLICT)
        return;
    n = due(name);
    if (n == 0)
        return;
    if (n > 1)
        snprintf(more, sizeof more, " (%lu refused since the last such line)", n);
    if (who)
        log_warn("collector", name, "a request of %s was refused: %s%s", peer, err->what, more);
    else
        log_warn("collector", name, "a payload of %s was refused: %s%s%s%s", peer, rc_title(err->rc),
                 err->where[0] != '\0' ? " at " : "", err->where, more);
}
