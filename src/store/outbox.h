/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h - rows of what is to be sent, in the two engines.
 *
 * They are written with the alerts of the payload that brought them, in one
 * transaction, and removed when they were sent.  There is no cache of them: who
 * sends (daemon/outbox.c) knows which there are.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "base/arena.h"
#include "store/stage.h"

/* In an arena, with all that it points to. */
void outbox_row_copy(struct arena *, struct outbox_row *dst, const struct outbox_row *src);
/* New rows get their ids from *next_id, in the caller's rows too. */
void outbox_stage(struct stage *, const struct writeset *, int64_t *next_id);

struct conn;
/* Within the transaction of the rest. */
enum tocsin_rc outbox_persist(struct conn *, const struct stage *, struct tocsin_err *);
enum tocsin_rc outbox_last(struct conn *, int64_t *out, struct tocsin_err *);
enum tocsin_rc outbox_query(struct conn *, struct arena *, struct outbox_row **out, size_t *n_out, struct tocsin_err *);
enum tocsin_rc outbox_query_one(struct conn *, struct arena *, int64_t id, struct outbox_row *out, struct tocsin_err *);

#endif
