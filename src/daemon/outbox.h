/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h - what payloads brought that is to be sent and belongs to no incident.
 *
 * Two kinds: addresses to fetch (the confirmation of a subscription), and bytes
 * that a collector passes on.  They are stored in one transaction with the
 * alerts of their payload, so what was accepted survives a crash, and are sent
 * by one thread, oldest first, until they are taken.  A queue is bounded; what
 * does not fit, and what is refused for good, is counted and logged.
 *
 *   ingest: outbox_reserve -> committer: the row is stored -> outbox_stored
 *                                    \-> not stored          -> outbox_cancel
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

#include "api/api.h"
#include "daemon/committer.h"
#include "store/store.h"

struct outbox;

struct outbox_options {
    struct store *store;
    struct committer *committer;             /* is told which rows may go */
    struct transport *(*transport)(void);    /* NULL: libcurl's; for tests */
    struct conf *(*conf)(void *ctx);         /* with a reference */
    void *ctx;
};

/* Takes up what the store holds.  The committer need not run yet. */
enum tocsin_rc outbox_start(const struct outbox_options *, struct outbox **out_r, struct tocsin_err *);
/* Is there room for it?  False: it was counted as dropped, and said. */
bool outbox_reserve(struct outbox *, const struct conf_collector *, const struct outbox_row *);
void outbox_stored(struct outbox *, struct outbox_row *const *rows, size_t n);   /* any thread; does not block */
void outbox_cancel(struct outbox *, struct outbox_row *const *rows, size_t n);
size_t outbox_stats(struct outbox *, struct arena *, struct outbox_count **out);
/* What is under way is abandoned, and sent again after the next start.  Ends the thread. */
void outbox_stop(struct outbox *);
void outbox_free(struct outbox *);           /* nothing calls the others any more */

#endif
