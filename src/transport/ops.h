/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - what a transport is behind transport.h: an engine embeds struct transport as its first member. */
#ifndef TRANSPORT_OPS_H
#define TRANSPORT_OPS_H

#include "transport/transport.h"

enum { TRANSPORT_BODY_MAX = 65536, TRANSPORT_TIMEOUT_MS = 10000 };

struct transport_ops {
    void (*free)(struct transport *);
    struct transport_call *(*prepare)(struct transport *, const struct tocsin_request *,
                                      const struct transport_options *, transport_done, void *ctx);
    void (*start)(struct transport_call *);
    void (*drop)(struct transport_call *);
    void (*poll)(struct transport *, int64_t wait_ms);
    void (*wake)(struct transport *);
};

struct transport {
    const struct transport_ops *ops;
    size_t in_flight;
};

/* What prepare gives: an engine embeds it as its call's first member. */
struct transport_call { struct transport *transport; };

/* A copy whose strings all live in the arena. */
struct tocsin_request *transport_copy(struct arena *, const struct tocsin_request *);

/* Is this address loopback, link-local, private, multicast or otherwise not of the public network? */
struct sockaddr;
bool address_is_private(const struct sockaddr *);

#endif
