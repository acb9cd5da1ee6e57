/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h - the rows of one transaction, copied aside until it is committed (writer.h). */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include "store/writer.h"

void stage_init(struct stage *);
void stage_release(struct stage *);
void stage_reset(struct stage *);
/* New alerts get their row numbers from *next_rowid, in the caller's rows too. */
void stage_add(struct stage *, const struct cache *, const struct writeset *, int64_t *next_rowid);
/* At most one open occurrence of a key and one open incident of a group, after this transaction. */
enum tocsin_rc stage_check(const struct stage *, const struct cache *, struct tocsin_err *);
void stage_apply(const struct stage *, struct cache *);

#endif
