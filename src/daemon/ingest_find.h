/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_find.h - struct sink.find over the store. */
#ifndef DAEMON_INGEST_FIND_H
#define DAEMON_INGEST_FIND_H

#include "collector/collector.h"
#include "store/store.h"

/* Alerts of a collector; out_r NULL: only their number.  What it gives lives as long as the call. */
enum tocsin_rc ingest_find(struct store *, const char *collector, struct host_call *, const struct tocsin_find *,
                           const struct tocsin_known **out_r, size_t *n_r, struct tocsin_err *);

#endif
