/* SPDX-License-Identifier: Apache-2.0 */
#include "store/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xalloc.h"

void
stage_init(struct stage *s)
{
    memset(s, 0, sizeof *s);
    s->arena = arena_new();
}

void
stage_release(struct stage *s)
{
    arena_free(s->arena);
    free(s->alerts);
    free(s->owns);
    free(s->incidents);
    free(s->deliveries);
    free(s->events);
    free(s->policies);
    free(s->silences);
    free(s->gone_silences);
    free(s->outbox);
    free(s->outbox_gone);
    memset(s, 0, sizeof *s);
}

void
stage_reset(struct stage *s)
{
    arena_reset(s->arena);
    s->n_alerts = s->n_owns = s->n_incidents = s->n_deliveries = s->n_events = s->n_policies = 0;
    s->n_silences = s->n_gone_silences = 0;
    s->n_outbox = s->n_outbox_gone = 0;
    s->news = s->durable = false;
}

/* Room for n more; the array may move. */
#define ROOM(array, used, cap, n) \
    do { \
        if ((used) + (n) > (cap)) { \
            (cap) = 2 * (cap) > (used) + (n) ? 2 * (cap) : (used) + (n); \
            (array) = xrealloc((array), (cap) * sizeof *(array)); \
        } \
    } while (0)

static void
add_alerts(struct stage *s, const struct cache *c, const struct writeset *ws, int64_t *next_rowid)
{
    ROOM(s->alerts, s->n_alerts, s->cap_alerts, ws->n_alerts);
    for (size_t i = 0; i < ws->n_alerts; i++) {
        struct alert_row *row = ws->alerts[i].row;
        struct staged_alert *to = &s->alerts[s->n_alerts++];
        const struct cache_alert *known;

        to->fresh = row->rowid == 0;
        if (to->fresh)
            row->rowid = (*next_rowid)++;
        known = to->fresh ? NULL : cache_alert(c, &row->key);
        to->lazy = ws->alerts[i].lazy && known != NULL && known->rowid == row->rowid;
        alert_row_copy(s->arena, &to->row, row);
        if (to->fresh && to->row.source == NULL)
            to->row.source = "";
        if (to->fresh && to->row.dedup_key == NULL)
            to->row.dedup_key = "";
        s->news |= to->fresh;
        s->durable |= !to->lazy;
    }
}

/* Under an alert that is over nothing fires. */
static void
add_owns(struct stage *s, const struct writeset *ws)
{
    ROOM(s->owns, s->n_owns, s->cap_owns, ws->n_owns);
    for (size_t i = 0; i < ws->n_owns; i++) {
        struct own_row *row = ws->owns[i].row;

        row->alert = ws->owns[i].alert->rowid;
        row->firing &= alert_is_open(ws->owns[i].alert);
        s->owns[s->n_owns++] = *row;
    }
    s->durable |= ws->n_owns > 0;
}

void
stage_add(struct stage *s, const struct cache *c, const struct writeset *ws, int64_t *next_rowid)
{
    add_alerts(s, c, ws, next_rowid);
    add_owns(s, ws);
    ROOM(s->incidents, s->n_incidents, s->cap_incidents, ws->n_incidents);
    for (size_t i = 0; i < ws->n_incidents; i++) {
        incident_row_copy(s->arena, &s->incidents[s->n_incidents++], ws->incidents[i]);
        s->news |= cache_incident(c, &ws->incidents[i]->id) == NULL;
    }
    ROOM(s->deliveries, s->n_deliveries, s->cap_deliveries, ws->n_deliveries);
    for (size_t i = 0; i < ws->n_deliveries; i++)
        delivery_row_copy(s->arena, &s->deliveries[s->n_deliveries++], ws->deliveries[i]);
    ROOM(s->events, s->n_events, s->cap_events, ws->n_events);
    for (size_t i = 0; i < ws->n_events; i++)
        event_row_copy(s->arena, &s->events[s->n_events++], &ws->events[i]);
    ROOM(s->policies, s->n_policies, s->cap_policies, ws->n_policies);
    for (size_t i = 0; i < ws->n_policies; i++)
        policy_row_copy(s->arena, &s->policies[s->n_policies++], &ws->policies[i]);
    ROOM(s->silences, s->n_silences, s->cap_silences, ws->n_silences);
    for (size_t i = 0; i < ws->n_silences; i++)
        silence_row_copy(s->arena, &s->silences[s->n_silences++], ws->silences[i]);
    ROOM(s->gone_silences, s->n_gone_silences, s->cap_gone_silences, ws->n_gone_silences);
    for (size_t i = 0; i < ws->n_gone_silences; i++)
        s->gone_silences[s->n_gone_silences++] = ws->gone_silences[i];
    s->durable |= ws->n_incidents + ws->n_deliveries + ws->n_events + ws->n_policies + ws->n_silences +
                      ws->n_gone_silences > 0;
}

