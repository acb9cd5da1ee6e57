/* SPDX-License-Identifier: Apache-2.0 */
/* Groups lie in an array with free places; a hash table finds them, a list has them in the order of their last match. */
#include "core/rules/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/xalloc.h"

#define NOBODY UINT32_MAX

struct hit { int64_t at; uint64_t what; };

struct group {
    struct id16 id;
    uint32_t newer, older;         /* in the list; newer is also the next free place */
    uint32_t n, cap;
    struct hit *hits;              /* oldest first */
};

struct tally {
    struct idmap by_id;
    struct group *groups; uint32_t used, cap;
    uint32_t newest, oldest, free;
    size_t n_groups, n_times;
};

static const struct id16 *
group_id(const void *ctx, uint32_t i)
{
    return &((const struct tally *)ctx)->groups[i].id;
}

struct tally *
tally_new(void)
{
    struct tally *t = xcalloc(1, sizeof *t);

    idmap_init(&t->by_id, group_id, t);
    t->newest = t->oldest = t->free = NOBODY;
    return t;
}

void
tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->used; i++)
        free(t->groups[i].hits);
    free(t->groups);
    idmap_release(&t->by_id);
    free(t);
}

size_t
tally_groups(const struct tally *t)
{
    return t->n_groups;
}

/* --- the list ----------------------------------------------------------------------- */

static void
unlink_group(struct tally *t, uint32_t i)
{
    struct group *g = &t->groups[i];

    *(g->newer != NOBODY ? &t->groups[g->newer].older : &t->newest) = g->older;
    *(g->older != NOBODY ? &t->groups[g->older].newer : &t->oldest) = g->newer;
}

static void
link_newest(struct tally *t, uint32_t i)
{
    struct group *g = &t->groups[i];

    g->newer = NOBODY;
    g->older = t->newest;
    *(t->newest != NOBODY ? &t->groups[t->newest].newer : &t->oldest) = i;
    t->newest = i;
}

static void
forget_oldest(struct tally *t)
{
    uint32_t i = t->oldest;
    struct group *g = &t->groups[i];

    unlink_group(t, i);
    idmap_del(&t->by_id, &g->id);
    t->n_times -= g->cap;
    t->n_groups--;
    free(g->hits);
    *g = (struct group){ .newer = t->free };
    t->free = i;
}

static uint32_t
new_group(struct tally *t, const struct id16 *id)
{
    uint32_t i = t->free;

    if (t->n_groups == TALLY_MAX_GROUPS) {
        forget_oldest(t);
        i = t->free;
    }
    if (i == NOBODY) {
        if (t->used == t->cap) {
            t->cap = t->cap * 2 + 16;
            t->groups = xrealloc(t->groups, t->cap * sizeof *t->groups);
        }
        i = t->used++;
    } else {
        t->free = t->groups[i].newer;
    }
    t->groups[i] = (struct group){ .id = *id };
    t->n_groups++;
    idmap_put(&t->by_id, &t->groups[i].id, i);
    return i;
}

/* --- hits ------------------------------------------------------------------------------ */

static void
drop_hits(struct group *g, uint32_t from, uint32_t n)
{
    if (n == 0)
        return;
    memmove(&g->hits[from], &g->hits[from + n], (g->n - from - n) * sizeof *g->hits);
    g->n -= n;
}

/* What is too old, what is told again, and what is more than anybody asks for. */
static void
make_way(struct group *g, uint64_t what, uint32_t count, int64_t since)
{
    uint32_t old = 0;

    while (old < g->n && g->hits[old].at < since)
        old++;
    drop_hits(g, 0, old);
    for (uint32_t i = 0; what != 0 && i < g->n; i++)
        if (g->hits[i].what == what) {
            drop_hits(g, i, 1);
            break;
        }
    if (g->n >= count)
        drop_hits(g, 0, g->n - count + 1);
}

uint32_t
tally_hit(struct tally *t, const struct id16 *group, uint64_t what, uint32_t count, int64_t window_ms, int64_t now)
{
    struct group *g;
    uint32_t i;

    if (idmap_get(&t->by_id, group, &i))
        unlink_group(t, i);
    else
        i = new_group(t, group);
    link_newest(t, i);
    g = &t->groups[i];
    if (g->n > 0 && g->hits[g->n - 1].at > now)
        now = g->hits[g->n - 1].at;          /* threads bring them a little out of order */
    make_way(g, what, count, now - window_ms);
    if (g->n == g->cap) {
        uint32_t cap = g->cap * 2 + 4 < count ? g->cap * 2 + 4 : count;

        cap = cap > g->n ? cap : g->n + 1;
        g->hits = xrealloc(g->hits, cap * sizeof *g->hits);
        t->n_times += cap - g->cap;
        g->cap = cap;
    }
    g->hits[g->n++] = (struct hit){ now, what };
    while (t->n_times > TALLY_MAX_TIMES && t->oldest != i)
        forget_oldest(t);
    return t->groups[i].n;
}
