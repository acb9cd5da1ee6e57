/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: a hash of rows, a binary heap of those that sleep, four queues a lane for those that are due. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/xalloc.h"
#include "notifier/impl.h"

struct lane *
lane_get(struct notifier *n, const char *name)
{
    struct lane *lane;

    HASH_FIND_STR(n->lanes, name, lane);
    if (lane != NULL)
        return lane;
    lane = xcalloc(1, sizeof *lane);
    lane->name = xstrdup(name);
    lane->stats.name = lane->name;
    pthread_mutex_lock(&n->lock);
    HASH_ADD_KEYPTR(hh, n->lanes, lane->name, strlen(lane->name), lane);
    pthread_mutex_unlock(&n->lock);
    return lane;
}

/* A proxy that is broken, or an authority that is not the host's, must not close the way of other notifiers there. */
struct host *
host_get(struct notifier *n, const char *origin, const struct conf_notifier *cn)
{
    struct host *host;
    struct arena *arena = arena_new();
    const char *way = arena_printf(arena, "%s\n%s\n%s", origin, cn->proxy, cn->ca_file);

    HASH_FIND_STR(n->hosts, way, host);
    if (host == NULL) {
        host = xcalloc(1, sizeof *host);
        host->origin = xstrdup(origin);
        host->way = xstrdup(way);
        HASH_ADD_KEYPTR(hh, n->hosts, host->way, strlen(host->way), host);
    }
    arena_free(arena);
    return host;
}

struct row *
row_get(struct notifier *n, const struct id16 *incident, struct lane *lane)
{
    struct row_key key = { *incident, lane };
    struct row *row;

    HASH_FIND(hh, n->rows, &key, sizeof key, row);
    if (row != NULL)
        return row;
    row = xcalloc(1, sizeof *row);
    row->key = key;
    HASH_ADD(hh, n->rows, key, sizeof row->key, row);
    return row;
}

void
row_count(struct notifier *n, struct row *row, bool waiting)
{
    if (row->counted == waiting)
        return;
    row->counted = waiting;
    pthread_mutex_lock(&n->lock);
    if (waiting)
        row->key.lane->stats.waiting++;
    else
        row->key.lane->stats.waiting--;
    pthread_mutex_unlock(&n->lock);
}

/* --- the heap --------------------------------------------------------------------- */

static void
put(struct notifier *n, size_t pos, struct row *row)
{
    n->heap[pos] = row;
    row->heap_pos = pos;
}

static void
sift_up(struct notifier *n, size_t pos)
{
    struct row *row = n->heap[pos];

    while (pos > 0 && n->heap[(pos - 1) / 2]->due_at > row->due_at) {
        put(n, pos, n->heap[(pos - 1) / 2]);
        pos = (pos - 1) / 2;
    }
    put(n, pos, row);
}

static void
sift_down(struct notifier *n, size_t pos)
{
    struct row *row = n->heap[pos];

    for (;;) {
        size_t child = 2 * pos + 1;

        if (child >= n->n_heap)
            break;
        if (child + 1 < n->n_heap && n->heap[child + 1]->due_at < n->heap[child]->due_at)
            child++;
        if (n->heap[child]->due_at >= row->due_at)
            break;
        put(n, pos, n->heap[child]);
        pos = child;
    }
    put(n, pos, row);
}

static void
heap_remove(struct notifier *n, struct row *row)
{
    size_t pos = row->heap_pos;
    struct row *last = n->heap[--n->n_heap];

    if (last == row)
        return;
    put(n, pos, last);
    sift_up(n, pos);
    sift_down(n, last->heap_pos);
}

/* --- moves ------------------------------------------------------------------------- */

void
row_unlink(struct notifier *n, struct row *row)
{
    struct lane *lane = row->key.lane;

    if (row->state == ROW_SLEEPING)
        heap_remove(n, row);
    if (row->state == ROW_READY) {
        DL_DELETE(lane->ready[row->class], row);
        lane->n_ready--;
    }
    row->state = ROW_IDLE;
}

void
row_sleep(struct notifier *n, struct row *row, int64_t due_at)
{
    row_unlink(n, row);
    if (n->n_heap == n->cap_heap) {
        n->cap_heap = n->cap_heap > 0 ? n->cap_heap * 2 : 256;
        n->heap = xrealloc(n->heap, n->cap_heap * sizeof *n->heap);
    }
    row->due_at = due_at;
    row->state = ROW_SLEEPING;
    put(n, n->n_heap++, row);
    sift_up(n, row->heap_pos);
}

struct row *
row_pop_due(struct notifier *n, int64_t now)
{
    struct row *row = n->n_heap > 0 ? n->heap[0] : NULL;

    if (row == NULL || row->due_at > now)
        return NULL;
    row_unlink(n, row);
    return row;
}

int64_t
row_next_due(const struct notifier *n)
{
    return n->n_heap > 0 ? n->heap[0]->due_at : 0;
}

void
row_ready(struct notifier *n, struct row *row, enum row_class class)
{
    row_unlink(n, row);
    row->class = class;
    row->state = ROW_READY;
    DL_APPEND(row->key.lane->ready[class], row);
    row->key.lane->n_ready++;
}

struct row *
row_pop_ready(struct lane *lane)
{
    for (int i = 0; i < N_CLASSES; i++) {
        struct row *row = lane->ready[i];

        if (row == NULL)
            continue;
        DL_DELETE(lane->ready[i], row);
        lane->n_ready--;
        row->state = ROW_IDLE;
        return row;
    }
    return NULL;
}

void
row_forget(struct notifier *n, struct row *row)
{
    row_unlink(n, row);
    row_count(n, row, false);
    HASH_DEL(n->rows, row);
    free(row);
}

void
rows_free(struct notifier *n)
{
    struct row *row, *next_row;
    struct lane *lane, *next_lane;
    struct host *host, *next_host;

    HASH_ITER(hh, n->rows, row, next_row)
    {
        HASH_DEL(n->rows, row);
        free(row);
    }
    HASH_ITER(hh, n->lanes, lane, next_lane)
    {
        HASH_DEL(n->lanes, lane);
        free(lane->name);
        free(lane);
    }
    HASH_ITER(hh, n->hosts, host, next_host)
    {
        HASH_DEL(n->hosts, host);
        free(host->origin);
        free(host->way);
        free(host);
    }
    free(n->heap);
}
