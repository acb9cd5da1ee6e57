/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue for each collector and kind.  What fails goes back to the head of
 * its queue, which then waits, so one service that is down holds up nobody
 * else, and order is kept as far as several requests at once allow.
 */
#include "daemon/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "os/clock.h"
#include "os/log.h"
#include "plugin/host.h"
#include "plugin/loader.h"
#include "transport/transport.h"

enum {
    GETS_MAX = 256, ROWS_MAX = 200000,       /* of a queue */
    IN_FLIGHT = 4,                           /* of a queue; one while it fails */
    FIRST_WAIT_MS = 1000, LAST_WAIT_MS = 300000,
    GET_TIMEOUT_MS = 10000, GET_GIVE_UP_MS = 3600000, IDLE_MS = 60000
};

struct item {
    struct item *next;
    struct outbox *owner;
    struct queue *queue;
    int64_t id, created_at;
    size_t bytes;
    /* under way */
    struct arena *arena;
    struct conf *conf;
    const char *what;
};

struct queue {
    struct queue *next;
    char *collector;
    uint8_t kind;
    struct item *head, **tail;
    size_t rows, bytes;                      /* reserved, waiting and under way */
    struct item *flying[IN_FLIGHT];          /* what is being sent; NULL: free */
    unsigned in_flight;
    int64_t wait, not_before;                /* after a failure; by the monotonic clock */
    uint64_t sent, dropped;
    struct complaint full, trouble;
};

struct outbox {
    struct outbox_options opt;
    struct transport *transport;
    pthread_t thread;
    pthread_mutex_t mutex;                   /* guards what follows, and what is in the queues */
    struct queue *queues;
    bool stopping, running;
};

/* --- queues, with the mutex ------------------------------------------------------------ */

static struct queue *
queue_of(struct outbox *x, const char *collector, uint8_t kind)
{
    struct queue *q = x->queues;

    while (q != NULL && (q->kind != kind || strcmp(q->collector, collector) != 0))
        q = q->next;
    if (q != NULL)
        return q;
    q = xcalloc(1, sizeof *q);
    q->collector = xstrdup(collector);
    q->kind = kind;
    q->tail = &q->head;
    q->next = x->queues;
    x->queues = q;
    return q;
}

static void
put_tail(struct queue *q, struct item *i)
{
    i->next = NULL;
    *q->tail = i;
    q->tail = &i->next;
}

static void
put_head(struct queue *q, struct item *i)
{
    i->next = q->head;
    q->head = i;
    if (i->next == NULL)
        q->tail = &i->next;
}

static struct item *
take_head(struct queue *q)
{
    struct item *i = q->head;

    q->head = i->next;
    if (q->head == NULL)
        q->tail = &q->head;
    return i;
}

static struct item *
item_new(struct outbox *x, const struct outbox_row *row)
{
    struct item *i = xcalloc(1, sizeof *i);

    i->owner = x;
    i->queue = queue_of(x, row->collector, row->kind);
    i->id = row->id;
    i->created_at = row->created_at;
    i->bytes = row->body_len;
    return i;
}

static void
take_off(struct queue *q, struct item *i)
{
    unsigned k = 0;

    while (q->flying[k] != NULL)             /* one is free: next_item() has looked at in_flight */
        k++;
    q->flying[k] = i;
    q->in_flight++;
}

static void
land(struct queue *q, const struct item *i)
{
    for (unsigned k = 0; k < IN_FLIGHT; k++) {
        if (q->flying[k] == i) {
            q->flying[k] = NULL;
            q->in_flight--;
        }
    }
}

static void
release(struct queue *q, size_t bytes)
{
    q->rows--;
    q->bytes -= bytes;
}

/* --- what comes in ------------------------------------------------------------------------ */

bool
outbox_reserve(struct outbox *x, const struct conf_collector *c, const struct outbox_row *row)
{
    bool forward = row->kind == OUTBOX_FORWARD;
    size_t rows_max = forward ? ROWS_MAX : GETS_MAX, bytes_max = forward ? (size_t)c->forward.max_bytes : SIZE_MAX;
    struct queue *q;
    bool fits;

    pthread_mutex_lock(&x->mutex);
    q = queue_of(x, c->name, row->kind);
    fits = q->rows < rows_max && row->body_len <= bytes_max && q->bytes <= bytes_max - row->body_len;
    if (fits) {
        q->rows++;
        q->bytes += row->body_len;
        if (q->bytes < bytes_max / 2)
            complaint_over(&q->full, "outbox", c->name, "there is room again");
    } else {
        q->dropped++;
        complain(&q->full, "outbox", c->name, "'%s' is dropped: %zu with %zu bytes wait already (%llu dropped so far)",
                 row->what, q->rows, q->bytes, (unsigned long long)q->dropped);
    }
    pthread_mutex_unlock(&x->mutex);
    return fits;
}

void
outbox_stored(struct outbox *x, struct outbox_row *const *rows, size_t n)
{
    pthread_mutex_lock(&x->mutex);
    for (size_t k = 0; k < n; k++) {
        struct item *i = item_new(x, rows[k]);

        put_tail(i->queue, i);
    }
    pthread_mutex_unlock(&x->mutex);
    transport_wake(x->transport);
}

