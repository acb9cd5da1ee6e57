/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts are built in the order in which they need each other and taken down in
 * reverse: first nothing new comes in, then what was accepted is worked off,
 * then what is being sent is waited for.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/err.h"
#include "base/jsonmem.h"
#include "base/text.h"
#include "collector/refusal.h"
#include "daemon/impl.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/rand.h"
#include "plugin/host.h"
#include "plugin/loader.h"

enum { QUEUE_MAX = 50000, HTTP_GRACE_MS = 5000, SEND_GRACE_MS = 10000 };

/* --- hooks between the parts -------------------------------------------------------- */

static void
on_fatal(void *ctx, const struct tocsin_err *err)
{
    struct daemon *d = ctx;

    log_error("store", "", "%s; nothing more can be promised, so tocsin ends here", err->what);
    atomic_store(&d->failed, true);
    kill(getpid(), SIGTERM);
}

static void
on_report(void *ctx, const struct event *e)
{
    struct daemon *d = ctx;

    committer_report(d->committer, e);
}

static enum tocsin_rc
on_document(void *ctx, const char *url, struct arena *arena, const char **body, size_t *len, struct tocsin_err *err)
{
    struct daemon *d = ctx;

    return notifier_get(d->notifier, url, arena, body, len, err);
}

static void
on_act(void *ctx, const struct api_action *a, void (*done)(void *, enum tocsin_rc, const struct tocsin_err *),
       void *done_ctx)
{
    struct daemon *d = ctx;

    committer_act(d->committer, a, NULL, done, done_ctx);
}

static const struct decision *
on_silent(void *ctx, const struct conf *conf, struct arena *arena, const struct alert_row *row)
{
    struct daemon *d = ctx;

    return beats_silent(d->beats, conf, arena, row);
}

static size_t
on_heartbeats(void *ctx, struct arena *arena, struct heartbeat_status **out)
{
    struct daemon *d = ctx;
    struct conf *conf = daemon_conf(d);
    size_t n = beats_status(d->beats, conf, arena, out);

    conf_unref(conf);
    return n;
}

static void
on_silence(void *ctx, const struct api_silence *s, silence_done done, void *done_ctx)
{
    struct daemon *d = ctx;

    committer_silence(d->committer, s, done, done_ctx);
}

static void
on_turn_stats(void *ctx, struct turn_stats *out)
{
    struct daemon *d = ctx;

    committer_stats(d->committer, out);
}

static size_t
on_collector_stats(void *ctx, struct arena *arena, struct collector_stats **out)
{
    struct daemon *d = ctx;
    struct collector_stats *all;
    struct refusal_count *refused;
    size_t n = ingest_stats(d->ingest, arena, &all), n_refused = refusal_counts(arena, &refused);
    struct conf *conf = daemon_conf(d);

    *out = arena_alloc(arena, (n + n_refused + 1) * sizeof **out);
    memcpy(*out, all, n * sizeof **out);
    for (size_t i = 0; i < n_refused; i++) {
        size_t k = 0;

        if (conf_collector(conf, refused[i].name) == NULL)   /* a heartbeat, or one that is gone */
            continue;
        while (k < n && strcmp((*out)[k].name, refused[i].name) != 0)
            k++;
        if (k == n)
            (*out)[n++] = (struct collector_stats){ .name = refused[i].name };
        (*out)[k].unauthorized = refused[i].unauthorized;
        (*out)[k].last_error = refused[i].last;
    }
    conf_unref(conf);
    return n;
}

static size_t
on_outbox_stats(void *ctx, struct arena *arena, struct outbox_count **out)
{
    struct daemon *d = ctx;

    return outbox_stats(d->outbox, arena, out);
}

static enum tocsin_rc
on_ready(void *ctx, struct tocsin_err *err)
{
    struct daemon *d = ctx;
    enum tocsin_rc rc;

    if (atomic_load(&d->stopping))
        return err_set(err, TOCSIN_TEMPORARY, "daemon", "shutting down");
    rc = committer_health(d->committer, err);
    if (rc == TOCSIN_OK)
        rc = d->store->ops->health(d->store, err);
    if (rc != TOCSIN_OK && err->where[0] == '\0')
        snprintf(err->where, sizeof err->where, "store");
    return rc;
}

/* --- start ----------------------------------------------------------------------------- */

static enum tocsin_rc
open_store(struct daemon *d, struct tocsin_err *err)
{
    struct store_sqlite_options opt = { .path = d->conf->store.path,
                                        .wal_limit_bytes = d->conf->store.wal_limit,
                                        .reserve_bytes = d->conf->store.reserve };

    if (strcmp(d->conf->store.driver, "memory") == 0) {
        log_warn("store", "", "the store is in memory: whatever is accepted is lost at the end");
        d->store = store_mem_open();
        return TOCSIN_OK;
    }
    return store_sqlite_open(&opt, &d->store, err);
}

