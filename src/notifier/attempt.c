/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.c - one send, from the ledger's row to the vendor's answer.
 *
 * The ledger is asked what is so at this moment; what was queued earlier is
 * only a hint that something is due.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "notifier/impl.h"
#include "notifier/verdict.h"
#include "os/clock.h"
#include "os/rand.h"
#include "plugin/loader.h"

enum {
    ALERTS_MAX = 20,
    STEPS_MAX = 64, /* requests of one send */
    STORE_RETRY_MS = 1000,
    SETTLE_RETRY_MS = 250, /* the turn wakes us; this is the net below */
    SETTLE_MAX_MS = 30000,
    MISSING_RETRY_MS = 300000
};

/* --- what is to be told ------------------------------------------------------------- */

static bool
is_unsettled(const struct row *row, const struct delivery_row *d)
{
    const struct told_mark now = told_mark_of(d), *was = &row->mark;

    return row->reported && clock_mono_ms() - row->reported_ms < SETTLE_MAX_MS && now.sends == was->sends &&
           now.attempts == was->attempts && now.told_ver == was->told_ver && now.told_page == was->told_page &&
           now.told_notes == was->told_notes && now.refused_ver == was->refused_ver &&
           now.refused_page == was->refused_page && now.refused_change == was->refused_change &&
           now.told == was->told && now.state == was->state;
}

static struct delivery_caps
caps_of(const struct conf_notifier *cn)
{
    /* an unknown notifier is assumed able: its row is only kept waiting */
    uint32_t flags = cn != NULL ? cn->flags : ~0u;

    return (struct delivery_caps){ .can_ack = (flags & TOCSIN_CAN_ACK) != 0,
                                   .can_note = (flags & TOCSIN_CAN_NOTE) != 0,
                                   .can_unack = (flags & TOCSIN_CAN_UNACK) != 0,
                                   .send_resolved = cn == NULL || cn->send_resolved,
                                   .dedupes = (flags & TOCSIN_DEDUPES) != 0 };
}

/*
 * Read the row.  False: it is not its turn now, and it has been put where it
 * belongs (forgotten, or asleep again).
 */
static bool
read_row(struct flight *f, size_t max_alerts)
{
    struct notifier *n = f->n;
    struct row *row = f->row;
    const struct lane *lane = row->key.lane;
    int64_t now = clock_steady_ms();
    struct tocsin_err err;
    enum tocsin_rc rc =
        n->store->ops->get_delivery(n->store, f->arena, &row->key.incident, lane->name, max_alerts, &f->detail, &err);

    if (rc != TOCSIN_OK && rc != TOCSIN_NOT_FOUND) {
        complain(&n->store_complaint, "notifier", lane->name, "cannot read the ledger: %s", err.what);
        row_sleep(n, row, now + STORE_RETRY_MS);
        return false;
    }
    complaint_over(&n->store_complaint, "notifier", lane->name, "the ledger can be read again");
    if (rc == TOCSIN_NOT_FOUND || f->detail.n_deliveries == 0 || f->detail.deliveries[0].due_at == 0) {
        row_forget(n, row);
        return false;
    }
    f->delivery = &f->detail.deliveries[0];
    if (is_unsettled(row, f->delivery)) {
        row_sleep(n, row, now + SETTLE_RETRY_MS);
        return false;
    }
    row->reported = false;
    row_count(n, row, true);
    if (f->delivery->due_at > now) {
        row_sleep(n, row, f->delivery->due_at);
        return false;
    }
    f->due_at = f->delivery->due_at;
    return true;
}

struct flight *
flight_new(struct notifier *n, struct row *row, struct arena *arena)
{
    struct flight *f = xcalloc(1, sizeof *f);

    f->n = n;
    f->row = row;
    f->arena = arena;
    f->conf = conf_ref(n->conf);
    f->cn = row->key.lane->cn;
    return f;
}

