/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQLite engine alone has: files, versions, query plans, and readers in other threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"
#include "os/file.h"
#include "store/sqlite_files.h"
#include "store/sqlite_schema.h"

static struct store *
open_at(const char *path)
{
    struct store_sqlite_options options = { .path = path, .reserve_bytes = 65536, .checkpoint_ms = 5,
                                            .wal_limit_bytes = 1 << 20 };
    struct tocsin_err err;
    struct store *s;

    if (store_sqlite_open(&options, &s, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    return s;
}

static void
refused(const char *path, enum tocsin_rc want, const char *words)
{
    struct store_sqlite_options options = { .path = path, .reserve_bytes = 65536 };
    struct tocsin_err err;
    struct store *s;

    assert_int_equal(store_sqlite_open(&options, &s, &err), want);
    if (strstr(err.what, words) == NULL)
        fail_msg("'%s' does not say '%s'", err.what, words);
}

static void
sql(const char *path, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
test_files(void **state)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir), *reserve = xasprintf("%s-reserve", path);
    struct store *s = open_at(path);
    struct stat st;

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(reserve, &st), 0);
    assert_int_equal(st.st_size, 65536);
    assert_true(st.st_blocks * 512 >= 65536);                   /* really set aside */
    refused(path, TOCSIN_BAD_CONFIG, "in use by process");
    s->ops->close(s);
    s = open_at(path);
    s->ops->close(s);
    free(reserve);
    free(path);
    test_dir_remove(dir);
}

static void
test_makes_folders(void **state)
{
    char *dir = test_dir_make(), *sub = xasprintf("%s/a", dir), *path = xasprintf("%s/t.db", sub);
    struct store *s = open_at(path);
    struct stat st;

    (void)state;
    assert_int_equal(stat(sub, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    s->ops->close(s);
    free(path);
    test_dir_remove(sub);
    test_dir_remove(dir);
}

static void
test_versions(void **state)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir), *other = xasprintf("%s/o.db", dir);
    struct store *s = open_at(path);

    (void)state;
    s->ops->close(s);
    sql(path, "update meta set v = x'00' where k = 'secret'");
    refused(path, TOCSIN_BAD_CONFIG, "its secret is not 32 bytes long");
    sql(path, "delete from meta where k = 'secret'");           /* of a version that had none */
    s = open_at(path);
    s->ops->close(s);
    sql(path, "update meta set v = 99 where k = 'schema'");
    refused(path, TOCSIN_BAD_CONFIG, "has schema version 99");
    sql(other, "create table t (x)");
    refused(other, TOCSIN_BAD_CONFIG, "database of another program");
    free(other);
    free(path);
    test_dir_remove(dir);
}

