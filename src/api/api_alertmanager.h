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
#include "core/silence/matchers.h"

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

/* FNV-1a over the labels, which are sorted by name. */
uint64_t am_fingerprint(const struct tocsin_pair *labels, size_t n);

/* The configuration as one of Alertmanager's would look that routes alike: YAML. */
const char *am_config_text(struct arena *, const struct conf *);

#endif
