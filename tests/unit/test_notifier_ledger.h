/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_notifier_ledger.h - what stands around the notifier in its tests: a
 * ledger in memory that settles reports as a turn would, a configuration made
 * by hand, a vendor that answers as it is told, and doubles for the functions
 * of other folders that the notifier calls.
 */
#ifndef TEST_NOTIFIER_LEDGER_H
#define TEST_NOTIFIER_LEDGER_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "core/delivery/delivery.h"
#include "notifier/notifier.h"
#include "os/clock.h"
#include "os/log.h"
#include "plugin/loader.h"

enum { ROWS_MAX = 128, REPORTS_MAX = 4096, SENT_MAX = 4096, MISSING_WAIT_MS = 10000 };

struct sent { char what[32]; unsigned id; int64_t at; char extra[64]; };
struct reported {
    unsigned id; enum tocsin_change change; uint32_t ver, page, notes; struct tocsin_outcome outcome; char target[32];
};

static struct fixture {
    pthread_mutex_t lock;
    struct notifier *n;
    struct transport *transport;
    /* the ledger */
    struct incident_row incidents[ROWS_MAX];
    struct delivery_row rows[ROWS_MAX];
    unsigned n_rows;
    struct event_row notes[4]; size_t n_notes;
    struct pending *pending; size_t n_pending;
    bool lag;                      /* reports are kept, not settled */
    int64_t retry_ms;
    enum tocsin_rc read_rc;
    /* what happened */
    struct reported reports[REPORTS_MAX]; size_t n_reports, n_settled;
    struct sent sent[SENT_MAX]; size_t n_sent;
    /* the vendor */
    int status; bool not_sent; bool hold; const char *body, *retry_after;
    /* the integration */
    int steps;                     /* requests of one send */
    bool render_fails, render_none, render_log;
    char url[64];
    /* the configuration */
    struct conf conf, other;
    struct conf_notifier cn[4], other_cn[4];
    struct conf *current;
    struct plugin plugin;
    struct setting secret; struct tocsin_settings settings;
} fx;

#include "test_notifier_doubles.h"

/* --- the ledger ------------------------------------------------------------------------------ */

static struct id16
make_id(unsigned i)
{
    struct id16 id = { { 1, 2, 3, 4 } };

    memcpy(id.b + 12, &i, sizeof i);
    return id;
}

static unsigned
id_of(const struct id16 *id)
{
    unsigned i;

    memcpy(&i, id->b + 12, sizeof i);
    return i;
}

static enum tocsin_rc
fake_pending(struct store *s, struct arena *a, struct pending **out, size_t *n_out, struct tocsin_err *err)
{
    (void)s;
    (void)a;
    if (fx.read_rc != TOCSIN_OK)
        return err_set(err, fx.read_rc, "", "disk on fire");
    *out = fx.pending;
    *n_out = fx.n_pending;
    return TOCSIN_OK;
}

static enum tocsin_rc
fake_get_delivery(struct store *s, struct arena *a, const struct id16 *id, const char *target, size_t max,
                  struct incident_detail *out, struct tocsin_err *err)
{
    unsigned i = id_of(id);
    enum tocsin_rc rc;

    (void)s;
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&fx.lock);
    rc = fx.read_rc != TOCSIN_OK ? fx.read_rc : i >= fx.n_rows ? TOCSIN_NOT_FOUND : TOCSIN_OK;
    if (rc == TOCSIN_OK) {
        out->row = fx.incidents[i];
        out->deliveries = arena_memdup(a, &fx.rows[i], sizeof fx.rows[i]);
        out->n_deliveries = strcmp(fx.rows[i].target, target) == 0;
        if (max > 0) {
            out->alerts = arena_zalloc(a, sizeof *out->alerts);
            out->alerts[0] = (struct alert_row){ .state = ALERT_FIRING, .severity = TOCSIN_ERROR, .body = "disk full",
                                                 .body_len = 9, .dedup_key = "db1/disk", .source = "test" };
            out->n_alerts = 1;
        }
    } else {
        err_set(err, rc, "", "cannot read");
    }
    pthread_mutex_unlock(&fx.lock);
    return rc;
}