void
outbox_cancel(struct outbox *x, struct outbox_row *const *rows, size_t n)
{
    pthread_mutex_lock(&x->mutex);
    for (size_t k = 0; k < n; k++)
        release(queue_of(x, rows[k]->collector, rows[k]->kind), rows[k]->body_len);
    pthread_mutex_unlock(&x->mutex);
}

size_t
outbox_stats(struct outbox *x, struct arena *a, struct outbox_count **out)
{
    size_t n = 0;

    pthread_mutex_lock(&x->mutex);
    for (const struct queue *q = x->queues; q != NULL; q = q->next)
        n++;
    *out = arena_alloc(a, (n + 1) * sizeof **out);
    n = 0;
    for (const struct queue *q = x->queues; q != NULL; q = q->next)
        (*out)[n++] = (struct outbox_count){ arena_strdup(a, q->collector),
                                             q->kind == OUTBOX_FORWARD ? "forward" : "get", q->rows, q->bytes,
                                             q->sent, q->dropped };
    pthread_mutex_unlock(&x->mutex);
    return n;
}

/* --- what becomes of one --------------------------------------------------------------------- */

static void
item_free(struct item *i)
{
    conf_unref(i->conf);
    if (i->arena != NULL)
        arena_free(i->arena);
    free(i);
}

/* It was sent, or is given up for good (why). */
static void
gone(struct item *i, const char *why)
{
    struct outbox *x = i->owner;
    struct queue *q = i->queue;

    pthread_mutex_lock(&x->mutex);
    land(q, i);
    release(q, i->bytes);
    if (why == NULL) {
        q->sent++;
        q->wait = 0;
        complaint_over(&q->trouble, "outbox", q->collector, "sends succeed again");
    } else {
        q->dropped++;
    }
    pthread_mutex_unlock(&x->mutex);
    if (why != NULL)
        log_error("outbox", q->collector, "'%s' is given up: %s", i->what, why);
    else if (q->kind == OUTBOX_GET)
        log_info("outbox", q->collector, "%s: done", i->what);
    committer_outbox_gone(x->opt.committer, i->id);
    item_free(i);
}

static void
again(struct item *i, int64_t at_least_ms, const char *why)
{
    struct outbox *x = i->owner;
    struct queue *q = i->queue;

    pthread_mutex_lock(&x->mutex);
    land(q, i);
    q->wait = q->wait == 0 ? FIRST_WAIT_MS : q->wait * 2 < LAST_WAIT_MS ? q->wait * 2 : LAST_WAIT_MS;
    if (at_least_ms > q->wait)
        q->wait = at_least_ms < LAST_WAIT_MS ? at_least_ms : LAST_WAIT_MS;
    q->not_before = clock_mono_ms() + q->wait;
    complain(&q->trouble, "outbox", q->collector, "'%s' failed and is sent again in %lld s: %s (%zu wait)",
             i->what != NULL ? i->what : "a row", (long long)(q->wait + 999) / 1000, why, q->rows);
    conf_unref(i->conf);
    if (i->arena != NULL)
        arena_free(i->arena);
    i->conf = NULL;
    i->arena = NULL;
    i->what = NULL;
    if (q->kind == OUTBOX_FORWARD)
        put_head(q, i);
    else
        put_tail(q, i);                      /* they have nothing to do with each other */
    pthread_mutex_unlock(&x->mutex);
}

/* Wrong credentials and addresses are an operator's to mend: what waits for that is kept. */
static bool
is_mendable(int status)
{
    return status == 401 || status == 403 || status == 404 || status == 405;
}

static void
on_answer(void *ctx, const struct tocsin_response *r)
{
    struct item *i = ctx;
    struct tocsin_outcome o = { .verdict = TOCSIN_RETRY };
    bool get = i->queue->kind == OUTBOX_GET;

    host_outcome_default(r, clock_wall_ms(), &o);
    if (o.verdict == TOCSIN_DELIVERED)
        gone(i, NULL);
    else if (get && clock_wall_ms() - i->created_at > GET_GIVE_UP_MS)
        gone(i, o.reason);
    else if (get || o.verdict != TOCSIN_REJECTED || is_mendable(r->status))
        again(i, o.delay_ms, o.reason);
    else
        gone(i, o.reason);
}

/* --- sending ------------------------------------------------------------------------------------ */

static enum tocsin_rc
render(struct item *i, const struct outbox_row *row, struct tocsin_request *req, struct transport_options *opt,
       struct tocsin_err *err)
{
    const struct conf_collector *c = conf_collector(i->conf, row->collector);
    enum tocsin_rc rc;

