/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - REST under /v1, metrics, health; and the way to the collectors.
 *
 * The struct api_deps outlives the struct api: it is not copied.
 */
#ifndef API_API_H
#define API_API_H

#include "collector/collector.h"
#include "core/pipeline.h"
#include "http/http.h"
#include "notifier/notifier.h"
#include "store/store.h"

struct api_action {                  /* somebody acts on an incident */
    struct id16 incident;
    enum action action;
    const char *by, *note;
    int64_t until;
};

/* Somebody makes, changes or ends a silence: core/silence/silence.h. */
struct api_silence {
    bool end;                        /* end the one with row.id; otherwise row is what it is to be, id zero: a new one */
    struct silence_row row;
};
typedef void (*silence_done)(void *done_ctx, enum tocsin_rc, const struct id16 *id, const struct tocsin_err *);

/* Counters of the turn, for /metrics. */
struct turn_stats {
    uint64_t turns, events, alerts, repeats, refused, commits;
    uint64_t queue_depth;
    uint64_t commit_us_buckets[12];  /* le 100,200,500 us, 1,2,5,10,20,50,100,1000 ms, inf; each commit is in one */
    uint64_t commit_us_sum;
    int64_t clock_jumps;
    uint64_t rule_failures, dropped, suppressed;
    uint64_t alerts_resolved;        /* of alerts: those that reported a resolve */
};

/* Counters of one collector since the start, for /metrics and GET /v1/collectors. */
struct collector_stats {
    const char *name;
    uint64_t payloads, alerts, refused;
    int64_t last_at;                 /* latest accepted payload; 0 none */
    uint64_t records;                /* lines of logs that were read, whatever became of them */
    const struct kind_count { const char *kind; uint64_t n; } *kinds; size_t n_kinds;   /* what made no alert */
    uint64_t unauthorized;           /* requests without the right to send; they are no payloads */
    const char *last_error;          /* why the latest one was refused; NULL none */
};

/* A heartbeat; one with `by` has a row for each value that was seen. */
struct heartbeat_status {
    const char *name;
    const struct tocsin_pair *labels; size_t n_labels;        /* host=... */
    const char *state;               /* "ok", "silent", "never" (has not beaten yet), "unarmed" (nothing seen) */
    int64_t every_ms, grace_ms;
    int64_t last_at, due_at;         /* 0: none */
    uint64_t beats;
    struct id16 incident;            /* while silent; zero: none */
};

/* What is to be sent for a collector and belongs to no incident. */
struct outbox_count { const char *collector, *kind /* "forward", "get" */; uint64_t rows, bytes, sent, dropped; };

struct api_deps {
    struct store *store;
    const struct sink *sink;
    struct notifier *notifier;       /* NULL in tests */
    struct mqtt_collectors *mqtt;    /* NULL in tests */
    struct syslog_collectors *syslog;          /* the same */
    struct http_server *http;        /* NULL while there is none: then api_set_http() names it */
    void *ctx;
    struct conf *(*conf)(void *ctx);                 /* with a reference */
    /* Queue the action; done is called once, after the commit or with the refusal. */
    void (*act)(void *ctx, const struct api_action *,
                void (*done)(void *done_ctx, enum tocsin_rc, const struct tocsin_err *), void *done_ctx);
    /* The same for a silence; id is the one that it has now. */
    void (*silence)(void *ctx, const struct api_silence *, silence_done done, void *done_ctx);
    /* POST /-/reload: TOCSIN_OK, or TOCSIN_BAD_CONFIG with all mistakes in the report. */
    enum tocsin_rc (*reload)(void *ctx, struct conf_report *report);
    void (*turn_stats)(void *ctx, struct turn_stats *out);
    /* May be NULL: then only MQTT collectors have counters. */
    size_t (*collector_stats)(void *ctx, struct arena *, struct collector_stats **out);
    /* May be NULL: no heartbeats. */
    size_t (*heartbeats)(void *ctx, struct arena *, struct heartbeat_status **out);
    size_t (*outbox_stats)(void *ctx, struct arena *, struct outbox_count **out);   /* may be NULL */
    /* TOCSIN_OK, or what is not ready: "store: disk full", "notifier pd: ..."; several in lines of `what`. */
    enum tocsin_rc (*ready)(void *ctx, struct tocsin_err *err);
    int64_t started_at;
};

struct api;
struct api *api_new(const struct api_deps *);
void api_free(struct api *);
/* The server whose counters /metrics shows; any time, from any thread. */
void api_set_http(struct api *, struct http_server *);
/* http_handler, http_limit and http_word of the daemon's server; ctx is the struct api. */
void api_handle(void *api, struct http_request *);
void api_word(void *api, struct http_request *, int status, const struct tocsin_err *err);
int64_t api_limit(void *api, const char *method, const char *path);

#endif