static enum tocsin_rc
fake_get_notes(struct store *s, struct arena *a, const struct id16 *id, uint32_t from, struct event_row **out,
               size_t *n_out, struct tocsin_err *err)
{
    (void)s;
    (void)a;
    (void)id;
    (void)err;
    *out = fx.notes + from;
    *n_out = fx.n_notes - from;
    return TOCSIN_OK;
}

static const struct store_ops fake_ops = { .name = "fake", .pending = fake_pending, .get_delivery = fake_get_delivery,
                                           .get_notes = fake_get_notes };
static struct store fake_store = { &fake_ops };

/* What the turn makes of a report.  Under lock. */
static int64_t
settle(const struct reported *r)
{
    struct delivery_row *d = &fx.rows[r->id];
    struct delivery_caps caps = { true, true, true, true, true };
    struct delivery_work work;

    if (r->outcome.verdict == TOCSIN_DELIVERED) {
        d->told = r->change == TOCSIN_RESOLVE ? TOLD_RESOLVED
                  : r->change == TOCSIN_ACKNOWLEDGE ? TOLD_ACKNOWLEDGED
                  : r->change == TOCSIN_TRIGGER ? TOLD_TRIGGERED : d->told;
        d->told_ver = r->ver;
        d->told_page = r->page;
        d->told_notes = r->notes;
        d->sends += r->change != 0;
        d->attempts = 0;
        d->state = DELIVERY_IDLE;
        d->due_at = delivery_next(&fx.incidents[r->id], d, &caps, &work) ? clock_wall_ms() : 0;
    } else if (r->outcome.verdict == TOCSIN_REJECTED) {
        d->state = DELIVERY_REJECTED;
        d->refused_ver = r->ver;
        d->due_at = 0;
    } else {
        d->attempts++;
        d->state = DELIVERY_FAILING;
        d->due_at = clock_wall_ms() + (r->outcome.delay_ms > fx.retry_ms ? r->outcome.delay_ms : fx.retry_ms);
    }
    return d->due_at;
}

static void
on_report(void *ctx, const struct event *ev)
{
    struct reported *r;
    int64_t due = 0;
    bool lag;

    (void)ctx;
    pthread_mutex_lock(&fx.lock);
    r = &fx.reports[fx.n_reports++];
    assert_true(fx.n_reports < REPORTS_MAX);
    *r = (struct reported){ id_of(&ev->incident), ev->change, ev->ver, ev->page, ev->notes, *ev->outcome, "" };
    snprintf(r->target, sizeof r->target, "%s", ev->target);
    lag = fx.lag;
    if (!lag) {
        due = settle(r);
        fx.n_settled = fx.n_reports;
    }
    pthread_mutex_unlock(&fx.lock);
    if (!lag)
        notifier_wake(fx.n, &ev->incident, ev->target, due);
}

static struct conf *
give_conf(void *ctx)
{
    (void)ctx;
    return conf_ref(fx.current);
}

/* --- the integration and the vendor ------------------------------------------------------------- */

static const char *const change_words[] = { "", "trigger", "update", "ack", "unack", "note", "resolve" };

static enum tocsin_rc
fake_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
            struct tocsin_err *err)
{
    (void)host;
    if (fx.render_fails)
        return err_set(err, TOCSIN_BAD_INPUT, "", "severity 'purple' is not known");
    if (fx.render_none)
        return TOCSIN_OK;
    out->kind = fx.render_log ? REQUEST_LOG : REQUEST_HTTP;
    out->line = "a line";
    out->method = "POST";
    out->url = arena_printf(out->arena, "%s/%s", self != NULL ? (const char *)self : fx.url,
                            change_words[job->change]);
    out->body = arena_printf(out->arena, "%s %u %s %s", job->incident->id, job->step, job->carry,
                             job->change == TOCSIN_NOTE ? job->incident->note : "");
    out->body_len = strlen(out->body);
    return TOCSIN_OK;
}