static sqlite3_int64
ask(struct conn *c, const char *text)
{
    sqlite3_stmt *st;
    sqlite3_int64 n = -1;

    if (sqlite3_prepare_v2(c->db, text, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* The next version on a filled database: all of it or nothing. */
static void
test_migrations(void **state)
{
    static const struct migration bad[] = { { "a", "create table a (x); insert into a values (1)" },
                                            { "b", "create table b (x); insert into nonsense values (1)" } };
    static const struct migration good[] = { { "a", "" }, { "b", "alter table a add column y; update a set y = 2" } };
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);
    struct conn_options options = { .path = path, .writer = true, .cache_kib = 100 };
    struct tocsin_err err;
    struct conn c;
    size_t had;

    (void)state;
    assert_int_equal(conn_open(&c, &options, &err), TOCSIN_OK);
    assert_int_equal(schema_migrate(&c, bad, 2, &had, &err), TOCSIN_INTERNAL);
    assert_non_null(strstr(err.what, "cannot migrate to 'b'"));
    assert_int_equal(ask(&c, "select count(*) from sqlite_schema"), 0);
    assert_int_equal(schema_migrate(&c, bad, 1, &had, &err), TOCSIN_OK);
    assert_int_equal(schema_migrate(&c, bad, 2, &had, &err), TOCSIN_INTERNAL);
    assert_int_equal(ask(&c, "select v from meta where k = 'schema'"), 1);
    assert_int_equal(ask(&c, "select count(*) from sqlite_schema where name = 'b'"), 0);
    assert_int_equal(schema_migrate(&c, good, 2, &had, &err), TOCSIN_OK);
    assert_int_equal(had, 1);
    assert_int_equal(ask(&c, "select y from a"), 2);
    conn_close(&c);
    free(path);
    test_dir_remove(dir);
}

/* The log is laid out at the start and written over: it does not grow with what is written. */
static void
test_log_keeps_its_size(void **state)
{
    enum { LOG = 256 << 10, COMMITS = 1000 };
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);
    struct store_sqlite_options options = { .path = path, .reserve_bytes = 65536, .log_bytes = LOG,
                                            .checkpoint_ms = -1 };
    struct arena *a = arena_new();
    struct idgen ids;
    struct store_stats stats;
    struct tocsin_err err;
    struct store *s;

    (void)state;
    idgen_seed(&ids, 5, 5);
    assert_int_equal(store_sqlite_open(&options, &s, &err), TOCSIN_OK);
    assert_int_equal(file_size(path, "-wal"), LOG);
    for (unsigned i = 0; i < COMMITS; i++) {
        struct incident_row inc = make_incident(a, &ids, i, 1700000000000 + i);
        struct alert_row al = make_alert(a, i, 1700000000000 + i);
        struct rowset set;

        al.incident = inc.id;
        rowset_init(&set);
        rowset_incident(&set, a, &inc);
        rowset_alert(&set, a, &al, false);
        assert_int_equal(store_put(s, &set, &err), TOCSIN_OK);
    }
    assert_int_equal(file_size(path, "-wal"), LOG);
    assert_int_equal(s->ops->stats(s, &stats, &err), TOCSIN_OK);
    assert_int_equal(stats.open_alerts, COMMITS);
    assert_true(stats.db_bytes > LOG);                          /* more than the log could hold has gone through it */
    s->ops->close(s);
    arena_free(a);
    free(path);
    test_dir_remove(dir);
}

static void
test_network(void **state)
{
    (void)state;
    assert_string_equal(network_fs(0x6969), "NFS");
    assert_string_equal(network_fs((int)0xff534d42), "CIFS");   /* sign-extended, as some systems give it */
    assert_null(network_fs(0xef53));
    assert_null(network_fs(0x01021994));
}

/* No statement but those that are to read everything may scan a table, or sort. */
static void
test_query_plans(void **state)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);
    struct conn_options options = { .path = path, .writer = true, .cache_kib = 100 };
    struct tocsin_err err;
    struct conn c;
    size_t had;

    (void)state;
    assert_int_equal(conn_open(&c, &options, &err), TOCSIN_OK);
    assert_int_equal(schema_migrate(&c, schema_migrations, schema_version, &had, &err), TOCSIN_OK);
    for (enum statement i = ST_ALERT_INSERT; i < ST_VACUUM; i++) {
        sqlite3_stmt *st = conn_take(&c, i, &err), *plan;
        char *text;

        if (st == NULL)
            fail_msg("%s", err.what);
        text = sqlite3_mprintf("explain query plan %s", sqlite3_sql(st));
        assert_int_equal(sqlite3_prepare_v2(c.db, text, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *line = (const char *)sqlite3_column_text(plan, 3);
            bool whole = strncmp(line, "SCAN", 4) == 0 && strstr(line, "_open") == NULL &&
                         strstr(line, "delivery_due") == NULL && strncmp(line, "SCAN (", 6) != 0;

            if (whole || (strstr(line, "TEMP B-TREE") != NULL && i != ST_DELIVERY_PENDING && i != ST_LOAD_DUE &&
                          i != ST_EVENTS_OF))
                fail_msg("%s: %s", sqlite3_sql(st), line);
        }
        sqlite3_finalize(plan);
        sqlite3_free(text);
    }
    conn_close(&c);
    free(path);
    test_dir_remove(dir);
}

