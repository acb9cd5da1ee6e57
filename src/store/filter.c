/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

bool
filter_incident(const struct incident_filter *f, const struct incident_row *row)
{
    char id[ID_TEXT];

    /* what is delayed is shown to who asks for it (bit 0), what never opened to nobody */
    if (incident_never_was(row) || (row->opened_at == 0 && (f->states & INCIDENT_DELAYED) == 0))
        return false;
    if (row->opened_at != 0 && f->states != 0 && (f->states & 1u << row->state) == 0)
        return false;
    if (f->severities != 0 && (f->severities & 1u << row->severity) == 0)
        return false;
    if (f->before != NULL && id_cmp(&row->id, f->before) >= 0)
        return false;
    if (f->q == NULL || f->q[0] == '\0')
        return true;
    return strcasestr(row->summary, f->q) != NULL || strcasestr(row->group_key, f->q) != NULL ||
           strcasestr(row->source, f->q) != NULL || strcasestr(id_format(&row->id, id), f->q) != NULL;
}

static int
by_number(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

    return a < b ? -1 : a > b;
}

bool
filter_alert_key(const struct alert_filter *f, const struct owned *owned, const struct alert_row *row)
{
    return f->key == NULL || id_eq(f->key, &row->key) ||
           (owned->n > 0 && bsearch(&row->rowid, owned->alerts, owned->n, sizeof row->rowid, by_number) != NULL);
}

bool
filter_alert(const struct alert_filter *f, const struct owned *owned, const struct alert_row *row)
{
    if (f->states != 0 && (f->states & 1u << row->state) == 0)
        return false;
    if (!f->waiting && row->state == ALERT_DROPPED && row->expires_at > 0 && strcmp(row->source, HEARTBEAT_SOURCE) == 0)
        return false;
    if (f->before != 0 && row->rowid >= f->before)
        return false;
    if (!filter_alert_key(f, owned, row))
        return false;
    return f->source == NULL || strcmp(f->source, row->source) == 0;
}

size_t
filter_limit(size_t limit)
{
    return limit > 0 && limit < LIST_LIMIT ? limit : LIST_LIMIT;
}
