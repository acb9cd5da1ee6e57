/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incident ids begin with the time and row numbers rise with it, so the walk
 * ends at the first row that is young, and begins again at the oldest the next
 * time.  Cursors pass over what is old but has to stay.
 */
#include "store/history.h"

#include <string.h>

enum { LOOKS = 500 };              /* rows looked at in one call, of each kind */

/* All parts of one incident, then itself.  *whole: nothing of it is left. */
static enum tocsin_rc
drop_incident(struct writer *w, const struct history_ops *ops, const struct id16 *id, size_t *left, bool *whole,
              struct tocsin_err *err)
{
    *whole = false;
    for (enum history_part part = 0; part < HISTORY_PARTS; part++) {
        size_t n;
        enum tocsin_rc rc = ops->drop_part(w, part, id, *left, &n, err);

        if (rc != TOCSIN_OK)
            return rc;
        *left -= n;
        if (*left == 0)
            return TOCSIN_OK;
    }
    *whole = true;
    --*left;
    return ops->drop_incident(w, id, err);
}

static enum tocsin_rc
sweep_incidents(struct history *h, struct writer *w, const struct history_ops *ops, int64_t before, size_t *left,
                struct tocsin_err *err)
{
    for (int look = 0; look < LOOKS && *left > 0; look++) {
        struct old_incident old;
        bool found, whole = true;
        enum tocsin_rc rc = ops->next_incident(w, &h->incident, &old, &found, err);

        if (rc != TOCSIN_OK)
            return rc;
        if (!found || old.opened_at >= before) {
            memset(&h->incident, 0, sizeof h->incident);
            return TOCSIN_OK;
        }
        if (old.state == TOCSIN_INC_RESOLVED && old.resolved_at < before && cache_incident(&w->cache, &old.id) == NULL)
            rc = drop_incident(w, ops, &old.id, left, &whole, err);
        if (rc != TOCSIN_OK)
            return rc;
        if (whole)
            h->incident = old.id;
    }
    return TOCSIN_OK;
}

static enum tocsin_rc
sweep_orphans(struct history *h, struct writer *w, const struct history_ops *ops, enum history_part part,
              int64_t before, size_t *left, struct tocsin_err *err)
{
    for (int look = 0; look < LOOKS && *left > 0; look++) {
        struct orphan o;
        bool found;
        enum tocsin_rc rc = ops->next_orphan(w, part, h->orphan[part], &o, &found, err);

        if (rc != TOCSIN_OK)
            return rc;
        if (!found || o.first_at >= before) {
            h->orphan[part] = 0;
            return TOCSIN_OK;
        }
        h->orphan[part] = o.rowid;
        if (o.open || o.last_at >= before)
            continue;
        rc = ops->drop_orphan(w, part, o.rowid, err);
        if (rc != TOCSIN_OK)
            return rc;
        --*left;
    }
    return TOCSIN_OK;
}

enum tocsin_rc
history_sweep(struct history *h, struct writer *w, const struct history_ops *ops, int64_t before, size_t max,
              size_t *n_out, struct tocsin_err *err)
{
    size_t left = max;
    enum tocsin_rc rc = sweep_incidents(h, w, ops, before, &left, err);

    if (rc == TOCSIN_OK)
        rc = sweep_orphans(h, w, ops, HISTORY_ALERTS, before, &left, err);
    if (rc == TOCSIN_OK)
        rc = sweep_orphans(h, w, ops, HISTORY_EVENTS, before, &left, err);
    *n_out = max - left;
    return rc;
}
