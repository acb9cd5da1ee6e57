/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_alertmanager.h - the reading half of Alertmanager's API v2, and its silences.
 *
 * Clients made for Alertmanager (amtool, Karma, Grafana) point here and find
 * what they know: an alert that fires, with the labels by which a silence
 * would match it; a policy as a receiver; an incident as a group.  Writing
 * alerts is an intake of integrations/alertmanager.
 */
#ifndef API_ALERTMANAGER_H
#define API_ALERTMANAGER_H

#include "api/internal.h"
#include "base/arena.h"
#include "core/alert.h"
#include "core/silence/matchers.h"
#include "core/silence/set.h"

/* Answers with the headers that each of them has there; a message is a JSON string by itself. */
void am_headers(struct call *);
void am_reply(struct call *, json_t *doc);                    /* 200; takes the reference */
void am_reply_empty(struct call *, int status);
void am_fail(struct call *, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* What its request validation says: {code, message}. */
void am_invalid(struct call *, int status, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The `filter` parameters.  False: answered with 400. */
bool am_filters(struct call *, const char *param, struct matchers *out);
/* A parameter that is true unless it says otherwise. */
bool am_flag(struct call *, const char *name);

/* --- alerts: api_alertmanager_alerts.c --------------------------------------------- */

enum { AM_SILENCES_SHOWN = 32 };

/* One alert with what is known of it. */
struct am_alert {
    const struct alert_row *row;
    struct alert_text text;
    uint64_t fingerprint;
    const struct incident_row *incident;     /* NULL: not read; between two reads it may have come or gone */
    const char *receiver;
    struct id16 silences[AM_SILENCES_SHOWN]; size_t n_silences;
    bool by_rule;
};

struct am_request {
    struct call *call;
    struct arena *arena;
    struct conf *conf;
    int64_t now;
    bool active, silenced, inhibited, muted;
    struct matcher *filters; size_t n_filters;
    struct matcher receiver; bool has_receiver;
    struct match_state match;
    struct silence_set *silences;
    struct incident_row *incidents; size_t n_incidents;      /* by id */
    struct am_alert *list; size_t n;         /* those that are wanted, by fingerprint */
};

/* False: answered already.  am_alerts_end() in any case. */
bool am_alerts_begin(struct am_request *, struct call *);
bool am_alerts_load(struct am_request *);
void am_alerts_end(struct am_request *);
json_t *am_alert_shape(struct am_request *, const struct am_alert *);

/* FNV-1a over the labels, which are sorted by name. */
uint64_t am_fingerprint(const struct tocsin_pair *labels, size_t n);

/* The configuration as one of Alertmanager's would look that routes alike: YAML. */
const char *am_config_text(struct arena *, const struct conf *);

#endif
