/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - bytes out: requests to vendors, many at once, on the caller's thread.
 *
 * Verification of certificates and host names is always on; redirects are
 * never followed; answers are cut at 64 KiB.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/host.h"

struct transport;

struct transport_options { const char *proxy, *ca_file; int64_t timeout_ms; bool allow_private; };

/* done: called from transport_poll(), or from send itself when the request cannot even start. */
typedef void (*transport_done)(void *ctx, const struct tocsin_response *);

struct transport *transport_curl_new(void);
/* Answers every request from a table that a test fills: no network. */
struct transport *transport_null_new(void (*answer)(void *ctx, const struct tocsin_request *, struct tocsin_response *),
                                     void *ctx);
void transport_free(struct transport *);   /* abandons what is in flight without calling done */

/* The request is copied. */
void transport_send(struct transport *, const struct tocsin_request *, const struct transport_options *,
                    transport_done done, void *ctx);
/* Work until something happened, wake was called or wait_ms passed.  Calls done. */
void transport_poll(struct transport *, int64_t wait_ms);
void transport_wake(struct transport *);   /* from any thread */
size_t transport_in_flight(const struct transport *);

#endif