enum row_class
attempt_class(struct notifier *n, struct row *row)
{
    static const enum row_class classes[] = {
        [TOCSIN_TRIGGER] = CLASS_TRIGGER,       [TOCSIN_UPDATE] = CLASS_REST, [TOCSIN_ACKNOWLEDGE] = CLASS_ACK,
        [TOCSIN_UNACKNOWLEDGE] = CLASS_TRIGGER, [TOCSIN_NOTE] = CLASS_REST,   [TOCSIN_RESOLVE] = CLASS_RESOLVE
    };
    struct flight *f = flight_new(n, row, arena_new());
    struct delivery_caps caps = caps_of(f->cn);
    enum row_class class = N_CLASSES;

    if (read_row(f, 0)) {
        class = CLASS_REST;
        if (delivery_next(&f->detail.row, f->delivery, &caps, &f->work)) {
            /* an update that is to wake somebody goes with the triggers */
            bool wakes = f->work.change == TOCSIN_UPDATE && f->delivery->told_page < f->work.page;

            class = wakes ? CLASS_TRIGGER : classes[f->work.change];
        }
    }
    flight_free(f);
    return class;
}

/* --- going ---------------------------------------------------------------------------- */

static void
end(struct flight *f, enum tocsin_verdict verdict, int64_t delay_ms, const char *reason)
{
    struct tocsin_outcome o = { .verdict = verdict, .delay_ms = delay_ms };

    snprintf(o.reason, sizeof o.reason, "%.*s", (int)sizeof o.reason - 1, reason);
    report_send(f, &o);
}

static void on_answer(void *ctx, const struct tocsin_response *);

static void
take_off(struct flight *f)
{
    struct lane *lane = f->row->key.lane;

    f->row->state = ROW_FLYING;
    row_count(f->n, f->row, false);
    lane->in_flight++;
    DL_APPEND(f->n->flights, f);
    pthread_mutex_lock(&f->n->lock);
    lane->stats.in_flight++;
    pthread_mutex_unlock(&f->n->lock);
}

/* An open breaker: say once that this row is failing, so that the escalation can move on, then wait quietly. */
static bool
hold_back(struct flight *f)
{
    struct row *row = f->row;
    const struct breaker *b = &f->host->breaker;
    int64_t wait = breaker_wait_ms(b, clock_mono_ms());
    char reason[sizeof b->last_error + 32];

    if (wait == 0)
        return false;
    /* spread, so that not all of them ask again in the same millisecond */
    wait += (int64_t)(rand_u64() % (BREAKER_WAIT_MS / 4));
    row->put_off = true;
    if (f->delivery->state == DELIVERY_FAILING) {
        row_sleep(f->n, row, clock_steady_ms() + wait);
        flight_free(f);
        return true;
    }
    snprintf(reason, sizeof reason, "circuit open: %s", b->last_error);
    end(f, TOCSIN_RETRY, wait, reason);
    return true;
}

static bool
prepare(struct flight *f, struct tocsin_request *req, struct tocsin_err *err)
{
    const struct transport_options opt = { .proxy = f->cn->proxy,
                                           .ca_file = f->cn->ca_file,
                                           .timeout_ms = f->cn->timeout_ms,
                                           .allow_private = f->cn->allow_private };

    if (host_request_seal(req, clock_wall_ms(), err) != TOCSIN_OK)
        return false;
    f->origin = transport_origin(f->arena, req->url);
    if (f->origin == NULL) {
        err_set(err, TOCSIN_BAD_CONFIG, "", "the address is not an http or https address");
        return false;
    }
    f->call = transport_prepare(f->n->transport, req, &opt, on_answer, f);
    return true;
}

/* The request that is prepared goes, unless the host is known to be down. */
static void
depart(struct flight *f)
{
    struct lane *lane = f->row->key.lane;
    struct transport_call *call;

    if (f->row->state != ROW_FLYING) { /* the first request of this send */
        f->host = lane->host = host_get(f->n, f->origin, f->cn);
        if (hold_back(f))
            return;
        f->row->put_off = false;
        breaker_begin(&f->host->breaker);
        bucket_take(&lane->bucket, clock_mono_ms());
        take_off(f);
    }
    call = f->call;
    f->call = NULL;
    transport_start(call);
}

/* Render the job's next request and send it. */
void
flight_run(struct flight *f)
{
    struct tocsin_request req;
    struct tocsin_err err = { 0 };
    enum tocsin_rc rc;

    host_request_init(&req, f->arena);
    rc = f->cn->plugin->api.render(f->cn->self, &plugin_host, &f->job, &req, &err);
    if (rc != TOCSIN_OK) {
        end(f, TOCSIN_REJECTED, 0, err.what);
        return;
    }
    switch (req.kind) {
    case REQUEST_HTTP:
        if (prepare(f, &req, &err))
            depart(f);
        else
            end(f, TOCSIN_REJECTED, 0, err.what);
        return;
    case REQUEST_LOG:
        log_info("notifier", f->row->key.lane->name, "%s", req.line);
        break;
    case REQUEST_NONE: /* the vendor has no word for it */
        break;
    }
    end(f, TOCSIN_DELIVERED, 0, "");
}

