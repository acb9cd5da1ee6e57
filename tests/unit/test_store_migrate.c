/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each migration of the schema, on a database that the version before it filled: not a value of what was there may
 * change, and the program opens the result.  Each version says here what fills its own tables.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"
#include "store/sqlite_files.h"
#include "store/sqlite_schema.h"

#define NUMBERS "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50) "

/* Incidents 1 to 45 are resolved, 46 to 50 open, each with an alert, a delivery and a line. */
static const char *const fills[] = {
    "insert into incident (id, grp, policy, episode, state, severity, paging, exhausted, routed, step, loop, ver, "
    "page, notes, n_total, n_firing_none, n_firing_info, n_firing_warning, n_firing_error, n_firing_critical, "
    "n_quiet, opened_at, acked_at, resolved_at, updated_at, snoozed_until, esc_start, paused_at, next_due, "
    "group_key, summary, source, policy_name, acked_by, resolved_by, suppressed_by, notify) " NUMBERS
    "select cast(printf('%016d', i) as blob), cast(printf('%016d', i % 5) as blob), cast(printf('%016d', 7) as blob), "
    "1 + i / 5, 3 - 2 * (i > 45), 4, 1, 0, 0, 1, 0, 2, 1, 0, 1, 0, 0, 0, 0, i > 45, 0, 1000, 0, 2000 * (i <= 45), "
    "2000, 0, 1000, 0, 9000 * (i > 45), 'g', 's' || i, 'c', 'p', '', '', '', '' from n;"
    "insert into alert (id, key, incident, state, count, last_at, expires_at, digest, first_at, starts_at, ends_at, "
    "severity, suppressed) " NUMBERS "select i, cast(printf('%016d', 100 + i) as blob), "
    "cast(printf('%016d', i) as blob), 2 - (i > 45), i, 2000, 9500 * (i > 45), i * 7, 1000, 900, 2000 * (i <= 45), 4, "
    "i = 50 from n;"
    "insert into alert_text (id, source, dedup_key, body) " NUMBERS "select i, 'c', 'key-' || i, x'01' from n;"
    "insert into delivery (incident, target, told, state, step, want_page, told_page, told_ver, told_notes, "
    "refused_change, refused_ver, refused_page, attempts, sends, due_at, failing_since, told_at, last_error, "
    "vendor_ref) " NUMBERS "select cast(printf('%016d', i) as blob), 'pd', 4, 2 * (i > 48), 0, 1, 1, 1, 0, 0, 0, 0, 0, "
    "1, 3000 * (i > 48), 0, 1500, '', 'ref-' || i from n;"
    "insert into event (incident, at, kind, actor, text) " NUMBERS "select cast(printf('%016d', i) as blob), 1000 + i, "
    "'opened', 'c', 'line ' || i from n;"
    "insert into policy values (cast(printf('%016d', 7) as blob), '{\"name\":\"p\"}')",
    "",                                        /* 0002: an index alone */
    "insert into silence " NUMBERS "select cast(printf('%016d', i) as blob), 1 + i % 3, 1000, 90000, 1000, "
    "8000 * (i % 3 < 2), 0, 'host=\"a\"', 'anna', 'works ' || i, '' from n",
    "insert into outbox " NUMBERS "select i, 1 + i % 2, 1000, 'c', 'what ' || i, 'https://vendor.example/' || i, x'02' "
    "from n",
    "insert into alert_own " NUMBERS "select cast(printf('%016d', 300 + i) as blob), i, i > 45, 900, i * 7, 4, 5 from n",
};

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

/* --- what is in a database, as text --------------------------------------------------- */