    if (row->kind == OUTBOX_GET) {
        *opt = (struct transport_options){ .timeout_ms = GET_TIMEOUT_MS };
        if (strncmp(row->url, "https://", 8) != 0)
            return err_set(err, TOCSIN_BAD_INPUT, "", "only https addresses are fetched");
        host_request_http(req, "GET", row->url);
        return TOCSIN_OK;
    }
    if (c == NULL || c->plugin->api.forward == NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "its collector is no longer configured");
    *opt = (struct transport_options){ .proxy = c->forward.proxy, .ca_file = c->forward.ca_file,
                                       .timeout_ms = c->forward.timeout_ms, .allow_private = true };
    rc = c->plugin->api.forward(c->self, &plugin_host, row->body, row->body_len, req, err);
    return rc == TOCSIN_OK ? host_request_seal(req, clock_wall_ms(), err) : rc;
}

static void
send_item(struct outbox *x, struct item *i)
{
    struct transport_options opt = { 0 };
    struct tocsin_request req;
    struct outbox_row row;
    struct tocsin_err err;
    enum tocsin_rc rc;

    i->arena = arena_new();
    i->conf = x->opt.conf(x->opt.ctx);
    i->what = "a row";
    rc = x->opt.store->ops->get_outbox(x->opt.store, i->arena, i->id, &row, &err);
    if (rc != TOCSIN_OK) {
        if (rc == TOCSIN_NOT_FOUND)
            gone(i, err.what);
        else
            again(i, 0, err.what);
        return;
    }
    i->what = row.what;
    host_request_init(&req, i->arena);
    if (render(i, &row, &req, &opt, &err) != TOCSIN_OK)
        gone(i, err.what);
    else
        transport_send(x->transport, &req, &opt, on_answer, i);
}

/* The next item that may go; NULL: none, and *wait_ms says for how long. */
static struct item *
next_item(struct outbox *x, int64_t *wait_ms)
{
    int64_t now = clock_mono_ms();
    struct item *i;

    *wait_ms = IDLE_MS;
    for (struct queue *q = x->queues; q != NULL; q = q->next) {
        if (q->head == NULL || q->in_flight >= (q->wait > 0 ? 1 : IN_FLIGHT))
            continue;
        if (q->wait > 0 && q->not_before > now) {
            if (q->not_before - now < *wait_ms)
                *wait_ms = q->not_before - now;
            continue;
        }
        i = take_head(q);
        take_off(q, i);
        return i;
    }
    return NULL;
}

static void *
outbox_main(void *ctx)
{
    struct outbox *x = ctx;

    for (;;) {
        struct item *i;
        int64_t wait_ms;
        bool stop;

        pthread_mutex_lock(&x->mutex);
        stop = x->stopping;
        i = stop ? NULL : next_item(x, &wait_ms);
        pthread_mutex_unlock(&x->mutex);
        if (stop)
            return NULL;
        if (i != NULL)
            send_item(x, i);
        else
            transport_poll(x->transport, wait_ms);
    }
}

/* --- life ------------------------------------------------------------------------------------------ */

static enum tocsin_rc
load(struct outbox *x, struct tocsin_err *err)
{
    struct arena *a = arena_new();
    struct outbox_row *rows = NULL;
    size_t n = 0;
    enum tocsin_rc rc = x->opt.store->ops->list_outbox(x->opt.store, a, &rows, &n, err);

    for (size_t k = 0; k < n && rc == TOCSIN_OK; k++) {
        struct item *i = item_new(x, &rows[k]);

        i->queue->rows++;
        i->queue->bytes += i->bytes;
        put_tail(i->queue, i);
    }
    if (n > 0 && rc == TOCSIN_OK)
        log_info("outbox", "", "%zu accepted before are still to be sent", n);
    arena_free(a);
    return rc;
}

enum tocsin_rc
outbox_start(const struct outbox_options *opt, struct outbox **out_r, struct tocsin_err *err)
{
    struct outbox *x = xcalloc(1, sizeof *x);
    enum tocsin_rc rc;

    x->opt = *opt;
    x->transport = opt->transport != NULL ? opt->transport() : transport_curl_new();
    pthread_mutex_init(&x->mutex, NULL);
    rc = load(x, err);
    if (rc != TOCSIN_OK) {
        outbox_free(x);
        return rc;
    }
    if (pthread_create(&x->thread, NULL, outbox_main, x) != 0)
        abort();
    x->running = true;
    *out_r = x;
    return TOCSIN_OK;
}

void
outbox_stop(struct outbox *x)
{
    pthread_mutex_lock(&x->mutex);
    x->stopping = true;
    pthread_mutex_unlock(&x->mutex);
    transport_wake(x->transport);
    if (x->running)
        pthread_join(x->thread, NULL);
    x->running = false;
}

void
outbox_free(struct outbox *x)
{
    if (x == NULL)
        return;
    transport_free(x->transport);
    while (x->queues != NULL) {
        struct queue *q = x->queues;

        x->queues = q->next;
        while (q->head != NULL)
            item_free(take_head(q));
        for (unsigned k = 0; k < IN_FLIGHT; k++)     /* the transport has abandoned them; their rows stay */
            if (q->flying[k] != NULL)
                item_free(q->flying[k]);
        free(q->collector);
        free(q);
    }
    pthread_mutex_destroy(&x->mutex);
    free(x);
}
