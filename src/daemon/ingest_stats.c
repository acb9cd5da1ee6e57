/* SPDX-License-Identifier: Apache-2.0 */
/* What each collector brought, and what became of it. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "daemon/ingest_impl.h"

struct counter *
ingest_counter(struct ingest *g, const char *name)
{
    struct counter *c;

    pthread_mutex_lock(&g->mutex);
    for (c = g->counters; c != NULL; c = c->next)
        if (strcmp(c->name, name) == 0)
            break;
    if (c == NULL) {
        c = xcalloc(1, sizeof *c);
        c->name = xstrdup(name);
        c->next = g->counters;
        g->counters = c;
    }
    pthread_mutex_unlock(&g->mutex);
    return c;
}

size_t
ingest_stats(struct ingest *g, struct arena *a, struct collector_stats **out)
{
    size_t n = 0;

    pthread_mutex_lock(&g->mutex);
    for (const struct counter *c = g->counters; c != NULL; c = c->next)
        n++;
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    n = 0;
    for (struct counter *c = g->counters; c != NULL; c = c->next)
        (*out)[n++] = (struct collector_stats){ arena_strdup(a, c->name), atomic_load(&c->payloads),
                                                atomic_load(&c->alerts), atomic_load(&c->refused),
                                                atomic_load(&c->last_at), atomic_load(&c->records),
                                                arena_memdup(a, c->kinds, sizeof c->kinds), c->n_kinds, 0, NULL };
    pthread_mutex_unlock(&g->mutex);
    return n;
}

void
ingest_count_kind(struct ingest *g, const char *collector, const char *kind, unsigned n)
{
    struct counter *c = ingest_counter(g, collector);
    size_t i = 0;

    pthread_mutex_lock(&g->mutex);
    while (i < c->n_kinds && strcmp(c->kinds[i].kind, kind) != 0)
        i++;
    if (i == c->n_kinds && i < HOST_MAX_KINDS)
        c->kinds[c->n_kinds++] = (struct kind_count){ .kind = kind };
    if (i < HOST_MAX_KINDS)
        c->kinds[i].n += n;
    pthread_mutex_unlock(&g->mutex);
}

void
ingest_counted(void *ctx, const struct ingest_result *r)
{
    struct counted *d = ctx;
    struct ingest_result with_lines = *r;

    atomic_fetch_add(&d->counter->payloads, 1);
    if (r->rc == TOCSIN_OK) {
        with_lines.records = d->lines;
        with_lines.reply_status = d->reply_status;
        with_lines.reply = d->reply;
        with_lines.reply_len = d->reply_len;
        if (d->beat != NULL)
            beats_done(d->beats, d->beat, d->received_at);
        atomic_fetch_add(&d->counter->records, d->records);
        atomic_fetch_add(&d->counter->alerts, r->accepted);
        atomic_store(&d->counter->last_at, d->received_at);
    } else {
        atomic_fetch_add(&d->counter->refused, 1);
    }
    if (d->n_rows > 0)
        (r->rc == TOCSIN_OK ? outbox_stored : outbox_cancel)(d->outbox, d->rows, d->n_rows);
    d->done(d->done_ctx, &with_lines);
}

void
ingest_stats_release(struct ingest *g)
{
    while (g->counters != NULL) {
        struct counter *c = g->counters;

        g->counters = c->next;
        free(c->name);
        free(c);
    }
}
