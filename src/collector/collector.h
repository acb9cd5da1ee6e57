/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - bytes in, and the sink that they go to.
 *
 * A collector authenticates and frames; what the bytes mean is decided behind
 * the sink (daemon/ingest.c: decode, rules, queue).  A collector acknowledges
 * to its sender only when the sink has said TOCSIN_OK.
 */
#ifndef COLLECTOR_COLLECTOR_H
#define COLLECTOR_COLLECTOR_H

#include <tocsin/plugin.h>

#include "conf/conf.h"

/* What became of one payload.  Valid during the call of done(). */
struct ingest_result {
    enum tocsin_rc rc;             /* TOCSIN_OK: committed, on disk */
    struct tocsin_err err;         /* when not */
    size_t accepted;               /* alerts */
    struct ingest_item {
        const char *dedup_key;     /* NULL: an action */
        char incident[37];         /* "" none */
        int64_t number;            /* of the occurrence (rowid); 0 none */
        enum tocsin_rc rc;         /* of an action */
    } *items;                      /* accepted of them */
    struct ingest_item *actions; size_t n_actions;
    size_t records;                /* lines of logs that were read and are none of the items: no rule wanted them */
    int reply_status;              /* 0: the collector words the answer */
    const char *reply; size_t reply_len;     /* JSON, that the integration wants its sender to be told */
};

typedef void (*ingest_done)(void *ctx, const struct ingest_result *);

struct host_call;

struct sink {
    /*
     * Decode, decide and queue one payload of a collector.  done is called exactly once, from any
     * thread, perhaps before submit returns: after the commit, or with the reason of the refusal.
     * The payload may be gone when submit returns.
     */
    void (*submit)(void *ctx, const struct conf_collector *, const struct tocsin_payload *, ingest_done done,
                   void *done_ctx);
    /* A heartbeat of its own beat; done as above.  The heartbeat need not outlive the call. */
    void (*beat)(void *ctx, const struct conf_heartbeat *, int64_t received_at, ingest_done done, void *done_ctx);
    /*
     * The same for what an intake made of a request (plugin/host.h): its alerts and actions, in their order.  Takes
     * the call's arena over in any case; the call is gone when done returns.
     */
    void (*put)(void *ctx, const struct conf_collector *, struct host_call *, const struct rule_route *,
                ingest_done done, void *done_ctx);
    void *ctx;
    /* The current configuration, with a reference that the caller drops. */
    struct conf *(*conf)(void *ctx);
    /* For intakes that are asked what is known: alerts of the collector; out_r NULL: only their number. */
    enum tocsin_rc (*find)(void *ctx, const struct conf_collector *, struct host_call *, const struct tocsin_find *,
                           const struct tocsin_known **out_r, size_t *n_r, struct tocsin_err *err);
};

/* --- webhook: /v1/in/<collector> ------------------------------------------------ */

struct http_request;
/* Authenticate and hand to the sink; answers the request.  name: what stands behind /v1/in/. */
void webhook_handle(const struct sink *, struct http_request *, const char *name);
/* Is the request allowed to use this collector?  TOCSIN_OK or 401/403 with words.  With auth = "signature" it may
 * block while a document is fetched, and fail with what verify() or the fetch says. */
enum tocsin_rc webhook_authenticate(const struct conf_collector *, struct http_request *, struct tocsin_err *err);
/* Documents for signatures (certificates): fetched over https by the daemon, cached. */
typedef enum tocsin_rc (*webhook_fetch)(void *ctx, const char *url, struct arena *, const char **body, size_t *len,
                                        struct tocsin_err *err);
/* NULL: from now on nothing is fetched; returns when no fetch is under way any more.  Call it so before the end. */
void webhook_set_fetch(webhook_fetch, void *ctx);

/* GET, HEAD, POST, PUT /v1/heartbeat/<name>: authenticates as a collector does; answers the request. */
void heartbeat_handle(const struct sink *, struct http_request *, const char *name);

/* --- intakes: the paths of other products ------------------------------------------ */

/*
 * Answer the request if a collector of type "intake" serves its path and method; false: none does, and nothing has
 * happened but that the methods which the path takes are added to `allow`.
 */
bool intake_handle(const struct sink *, struct http_request *, char *allow, size_t allow_size);
/*
 * The words that an intake has for a request which the server refuses before it is read (too large, damaged gzip).
 * Without an answer from here none has any.
 */
void intake_word(const struct sink *, struct http_request *, const struct tocsin_err *);
/* The largest body that is welcome there: 0 the server's own limit, -1: the path is no intake's. */
int64_t intake_limit(const struct conf *, const char *method, const char *path);

/* --- MQTT ------------------------------------------------------------------------ */

struct mqtt_collectors;

struct mqtt_status { const char *collector; bool connected; uint64_t messages, refused; const char *last_error; };

/* One thread per broker connection. */
struct mqtt_collectors *mqtt_collectors_new(const struct sink *);
/* Start those that are new, stop those that are gone, leave alone whose digest is unchanged. */
void mqtt_collectors_apply(struct mqtt_collectors *, struct conf *);
size_t mqtt_collectors_status(struct mqtt_collectors *, struct arena *, struct mqtt_status **out);
void mqtt_collectors_free(struct mqtt_collectors *);           /* disconnects cleanly, keeps the sessions */

/* --- syslog ---------------------------------------------------------------------- */

struct syslog_collectors;

struct syslog_status {
    const char *collector;
    bool listening;                /* on all that is configured */
    uint64_t connections;          /* open */
    uint64_t messages, refused;
    uint64_t cut;                  /* longer than line_max */
    uint64_t dropped;              /* datagrams that the kernel had no room for */
    uint64_t turned_away;          /* connections, and datagrams of strangers */
    const char *last_error;
};

/* One thread per collector. */
struct syslog_collectors *syslog_collectors_new(const struct sink *);
/* Start those that are new, stop those that are gone; the others adopt the configuration and keep their senders.
 * When it returns the sockets of new ones are open, or what is in the way is logged. */
void syslog_collectors_apply(struct syslog_collectors *, struct conf *);
size_t syslog_collectors_status(struct syslog_collectors *, struct arena *, struct syslog_status **out);
void syslog_collectors_free(struct syslog_collectors *);       /* reads what senders have sent, and stores it */

/* --- topics ------------------------------------------------------------------------ */

/* Does a topic match a filter with named wildcards ("a/+host/#rest")?  Fills labels from the arena. */
bool mqtt_topic_match(const char *filter, const char *topic, struct arena *, struct tocsin_pair **labels, size_t *n);
/* The filter as the broker wants it: names removed.  "a/+host/#rest" -> "a/+/#". */
char *mqtt_topic_plain(const char *filter, struct arena *);

#endif
