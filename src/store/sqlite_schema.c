/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files are taken in by the assembler, byte for byte, with a NUL behind:
 * what is tested with the sqlite3 shell is what runs.  Paths are relative to
 * the root of the source, where make runs.
 */
#include "store/sqlite_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum { APPLICATION_ID = 0x746f6373 };          /* "tocs" */

#define EMBED(symbol, file) \
    __asm__(".pushsection .rodata\n" \
            ".global " #symbol "\n" \
            ".hidden " #symbol "\n" \
            #symbol ":\n" \
            ".incbin \"src/store/schema/" file "\"\n" \
            ".byte 0\n" \
            ".popsection\n"); \
    extern const char symbol[]

EMBED(schema_0001, "0001_init.sql");
EMBED(schema_0002, "0002_group_of_resolved.sql");
EMBED(schema_0003, "0003_silence.sql");
EMBED(schema_0004, "0004_outbox.sql");
EMBED(schema_0005, "0005_own_key.sql");

const struct migration schema_migrations[] = {
    { "0001_init", schema_0001 },
    { "0002_group_of_resolved", schema_0002 },
    { "0003_silence", schema_0003 },
    { "0004_outbox", schema_0004 },
    { "0005_own_key", schema_0005 },
};
const size_t schema_version = sizeof schema_migrations / sizeof schema_migrations[0];

static enum tocsin_rc
ask(struct conn *c, const char *sql, sqlite3_int64 *out, struct tocsin_err *err)
{
    sqlite3_stmt *st = NULL;
    enum tocsin_rc rc = TOCSIN_OK;

    *out = 0;
    if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) != SQLITE_OK)
        return conn_error(c, "read the schema", err);
    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        *out = sqlite3_column_int64(st, 0);
        break;
    case SQLITE_DONE:
        break;
    default:
        rc = conn_error(c, "read the schema", err);
        break;
    }
    sqlite3_finalize(st);
    return rc;
}

static enum tocsin_rc
read_version(struct conn *c, size_t known, size_t *out, struct tocsin_err *err)
{
    sqlite3_int64 id, tables, version;
    enum tocsin_rc rc = ask(c, "pragma application_id", &id, err);

    if (rc == TOCSIN_OK)
        rc = ask(c, "select count(*) from sqlite_schema", &tables, err);
    if (rc != TOCSIN_OK)
        return rc;
    *out = 0;
    if (tables == 0)
        return TOCSIN_OK;
    if (id != APPLICATION_ID)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "'%s' is a database of another program", c->path);
    rc = ask(c, "select v from meta where k = 'schema'", &version, err);
    if (rc != TOCSIN_OK)
        return rc;
    if (version < 1 || version > (sqlite3_int64)known)
        return err_set(err, TOCSIN_BAD_CONFIG, "",
                       "database '%s' has schema version %lld, this program knows up to %zu: install the version of "
                       "tocsin that wrote it, or a newer one",
                       c->path, (long long)version, known);
    *out = (size_t)version;
    return TOCSIN_OK;
}

static enum tocsin_rc
migrate_from(struct conn *c, const struct migration *list, size_t from, size_t to, struct tocsin_err *err)
{
    enum tocsin_rc rc = TOCSIN_OK;
    char sql[160];

    if (from == 0) {
        snprintf(sql, sizeof sql,
                 "pragma application_id = %d; create table meta (k text primary key, v any) strict, without rowid",
                 APPLICATION_ID);
        rc = conn_exec(c, sql, err);
    }
    for (size_t i = from; i < to && rc == TOCSIN_OK; i++) {
        rc = conn_exec(c, list[i].sql, err);
        if (rc != TOCSIN_OK && err != NULL)
            err_wrap(err, "cannot migrate to '%s'", list[i].name);
    }
    if (rc != TOCSIN_OK)
        return rc;
    snprintf(sql, sizeof sql, "replace into meta values ('schema', %zu)", to);
    return conn_exec(c, sql, err);
}

enum tocsin_rc
schema_migrate(struct conn *c, const struct migration *list, size_t n, size_t *version_r, struct tocsin_err *err)
{
    enum tocsin_rc rc = conn_exec(c, "begin immediate", err);

    if (rc != TOCSIN_OK)
        return rc;
    rc = read_version(c, n, version_r, err);
    if (rc == TOCSIN_OK && *version_r < n)
        rc = migrate_from(c, list, *version_r, n, err);
    if (rc == TOCSIN_OK)
        rc = conn_exec(c, "commit", err);
    if (rc != TOCSIN_OK && !sqlite3_get_autocommit(c->db))
        conn_exec(c, "rollback", NULL);
    return rc;
}

enum tocsin_rc
schema_secret(struct conn *c, unsigned char out[STORE_SECRET], struct tocsin_err *err)
{
    sqlite3_stmt *st = NULL;
    enum tocsin_rc rc = TOCSIN_OK;

    if (sqlite3_prepare_v2(c->db, "select v from meta where k = 'secret'", -1, &st, NULL) != SQLITE_OK)
        return conn_error(c, "read the secret", err);
    if (sqlite3_step(st) != SQLITE_ROW)
        rc = conn_error(c, "read the secret", err);
    else if (sqlite3_column_bytes(st, 0) != STORE_SECRET)
        rc = err_set(err, TOCSIN_BAD_CONFIG, "", "database '%s' is damaged: its secret is not %d bytes long", c->path,
                     (int)STORE_SECRET);
    else
        memcpy(out, sqlite3_column_blob(st, 0), STORE_SECRET);
    sqlite3_finalize(st);
    return rc;
}
