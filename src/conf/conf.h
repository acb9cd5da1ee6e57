/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - a configuration: tocsin.cfg and the rule files, checked and compiled.
 *
 * A struct conf is immutable and reference-counted: a reload builds a complete
 * new one and swaps; whoever still works with the old one holds a reference.
 * Loading reports every mistake it finds, each with file:line, the value seen,
 * what is expected and the nearest known name.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "base/arena.h"
#include "core/escalation/policy.h"
#include "core/redact/redact.h"
#include "core/rules/rules.h"

struct mapping;
struct plugin;                     /* plugin/loader.h */

struct conf_pos { const char *file; unsigned line; };

struct conf_report {               /* mistakes, at most 50 kept; print one per line */
    struct conf_mistake { char text[768]; } *items;   /* "tocsin.cfg:41: unknown policy 'x'; did you mean 'y'?" */
    size_t n, total;
};
void conf_report_release(struct conf_report *);

enum conf_role { ROLE_NONE = 0, ROLE_VIEWER, ROLE_RESPONDER, ROLE_ADMIN };

struct conf_token { const char *name; const char *secret; enum conf_role role; };

struct conf_http {
    const char *listen;            /* "127.0.0.1:9096", "[::]:9096" */
    const char *tls_cert, *tls_key, *tls_client_ca;   /* "" without TLS; client_ca: certificates are asked for */
    const char *public_url;        /* "" or the address people reach tocsin under, without a slash at the end */
    int64_t body_max, header_max, connections_max, per_ip_max;
    int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms;
    int64_t json_depth_max, alerts_max;
    uint32_t threads;              /* 0: one per core, at most 4 */
};

struct conf_store {
    const char *driver;            /* "sqlite" or "memory" */
    const char *path;
    int64_t wal_limit, reserve;    /* bytes */
    int64_t keep_ms;               /* history is kept this long after the resolve */
};

enum conf_auth_kind { AUTH_NONE, AUTH_BEARER, AUTH_BASIC, AUTH_HMAC, AUTH_SIGNATURE, AUTH_CERT, AUTH_TOKEN };

struct conf_auth {
    enum conf_auth_kind kind;
    const char *const *secrets; size_t n_secrets;     /* tokens, HMAC keys: any one is good (rotation) */
    const char *user, *password;                      /* Basic */
    const char *header;            /* HMAC: header that holds hex or base64 of HMAC-SHA256(key, body); token: its own */
    const char *prefix;            /* HMAC: what stands before the value, such as "sha256="; "" */
    const char *const *subjects; size_t n_subjects;   /* client certificate: CN or SAN patterns */
    const char *const *allow; size_t n_allow;         /* address list: CIDRs; empty: everybody */
};

struct conf_mqtt {
    const char *host; uint16_t port; bool tls;
    const char *client_id;                            /* "": made from the host's and the collector's name */
    const char **topics; size_t n_topics;             /* as written: "train/+cluster/+host/alert" */
    const char *username, *password;                  /* NULL: none */
    const char *ca_file, *cert_file, *key_file;       /* "": none */
    int version;                   /* 311 or 5 */
    uint16_t keepalive_s;
    bool retained;                 /* are retained messages alerts? (a state published before we came) */
};

/* Something that is to be heard of every now and then. */
struct conf_heartbeat {
    const char *name;              /* of a collector: the collector's */
    struct conf_pos pos;
    int64_t every_ms, grace_ms;
    enum tocsin_severity severity;
    const struct policy *policy;   /* NULL: what the rules say */
    const struct tocsin_pair *labels; size_t n_labels;
    const char **by; size_t n_by;  /* named wildcards of topics: each value of them is one of its own */
    uint32_t max;                  /* so many of those */
    bool of_collector;             /* every payload is a beat; otherwise /v1/heartbeat/NAME, opened by door */
    struct conf_collector *door;   /* name and auth alone */
};

enum conf_transport { LISTEN_UDP, LISTEN_TCP, LISTEN_TLS };

struct conf_listen {
    const char *text;              /* as written: "tls://0.0.0.0:6514" */
    enum conf_transport transport;
    const char *host;              /* numeric */
    uint16_t port;
};

struct conf_syslog {
    const char **listen; size_t n_listen;             /* as written */
    struct conf_listen *at;        /* n_listen of them */
    const char *tls_cert, *tls_key, *tls_client_ca;   /* "": none; client_ca: certificates are demanded */
    const char **subjects; size_t n_subjects;         /* client certificate: CN or SAN patterns; none: any */
    const char **allow; size_t n_allow;               /* address list: CIDRs; none: everybody */
    int64_t line_max, connections_max, per_ip_max;
    int64_t idle_timeout_ms;       /* 0: none */
};

