/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/notifiers and /v1/collectors: the configured ways out and in, with their counters. */
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"

static void
put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new_nocheck(object, name, value);
}

static void
put_count(json_t *object, const char *name, uint64_t v)
{
    put(object, name, json_integer((json_int_t)v));
}

/* --- notifiers -------------------------------------------------------------------- */

static const struct notifier_stats *
stats_of(const struct notifier_stats *all, size_t n, const char *name)
{
    static const struct notifier_stats none;

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return &none;
}

static const char *
notifier_state(const struct notifier_stats *s)
{
    if (s->breaker_open)
        return "paused";
    if (s->last_error_at > s->last_ok_at)
        return "failing";
    return s->last_ok_at > 0 ? "ok" : "idle";
}

static json_t *
notifier(struct arena *arena, const struct conf_notifier *n, const struct notifier_stats *s)
{
    json_t *out = json_object();

    put(out, "name", shape_text(arena, n->name));
    put(out, "plugin", shape_text(arena, n->plugin_name));
    put(out, "state", json_string(notifier_state(s)));
    put(out, "breaker_open", json_boolean(s->breaker_open));
    put_count(out, "sent", s->sent);
    put_count(out, "retried", s->retried);
    put_count(out, "rejected", s->rejected);
    put_count(out, "uncertain", s->uncertain);
    put_count(out, "waiting", s->waiting);
    put_count(out, "in_flight", s->in_flight);
    put(out, "last_ok_at", shape_time(s->last_ok_at));
    put(out, "last_error_at", shape_time(s->last_error_at));
    put(out, "last_error", shape_text(arena, s->last_error));
    return out;
}

void
handle_notifier_list(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct arena *arena = http_arena(c->req);
    struct conf *conf = deps->conf(deps->ctx);
    struct notifier_stats *all = NULL;
    size_t n = deps->notifier != NULL ? notifier_stats(deps->notifier, arena, &all) : 0;
    json_t *list = json_array();

    for (size_t i = 0; i < conf->n_notifiers; i++)
        json_array_append_new(list, notifier(arena, &conf->notifiers[i], stats_of(all, n, conf->notifiers[i].name)));
    conf_unref(conf);
    http_reply_json(c->req, 200, json_pack("{s:o}", "notifiers", list));
}

/* --- collectors ------------------------------------------------------------------- */

static const struct mqtt_status *
mqtt_of(const struct mqtt_status *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].collector, name) == 0)
            return &all[i];
    return NULL;
}

static const struct syslog_status *
syslog_of(const struct syslog_status *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].collector, name) == 0)
            return &all[i];
    return NULL;
}

static const struct collector_stats *
counters_of(const struct collector_stats *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

/* What is not counted is null, never 0. */
static json_t *
collector(struct arena *arena, const struct conf_collector *c, const struct collector_stats *s,
          const struct mqtt_status *m, const struct syslog_status *y)
{
    json_t *out = json_object();

    put(out, "name", shape_text(arena, c->name));
    put(out, "type", shape_text(arena, c->type));
    put(out, "format", shape_text(arena, c->format));
    put(out, "connected", m != NULL   ? json_boolean(m->connected)
                          : y != NULL ? json_boolean(y->listening)
                                      : json_null());
    put(out, "payloads", s != NULL ? json_integer((json_int_t)s->payloads)
                                   : m != NULL ? json_integer((json_int_t)m->messages) : json_null());
    put(out, "alerts", s != NULL ? json_integer((json_int_t)s->alerts) : json_null());
    put(out, "refused", s != NULL ? json_integer((json_int_t)s->refused)
                                  : m != NULL ? json_integer((json_int_t)m->refused) : json_null());
    put(out, "last_at", shape_time(s != NULL ? s->last_at : 0));
    put(out, "last_error", shape_text(arena, m != NULL   ? m->last_error
                                               : y != NULL ? y->last_error
                                               : s != NULL ? s->last_error
                                                           : NULL));
    return out;
}

void
handle_collector_list(struct call *c)
{
    const struct api_deps *deps = c->api->deps;
    struct arena *arena = http_arena(c->req);
    struct conf *conf = deps->conf(deps->ctx);
    struct collector_stats *counters = NULL;
    struct mqtt_status *mqtt = NULL;
    struct syslog_status *syslog = NULL;
    size_t n = deps->collector_stats != NULL ? deps->collector_stats(deps->ctx, arena, &counters) : 0;
    size_t m = deps->mqtt != NULL ? mqtt_collectors_status(deps->mqtt, arena, &mqtt) : 0;
    size_t y = deps->syslog != NULL ? syslog_collectors_status(deps->syslog, arena, &syslog) : 0;
    json_t *list = json_array();

    for (size_t i = 0; i < conf->n_collectors; i++) {
        const struct conf_collector *one = &conf->collectors[i];

        json_array_append_new(list, collector(arena, one, counters_of(counters, n, one->name),
                                              mqtt_of(mqtt, m, one->name), syslog_of(syslog, y, one->name)));
    }
    conf_unref(conf);
    http_reply_json(c->req, 200, json_pack("{s:o}", "collectors", list));
}