/* --- checks ------------------------------------------------------------------- */

/* A row under the key of which only one may be open; who tells rows with the same key apart. */
struct claim {
    struct id16 key, who;
    size_t order;                  /* of two claims by the same row the later one counts */
    bool open;
};

static int
by_key(const void *x, const void *y)
{
    const struct claim *a = x, *b = y;
    int d = id_cmp(&a->key, &b->key);

    if (d == 0)
        d = id_cmp(&a->who, &b->who);
    return d != 0 ? d : a->order < b->order ? -1 : 1;
}

/*
 * Is there a key that more than one row holds open?  holder: who has the key now, or false.
 * Claims of one key stand together, and of one row within them, oldest first.
 */
static const struct claim *
find_clash(struct claim *v, size_t n, const struct cache *c,
           bool (*holder)(const struct cache *, const struct id16 *key, struct id16 *who))
{
    qsort(v, n, sizeof *v, by_key);
    for (size_t i = 0, end; i < n; i = end) {
        struct id16 now;
        bool held = holder(c, &v[i].key, &now);
        size_t open = 0;

        for (end = i; end < n && id_eq(&v[end].key, &v[i].key); end++) {
            if (held && id_eq(&v[end].who, &now))
                held = false;      /* the holder's own new state is among the claims */
            if (end + 1 == n || !id_eq(&v[end + 1].key, &v[end].key) || !id_eq(&v[end + 1].who, &v[end].who))
                open += v[end].open;
        }
        if (open + held > 1)
            return &v[i];
    }
    return NULL;
}

static struct id16
id_of_rowid(int64_t rowid)
{
    struct id16 id = { { 0 } };

    memcpy(id.b, &rowid, sizeof rowid);
    return id;
}

static bool
alert_holder(const struct cache *c, const struct id16 *key, struct id16 *who)
{
    const struct cache_alert *a = cache_alert(c, key);

    if (a != NULL)
        *who = id_of_rowid(a->rowid);
    return a != NULL;
}

static bool
group_holder(const struct cache *c, const struct id16 *key, struct id16 *who)
{
    const struct cache_incident *n = cache_group(c, key);

    if (n != NULL)
        *who = n->id;
    return n != NULL;
}

enum tocsin_rc
stage_check(const struct stage *s, const struct cache *c, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    struct claim *v = xmalloc((s->n_alerts + s->n_incidents + 1) * sizeof *v);
    const struct claim *bad;
    char text[ID_TEXT];
    size_t n = 0;

    for (size_t i = 0; i < s->n_alerts; i++) {
        const struct alert_row *a = &s->alerts[i].row;

        if (!s->alerts[i].lazy)
            v[n++] = (struct claim){ a->key, id_of_rowid(a->rowid), i, alert_is_open(a) };
    }
    bad = find_clash(v, n, c, alert_holder);
    if (bad != NULL) {
        rc = err_set(err, TOCSIN_INTERNAL, "", "two open occurrences of alert '%s'", id_format(&bad->key, text));
        goto out;
    }
    n = 0;
    for (size_t i = 0; i < s->n_incidents; i++)
        v[n++] = (struct claim){ s->incidents[i].group, s->incidents[i].id, i,
                                 s->incidents[i].state != TOCSIN_INC_RESOLVED };
    bad = find_clash(v, n, c, group_holder);
    if (bad != NULL)
        rc = err_set(err, TOCSIN_INTERNAL, "", "two open incidents of group '%s'", id_format(&bad->key, text));
out:
    free(v);
    return rc;
}

/* --- the committed transaction ------------------------------------------------ */

void
stage_apply(const struct stage *s, struct cache *c)
{
    for (size_t i = 0; i < s->n_incidents; i++)
        cache_put_incident(c, &s->incidents[i]);
    for (size_t i = 0; i < s->n_deliveries; i++)
        cache_put_delivery(c, &s->deliveries[i]);
    for (size_t i = 0; i < s->n_silences; i++)
        cache_put_silence(c, &s->silences[i]);
    for (size_t i = 0; i < s->n_gone_silences; i++)
        cache_drop_silence(c, &s->gone_silences[i]);
    for (size_t i = 0; i < s->n_alerts; i++) {
        if (!s->alerts[i].lazy)
            cache_put_alert(c, &s->alerts[i].row);
        else
            cache_count_alert(c, &s->alerts[i].row);
    }
    for (size_t i = 0; i < s->n_owns; i++)
        cache_put_own(c, &s->owns[i]);
}
