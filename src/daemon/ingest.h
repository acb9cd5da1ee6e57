/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h - the sink of the collectors: bytes -> decode -> rules -> queue.
 *
 * Runs on the collectors' threads; only the queue is shared.
 */
#ifndef DAEMON_INGEST_H
#define DAEMON_INGEST_H

#include "collector/collector.h"
#include "daemon/beats.h"
#include "daemon/committer.h"
#include "daemon/outbox.h"

struct ingest;

struct ingest_options {
    struct committer *committer;
    struct beats *beats;
    struct store *store;
    struct conf *(*conf)(void *ctx);         /* with a reference */
    struct outbox *outbox;                   /* what payloads want fetched and passed on; NULL: it is not */
    void *ctx;
};

struct ingest *ingest_new(const struct ingest_options *);
const struct sink *ingest_sink(struct ingest *);
/* What each collector brought since the start. */
size_t ingest_stats(struct ingest *, struct arena *, struct collector_stats **out);
void ingest_free(struct ingest *);

#endif
