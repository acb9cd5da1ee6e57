/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics.  The figures come from those who keep them: the turn, the
 * store, the notifier, the collectors, the HTTP server.  What nobody keeps is
 * not shown, rather than shown as 0.
 *
 * Names of Alertmanager stand where it has one for the same thing, so that
 * dashboards and alerts made for it go on working.
 */
#include <stddef.h>
#include <string.h>

#include "api/internal.h"
#include "api/prom.h"
#include "base/arena.h"
#include "base/buf.h"
#include "os/clock.h"

enum { METRICS_MAX = 8 << 20, BUCKETS = 12 };

static const char *const commit_les[BUCKETS] = { "0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005",
                                                 "0.01",   "0.02",   "0.05",   "0.1",   "1",     "+Inf" };
static const char latency_help[] = "Time from when a notification was due until it was answered.";
static const char *const latency_les[BUCKETS] = { "0.001", "0.002", "0.005", "0.01", "0.02", "0.05",
                                                  "0.1",   "0.2",   "0.5",   "1",    "5",    "+Inf" };

static void
one_label(struct buf *b, const char *name, const char *label, const char *value, uint64_t v)
{
    prom_count(b, name, &(struct prom_label){ label, value }, 1, v);
}

static void
total(struct buf *b, const char *name, const char *help, uint64_t v)
{
    prom_family(b, name, "counter", help);
    prom_count(b, name, NULL, 0, v);
}

static void
gauge(struct buf *b, const char *name, const char *help, double v)
{
    prom_single(b, name, "gauge", help, v);
}

static void
turn(struct buf *b, const struct turn_stats *t)
{
    struct prom_label v2[] = { { "status", "firing" }, { "version", "v2" } };

    prom_family(b, "alertmanager_alerts_received_total", "counter", "Alerts received, by status.");
    prom_count(b, "alertmanager_alerts_received_total", v2, 2, t->alerts - t->alerts_resolved);
    v2[0].value = "resolved";
    prom_count(b, "alertmanager_alerts_received_total", v2, 2, t->alerts_resolved);
    total(b, "tocsin_turns_total", "Batches of events worked on.", t->turns);
    total(b, "tocsin_events_total", "Events worked on.", t->events);
    total(b, "tocsin_alert_repeats_total", "Alerts that changed nothing but their counter.", t->repeats);
    total(b, "tocsin_events_refused_total", "Events refused.", t->refused);
    total(b, "tocsin_alerts_dropped_total", "Alerts that a rule dropped.", t->dropped);
    total(b, "tocsin_alerts_suppressed_total", "Alerts that a rule suppressed.", t->suppressed);
    total(b, "tocsin_rule_failures_total", "Rules skipped because they could not be evaluated.", t->rule_failures);
    total(b, "tocsin_commits_total", "Transactions committed to disk.", t->commits);
    prom_family(b, "tocsin_commit_seconds", "histogram", "Time from the begin of a transaction until it is on disk.");
    prom_histogram(b, "tocsin_commit_seconds", NULL, 0, commit_les, t->commit_us_buckets, BUCKETS,
                   (double)t->commit_us_sum / 1e6);
    gauge(b, "tocsin_queue_depth", "Events waiting for the next turn.", (double)t->queue_depth);
    total(b, "tocsin_clock_jumps_total", "Jumps of the wall clock that were noticed.", (uint64_t)t->clock_jumps);
}

static void
kinds(struct buf *b, const struct collector_stats *s, size_t n)
{
    static const char name[] = "tocsin_items_received_total";

    prom_family(b, name, "counter", "Parts of payloads, by what they are.");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s[i].n_kinds; k++) {
            const struct prom_label labels[] = { { "collector", s[i].name }, { "kind", s[i].kinds[k].kind } };

            prom_count(b, name, labels, 2, s[i].kinds[k].n);
        }
}