/* What payloads say of who they are is hashed with it where a collector redacts it. */
static void
take_secret(const struct daemon *d)
{
    unsigned char secret[STORE_SECRET];

    d->store->ops->secret(d->store, secret);
    host_set_redact_secret(secret, sizeof secret);
}

static enum tocsin_rc
start_core(struct daemon *d, struct tocsin_err *err)
{
    struct committer_options opt = {
        .store = d->store, .queue_max = QUEUE_MAX, .conf = daemon_conf, .silent = on_silent, .fatal = on_fatal,
        .ctx = d
    };
    struct notifier_hooks hooks = { .report = on_report, .conf = daemon_conf, .ctx = d };
    struct ingest_options ingest = { .conf = daemon_conf, .ctx = d };
    struct outbox_options outbox = { .store = d->store, .conf = daemon_conf, .ctx = d };
    enum tocsin_rc rc;

    take_secret(d);
    d->beats = beats_new(d->store);
    rc = beats_load(d->beats, err);
    if (rc != TOCSIN_OK)
        return rc;
    d->committer = committer_new(&opt);
    outbox.committer = d->committer;
    d->transport = transport_curl_new();
    rc = notifier_start(d->store, d->transport, &hooks, &d->notifier, err);
    if (rc != TOCSIN_OK)
        return rc;
    beats_apply(d->beats, d->conf, d->committer, true);
    committer_run(d->committer, d->notifier);   /* not before: a timer that is due now must reach the notifier */
    rc = outbox_start(&outbox, &d->outbox, err);
    if (rc != TOCSIN_OK)
        return rc;
    webhook_set_fetch(on_document, d);
    ingest.committer = d->committer;
    ingest.beats = d->beats;
    ingest.outbox = d->outbox;
    ingest.store = d->store;
    d->ingest = ingest_new(&ingest);
    return TOCSIN_OK;
}

static enum tocsin_rc
start_doors(struct daemon *d, struct tocsin_err *err)
{
    const struct conf_http *h = &d->conf->http;
    struct http_options opt = { .listen = h->listen,
                                .tls_cert = h->tls_cert,
                                .tls_key = h->tls_key,
                                .tls_client_ca = h->tls_client_ca,
                                .body_max = h->body_max,
                                .header_max = h->header_max,
                                .connections_max = h->connections_max,
                                .per_ip_max = h->per_ip_max,
                                .header_timeout_ms = h->header_timeout_ms,
                                .body_timeout_ms = h->body_timeout_ms,
                                .idle_timeout_ms = h->idle_timeout_ms,
                                .threads = h->threads };
    enum tocsin_rc rc;

    d->mqtt = mqtt_collectors_new(ingest_sink(d->ingest));
    d->syslog = syslog_collectors_new(ingest_sink(d->ingest));
    syslog_collectors_apply(d->syslog, d->conf);   /* before HTTP: who sees that tocsin is ready may send to its ports */
    d->deps = (struct api_deps){ .store = d->store,
                                 .sink = ingest_sink(d->ingest),
                                 .notifier = d->notifier,
                                 .mqtt = d->mqtt,
                                 .syslog = d->syslog,
                                 .ctx = d,
                                 .conf = daemon_conf,
                                 .act = on_act,
                                 .silence = on_silence,
                                 .reload = daemon_reload,
                                 .turn_stats = on_turn_stats,
                                 .collector_stats = on_collector_stats,
                                 .heartbeats = on_heartbeats,
                                 .outbox_stats = on_outbox_stats,
                                 .ready = on_ready,
                                 .started_at = clock_wall_ms() };
    d->api = api_new(&d->deps);
    opt.word = api_word;
    rc = http_server_start(&opt, api_handle, api_limit, d->api, &d->http, err);
    if (rc != TOCSIN_OK)
        return rc;
    api_set_http(d->api, d->http);
    mqtt_collectors_apply(d->mqtt, d->conf);
    return TOCSIN_OK;
}

static void
say_up(const struct daemon *d)
{
    const struct conf_http *h = &d->conf->http;

    log_info("daemon", "",
             "tocsin " TOCSIN_VERSION " is up on %s://%s (port %u): %zu collectors, %zu notifiers, %zu rules",
             h->tls_cert[0] != '\0' ? "https" : "http", h->listen, http_server_port(d->http), d->conf->n_collectors,
             d->conf->n_notifiers, ruleset_count(d->conf->rules));
    sd_notify(0, "READY=1");
}

/* --- stop ------------------------------------------------------------------------------- */

