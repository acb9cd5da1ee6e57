/* SPDX-License-Identifier: Apache-2.0 */
/*
 * training.h - what the shapes of the training format share: where a value
 * comes from, and who is meant.
 */
#ifndef TRAINING_H
#define TRAINING_H

#include <tocsin/plugin.h>

#define TRAINING_KEEP (24 * 3600 * INT64_C(1000))    /* how long an event lasts that nobody ever resolves */

struct event {
    const struct tocsin_host *host;
    const struct tocsin_payload *in;
    struct tocsin_batch *out;
    struct tocsin_err *err;
    const json_t *doc;             /* NULL: the payload is a line of the kernel */
    const char *path;              /* of doc: "$", "$[3]" */
};

/*
 * A value by the label's name: from a named wildcard of the topic, else from the document or its aliases,
 * else from the query (?host=train-07).  "" when nobody says it.
 */
const char *training_field(const struct event *, const char *name);
/* The labels that every shape has: cluster, host, gpu, job, rank and so on, where they are known. */
void training_labels(const struct event *, struct tocsin_alert *);
/* first/cluster/host/... of the fields that are known; names ends with NULL. */
const char *training_key(const struct event *, const char *first, const char *const *names);
/* All that one job says is one incident. */
void training_group(const struct event *, struct tocsin_alert *);
/* RFC 3339, or seconds or milliseconds since 1970, as number or text; 0 when it is none of them. */
int64_t training_time(const struct event *, const json_t *);

/* xid.c: the driver's error codes */
const char *xid_meaning(long code);                  /* NULL when not in the table */
enum tocsin_severity xid_severity(long code);
bool xid_in_text(const char *text);
enum tocsin_rc xid_read_text(struct event *);

/* shapes.c */
enum tocsin_rc determined_read(struct event *);
enum tocsin_rc torchelastic_read(struct event *);

#endif