static void
collectors(struct buf *b, struct call *c, uint64_t all_alerts)
{
    static const char name[] = "tocsin_alerts_received_total";
    const struct api_deps *deps = c->api->deps;
    struct collector_stats *s = NULL;
    struct mqtt_status *m = NULL;
    size_t n = deps->collector_stats != NULL ? deps->collector_stats(deps->ctx, http_arena(c->req), &s) : 0;
    size_t n_mqtt = deps->mqtt != NULL ? mqtt_collectors_status(deps->mqtt, http_arena(c->req), &m) : 0;

    prom_family(b, name, "counter", "Alerts received.");
    for (size_t i = 0; i < n; i++)
        one_label(b, name, "collector", s[i].name, s[i].alerts);
    if (deps->collector_stats == NULL)
        prom_count(b, name, NULL, 0, all_alerts);
    prom_family(b, "tocsin_log_records_total", "counter", "Lines of logs that were read, whatever became of them.");
    for (size_t i = 0; i < n; i++)
        if (s[i].records > 0)
            one_label(b, "tocsin_log_records_total", "collector", s[i].name, s[i].records);
    prom_family(b, "tocsin_payloads_refused_total", "counter", "Payloads refused.");
    for (size_t i = 0; i < n; i++)
        one_label(b, "tocsin_payloads_refused_total", "collector", s[i].name, s[i].refused);
    kinds(b, s, n);
    prom_family(b, "tocsin_mqtt_connected", "gauge", "1 while the collector is connected to its broker.");
    for (size_t i = 0; i < n_mqtt; i++)
        one_label(b, "tocsin_mqtt_connected", "collector", m[i].collector, m[i].connected);
    prom_family(b, "tocsin_mqtt_messages_total", "counter", "MQTT messages received.");
    for (size_t i = 0; i < n_mqtt; i++)
        one_label(b, "tocsin_mqtt_messages_total", "collector", m[i].collector, m[i].messages);
    prom_family(b, "tocsin_mqtt_refused_total", "counter", "MQTT messages refused.");
    for (size_t i = 0; i < n_mqtt; i++)
        one_label(b, "tocsin_mqtt_refused_total", "collector", m[i].collector, m[i].refused);
}

static void
outbox(struct buf *b, struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct outbox_count *q = NULL;
    size_t n = deps->outbox_stats != NULL ? deps->outbox_stats(deps->ctx, http_arena(c->req), &q) : 0;
    static const struct { const char *name, *type, *help; size_t at; } families[] = {
        { "tocsin_outbox_rows", "gauge", "Accepted and to be sent, of no incident.", offsetof(struct outbox_count, rows) },
        { "tocsin_outbox_bytes", "gauge", "The same in bytes.", offsetof(struct outbox_count, bytes) },
        { "tocsin_outbox_sent_total", "counter", "Sent since the start.", offsetof(struct outbox_count, sent) },
        { "tocsin_outbox_dropped_total", "counter", "Not sent: no room, or refused for good.",
          offsetof(struct outbox_count, dropped) },
    };

    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        prom_family(b, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < n; i++) {
            const struct prom_label labels[] = { { "collector", q[i].collector }, { "kind", q[i].kind } };
            uint64_t value;

            memcpy(&value, (const char *)&q[i] + families[f].at, sizeof value);
            prom_count(b, families[f].name, labels, 2, value);
        }
    }
}

static void
syslog_collectors(struct buf *b, struct call *c)
{
    static const struct { const char *name, *kind, *help; size_t at; } series[] = {
        { "tocsin_syslog_connections", "gauge", "Open connections.", offsetof(struct syslog_status, connections) },
        { "tocsin_syslog_messages_total", "counter", "Syslog messages received.",
          offsetof(struct syslog_status, messages) },
        { "tocsin_syslog_refused_total", "counter", "Syslog messages refused, and streams that are none.",
          offsetof(struct syslog_status, refused) },
        { "tocsin_syslog_cut_total", "counter", "Messages longer than line_max.", offsetof(struct syslog_status, cut) },
        { "tocsin_syslog_dropped_total", "counter", "Datagrams that the kernel dropped, its buffer being full.",
          offsetof(struct syslog_status, dropped) },
        { "tocsin_syslog_turned_away_total", "counter", "Connections and datagrams that were not let in.",
          offsetof(struct syslog_status, turned_away) },
    };
    const struct api_deps *deps = c->api->deps;
    struct syslog_status *all = NULL;
    size_t n = deps->syslog != NULL ? syslog_collectors_status(deps->syslog, http_arena(c->req), &all) : 0;

    prom_family(b, "tocsin_syslog_listening", "gauge", "1 while the collector listens on all its addresses.");
    for (size_t i = 0; i < n; i++)
        one_label(b, "tocsin_syslog_listening", "collector", all[i].collector, all[i].listening);
    for (size_t k = 0; k < sizeof series / sizeof series[0]; k++) {
        prom_family(b, series[k].name, series[k].kind, series[k].help);
        for (size_t i = 0; i < n; i++)
            one_label(b, series[k].name, "collector", all[i].collector,
                      *(const uint64_t *)(const void *)((const char *)&all[i] + series[k].at));
    }
}

