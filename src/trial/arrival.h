/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrival.h - the bytes of a file, as a collector would have brought them in.
 *
 * A webhook, an MQTT message, the messages of a syslog stream or a request to
 * a foreign path: what the sender said beside the bytes is given as a struct
 * way, and what was left out is guessed from the bytes and the configuration.
 * The code that matches, frames and decodes is the collectors' own; nothing is
 * sent, stored, or asked for a signature.
 */
#ifndef TRIAL_ARRIVAL_H
#define TRIAL_ARRIVAL_H

#include <tocsin/plugin.h>

#include "conf/conf.h"
#include "plugin/host.h"

struct way {                       /* NULL, 0: guess */
    const char *method, *path;     /* of a request to an intake: "/v2/enqueue" */
    const char *topic;
    const char *content_type;
    const char *peer;              /* the sender's address */
    const struct tocsin_pair *headers; size_t n_headers;
    const struct tocsin_pair *queries; size_t n_queries;
};

struct arrival {
    /* given */
    struct arena *arena;
    const struct conf *conf;
    const struct conf_collector *col;
    const struct way *way;
    int64_t at;                    /* when it arrives */
    /* for intakes that ask what is known (struct host_call); NULL: nothing is */
    enum tocsin_rc (*find)(struct host_call *, const struct tocsin_find *, const struct tocsin_known **out_r,
                           size_t *n_r, struct tocsin_err *);
    void *find_ctx;
    /* as it was taken; "" where there is none */
    const char *content_type, *method, *path, *topic;
    const struct tocsin_pair *topic_labels; size_t n_topic_labels;
    /* what it holds: one batch, of a syslog stream one for each message */
    struct tocsin_batch **batches; size_t n_batches;
    struct host_call *call;        /* of an intake: what it asks for and is answered, with batches[0]; or NULL */
    struct rule_route route;       /* what the sender's key or route stands for; policy NULL: nothing */
    const struct conf_heartbeat *beat;       /* that it is a beat of; NULL: none */
    bool astray;                   /* it was not read, for there is no such topic or path */
    const char **remarks; size_t n_remarks;  /* what the daemon would do differently, and what was guessed */
};

/* The given members are set, the others zero.  An error is the one that the sender would be told. */
enum tocsin_rc arrival_read(struct arrival *, const char *body, size_t len, struct tocsin_err *err);
/* Gives the answer of an intake as it is when all of it was stored; afterwards call->status is set. */
void arrival_answer(struct arrival *);
/* The paths of an intake to which things are sent, for people: "/v2/enqueue, /v2/change/enqueue"; "". */
const char *arrival_paths(struct arena *, const struct conf_collector *);

/* For the parts, arrival.c and arrival_intake.c. */
void arrival_remark(struct arrival *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct tocsin_payload arrival_payload(const struct arrival *, const char *body, size_t len);
enum tocsin_rc arrival_read_intake(struct arrival *, const char *body, size_t len, struct tocsin_err *err);
enum tocsin_rc arrival_check_size(size_t len, int64_t max, struct tocsin_err *err);
/* Content types that the bytes may have, the likeliest first; a type that was said is the only one.  NULL ends them. */
enum { TYPES_MAX = 5 };
void arrival_types(const struct arrival *, const char *body, size_t len, const char *types_r[TYPES_MAX]);

#endif
