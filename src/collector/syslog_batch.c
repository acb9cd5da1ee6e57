/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_batch.c - the messages of one turn: handed to the sink one by one,
 * waited for together.
 *
 * Syslog has no acknowledgement, so a message that was read is ours.  One that
 * the store has no room for now is handed over again until it is committed;
 * meanwhile nothing more is read, and senders over TCP wait.
 *
 * pending begins at one, for the thread, so that it cannot reach zero while
 * messages are still being handed over; whoever takes it to zero wakes the
 * thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "collector/syslog_server.h"
#include "os/clock.h"

enum { RETRY_MIN_MS = 50, RETRY_MAX_MS = 5000 };

void
syslog_batch_init(struct syslog_batch *b)
{
    *b = (struct syslog_batch){ .arena = arena_new() };
    b->last = &b->first;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->all_done, NULL);
}

static void
empty(struct syslog_batch *b)
{
    b->first = NULL;
    b->last = &b->first;
    b->n = 0;
    arena_reset(b->arena);
}

void
syslog_batch_release(struct syslog_batch *b)
{
    empty(b);
    arena_free(b->arena);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->all_done);
}

void
syslog_batch_add(struct syslog_server *s, const char *peer, const char *p, size_t n)
{
    struct syslog_batch *b = &s->batch;
    struct syslog_item *item = arena_zalloc(b->arena, sizeof *item);
    char *body = arena_alloc(b->arena, n + 1);

    if (n > 0)
        memcpy(body, p, n);
    body[n] = '\0';
    *item = (struct syslog_item){ .batch = b, .body = body, .len = n, .peer = arena_strdup(b->arena, peer),
                                  .received_at = clock_steady_ms() };
    *b->last = item;
    b->last = &item->next;
    b->n++;
}

/* --- one round through the sink ----------------------------------------------------------- */

static void
drop_pending(struct syslog_batch *b)
{
    if (atomic_fetch_sub(&b->pending, 1) != 1)
        return;
    pthread_mutex_lock(&b->lock);
    b->done = true;
    pthread_cond_signal(&b->all_done);
    pthread_mutex_unlock(&b->lock);
}

static void
settled(void *ctx, const struct ingest_result *result)
{
    struct syslog_item *item = ctx;

    item->rc = result->rc;
    if (item->rc != TOCSIN_OK) {
        item->err = xmalloc(sizeof *item->err);
        *item->err = result->err;
    }
    drop_pending(item->batch);
}

static const char *
no_such_field(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    (void)name;
    return NULL;
}

static void
submit(struct syslog_server *s, struct syslog_item *item)
{
    const struct tocsin_pair peer = { "peer", item->peer };
    const struct tocsin_payload in = {
        .collector = s->c->name, .body = item->body, .len = item->len, .received_at = item->received_at,
        .topic_labels = &peer, .n_topic_labels = 1, .header = no_such_field, .query = no_such_field
    };

    s->sink.submit(s->sink.ctx, s->c, &in, settled, item);
}

static void
round_of(struct syslog_server *s)
{
    struct syslog_batch *b = &s->batch;

    b->done = false;
    atomic_store(&b->pending, b->n + 1);
    for (struct syslog_item *item = b->first; item != NULL; item = item->next)
        submit(s, item);
    drop_pending(b);
    pthread_mutex_lock(&b->lock);
    while (!b->done)
        pthread_cond_wait(&b->all_done, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

/* --- what became of them --------------------------------------------------------------------- */

void
syslog_batch_report(struct syslog_server *s)
{
    refusal_flood_report(&s->flood, "syslog", s->name);
}

static void
report_refusal(struct syslog_server *s, const struct syslog_item *item)
{
    char text[800];

    atomic_fetch_add(&s->refused, 1);
    if (!refusal_flood_line(&s->flood, "syslog", s->name))
        return;
    log_warn("syslog", s->name, "message of '%s' refused: %s", item->peer, err_text(item->err, text, sizeof text));
}

/* Is it only a matter of time? */
static bool
may_pass_later(enum tocsin_rc rc)
{
    return rc == TOCSIN_TOO_MANY || rc == TOCSIN_TEMPORARY || rc == TOCSIN_FULL || rc == TOCSIN_FATAL;
}

/* Take out what is settled; why a message is left, in *err. */
static void
keep_the_rest(struct syslog_server *s, struct tocsin_err *err)
{
    struct syslog_batch *b = &s->batch;

    b->last = &b->first;
    for (struct syslog_item *item = b->first, *next; item != NULL; item = next) {
        next = item->next;
        item->next = NULL;
        if (may_pass_later(item->rc)) {
            *err = *item->err;
            *b->last = item;
            b->last = &item->next;
        } else {
            b->n--;
            if (item->rc != TOCSIN_OK)
                report_refusal(s, item);
        }
        free(item->err);
        item->err = NULL;
    }
    *b->last = NULL;
}

void
syslog_batch_finish(struct syslog_server *s)
{
    struct syslog_batch *b = &s->batch;
    struct tocsin_err err = { 0 };
    size_t all = b->n;
    int64_t wait_ms = RETRY_MIN_MS;
    char text[800];

    while (b->n > 0) {
        bool last = syslog_server_stopping(s);

        round_of(s);
        keep_the_rest(s, &err);
        if (b->n == 0 || last)
            break;
        syslog_server_trouble(s, &s->store_trouble, "cannot store messages, they wait: %s",
                              err_text(&err, text, sizeof text));
        syslog_server_pause(s, wait_ms);
        wait_ms = wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms * 2;
    }
    if (b->n > 0)
        log_error("syslog", s->name, "%zu messages are lost, for the collector ends: %s", b->n,
                  err_text(&err, text, sizeof text));
    else if (s->store_trouble.active)
        complaint_over(&s->store_trouble, "syslog", s->name, "messages are stored again");
    atomic_fetch_add(&s->messages, all - b->n);
    empty(b);
}