static void
deliveries(struct buf *b, const struct store_stats *s, int64_t now)
{
    double age = s->oldest_pending_at > 0 && now > s->oldest_pending_at ? (double)(now - s->oldest_pending_at) : 0;

    prom_family(b, "tocsin_deliveries", "gauge", "Deliveries that are not done.");
    one_label(b, "tocsin_deliveries", "state", "pending", s->pending_deliveries);
    one_label(b, "tocsin_deliveries", "state", "failing", s->failing_deliveries);
    gauge(b, "tocsin_delivery_oldest_pending_seconds", "How long the oldest delivery has been due.", age / 1000);
}

static void
store(struct buf *b, struct call *c)
{
    struct store *store = c->api->deps->store;
    static const struct prom_label build[] = { { "branch", "tocsin" },
                                               { "goversion", "" },
                                               { "revision", "tocsin-" TOCSIN_VERSION },
                                               { "version", API_FOREIGN_VERSION } };
    struct store_stats s;
    struct tocsin_err err;
    bool ok = store->ops->stats(store, &s, &err) == TOCSIN_OK;
    uint64_t waiting;

    prom_family(b, "tocsin_store_up", "gauge", "1 while the store answers.");
    one_label(b, "tocsin_store_up", "engine", store->ops->name, ok);
    if (!ok)
        return;
    waiting = heartbeats_waiting(c);         /* the two are not read at the same moment */
    s.open_alerts -= waiting < s.open_alerts - s.suppressed_alerts ? waiting : s.open_alerts - s.suppressed_alerts;
    prom_family(b, "tocsin_incidents", "gauge", "Open incidents.");
    one_label(b, "tocsin_incidents", "state", "triggered", s.triggered);
    one_label(b, "tocsin_incidents", "state", "acknowledged", s.acknowledged);
    gauge(b, "tocsin_incidents_exhausted", "Open incidents whose policy ended unanswered.", (double)s.exhausted);
    gauge(b, "tocsin_open_alerts", "Alerts that are not resolved.", (double)s.open_alerts);
    prom_family(b, "alertmanager_alerts", "gauge", "Alerts by state.");
    one_label(b, "alertmanager_alerts", "state", "active", s.open_alerts - s.suppressed_alerts);
    one_label(b, "alertmanager_alerts", "state", "suppressed", s.suppressed_alerts);
    prom_family(b, "alertmanager_build_info", "gauge", "The version whose API is served, for those who ask for it.");
    prom_count(b, "alertmanager_build_info", build, sizeof build / sizeof build[0], 1);
    prom_family(b, "alertmanager_silences", "gauge", "How many silences by state.");
    one_label(b, "alertmanager_silences", "state", "active", s.silences[SILENCE_ACTIVE]);
    one_label(b, "alertmanager_silences", "state", "expired", s.silences[SILENCE_EXPIRED]);
    one_label(b, "alertmanager_silences", "state", "pending", s.silences[SILENCE_PENDING]);
    deliveries(b, &s, clock_steady_ms());
    total(b, "tocsin_store_rows_written_total", "Rows written.", s.rows_written);
    total(b, "tocsin_store_commits_total", "Transactions of the store.", s.commits);
    gauge(b, "tocsin_store_lazy_rows", "Rows whose counters are not on disk yet.", (double)s.lazy_unflushed);
    gauge(b, "tocsin_store_database_bytes", "Size of the database file.", (double)s.db_bytes);
    gauge(b, "tocsin_store_wal_bytes", "Size of the write-ahead log.", (double)s.wal_bytes);
    gauge(b, "tocsin_store_free_bytes", "Free space on the store's file system.", (double)s.free_bytes);
}

static const char *
plugin_of(const struct conf *conf, const char *notifier)
{
    for (size_t i = 0; i < conf->n_notifiers; i++)
        if (strcmp(conf->notifiers[i].name, notifier) == 0)
            return conf->notifiers[i].plugin_name;
    return "";                               /* gone since the last reload */
}

static void
results(struct buf *b, const struct notifier_stats *s)
{
    const struct { const char *result; uint64_t n; } rows[] = {
        { "delivered", s->sent }, { "retried", s->retried }, { "rejected", s->rejected }, { "uncertain", s->uncertain },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct prom_label labels[] = { { "notifier", s->name }, { "result", rows[i].result } };

        prom_count(b, "tocsin_notifications_total", labels, 2, rows[i].n);
    }
}

