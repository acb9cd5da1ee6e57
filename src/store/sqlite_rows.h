/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_rows.h - rows to and from statements whose columns are in the order of row_fields.h. */
#ifndef STORE_SQLITE_ROWS_H
#define STORE_SQLITE_ROWS_H

#include "store/sqlite_conn.h"
#include "store/store.h"

/* Binding borrows the strings: they stay until the statement has run. */
void bind_alert(sqlite3_stmt *, const struct alert_row *);
void bind_own(sqlite3_stmt *, const struct own_row *);
void bind_incident(sqlite3_stmt *, const struct incident_row *);
void bind_delivery(sqlite3_stmt *, const struct delivery_row *);
void bind_event(sqlite3_stmt *, const struct event_row *);
void bind_silence(sqlite3_stmt *, const struct silence_row *);

void read_alert(sqlite3_stmt *, struct alert_row *out);                           /* without text and body */
void read_alert_text(sqlite3_stmt *, struct arena *, struct alert_row *out);      /* these alone */
void read_own(sqlite3_stmt *, struct own_row *out);                               /* with the alert's key */
void read_incident(sqlite3_stmt *, struct arena *, struct incident_row *out);
void read_delivery(sqlite3_stmt *, struct arena *, struct delivery_row *out);
void read_event(sqlite3_stmt *, struct arena *, struct event_row *out);

void read_silence(sqlite3_stmt *, struct arena *, struct silence_row *out);

/* Queries that the writer and readers share; inside the caller's transaction, if any. */
enum tocsin_rc query_incident(struct conn *, struct arena *, const struct id16 *id, struct incident_row *out,
                              bool *found, struct tocsin_err *);
enum tocsin_rc query_deliveries(struct conn *, struct arena *, const struct id16 *incident, struct delivery_row **out,
                                size_t *n_out, struct tocsin_err *);

enum tocsin_rc query_silences(struct conn *, struct arena *, struct silence_row **out, size_t *n_out,
                              struct tocsin_err *);

/* A growing array in an arena: rows of a query whose number is not known before. */
struct rows { struct arena *arena; void *v; size_t size, n, cap; };
void *rows_add(struct rows *);

#endif
