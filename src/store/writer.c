/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "store/outbox.h"
#include "store/stage.h"

static struct writer *
writer_of(struct store *s)
{
    return (struct writer *)s;
}

void
writer_init(struct writer *w, const struct store_ops *ops, const struct engine *engine)
{
    memset(w, 0, sizeof *w);
    w->store.ops = ops;
    w->engine = engine;
    cache_init(&w->cache);
    stage_init(&w->stage);
    pthread_mutex_init(&w->lock, NULL);
}

void
writer_release(struct writer *w)
{
    cache_release(&w->cache);
    stage_release(&w->stage);
    pthread_mutex_destroy(&w->lock);
}

void
writer_publish(struct writer *w)
{
    w->cache.counts.oldest_pending_at = timers_first(&w->cache.sends);
    pthread_mutex_lock(&w->lock);
    w->published = w->cache.counts;
    pthread_mutex_unlock(&w->lock);
}

void
writer_stats(struct writer *w, struct store_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->published;
    pthread_mutex_unlock(&w->lock);
}

/* --- loading ------------------------------------------------------------------ */

enum tocsin_rc
writer_load_alerts(struct store *s, const struct id16 *keys, size_t n, struct alert_row *out, struct tocsin_err *err)
{
    const struct cache *c = &writer_of(s)->cache;

    (void)err;
    for (size_t i = 0; i < n; i++) {
        const struct cache_alert *a = cache_alert(c, &keys[i]);

        if (a != NULL) {
            cache_alert_row(c, a, &out[i]);
        } else {
            memset(&out[i], 0, sizeof out[i]);
            out[i].key = keys[i];
        }
    }
    return TOCSIN_OK;
}

bool
writer_has_owns(struct store *s)
{
    return cache_has_owns(&writer_of(s)->cache);
}

enum tocsin_rc
writer_load_owns(struct store *s, struct arena *a, const struct id16 *owns, size_t n, struct own_row **out,
                 size_t *n_out, struct tocsin_err *err)
{
    const struct cache *c = &writer_of(s)->cache;
    size_t total = 0;

    (void)err;
    for (size_t i = 0; i < n; i++)
        total += cache_owns(c, &owns[i], NULL, 0);
    *out = arena_alloc(a, (total + 1) * sizeof **out);
    *n_out = 0;
    for (size_t i = 0; i < n && *n_out < total; i++)
        *n_out += cache_owns(c, &owns[i], *out + *n_out, total - *n_out);
    return TOCSIN_OK;
}

enum tocsin_rc
writer_load_groups(struct store *s, struct arena *a, const struct id16 *groups, size_t n, struct incident_row *out,
                   bool *found, struct tocsin_err *err)
{
    (void)err;
    for (size_t i = 0; i < n; i++) {
        const struct cache_incident *inc = cache_group(&writer_of(s)->cache, &groups[i]);

        found[i] = inc != NULL;
        if (inc != NULL)
            cache_incident_row(inc, a, &out[i]);
    }
    return TOCSIN_OK;
}

enum tocsin_rc
writer_load_incidents(struct store *s, struct arena *a, const struct id16 *ids, size_t n, struct incident_row *out,
                      bool *found, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);

    for (size_t i = 0; i < n; i++) {
        const struct cache_incident *inc = cache_incident(&w->cache, &ids[i]);
        enum tocsin_rc rc;

        found[i] = inc != NULL;
        if (inc != NULL) {
            cache_incident_row(inc, a, &out[i]);
            continue;
        }
        rc = w->engine->fetch_incident(w, a, &ids[i], &out[i], &found[i], err);
        if (rc != TOCSIN_OK)
            return rc;
    }
    return TOCSIN_OK;
}

enum tocsin_rc
writer_episodes(struct store *s, const struct id16 *group, uint32_t *out, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    const struct cache_incident *inc = cache_group(&w->cache, group);

    if (inc == NULL)
        return w->engine->fetch_episodes(w, group, out, err);
    *out = inc->episode;
    return TOCSIN_OK;
}

enum tocsin_rc
writer_load_deliveries(struct store *s, struct arena *a, const struct id16 *incident, struct delivery_row **out,
                       size_t *n_out, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    const struct cache_incident *inc = cache_incident(&w->cache, incident);

    if (inc == NULL)
        return w->engine->fetch_deliveries(w, a, incident, out, n_out, err);
    cache_deliveries(&w->cache, inc, a, out, n_out);
    return TOCSIN_OK;
}

enum tocsin_rc
writer_load_members(struct store *s, struct arena *a, const struct id16 *incident, struct alert_row **out,
                    size_t *n_out, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    const struct cache_incident *inc = cache_incident(&w->cache, incident);

    (void)err;
    *n_out = 0;
    *out = NULL;
    if (inc != NULL)               /* an incident with an open alert is always in */
        cache_members(&w->cache, inc, a, out, n_out);
    return TOCSIN_OK;
}

/* --- timers ------------------------------------------------------------------- */