/* Alertmanager's two counters; receiver_name keeps two notifiers of one integration apart. */
static void
as_alertmanager(struct buf *b, const struct conf *conf, const struct notifier_stats *s, size_t n)
{
    static const char all[] = "alertmanager_notifications_total", failed[] = "alertmanager_notifications_failed_total";
    static const char latency[] = "alertmanager_notification_latency_seconds";

    prom_family(b, all, "counter", "Attempts to notify.");
    for (size_t i = 0; i < n; i++) {
        struct prom_label labels[] = { { "integration", plugin_of(conf, s[i].name) }, { "receiver_name", s[i].name } };

        prom_count(b, all, labels, 2, s[i].sent + s[i].retried + s[i].rejected + s[i].uncertain);
    }
    prom_family(b, failed, "counter", "Attempts to notify that failed.");
    for (size_t i = 0; i < n; i++) {
        struct prom_label labels[] = { { "integration", plugin_of(conf, s[i].name) }, { "receiver_name", s[i].name } };

        prom_count(b, failed, labels, 2, s[i].retried + s[i].rejected + s[i].uncertain);
    }
    prom_family(b, latency, "histogram", latency_help);
    for (size_t i = 0; i < n; i++) {
        struct prom_label labels[] = { { "integration", plugin_of(conf, s[i].name) }, { "receiver_name", s[i].name } };

        prom_histogram(b, latency, labels, 2, latency_les, s[i].latency_ms_buckets, BUCKETS,
                       (double)s[i].latency_ms_sum / 1000);
    }
}

static void
notifiers(struct buf *b, struct call *c)
{
    static const char latency[] = "tocsin_notification_latency_seconds";
    const struct api_deps *deps = c->api->deps;
    struct notifier_stats *s = NULL;
    size_t n = notifier_stats(deps->notifier, http_arena(c->req), &s);
    struct conf *conf = deps->conf(deps->ctx);

    prom_family(b, "tocsin_notifications_total", "counter", "Answers to notifications, by result.");
    for (size_t i = 0; i < n; i++)
        results(b, &s[i]);
    as_alertmanager(b, conf, s, n);
    conf_unref(conf);
    prom_family(b, latency, "histogram", latency_help);
    for (size_t i = 0; i < n; i++)
        prom_histogram(b, latency, &(struct prom_label){ "notifier", s[i].name }, 1, latency_les,
                       s[i].latency_ms_buckets, BUCKETS, (double)s[i].latency_ms_sum / 1000);
    prom_family(b, "tocsin_notifier_waiting", "gauge", "Notifications that wait for their turn.");
    for (size_t i = 0; i < n; i++)
        one_label(b, "tocsin_notifier_waiting", "notifier", s[i].name, s[i].waiting);
    prom_family(b, "tocsin_notifier_in_flight", "gauge", "Notifications on their way.");
    for (size_t i = 0; i < n; i++)
        one_label(b, "tocsin_notifier_in_flight", "notifier", s[i].name, s[i].in_flight);
    prom_family(b, "tocsin_notifier_breaker_open", "gauge", "1 while sending pauses because the far side fails.");
    for (size_t i = 0; i < n; i++)
        one_label(b, "tocsin_notifier_breaker_open", "notifier", s[i].name, s[i].breaker_open);
}

static void
http(struct buf *b, const struct http_server *server)
{
    struct http_stats s = { 0 };

    http_server_stats(server, &s);
    total(b, "tocsin_http_connections_total", "Connections accepted.", s.connections);
    total(b, "tocsin_http_connections_refused_total", "Connections refused because of a limit.", s.refused_connections);
    total(b, "tocsin_http_requests_total", "Requests.", s.requests);
    total(b, "tocsin_http_requests_refused_total", "Requests refused before they were handled.", s.refused_requests);
}

static void
process(struct buf *b, int64_t started_at)
{
    struct prom_label version = { "version", TOCSIN_VERSION };
    struct process_figures f;

    process_read(&f);
    gauge(b, "process_resident_memory_bytes", "Resident memory size in bytes.", f.resident_bytes);
    gauge(b, "process_open_fds", "Number of open file descriptors.", (double)f.open_fds);
    gauge(b, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          (double)started_at / 1000);
    prom_family(b, "tocsin_build_info", "gauge", "1, with the version.");
    prom_count(b, "tocsin_build_info", &version, 1, 1);
}

void
handle_metrics(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct http_server *server = atomic_load(&c->api->http);
    struct turn_stats t = { 0 };
    struct buf b;

    buf_init(&b, METRICS_MAX);
    deps->turn_stats(deps->ctx, &t);
    turn(&b, &t);
    collectors(&b, c, t.alerts);
    metrics_heartbeats(&b, c);
    syslog_collectors(&b, c);
    outbox(&b, c);
    store(&b, c);
    if (deps->notifier != NULL)
        notifiers(&b, c);
    if (server != NULL)
        http(&b, server);
    process(&b, deps->started_at);
    http_reply(c->req, 200, "text/plain; version=0.0.4; charset=utf-8", b.p, b.n);
    buf_release(&b);
}