/* --- threads ------------------------------------------------------------------ */

enum { THREADS = 6, TURNS = 300 };

struct race { struct store *s; atomic_bool stop; atomic_uint reads; struct id16 first; };

static void *
read_for_ever(void *arg)
{
    struct race *r = arg;
    struct arena *a = arena_new();
    struct tocsin_err err;

    while (!atomic_load(&r->stop)) {
        struct incident_filter f = { .limit = 20 };
        struct alert_filter g = { .limit = 20 };
        struct incident_row *inc;
        struct incident_detail d;
        struct alert_row *al;
        struct store_stats st;
        struct pending *p;
        size_t n;

        arena_reset(a);
        if (r->s->ops->list_incidents(r->s, a, &f, &inc, &n, &err) != TOCSIN_OK ||
            r->s->ops->list_alerts(r->s, a, &g, &al, &n, &err) != TOCSIN_OK ||
            r->s->ops->pending(r->s, a, &p, &n, &err) != TOCSIN_OK ||
            r->s->ops->stats(r->s, &st, &err) != TOCSIN_OK || r->s->ops->health(r->s, &err) != TOCSIN_OK ||
            r->s->ops->get_delivery(r->s, a, &r->first, "pd", 3, &d, &err) != TOCSIN_OK)
            abort();
        /* one snapshot: the version of the incident and of its delivery change together */
        if (d.row.ver != d.deliveries[0].told_ver)
            abort();
        atomic_fetch_add(&r->reads, 1);
    }
    arena_free(a);
    return NULL;
}

static void
write_turn(struct race *r, struct idgen *ids, unsigned turn)
{
    struct arena *a = arena_new();
    struct incident_row inc = make_incident(a, ids, turn + 1, 1700000001000 + turn), first;
    struct alert_row al = make_alert(a, turn + 1, 1700000001000);
    struct delivery_row d = make_delivery(a, &r->first, "pd", 1700000000000);
    struct tocsin_err err;
    struct rowset set;
    bool found;

    rowset_init(&set);
    assert_int_equal(r->s->ops->load_incidents(r->s, a, &r->first, 1, &first, &found, &err), TOCSIN_OK);
    assert_true(found);
    first.ver = d.told_ver = turn + 10;
    al.incident = inc.id;
    rowset_incident(&set, a, &first);
    rowset_delivery(&set, a, &d);
    rowset_incident(&set, a, &inc);
    rowset_alert(&set, a, &al, false);
    if (store_put(r->s, &set, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    arena_free(a);
}

static void
race(struct store *s)
{
    struct arena *a = arena_new();
    struct race r = { .s = s };
    struct idgen ids;
    struct incident_row inc;
    struct delivery_row d;
    struct rowset set;
    struct tocsin_err err;
    pthread_t threads[THREADS];

    idgen_seed(&ids, 3, 3);
    inc = make_incident(a, &ids, 0, 1700000000000);
    d = make_delivery(a, &inc.id, "pd", 1700000000000);
    inc.ver = d.told_ver;
    r.first = inc.id;
    rowset_init(&set);
    rowset_incident(&set, a, &inc);
    rowset_delivery(&set, a, &d);
    assert_int_equal(store_put(s, &set, &err), TOCSIN_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_for_ever, &r), 0);
    for (unsigned i = 0; i < TURNS; i++)
        write_turn(&r, &ids, i);
    while (atomic_load(&r.reads) < THREADS)
        usleep(1000);
    atomic_store(&r.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    s->ops->close(s);
    arena_free(a);
}

static void
test_readers_and_writer(void **state)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);

    (void)state;
    race(open_at(path));
    race(store_mem_open());
    free(path);
    test_dir_remove(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),      cmocka_unit_test(test_makes_folders),
        cmocka_unit_test(test_versions),   cmocka_unit_test(test_migrations),
        cmocka_unit_test(test_log_keeps_its_size),
        cmocka_unit_test(test_network),    cmocka_unit_test(test_query_plans),
        cmocka_unit_test(test_readers_and_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