static size_t
due(const struct timers *t, int64_t now, struct id16 *out, size_t max)
{
    enum { CHUNK = 512 };
    uint32_t items[CHUNK];
    size_t n = timers_due(t, now, items, max < CHUNK ? max : CHUNK);

    for (size_t i = 0; i < n; i++)
        out[i] = *t->key_of(t->ctx, items[i]);
    return n;
}

enum tocsin_rc
writer_due_incidents(struct store *s, int64_t now, struct id16 *out, size_t max, size_t *n_out, struct tocsin_err *err)
{
    (void)err;
    *n_out = due(&writer_of(s)->cache.dues, now, out, max);
    return TOCSIN_OK;
}

enum tocsin_rc
writer_due_alerts(struct store *s, int64_t now, struct id16 *keys_out, size_t max, size_t *n_out,
                  struct tocsin_err *err)
{
    (void)err;
    *n_out = due(&writer_of(s)->cache.expiries, now, keys_out, max);
    return TOCSIN_OK;
}

int64_t
writer_next_due(struct store *s)
{
    const struct cache *c = &writer_of(s)->cache;
    const struct timers *all[] = { &c->expiries, &c->dues, &c->silence_dues };
    int64_t first = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int64_t at = timers_first(all[i]);

        if (at != 0 && (first == 0 || at < first))
            first = at;
    }
    return first;
}

enum tocsin_rc
writer_due_silences(struct store *s, int64_t now, struct id16 *out, size_t max, size_t *n_out, struct tocsin_err *err)
{
    (void)err;
    *n_out = due(&writer_of(s)->cache.silence_dues, now, out, max);
    return TOCSIN_OK;
}

/* --- silences ----------------------------------------------------------------- */

enum tocsin_rc
writer_load_silence(struct store *s, struct arena *a, const struct id16 *id, struct silence_row *out, bool *found,
                    struct tocsin_err *err)
{
    const struct silence_row *row = cache_silence(&writer_of(s)->cache, id);

    (void)err;
    *found = row != NULL;
    if (row != NULL)
        silence_row_copy(a, out, row);
    return TOCSIN_OK;
}

enum tocsin_rc
writer_load_silences(struct store *s, struct arena *a, struct silence_row **out, size_t *n_out, struct tocsin_err *err)
{
    (void)err;
    cache_silences(&writer_of(s)->cache, a, SILENCE_ACTIVE, 0, out, n_out);
    return TOCSIN_OK;
}

/* The texts from the engine, all else from the cache, which may be ahead of it. */
enum tocsin_rc
writer_load_firing(struct store *s, struct arena *a, int64_t before, bool held, size_t max, struct alert_row **out,
                   size_t *n_out, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    enum tocsin_rc rc = w->engine->fetch_firing(w, a, before, held, max, out, n_out, err);

    for (size_t i = 0; rc == TOCSIN_OK && i < *n_out; i++) {
        struct alert_row *row = &(*out)[i], now;
        const struct cache_alert *known = cache_alert(&w->cache, &row->key);

        if (known == NULL || known->rowid != row->rowid)
            return err_set(err, TOCSIN_INTERNAL, "", "alert %lld is open on the disk and not in memory",
                           (long long)row->rowid);
        cache_alert_row(&w->cache, known, &now);
        now.source = row->source;
        now.dedup_key = row->dedup_key;
        now.body = row->body;
        now.body_len = row->body_len;
        *row = now;
    }
    return rc;
}

/* --- the unit of work --------------------------------------------------------- */

enum tocsin_rc
writer_begin(struct store *s, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);

    if (w->open)
        return err_set(err, TOCSIN_INTERNAL, "", "a transaction is open already");
    stage_reset(&w->stage);
    w->next_rowid = w->last_rowid + 1;
    w->next_outbox = w->last_outbox + 1;
    w->open = true;
    w->refused = false;
    return TOCSIN_OK;
}

/* Ids begin with their time: an incident younger than all that are stored is new, and need not be looked for. */
static bool
is_new(const struct writer *w, const struct id16 *id)
{
    return id_cmp(id, &w->newest) > 0;
}

/* Bring an incident that is history into the cache, with its deliveries, because a row that is written needs it. */
static enum tocsin_rc
fault_in(struct writer *w, const struct id16 *id, struct tocsin_err *err)
{
    struct arena *a = w->stage.arena;
    struct incident_row row;
    struct delivery_row *deliveries;
    size_t n;
    bool found;
    enum tocsin_rc rc;

    if (id_is_zero(id) || is_new(w, id) || cache_incident(&w->cache, id) != NULL)
        return TOCSIN_OK;
    rc = w->engine->fetch_incident(w, a, id, &row, &found, err);
    if (rc != TOCSIN_OK || !found)
        return rc;
    rc = w->engine->fetch_deliveries(w, a, id, &deliveries, &n, err);
    if (rc != TOCSIN_OK)
        return rc;
    cache_put_incident(&w->cache, &row);
    for (size_t i = 0; i < n; i++)
        cache_put_delivery(&w->cache, &deliveries[i]);
    return TOCSIN_OK;
}

