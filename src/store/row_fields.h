/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row_fields.h - the members of the rows, listed once.
 *
 * Copying a row into the cache, binding it to SQL and reading it back go over
 * the same lists, so none of them can forget a member.  The order is that of
 * the columns in schema/ and in the texts of sqlite_conn.c.
 */
#ifndef STORE_ROW_FIELDS_H
#define STORE_ROW_FIELDS_H

#include <stddef.h>

#include "base/arena.h"
#include "core/rows.h"

/* counters and deadlines, which may reach the disk later; then the rest */
#define ALERT_LAZY_INTS(X) X(count) X(last_at) X(expires_at)
#define ALERT_FIXED_INTS(X) X(digest) X(first_at) X(starts_at) X(ends_at) X(severity) X(suppressed) \
    X(own_mode) X(n_own)
#define ALERT_INTS(X) ALERT_LAZY_INTS(X) ALERT_FIXED_INTS(X)

#define OWN_INTS(X) X(alert) X(firing) X(starts_at) X(digest) X(severity) X(by)

#define INCIDENT_INTS(X) \
    X(state) X(severity) X(paging) X(exhausted) X(routed) X(step) X(loop) X(ver) X(page) X(notes) X(n_total) \
    X(n_firing[0]) X(n_firing[1]) X(n_firing[2]) X(n_firing[3]) X(n_firing[4]) X(n_quiet) \
    X(opened_at) X(acked_at) X(resolved_at) X(updated_at) X(snoozed_until) X(esc_start) X(paused_at) X(next_due)
#define INCIDENT_TEXTS(X) \
    X(group_key) X(summary) X(source) X(policy_name) X(acked_by) X(resolved_by) X(suppressed_by) X(notify)

#define DELIVERY_INTS(X) \
    X(told) X(state) X(step) X(want_page) X(told_page) X(told_ver) X(told_notes) X(refused_change) X(refused_ver) \
    X(refused_page) X(attempts) X(sends) X(due_at) X(failing_since) X(told_at)
#define DELIVERY_TEXTS(X) X(last_error) X(vendor_ref)

#define SILENCE_INTS(X) X(phase) X(starts_at) X(ends_at) X(updated_at) X(next_due) X(sweep)
#define SILENCE_TEXTS(X) X(matchers) X(created_by) X(comment) X(annotations)

#define ONE_MORE(f) +1
enum { N_INCIDENT_TEXTS = 0 INCIDENT_TEXTS(ONE_MORE), N_DELIVERY_TEXTS = 1 DELIVERY_TEXTS(ONE_MORE) /* and target */ };

_Static_assert(TOCSIN_CRITICAL == 4, "n_firing has five members: change INCIDENT_INTS and the schema with it");

/* Copies of rows with all that they point to: in one block of the heap (free() frees all), or in an arena. */
struct alert_row *alert_row_dup(const struct alert_row *);
struct incident_row *incident_row_dup(const struct incident_row *);
struct delivery_row *delivery_row_dup(const struct delivery_row *);
struct event_row *event_row_dup(const struct event_row *);
struct policy_row *policy_row_dup(const struct policy_row *);
struct silence_row *silence_row_dup(const struct silence_row *);

void alert_row_copy(struct arena *, struct alert_row *dst, const struct alert_row *src);
void incident_row_copy(struct arena *, struct incident_row *dst, const struct incident_row *src);
void delivery_row_copy(struct arena *, struct delivery_row *dst, const struct delivery_row *src);
void event_row_copy(struct arena *, struct event_row *dst, const struct event_row *src);
void policy_row_copy(struct arena *, struct policy_row *dst, const struct policy_row *src);
void silence_row_copy(struct arena *, struct silence_row *dst, const struct silence_row *src);

/* By step, then by target: the order in which deliveries are always given. */
void delivery_rows_sort(struct delivery_row *, size_t n);

#endif
