/* SPDX-License-Identifier: Apache-2.0 */
/* The memory engine's own keys of senders. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/mem_disk.h"

static int
own_cmp(const struct own_row *a, const struct id16 *own, int64_t alert)
{
    int d = id_cmp(&a->own, own);

    return d != 0 ? d : a->alert < alert ? -1 : a->alert > alert;
}

static size_t
position(const struct mem_disk *d, const struct id16 *own, int64_t alert)
{
    size_t lo = 0, hi = d->owns.n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (own_cmp(d->owns.v[mid], own, alert) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

size_t
mem_own_from(const struct mem_disk *d, const struct id16 *own)
{
    return position(d, own, 0);
}

void
mem_put_own(struct mem_disk *d, const struct own_row *row)
{
    size_t i = position(d, &row->own, row->alert);
    struct own_row *to;

    if (i < d->owns.n && own_cmp(d->owns.v[i], &row->own, row->alert) == 0) {
        to = d->owns.v[i];
    } else {
        to = xmalloc(sizeof *to);
        list_insert(&d->owns, i, to);
    }
    *to = *row;
    memset(&to->key, 0, sizeof to->key);     /* the alert has it */
}

void
mem_owns_over(struct mem_disk *d, int64_t alert)
{
    for (size_t i = 0; i < d->owns.n; i++) {
        struct own_row *o = d->owns.v[i];

        o->firing &= o->alert != alert;
    }
}

void
mem_drop_owns(struct mem_disk *d, int64_t alert)
{
    for (size_t i = d->owns.n; i-- > 0;) {
        if (((struct own_row *)d->owns.v[i])->alert != alert)
            continue;
        free(d->owns.v[i]);
        list_remove(&d->owns, i);
    }
}
