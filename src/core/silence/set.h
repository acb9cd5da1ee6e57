/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set.h - which of the silences in force holds this alert?
 *
 * Silences are filed under their equality matchers in the index that rules
 * use, so the cost of an alert grows with the silences that could match it.
 * An empty set costs a comparison.
 *
 * One thread at a time uses a set: it holds what a running match needs.
 */
#ifndef CORE_SILENCE_SET_H
#define CORE_SILENCE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rows.h"

struct silence_set;

/*
 * An alert as silences see it: its labels; for the names severity, summary and source, where there is no such label,
 * its fields; and its summary for alertname, by which clients made for Prometheus know an alert.
 */
struct silence_subject {
    const struct tocsin_pair *labels; size_t n_labels;
    const char *severity, *summary, *source;
};

struct silence_set *silence_set_new(void);
void silence_set_free(struct silence_set *);
size_t silence_set_count(const struct silence_set *);
void silence_set_clear(struct silence_set *);
/* In, or changed.  Matchers that cannot be read match nothing: the alert pages. */
void silence_set_put(struct silence_set *, const struct silence_row *);
void silence_set_drop(struct silence_set *, const struct id16 *id);

/* Of those that match, the one that ends last; NULL: none.  Valid until the set changes. */
const struct silence_row *silence_set_match(struct silence_set *, const struct silence_subject *);
/* All that match, at most max, in the order of their ids. */
size_t silence_set_all(struct silence_set *, const struct silence_subject *, const struct silence_row **out,
                       size_t max);

#endif
