/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - which rows a list shows: one meaning for all engines. */
#ifndef STORE_FILTER_H
#define STORE_FILTER_H

#include "store/store.h"

enum { LIST_LIMIT = 100000 };      /* what limit 0, or more than this, means */

bool filter_incident(const struct incident_filter *, const struct incident_row *);
/* owned: the alerts under which f->key is an own key, rising; for f->own. */
struct owned { const int64_t *alerts; size_t n; };
bool filter_alert(const struct alert_filter *, const struct owned *, const struct alert_row *);
/* The part of it that is about the key. */
bool filter_alert_key(const struct alert_filter *, const struct owned *, const struct alert_row *);
size_t filter_limit(size_t limit);

#endif