struct conf_key {                  /* what a sender of a foreign product has, and may stand for a policy */
    const char *secret;
    const char *policy_name;
    const struct policy *policy;   /* NULL: rules decide */
    struct conf_pos pos;
};

struct conf_route {                /* a route that such a sender names in clear */
    const char *name, *policy_name;
    const struct policy *policy;
    struct conf_pos pos;
};

struct conf_forward {              /* how what a collector passes on is sent */
    const char *proxy, *ca_file;   /* "" none */
    int64_t timeout_ms;            /* of one request */
    int64_t max_bytes;             /* that may wait */
};

struct conf_collector {
    const char *name;              /* letters, digits, - and _ */
    const char *type;              /* "webhook", "mqtt", "syslog", "intake" */
    const char *format;            /* integration's name */
    struct conf_pos pos;
    struct plugin *plugin;         /* the integration; has decode, or routes and intake if the type is "intake" */
    void *self;                    /* its instance for this collector */
    struct tocsin_settings *settings;
    struct mapping *mapping;       /* NULL: the plugin decodes what came; otherwise the mapping runs first */
    struct conf_forward forward;   /* of a format that passes on */
    struct redact *redact;         /* NULL: nothing is taken out of its payloads */
    struct conf_auth auth;
    struct conf_mqtt mqtt;
    struct conf_syslog syslog;
    /* intake: with keys, a request needs one of them, and what auth says only if it is written */
    const struct conf_key *keys;     size_t n_keys;
    const struct conf_route *routes; size_t n_routes;
    const char *digest;            /* hash of all its settings: equal after a reload means unchanged */
};

struct conf_notifier {
    const char *name;
    const char *plugin_name;
    struct conf_pos pos;
    struct plugin *plugin;
    void *self;
    uint32_t flags;                /* TOCSIN_CAN_...: of this instance */
    struct tocsin_settings *settings;
    const char *proxy, *ca_file;   /* "" none */
    int64_t timeout_ms;            /* of one request */
    double rate_per_s; uint32_t burst;                /* token bucket; 0: unlimited */
    uint32_t concurrency;          /* requests in flight at once */
    bool send_resolved;
    bool allow_private;            /* may the address be loopback or private? true unless the url came from elsewhere */
    const char *digest;
};

struct conf {
    struct arena *arena;
    const char *file;
    struct conf_http http;
    struct conf_store store;
    struct conf_collector *collectors; size_t n_collectors;
    struct conf_heartbeat *heartbeats; size_t n_heartbeats;   /* those of collectors as well */
    struct conf_notifier *notifiers;   size_t n_notifiers;
    struct policy *policies;           size_t n_policies;
    const struct policy *default_policy;              /* never NULL */
    struct ruleset *rules;
    const char *rules_dir;         /* NULL: none */
    struct conf_token *tokens;         size_t n_tokens;
    const char *log_level;
    uint64_t generation;           /* 1, 2, ...: given by the daemon at each load */
    int refs;                      /* conf_ref / conf_unref */
};

/* $TOCSIN_CONFIG, or /etc/tocsin/tocsin.cfg. */
const char *conf_default_file(void);
/*
 * NULL when there is at least one mistake.  plugin_dir: where the integrations' .so files lie.  *report need not be
 * initialised, and is released by the caller in either case.
 */
struct conf *conf_load(const char *file, const char *plugin_dir, struct conf_report *report);
struct conf *conf_ref(struct conf *);            /* thread-safe */
void conf_unref(struct conf *);                  /* the last one closes the plugin instances */

const struct conf_collector *conf_collector(const struct conf *, const char *name);   /* NULL: none */
const struct conf_heartbeat *conf_heartbeat(const struct conf *, const char *name);   /* NULL: none */
const struct conf_notifier *conf_notifier(const struct conf *, const char *name);     /* NULL: none */
const struct policy *conf_policy(const struct conf *, const char *name);              /* NULL: none */
/* `tocsin options`: every option with type, default, range and help, those of integrations included. */
void conf_print_options(const char *plugin_dir, bool json);

/*
 * Read a secret reference: "env:NAME", "file:/path", "cred:NAME" ($CREDENTIALS_DIRECTORY).  Trailing newline cut.
 * Anything else is TOCSIN_BAD_CONFIG, and is not repeated in the words: it may be the secret.
 */
enum tocsin_rc conf_secret(const char *reference, struct arena *, const char **out_r, struct tocsin_err *err);

#endif
