/* SPDX-License-Identifier: Apache-2.0 */
/* What /v1/silences and Alertmanager's API have in common: states, order, finding one. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "core/silence/matchers.h"

enum silence_phase
silence_phase_at(const struct silence_row *r, int64_t now)
{
    if (r->phase == SILENCE_EXPIRED || r->ends_at <= now)
        return SILENCE_EXPIRED;
    return r->phase == SILENCE_ACTIVE || r->starts_at <= now ? SILENCE_ACTIVE : SILENCE_PENDING;
}

const char *
silence_phase_name(enum silence_phase phase)
{
    static const char *const names[] = { "", "pending", "active", "expired" };

    return names[phase];
}

struct sorted { struct silence_row row; int64_t now; };

static int
by_state(const void *x, const void *y)
{
    static const int rank[] = { [SILENCE_ACTIVE] = 0, [SILENCE_PENDING] = 1, [SILENCE_EXPIRED] = 2 };
    const struct sorted *a = x, *b = y;
    enum silence_phase p = silence_phase_at(&a->row, a->now), q = silence_phase_at(&b->row, b->now);
    int64_t d;

    if (p != q)
        return rank[p] - rank[q];
    if (p == SILENCE_PENDING)
        d = a->row.starts_at - b->row.starts_at;
    else
        d = p == SILENCE_ACTIVE ? a->row.ends_at - b->row.ends_at : b->row.ends_at - a->row.ends_at;
    return d != 0 ? (d > 0) - (d < 0) : id_cmp(&a->row.id, &b->row.id);
}

void
silences_sort(struct silence_row *rows, size_t n, int64_t now)
{
    struct arena *a;
    struct sorted *all;

    if (n < 2)
        return;
    a = arena_new();
    all = arena_alloc(a, n * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct sorted){ rows[i], now };
    qsort(all, n, sizeof *all, by_state);
    for (size_t i = 0; i < n; i++)
        rows[i] = all[i].row;
    arena_free(a);
}

json_t *
shape_silence(struct arena *arena, const struct silence_row *r, int64_t now)
{
    json_t *list = json_array();
    struct matchers m;

    if (!matchers_parse(arena, r->matchers, &m))
        m.n = 0;
    for (size_t i = 0; i < m.n; i++)
        json_array_append_new(list, shape_string(arena, matcher_format(arena, &m.v[i])));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", shape_id(&r->id), "state",
                     silence_phase_name(silence_phase_at(r, now)), "matchers", list, "starts_at",
                     shape_time(r->starts_at), "ends_at", shape_time(r->ends_at), "updated_at",
                     shape_time(r->updated_at), "created_by", shape_string(arena, r->created_by), "comment",
                     shape_string(arena, r->comment));
}

enum tocsin_rc
silence_find(struct call *c, struct arena *arena, const char *text, struct silence_row *out, struct tocsin_err *err)
{
    struct store *store = c->api->deps->store;
    struct silence_row *rows = NULL;
    struct id16 id;
    size_t n = 0;
    enum tocsin_rc rc;

    if (!id_parse(text, &id))
        return err_set(err, TOCSIN_NOT_FOUND, "path", "no silence '%.64s'", text);
    rc = store->ops->list_silences(store, arena, &rows, &n, err);
    for (size_t i = 0; i < n && rc == TOCSIN_OK; i++)
        if (id_eq(&rows[i].id, &id)) {
            *out = rows[i];
            return TOCSIN_OK;
        }
    return rc == TOCSIN_OK ? err_set(err, TOCSIN_NOT_FOUND, "path", "no silence '%.64s'", text) : rc;
}