static void
fake_classify(void *self, const struct tocsin_host *host, const struct tocsin_job *job, const struct tocsin_response *r,
              struct tocsin_outcome *out)
{
    (void)self;
    (void)host;
    if (r->len > 0)
        snprintf(out->reason, sizeof out->reason, "vendor says: %s", r->body);
    if (out->verdict == TOCSIN_DELIVERED && (int)job->step + 1 < fx.steps) {
        out->verdict = TOCSIN_CONTINUE;
        out->delay_ms = 5;
        snprintf(out->carry, sizeof out->carry, "after%u", job->step);
    }
}

static const char *
vendor_header(const struct tocsin_response *r, const char *name)
{
    (void)r;
    return strcmp(name, "Retry-After") == 0 ? fx.retry_after : NULL;
}

static void
vendor(void *ctx, const struct tocsin_request *req, struct tocsin_response *r)
{
    struct id16 id;
    char text[ID_TEXT];

    (void)ctx;
    pthread_mutex_lock(&fx.lock);
    if (fx.hold) {
        r->status = TRANSPORT_LATER;
    } else {
        struct sent *s = &fx.sent[fx.n_sent++];

        assert_true(fx.n_sent < SENT_MAX);
        memcpy(text, req->body, ID_TEXT - 1);
        text[ID_TEXT - 1] = '\0';
        assert_true(id_parse(text, &id));
        s->id = id_of(&id);
        s->at = clock_mono_ms();
        snprintf(s->what, sizeof s->what, "%s", strrchr(req->url, '/') + 1);
        snprintf(s->extra, sizeof s->extra, "%.*s", (int)req->body_len - ID_TEXT, req->body + ID_TEXT);
        r->status = fx.status;
        r->sent = !fx.not_sent;
        r->error = fx.not_sent ? "connection refused" : "timed out";
        if (fx.body != NULL) {
            r->body = fx.body;
            r->len = strlen(fx.body);
        }
        r->header = vendor_header;
    }
    pthread_mutex_unlock(&fx.lock);
}

/* --- for the tests ---------------------------------------------------------------------------------- */

static void
set_conf(struct conf *c, struct conf_notifier *cn, const char *url)
{
    static const char *const names[] = { "pd", "vo", "og" };

    *c = (struct conf){ .notifiers = cn, .n_notifiers = 3, .refs = 1, .http.public_url = "https://tocsin.example" };
    for (size_t i = 0; i < 3; i++)
        cn[i] = (struct conf_notifier){ .name = names[i], .plugin_name = "fake", .plugin = &fx.plugin, .proxy = "",
                                        .ca_file = "", .timeout_ms = 1000, .concurrency = 8, .send_resolved = true,
                                        .allow_private = true, .settings = &fx.settings,
                                        .flags = fx.plugin.api.flags,
                                        .self = (void *)(uintptr_t)url };
}

static int
set_up(void **state)
{
    (void)state;
    memset(&fx, 0, sizeof fx);
    pthread_mutex_init(&fx.lock, NULL);
    log_set_level(LOG_LEVEL_ERROR);
    fx.status = 200;
    fx.retry_ms = 5;
    snprintf(fx.url, sizeof fx.url, "https://vendor.example");
    fx.plugin.api = (struct tocsin_plugin){ .abi = TOCSIN_PLUGIN_ABI, .size = sizeof(struct tocsin_plugin),
                                            .flags = TOCSIN_DEDUPES | TOCSIN_CAN_ACK | TOCSIN_CAN_NOTE, .name = "fake",
                                            .render = fake_render, .classify = fake_classify };
    fx.secret = (struct setting){ .name = "key", .type = TOCSIN_OPT_SECRET, .text = "s3cr3t-key" };
    fx.settings = (struct tocsin_settings){ &fx.secret, 1 };
    set_conf(&fx.conf, fx.cn, NULL);
    set_conf(&fx.other, fx.other_cn, "https://other.example");
    fx.current = &fx.conf;
    return 0;
}