static enum tocsin_rc
fault_in_all(struct writer *w, const struct writeset *ws, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;

    for (size_t i = 0; i < ws->n_incidents && rc == TOCSIN_OK; i++)
        rc = fault_in(w, &ws->incidents[i]->id, err);
    for (size_t i = 0; i < ws->n_deliveries && rc == TOCSIN_OK; i++)
        rc = fault_in(w, &ws->deliveries[i]->incident, err);
    for (size_t i = 0; i < ws->n_alerts && rc == TOCSIN_OK; i++)
        if (alert_is_open(ws->alerts[i].row))
            rc = fault_in(w, &ws->alerts[i].row->incident, err);
    return rc;
}

static bool
is_known(const struct writer *w, const struct idmap *staged, const struct id16 *incident)
{
    uint32_t i;

    return id_is_zero(incident) || cache_incident(&w->cache, incident) != NULL || idmap_get(staged, incident, &i);
}

static const struct id16 *
staged_id(const void *ctx, uint32_t i)
{
    return &((const struct stage *)ctx)->incidents[i].id;
}

/* No row that would stay in the cache may hang in the air. */
static enum tocsin_rc
check_links(const struct writer *w, struct tocsin_err *err)
{
    const struct stage *s = &w->stage;
    enum tocsin_rc rc = TOCSIN_OK;
    struct idmap staged;
    char text[ID_TEXT];

    idmap_init(&staged, staged_id, s);
    for (size_t i = 0; i < s->n_incidents; i++)
        idmap_put(&staged, &s->incidents[i].id, (uint32_t)i);
    for (size_t i = 0; i < s->n_alerts && rc == TOCSIN_OK; i++) {
        const struct alert_row *a = &s->alerts[i].row;

        if (alert_is_open(a) && !is_known(w, &staged, &a->incident))
            rc = err_set(err, TOCSIN_INTERNAL, "", "alert of unknown incident '%s'", id_format(&a->incident, text));
    }
    for (size_t i = 0; i < s->n_deliveries && rc == TOCSIN_OK; i++) {
        const struct delivery_row *d = &s->deliveries[i];

        if (id_is_zero(&d->incident) || !is_known(w, &staged, &d->incident))
            rc = err_set(err, TOCSIN_INTERNAL, "", "delivery of unknown incident '%s'", id_format(&d->incident, text));
    }
    idmap_release(&staged);
    return rc;
}

enum tocsin_rc
writer_write(struct store *s, const struct writeset *ws, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    enum tocsin_rc rc;

    if (!w->open)
        return err_set(err, TOCSIN_INTERNAL, "", "write outside a transaction");
    rc = fault_in_all(w, ws, err);
    if (rc == TOCSIN_OK) {
        stage_add(&w->stage, &w->cache, ws, &w->next_rowid);
        outbox_stage(&w->stage, ws, &w->next_outbox);
        rc = stage_check(&w->stage, &w->cache, err);
    }
    if (rc == TOCSIN_OK)
        rc = check_links(w, err);
    for (size_t i = 0; i < w->stage.n_owns && rc == TOCSIN_OK; i++)
        if (w->stage.owns[i].alert == 0)
            rc = err_set(err, TOCSIN_INTERNAL, "", "an own key of an alert that is not stored");
    w->refused |= rc != TOCSIN_OK;
    return rc;
}

static void
unit_end(struct writer *w)
{
    w->open = false;
    if (w->engine->end != NULL)
        w->engine->end(w);
}

void
writer_rollback(struct store *s)
{
    struct writer *w = writer_of(s);

    if (!w->open)
        return;
    unit_end(w);
    stage_reset(&w->stage);
    cache_trim(&w->cache);
}

enum tocsin_rc
writer_commit(struct store *s, struct tocsin_err *err)
{
    struct writer *w = writer_of(s);
    struct stage *st = &w->stage;

    if (!w->open)
        return err_set(err, TOCSIN_INTERNAL, "", "commit outside a transaction");
    if (w->refused) {
        writer_rollback(s);
        return err_set(err, TOCSIN_INTERNAL, "", "commit after a write that was refused");
    }
    if (st->durable) {
        enum tocsin_rc rc = w->engine->persist(w, st, err);

        if (rc != TOCSIN_OK) {
            writer_rollback(s);
            return rc;
        }
        w->last_rowid = w->next_rowid - 1;
        w->last_outbox = w->next_outbox - 1;
        for (size_t i = 0; i < st->n_incidents; i++)
            if (is_new(w, &st->incidents[i].id))
                w->newest = st->incidents[i].id;
        w->cache.counts.commits++;
        w->cache.counts.rows_written += st->n_alerts + st->n_owns + st->n_incidents + st->n_deliveries + st->n_events;
    }
    stage_apply(st, &w->cache);
    cache_trim(&w->cache);
    writer_publish(w);
    unit_end(w);
    return TOCSIN_OK;
}
