/* SPDX-License-Identifier: Apache-2.0 */
/* Silences in memory: all of them, since they are few and are asked for by id when somebody changes one. */
#include "store/cache.h"

#include <stdlib.h>

static const struct id16 *
silence_id(const void *ctx, uint32_t i)
{
    const struct cache_silence *s = pool_at(&((const struct cache *)ctx)->silences, i);

    return &s->id;
}

static void
silence_moved(void *ctx, uint32_t i, uint32_t pos)
{
    ((struct cache_silence *)pool_at(&((struct cache *)ctx)->silences, i))->timer = pos;
}

void
cache_silence_init(struct cache *c)
{
    pool_init(&c->silences, sizeof(struct cache_silence));
    idmap_init(&c->silence_by_id, silence_id, c);
    timers_init(&c->silence_dues, c, silence_id, silence_moved);
}

void
cache_silence_release(struct cache *c)
{
    for (uint32_t i = 0; i < c->silences.used; i++)
        free(((struct cache_silence *)pool_at(&c->silences, i))->row);
    pool_release(&c->silences);
    idmap_release(&c->silence_by_id);
    timers_release(&c->silence_dues);
}

const struct silence_row *
cache_silence(const struct cache *c, const struct id16 *id)
{
    uint32_t i;

    return idmap_get(&c->silence_by_id, id, &i) ? ((struct cache_silence *)pool_at(&c->silences, i))->row : NULL;
}

void
cache_put_silence(struct cache *c, const struct silence_row *row)
{
    struct cache_silence *to;
    uint32_t i;

    if (!idmap_get(&c->silence_by_id, &row->id, &i)) {
        i = pool_take(&c->silences);
        to = pool_at(&c->silences, i);
        to->id = row->id;
        to->timer = TIMER_NONE;
        idmap_put(&c->silence_by_id, &to->id, i);
    } else {
        to = pool_at(&c->silences, i);
        c->counts.silences[to->row->phase]--;
        free(to->row);
    }
    to->row = silence_row_dup(row);
    c->counts.silences[row->phase]++;
    timers_set(&c->silence_dues, to->timer, i, row->next_due);
}

void
cache_drop_silence(struct cache *c, const struct id16 *id)
{
    struct cache_silence *s;
    uint32_t i;

    if (!idmap_get(&c->silence_by_id, id, &i))
        return;
    s = pool_at(&c->silences, i);
    timers_set(&c->silence_dues, s->timer, i, 0);
    idmap_del(&c->silence_by_id, &s->id);
    c->counts.silences[s->row->phase]--;
    free(s->row);
    s->row = NULL;
    pool_give(&c->silences, i);
}

void
cache_silences(const struct cache *c, struct arena *a, enum silence_phase phase, int64_t ended_before,
               struct silence_row **out, size_t *n_out)
{
    *n_out = 0;
    *out = arena_alloc(a, (c->silences.used + 1) * sizeof **out);
    for (uint32_t i = 0; i < c->silences.used; i++) {
        const struct cache_silence *s = pool_at(&c->silences, i);

        if (s->row == NULL || s->row->phase != phase || (phase == SILENCE_EXPIRED && s->row->sweep != 0))
            continue;
        if (ended_before == 0 || s->row->ends_at < ended_before)
            silence_row_copy(a, &(*out)[(*n_out)++], s->row);
    }
}