static void
begin(void)
{
    const struct notifier_hooks hooks = { on_report, give_conf, NULL };
    struct tocsin_err err;

    fx.transport = transport_null_new(vendor, NULL);
    assert_int_equal(notifier_start(&fake_store, fx.transport, &hooks, &fx.n, &err), TOCSIN_OK);
}

static int
tear_down(void **state)
{
    (void)state;
    notifier_free(fx.n);
    transport_free(fx.transport);
    /* nothing holds a configuration any more but whoever made it */
    assert_int_equal(fx.conf.refs, 1);
    assert_int_equal(fx.other.refs, 1);
    free(fx.pending);
    return 0;
}

/* A new triggered incident, due now for the target.  Its index. */
static unsigned
add_incident(const char *target)
{
    unsigned i;

    pthread_mutex_lock(&fx.lock);
    i = fx.n_rows++;
    fx.incidents[i] = (struct incident_row){ .id = make_id(i), .state = TOCSIN_INC_TRIGGERED, .severity = TOCSIN_ERROR,
                                             .ver = 1, .page = 1, .episode = 1, .n_total = 1, .summary = "disk full",
                                             .source = "test", .group_key = "g", .policy_name = "p", .acked_by = "anna",
                                             .resolved_by = "bob", .suppressed_by = "", .notify = "" };
    fx.rows[i] = (struct delivery_row){ .incident = make_id(i), .target = target, .state = DELIVERY_PENDING,
                                        .want_page = 1, .due_at = clock_wall_ms(), .last_error = "", .vendor_ref = "" };
    pthread_mutex_unlock(&fx.lock);
    return i;
}

static void
wake(unsigned i)
{
    struct id16 id = make_id(i);
    const char *target;
    int64_t due;

    pthread_mutex_lock(&fx.lock);
    due = fx.rows[i].due_at;
    target = fx.rows[i].target;
    pthread_mutex_unlock(&fx.lock);
    notifier_wake(fx.n, &id, target, due);
}

/* The incident changed in a turn: a newer version, due at once. */
static void
change(unsigned i, enum tocsin_incident_state state)
{
    pthread_mutex_lock(&fx.lock);
    fx.incidents[i].state = (uint8_t)state;
    fx.incidents[i].ver++;
    fx.rows[i].due_at = clock_wall_ms();
    pthread_mutex_unlock(&fx.lock);
    wake(i);
}

static size_t
count_of(const size_t *counter)
{
    size_t n;

    pthread_mutex_lock(&fx.lock);
    n = *counter;
    pthread_mutex_unlock(&fx.lock);
    return n;
}

static void
wait_for(const size_t *counter, size_t n)
{
    int64_t until = clock_mono_ms() + MISSING_WAIT_MS;

    while (count_of(counter) < n) {
        if (clock_mono_ms() > until)
            fail_msg("waited for %zu, there are %zu", n, count_of(counter));
        usleep(500);
    }
}

static struct notifier_stats
stats_of(const char *name)
{
    struct arena *a = arena_new();
    struct notifier_stats *all, out = { 0 };
    size_t n = notifier_stats(fx.n, a, &all);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            out = all[i];
    out.name = NULL;
    arena_free(a);
    return out;
}

static void
set_hold(bool hold)
{
    pthread_mutex_lock(&fx.lock);
    fx.hold = hold;
    pthread_mutex_unlock(&fx.lock);
}

static void
wait_in_flight(const char *name, uint64_t n)
{
    int64_t until = clock_mono_ms() + MISSING_WAIT_MS;

    while (stats_of(name).in_flight < n) {
        if (clock_mono_ms() > until)
            fail_msg("waited for %u in flight", (unsigned)n);
        usleep(500);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
