/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - the host's side of plugin.h: batches, requests, settings.
 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include <tocsin/plugin.h>

#include "base/arena.h"

extern const struct tocsin_host plugin_host;

/* Limits on what one payload may hold (reference: the README of this folder). */
enum {
    HOST_MAX_ALERTS = 2000, HOST_MAX_LABELS = 64, HOST_MAX_NAME = 128, HOST_MAX_VALUE = 4096,
    HOST_MAX_SUMMARY = 1024, HOST_MAX_KEY = 1024, HOST_MAX_LINKS = 16, HOST_JSON_DEPTH = 32
};

/* --- batches ----------------------------------------------------------------- */

struct host_get { const char *url, *why; };

struct tocsin_batch {
    struct arena *arena;
    struct tocsin_alert **alerts;  size_t n_alerts, cap_alerts;
    struct host_get *gets;         size_t n_gets;
    const char **notes;            size_t n_notes;
    struct tocsin_err over;        /* rc set when a limit was passed: the batch is refused */
};

void host_batch_init(struct tocsin_batch *, struct arena *);

/*
 * Decode a payload with a plugin: verify nothing, run the mapping if there is one, decode, check the
 * limits.  On TOCSIN_OK the batch holds the alerts.
 */
struct mapping;
enum tocsin_rc host_decode(const struct tocsin_plugin *, void *self, struct mapping *, const struct tocsin_payload *,
                           struct tocsin_batch *out, struct tocsin_err *err);
/* The largest nesting that parse_json() accepts from now on; HOST_JSON_DEPTH by default. */
void host_set_json_depth(unsigned depth);

/* --- requests ------------------------------------------------------------------ */

enum request_kind { REQUEST_NONE = 0, REQUEST_HTTP, REQUEST_LOG };

struct tocsin_request {
    struct arena *arena;
    enum request_kind kind;
    const char *method, *url;
    struct tocsin_pair *headers;   size_t n_headers, cap_headers;
    const char *content_type, *body; size_t body_len;
    const char *line;              /* REQUEST_LOG */
    const char *sign_secret, *sign_id;  /* Standard Webhooks; NULL: unsigned */
};

void host_request_init(struct tocsin_request *, struct arena *);
/* Headers webhook-id, webhook-timestamp and webhook-signature for a request that asked to be signed. */
enum tocsin_rc host_request_seal(struct tocsin_request *, int64_t now_ms, struct tocsin_err *err);

/* --- settings ------------------------------------------------------------------- */

struct setting {
    const char *name;
    enum tocsin_option_type type;
    const char *text;              /* STRING, SECRET */
    int64_t num;                   /* INT, BOOL, DURATION (ms) */
    const char *const *list; size_t n_list;
    const struct tocsin_pair *map; size_t n_map;
};

struct tocsin_settings { struct setting *items; size_t n; };

#endif