static void
stop(struct daemon *d)
{
    atomic_store(&d->stopping, true);
    sd_notify(0, "STOPPING=1");
    if (d->http != NULL)
        http_server_quiesce(d->http);
    if (d->http != NULL)
        http_server_stop(d->http, HTTP_GRACE_MS);
    if (d->mqtt != NULL)
        mqtt_collectors_free(d->mqtt);       /* after the last request: one may show them, or reload */
    syslog_collectors_free(d->syslog);
    webhook_set_fetch(NULL, NULL);           /* its thread hands what it verified to the parts below */
    if (d->outbox != NULL)
        outbox_stop(d->outbox);
    if (d->notifier != NULL)
        notifier_stop(d->notifier, atomic_load(&d->failed) ? 0 : SEND_GRACE_MS);
    if (d->committer != NULL)
        committer_stop(d->committer);
    if (d->api != NULL)
        api_free(d->api);
    ingest_free(d->ingest);
    outbox_free(d->outbox);
    if (d->notifier != NULL)
        notifier_free(d->notifier);
    if (d->transport != NULL)
        transport_free(d->transport);
    committer_free(d->committer);
    beats_free(d->beats);
    if (d->store != NULL)
        d->store->ops->close(d->store);
    conf_unref(d->started);
    conf_unref(d->conf);
}

/* --- the process --------------------------------------------------------------------------- */

static void
prepare_process(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    jsonmem_install();
    json_object_seed((size_t)rand_u64() | 1);
}

static void
serve(struct daemon *d, const sigset_t *signals)
{
    for (;;) {
        int sig;

        if (sigwait(signals, &sig) != 0)
            continue;
        if (sig != SIGHUP) {
            log_info("daemon", "", "%s: stopping", sig == SIGTERM ? "SIGTERM" : "SIGINT");
            return;
        }
        log_info("daemon", "", "SIGHUP: reading '%s' again", d->config_file);
        daemon_reload(d, NULL);
    }
}

static int
usage(FILE *to, int status)
{
    fputs("usage: tocsin run [-c FILE]\n"
          "  -c, --config FILE   the configuration; default $TOCSIN_CONFIG or /etc/tocsin/tocsin.cfg\n"
          "Runs in the foreground and logs to standard error.  SIGHUP reloads, SIGTERM ends.\n",
          to);
    return status;
}

static struct conf *
load(const char *file, const char *plugin_dir)
{
    struct conf_report report = { 0 };
    struct conf *c = conf_load(file, plugin_dir, &report);

    for (size_t i = 0; c == NULL && i < report.n; i++)
        fprintf(stderr, "%s\n", report.items[i].text);
    if (c == NULL)
        fprintf(stderr, "tocsin: %zu mistake%s in the configuration\n", report.total, report.total == 1 ? "" : "s");
    conf_report_release(&report);
    return c;
}

static int
run(const char *file)
{
    char *plugin_dir = plugin_default_dir();
    struct daemon d = { .config_file = file, .plugin_dir = plugin_dir };
    struct tocsin_err err;
    sigset_t signals;
    enum tocsin_rc rc;

    prepare_process(&signals);
    d.conf = load(file, plugin_dir);
    if (d.conf == NULL) {
        free(plugin_dir);
        return 1;
    }
    d.conf->generation = 1;
    d.started = conf_ref(d.conf);
    pthread_mutex_init(&d.conf_mutex, NULL);
    pthread_mutex_init(&d.reload_mutex, NULL);
    daemon_apply(d.conf);
    rc = open_store(&d, &err);
    if (rc == TOCSIN_OK)
        rc = start_core(&d, &err);
    pthread_mutex_lock(&d.reload_mutex);     /* who asks for a reload as soon as the door is open waits for the rest */
    if (rc == TOCSIN_OK)
        rc = start_doors(&d, &err);
    if (rc == TOCSIN_OK) {
        daemon_rearm(&d, NULL, d.conf);
        say_up(&d);
    }
    pthread_mutex_unlock(&d.reload_mutex);
    if (rc == TOCSIN_OK) {
        serve(&d, &signals);
    } else {
        char text[1024];

        log_error("daemon", "", "cannot start: %s", err_text(&err, text, sizeof text));
    }
    stop(&d);
    free(plugin_dir);
    return rc == TOCSIN_OK && !atomic_load(&d.failed) ? 0 : 1;
}

int
daemon_main(int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *file = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            return usage(stdout, 0);
        if (c != 'c')
            return usage(stderr, 2);
        file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "tocsin run: unexpected argument '%s'\n", argv[optind]);
        return usage(stderr, 2);
    }
    return run(file != NULL ? file : conf_default_file());
}