/* The rows of a query, quoted; a column that a later version adds is not asked for. */
static void
dump(struct conn *c, const char *query, struct buf *out)
{
    sqlite3_stmt *st;

    if (sqlite3_prepare_v2(c->db, query, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(c->db));
    while (sqlite3_step(st) == SQLITE_ROW)
        buf_addf(out, "%s\n", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
}

/* One query for each table, which gives the values of all its columns. */
static size_t
queries(struct conn *c, char **out, size_t max)
{
    sqlite3_stmt *st;
    size_t n = 0;
    static const char tables[] =
        "select 'select ' || group_concat('quote(' || p.name || ')', ' || '','' || ') || ' from ' || m.name || "
        "' order by 1' from sqlite_schema m, pragma_table_info(m.name) p where m.type = 'table' and "
        "m.name not like 'sqlite_%' and m.name <> 'meta' group by m.name";

    assert_int_equal(sqlite3_prepare_v2(c->db, tables, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_true(n < max);
        out[n++] = xstrdup((const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    return n;
}

static void
dump_all(struct conn *c, char *const *all, size_t n, struct buf *out)
{
    buf_init(out, 1 << 20);
    for (size_t i = 0; i < n; i++)
        dump(c, all[i], out);
    assert_true(buf_ok(out));
}

/* --- the migrations ---------------------------------------------------------------------- */

enum { TABLES_MAX = 32 };

static void
migrate_filled(struct conn *c, size_t to)
{
    char *all[TABLES_MAX];
    size_t n = queries(c, all, TABLES_MAX), had;
    struct buf before, after;
    struct tocsin_err err;

    dump_all(c, all, n, &before);
    if (to > 1)
        assert_non_null(strstr(before.p, "line 50"));          /* it is filled */
    if (schema_migrate(c, schema_migrations, to, &had, &err) != TOCSIN_OK)
        fail_msg("%s: %s", schema_migrations[to - 1].name, err.what);
    assert_int_equal(had, to - 1);
    dump_all(c, all, n, &after);
    if (before.n != after.n || (before.n > 0 && memcmp(before.p, after.p, before.n) != 0))
        fail_msg("%s changed what was there", schema_migrations[to - 1].name);
    assert_int_equal(ask(c, "select count(*) from pragma_integrity_check where integrity_check = 'ok'"), 1);
    if (conn_exec(c, fills[to - 1], &err) != TOCSIN_OK)
        fail_msg("%s cannot be filled: %s", schema_migrations[to - 1].name, err.what);
    for (size_t i = 0; i < n; i++)
        free(all[i]);
    buf_release(&before);
    buf_release(&after);
}

/* What was stored by the versions before is what the program finds. */
static void
read_back(const char *path)
{
    struct store_sqlite_options options = { .path = path, .reserve_bytes = 65536 };
    struct incident_filter open = { .states = 1u << TOCSIN_INC_TRIGGERED }, all = { .limit = 100 };
    struct arena *a = arena_new();
    struct incident_row *rows;
    struct incident_detail d;
    struct silence_row *silences;
    struct own_row *owns;
    struct outbox_row *outbox;
    struct store_stats stats;
    struct tocsin_err err;
    struct store *s;
    size_t n;

    if (store_sqlite_open(&options, &s, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    assert_int_equal(s->ops->stats(s, &stats, &err), TOCSIN_OK);
    assert_int_equal(stats.open_incidents, 5);
    assert_int_equal(stats.open_alerts, 5);
    assert_int_equal(stats.pending_deliveries, 2);
    assert_int_equal(s->ops->list_incidents(s, a, &all, &rows, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 50);
    assert_int_equal(s->ops->list_incidents(s, a, &open, &rows, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 5);
    assert_int_equal(s->ops->get_incident(s, a, &rows[0].id, 5, 5, &d, &err), TOCSIN_OK);
    assert_string_equal(d.row.summary, "s50");
    assert_string_equal(d.alerts[0].dedup_key, "key-50");
    assert_int_equal(d.alerts[0].own_mode, OWN_ANY);           /* who is under it? the first resolve ends it */
    assert_int_equal(s->ops->load_owns(s, a, &(struct id16){ { "0000000000000350" } }, 1, &owns, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 1);
    assert_true(id_eq(&owns[0].key, &d.alerts[0].key));
    assert_int_equal(s->ops->load_owns(s, a, &(struct id16){ { "0000000000000345" } }, 1, &owns, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 0);
    assert_string_equal(d.deliveries[0].vendor_ref, "ref-50");
    assert_string_equal(d.events[0].text, "line 50");
    assert_int_equal(s->ops->list_silences(s, a, &silences, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 50);
    assert_int_equal(s->ops->list_outbox(s, a, &outbox, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 50);
    assert_int_equal(s->ops->get_incident(s, a, &(struct id16){ { "0000000000000001" } }, 5, 5, &d, &err), TOCSIN_OK);
    assert_int_equal(d.alerts[0].own_mode, OWN_NONE);
    s->ops->close(s);
    arena_free(a);
}

static void
test_each_version(void **state)
{
    char *dir = test_dir_make(), *path = xasprintf("%s/t.db", dir);
    struct conn_options options = { .path = path, .writer = true, .cache_kib = 100 };
    struct tocsin_err err;
    struct conn c;

    (void)state;
    assert_int_equal(sizeof fills / sizeof fills[0], schema_version);   /* a new version: say what fills it */
    assert_int_equal(conn_open(&c, &options, &err), TOCSIN_OK);
    for (size_t to = 1; to <= schema_version; to++)
        migrate_filled(&c, to);
    /* the index of 0002 holds the resolved ones, and finds what was there before */
    assert_int_equal(ask(&c, "select count(*) from incident indexed by incident_group where state = 3"), 45);
    assert_int_equal(ask(&c, "select max(episode) from incident indexed by incident_group where state = 3 and "
                             "grp = cast(printf('%016d', 1) as blob)"), 9);
    conn_close(&c);
    read_back(path);
    free(path);
    test_dir_remove(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_version) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