bool
flight_prepare(struct flight *f)
{
    struct delivery_caps caps = caps_of(f->cn);
    struct tocsin_request req;
    struct tocsin_err err;

    if (f->cn->plugin->api.render == NULL || !delivery_next(&f->detail.row, f->delivery, &caps, &f->work) ||
        f->work.change != TOCSIN_TRIGGER || incident_fill(f, &err) != TOCSIN_OK)
        return false;
    host_request_init(&req, f->arena);
    return f->cn->plugin->api.render(f->cn->self, &plugin_host, &f->job, &req, &err) == TOCSIN_OK &&
           req.kind == REQUEST_HTTP && prepare(f, &req, &err);
}

void
attempt_row(struct notifier *n, struct row *row)
{
    struct flight *f;
    struct delivery_caps caps;
    struct tocsin_err err = { 0 };
    char reason[sizeof((struct tocsin_outcome *)0)->reason];
    bool work;

    if (row->draft != NULL) {
        depart(draft_release(n, row));
        return;
    }
    f = flight_new(n, row, arena_new());
    caps = caps_of(f->cn);
    if (!read_row(f, ALERTS_MAX)) {
        flight_free(f);
        return;
    }
    work = delivery_next(&f->detail.row, f->delivery, &caps, &f->work);
    if (!work)
        f->work.change = 0;
    if (work && f->cn == NULL) {
        snprintf(reason, sizeof reason, "notifier '%s' is not configured", row->key.lane->name);
        end(f, TOCSIN_RETRY, MISSING_RETRY_MS, reason);
    } else if (work && f->cn->plugin->api.render == NULL) {
        snprintf(reason, sizeof reason, "integration '%s' cannot notify", f->cn->plugin_name);
        end(f, TOCSIN_REJECTED, 0, reason);
    } else if (!work) {
        end(f, TOCSIN_DELIVERED, 0, "");
    } else if (incident_fill(f, &err) != TOCSIN_OK) {
        complain(&n->store_complaint, "notifier", row->key.lane->name, "cannot read a note: %s", err.what);
        row_sleep(n, row, clock_steady_ms() + STORE_RETRY_MS);
        flight_free(f);
    } else {
        flight_run(f);
    }
}

/* --- the answer -------------------------------------------------------------------------- */

static void
judge_host(struct flight *f, const struct tocsin_response *r, const char *reason)
{
    struct host *host = f->host;
    bool was = host->breaker.open;

    if (r->status == 0 || r->status >= 500)
        breaker_bad(&host->breaker, reason, clock_mono_ms());
    else
        breaker_good(&host->breaker);
    if (!was && host->breaker.open)
        log_warn("notifier", f->row->key.lane->name, "circuit to '%s' opens: %s", host->origin, reason);
    else if (was && !host->breaker.open)
        log_info("notifier", f->row->key.lane->name, "circuit to '%s' is closed again", host->origin);
}

static void
go_on(struct flight *f, const struct tocsin_outcome *o)
{
    f->job.step++;
    f->job.carry = arena_strdup(f->arena, o->carry);
    f->resume_ms = clock_mono_ms() + o->delay_ms;
    f->paused = true;
}

static void
on_answer(void *ctx, const struct tocsin_response *r)
{
    struct flight *f = ctx;
    struct tocsin_outcome o;

    host_outcome_default(r, clock_wall_ms(), &o);
    verdict_tidy(f->arena, f->cn->settings, &o);
    judge_host(f, r, o.reason);
    if (f->cn->plugin->api.classify != NULL)
        f->cn->plugin->api.classify(f->cn->self, &plugin_host, &f->job, r, &o);
    verdict_tidy(f->arena, f->cn->settings, &o);
    if (o.verdict == TOCSIN_CONTINUE && f->job.step + 1 < STEPS_MAX) {
        go_on(f, &o);
        return;
    }
    if (o.verdict == TOCSIN_CONTINUE) {
        o.verdict = TOCSIN_RETRY;
        snprintf(o.reason, sizeof o.reason, "gave up after %d requests for one change", STEPS_MAX);
    }
    report_send(f, &o);
}
