/* SPDX-License-Identifier: Apache-2.0 */
/* beats_impl.h - shared by beats.c (what is watched) and beats_status.c (what people are shown). */
#ifndef DAEMON_BEATS_IMPL_H
#define DAEMON_BEATS_IMPL_H

#include <pthread.h>

#include "base/idmap.h"
#include "daemon/beats.h"
#include "os/log.h"

enum { BEATS_PAGE = 1000 };

/* One that is watched: a heartbeat, or one value of its wildcards. */
struct beat_entry {
    struct id16 key;
    char *name;
    struct tocsin_pair *labels; size_t n_labels;
    int64_t last_at;               /* of the latest beat; before the first, since when it is watched */
    int64_t due_at;                /* as it was last stored */
    int64_t span_ms;               /* every and grace that it was reckoned with; 0: by an earlier process */
    uint64_t beats;
    bool gone;                     /* not configured any more: its place is free */
};

struct beats {
    struct store *store;
    pthread_mutex_t mutex;         /* guards what follows */
    struct beat_entry *v; size_t n, cap;
    struct idmap by_key;
    struct complaint too_many, nameless;
    /* the committer's thread alone */
    struct rule_scratch *scratch;
    uint64_t generation;
};

#endif
