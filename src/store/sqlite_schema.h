/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_schema.h - the versions of the database.
 *
 * schema/ holds one file a version; together they are the way from an empty
 * database to the newest.  Migrations go forward only, all missing ones in one
 * transaction.  meta.schema is the version; a newer one than this program
 * knows is refused.
 */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include "store/sqlite_conn.h"
#include "store/store.h"

struct migration { const char *name, *sql; };

extern const struct migration schema_migrations[];
extern const size_t schema_version;            /* how many there are */

/* Bring the database to version n of the list.  *version_r: the version it had. */
enum tocsin_rc schema_migrate(struct conn *, const struct migration *, size_t n, size_t *version_r,
                              struct tocsin_err *);

/* What stands in meta as 'secret'; another length is damage. */
enum tocsin_rc schema_secret(struct conn *, unsigned char out[STORE_SECRET], struct tocsin_err *);

#endif
