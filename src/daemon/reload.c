/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload is a diff.  A complete new configuration is built first; one mistake
 * and the old one stays.  Open incidents carry their policy with them, so their
 * timers do not notice; collectors and notifiers whose settings are the same
 * are left alone; sends in flight go on.
 */
#include <string.h>

#include "base/err.h"
#include "daemon/impl.h"
#include "os/log.h"
#include "plugin/host.h"

struct conf *
daemon_conf(void *ctx)
{
    struct daemon *d = ctx;
    struct conf *c;

    pthread_mutex_lock(&d->conf_mutex);
    c = conf_ref(d->conf);
    pthread_mutex_unlock(&d->conf_mutex);
    return c;
}

static bool
differs(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

/* What only a restart can change is said, not silently ignored. */
static void
warn_of_restart(const struct conf *started, const struct conf *now)
{
    const struct conf_http *a = &started->http, *b = &now->http;
    const struct {
        const char *option;
        bool changed;
    } fixed[] = {
        { "http.listen", differs(a->listen, b->listen) },
        { "http.tls", (a->tls_cert[0] == '\0') != (b->tls_cert[0] == '\0') },
        { "http.tls.client_ca", differs(a->tls_client_ca, b->tls_client_ca) },
        { "http.body_max", a->body_max != b->body_max },
        { "http.header_max", a->header_max != b->header_max },
        { "http.connections_max", a->connections_max != b->connections_max },
        { "http.per_ip_max", a->per_ip_max != b->per_ip_max },
        { "http.header_timeout", a->header_timeout_ms != b->header_timeout_ms },
        { "http.body_timeout", a->body_timeout_ms != b->body_timeout_ms },
        { "http.idle_timeout", a->idle_timeout_ms != b->idle_timeout_ms },
        { "http.threads", a->threads != b->threads },
        { "store.driver", differs(started->store.driver, now->store.driver) },
        { "store.path", differs(started->store.path, now->store.path) },
        { "store.wal_limit", started->store.wal_limit != now->store.wal_limit },
        { "store.reserve", started->store.reserve != now->store.reserve },
    };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].changed)
            log_warn("reload", fixed[i].option, "stays as it was until tocsin is restarted");
}

void
daemon_apply(const struct conf *conf)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };

    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(conf->log_level, names[i]) == 0)
            log_set_level((enum log_level)i);
    host_set_json_depth((unsigned)conf->http.json_depth_max);
    host_set_alerts_max((unsigned)conf->http.alerts_max);
}

/* Is the notifier new, or set up otherwise than before? */
static bool
notifier_changed(const struct conf *was, const struct conf_notifier *n)
{
    const struct conf_notifier *old = conf_notifier(was, n->name);

    return old == NULL || differs(old->digest, n->digest);
}

/* Is this target to be asked once more, now that `now` is in force? */
static bool
asks_again(const struct pending *row, const struct conf *was, const struct conf *now)
{
    const struct conf_notifier *to = conf_notifier(now, row->target);

    if (was == NULL)
        return to != NULL && row->due_at == 0;   /* refused */
    return to != NULL ? notifier_changed(was, to) : conf_notifier(was, row->target) != NULL;
}

/*
 * A target that had refused something is asked once more after its settings changed.  One that is gone is "asked" too:
 * the notifier finds that there is nobody, and the escalation moves on at once instead of waiting out a retry.  After a
 * start nobody knows what the settings were (a key in the environment changes in no other way): all are asked.
 */
void
daemon_rearm(struct daemon *d, const struct conf *was, const struct conf *now)
{
    struct arena *arena = arena_new();
    struct pending *rows = NULL;
    struct tocsin_err err;
    size_t n = 0;

    if (d->store->ops->pending(d->store, arena, &rows, &n, &err) != TOCSIN_OK)
        log_warn(was != NULL ? "reload" : "daemon", "", "cannot look for refused deliveries: %s", err.what);
    for (size_t i = 0; i < n; i++) {
        struct event e = { .kind = EV_REARM, .incident = rows[i].incident, .target = rows[i].target };

        if (asks_again(&rows[i], was, now))
            committer_report(d->committer, &e);
    }
    arena_free(arena);
}

static void
swap(struct daemon *d, struct conf *now)
{
    struct conf *was;
    struct tocsin_err err;

    pthread_mutex_lock(&d->conf_mutex);
    was = d->conf;
    d->conf = now;
    pthread_mutex_unlock(&d->conf_mutex);
    warn_of_restart(d->started, now);
    daemon_apply(now);
    if (d->started->http.tls_cert[0] != '\0' && now->http.tls_cert[0] != '\0' &&
        http_server_reload_tls(d->http, now->http.tls_cert, now->http.tls_key, &err) != TOCSIN_OK)
        log_warn("reload", "http.tls", "the certificate stays as it was: %s", err.what);
    mqtt_collectors_apply(d->mqtt, now);
    syslog_collectors_apply(d->syslog, now);
    notifier_reload(d->notifier);
    beats_apply(d->beats, now, d->committer, false);
    daemon_rearm(d, was, now);
    conf_unref(was);
}

enum tocsin_rc
daemon_reload(void *ctx, struct conf_report *report)
{
    struct daemon *d = ctx;
    struct conf_report mine = { 0 };
    struct conf *now;

    pthread_mutex_lock(&d->reload_mutex);
    now = conf_load(d->config_file, d->plugin_dir, report != NULL ? report : &mine);
    if (now != NULL) {
        now->generation = d->conf->generation + 1;
        swap(d, now);
        log_info("reload", "", "configuration %llu is in force", (unsigned long long)now->generation);
    } else if (report == NULL) {
        for (size_t i = 0; i < mine.n; i++)
            log_error("reload", "", "%s", mine.items[i].text);
        log_error("reload", "", "%zu mistake%s: nothing was changed", mine.total, mine.total == 1 ? "" : "s");
    }
    pthread_mutex_unlock(&d->reload_mutex);
    conf_report_release(&mine);
    return now != NULL ? TOCSIN_OK : TOCSIN_BAD_CONFIG;
}
