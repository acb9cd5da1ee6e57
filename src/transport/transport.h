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

struct transport_options {
    const char *proxy;             /* NULL or "": what https_proxy, no_proxy, ... of the environment say */
    const char *ca_file;           /* NULL or "": the system's authorities */
    int64_t timeout_ms;            /* of the whole request; connecting may take half of it.  0: 10 s */
    bool allow_private;            /* false: loopback, link-local and private addresses are refused after resolving */
};

/* done: called from transport_poll(), or from send (start) itself when the request cannot even start. */
typedef void (*transport_done)(void *ctx, const struct tocsin_response *);

struct transport *transport_curl_new(void);
/*
 * No network: transport_poll() asks `answer` for each request.  The response is zeroed but for its body
 * (""); one that comes back with status TRANSPORT_LATER stays in flight and is asked for again by the next poll.
 */
#define TRANSPORT_LATER (-1)
struct transport *transport_null_new(void (*answer)(void *ctx, const struct tocsin_request *, struct tocsin_response *),
                                     void *ctx);
void transport_free(struct transport *);   /* abandons what is in flight without calling done */

/* The request is copied. */
void transport_send(struct transport *, const struct tocsin_request *, const struct transport_options *,
                    transport_done done, void *ctx);
/*
 * The same in two steps, for who knows a request before it may go: all but the network is done by the first.  What
 * is prepared is either started or dropped, before the transport is freed.
 */
struct transport_call;
struct transport_call *transport_prepare(struct transport *, const struct tocsin_request *,
                                         const struct transport_options *, transport_done done, void *ctx);
void transport_start(struct transport_call *);
void transport_drop(struct transport_call *);        /* done is not called */
/* Work until something happened, wake was called or wait_ms passed.  Calls done. */
void transport_poll(struct transport *, int64_t wait_ms);
void transport_wake(struct transport *);   /* from any thread */
size_t transport_in_flight(const struct transport *);

/* "https://host:443" of an address; NULL when it is not an http or https address. */
char *transport_origin(struct arena *, const char *url);
/*
 * One GET on the caller's thread, with a connection of its own: https alone, public addresses alone unless
 * allow_private.  Anything but a 200 is an error, and so is an answer over 64 KiB.
 */
enum tocsin_rc transport_get(const char *url, const struct transport_options *, struct arena *, const char **body_r,
                             size_t *len_r, struct tocsin_err *err);

#endif
