/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of heartbeats: those that are watched, with what the store says of the silent ones. */
#include <string.h>

#include "daemon/beats_impl.h"

static void
put_state(struct heartbeat_status *s, const struct alert_row *row)
{
    if (row == NULL || (row->state == ALERT_DROPPED && row->expires_at > 0)) {
        s->state = s->beats > 0 ? "ok" : "never";
        return;
    }
    s->state = "silent";
    s->due_at = 0;
    s->incident = row->incident;
}

static const struct alert_row *
row_of(const struct alert_row *rows, size_t n, const struct id16 *key)
{
    for (size_t i = 0; i < n; i++)
        if (id_eq(&rows[i].key, key))
            return &rows[i];
    return NULL;
}

static struct heartbeat_status
status_of(struct arena *a, const struct conf_heartbeat *h, const struct beat_entry *e, const struct alert_row *row)
{
    struct heartbeat_status s = { .name = arena_strdup(a, h->name), .every_ms = h->every_ms, .grace_ms = h->grace_ms,
                                  .state = "unarmed" };
    struct tocsin_pair *labels;

    if (e == NULL)
        return s;
    labels = arena_alloc(a, (e->n_labels + 1) * sizeof *labels);
    for (size_t i = 0; i < e->n_labels; i++)
        labels[i] = (struct tocsin_pair){ arena_strdup(a, e->labels[i].name), arena_strdup(a, e->labels[i].value) };
    s.labels = labels;
    s.n_labels = e->n_labels;
    s.last_at = e->beats > 0 ? e->last_at : 0;
    s.due_at = e->due_at;
    s.beats = e->beats;
    put_state(&s, row);
    return s;
}

size_t
beats_status(struct beats *b, struct conf *conf, struct arena *a, struct heartbeat_status **out)
{
    struct alert_filter f = { .source = HEARTBEAT_SOURCE,
                              .states = 1u << ALERT_FIRING | 1u << ALERT_DISMISSED | 1u << ALERT_DROPPED };
    struct alert_row *rows = NULL;
    struct tocsin_err err;
    size_t n = 0, n_rows = 0;

    if (b->store->ops->list_alerts(b->store, a, &f, &rows, &n_rows, &err) != TOCSIN_OK) {
        log_warn("heartbeat", "", "cannot list the silent ones: %s", err.what);
        n_rows = 0;
    }
    pthread_mutex_lock(&b->mutex);
    *out = arena_alloc(a, (conf->n_heartbeats + b->n + 1) * sizeof **out);
    for (size_t i = 0; i < conf->n_heartbeats; i++) {
        const struct conf_heartbeat *h = &conf->heartbeats[i];
        size_t before = n;

        for (size_t k = 0; k < b->n; k++)
            if (!b->v[k].gone && strcmp(b->v[k].name, h->name) == 0)
                (*out)[n++] = status_of(a, h, &b->v[k], row_of(rows, n_rows, &b->v[k].key));
        if (n == before)
            (*out)[n++] = status_of(a, h, NULL, NULL);
    }
    pthread_mutex_unlock(&b->mutex);
    return n;
}
