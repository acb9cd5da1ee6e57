/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power goes at a random write or sync, again and again: what a commit had
 * answered OK to is there afterwards, and the database is whole.  The same
 * with a disk that is not synced must lose rows, or the test tests nothing.
 *
 * TOCSIN_CUTS says how many cuts (300), TOCSIN_SEED the first seed (1).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"
#include "lib/vfs_powercut.h"
#include "os/log.h"

enum { MAX_ALERTS = 4096, CUTS_PER_DISK = 8 };

/* What the sender was told. */
struct promise { bool acked; uint8_t state; int64_t rowid; struct id16 incident; };

struct run {
    char *dir, *path, *mark;
    const char *synchronous;
    struct store *store;
    struct idgen rng, ids;
    int64_t now;
    struct promise promises[MAX_ALERTS];
    unsigned n;                                /* alerts tried so far */
    unsigned in_flight;                        /* the alert whose operation the cut interrupted; MAX_ALERTS: none */
    unsigned long acked, lost, corrupt, cuts;
};

static unsigned
pick(struct run *r, unsigned n)
{
    return (unsigned)(idgen_u64(&r->rng) >> 33) % n;
}

static bool
open_store(struct run *r)
{
    struct store_sqlite_options options = { .path = r->path, .vfs = VFS_POWERCUT, .synchronous = r->synchronous,
                                            .checkpoint_ms = -1, .wal_limit_bytes = 96 * 1024, .log_bytes = 64 * 1024,
                                            .reserve_bytes = 4096 };
    struct tocsin_err err;

    unlink(r->mark);                           /* power cuts leave no mark: there is no time for one */
    r->store = NULL;
    return store_sqlite_open(&options, &r->store, &err) == TOCSIN_OK;
}

static enum tocsin_rc
new_alert(struct run *r, struct arena *a)
{
    struct alert_row alert = make_alert(a, r->n, r->now);
    struct incident_row incident = make_incident(a, &r->ids, r->n, r->now);
    struct delivery_row delivery = make_delivery(a, &incident.id, "pd", r->now);
    struct event_row event = make_event(a, &incident.id, "opened", r->n, r->now);
    struct promise *p = &r->promises[r->n];
    struct rowset set;
    struct tocsin_err err;
    enum tocsin_rc rc;

    *p = (struct promise){ .state = ALERT_FIRING, .incident = incident.id };
    r->in_flight = r->n++;
    alert.incident = incident.id;
    rowset_init(&set);
    rowset_alert(&set, a, &alert, false);
    rowset_incident(&set, a, &incident);
    rowset_delivery(&set, a, &delivery);
    rowset_event(&set, &event);
    rc = store_put(r->store, &set, &err);
    p->acked = rc == TOCSIN_OK;
    p->rowid = set.alerts[0].row->rowid;
    r->acked += p->acked;
    return rc;
}

static enum tocsin_rc
resolve_alert(struct run *r, struct arena *a)
{
    unsigned k = pick(r, r->n);
    struct promise *p = &r->promises[k];
    struct id16 key = id_of("key", k);
    struct alert_row row;
    struct rowset set;
    struct tocsin_err err;
    enum tocsin_rc rc;

    if (!p->acked || p->state != ALERT_FIRING)
        return TOCSIN_OK;
    rc = r->store->ops->load_alerts(r->store, &key, 1, &row, &err);
    if (rc != TOCSIN_OK || row.state != ALERT_FIRING)
        return rc;
    r->in_flight = k;
    row.state = ALERT_RESOLVED;
    rowset_init(&set);
    rowset_alert(&set, a, &row, false);
    rc = store_put(r->store, &set, &err);
    if (rc == TOCSIN_OK)
        p->state = ALERT_RESOLVED;
    return rc;
}

static enum tocsin_rc
repeat_alert(struct run *r, struct arena *a)
{
    struct id16 key = id_of("key", pick(r, r->n));
    struct alert_row row;
    struct rowset set;
    struct tocsin_err err;
    enum tocsin_rc rc = r->store->ops->load_alerts(r->store, &key, 1, &row, &err);

    if (rc != TOCSIN_OK || row.state == ALERT_NONE)
        return rc;
    row.count++;
    rowset_init(&set);
    rowset_alert(&set, a, &row, true);
    rc = store_put(r->store, &set, &err);
    return rc == TOCSIN_OK && pick(r, 4) == 0 ? r->store->ops->flush(r->store, &err) : rc;
}

static enum tocsin_rc
operate(struct run *r)
{
    struct arena *a = arena_new();
    struct tocsin_err err;
    unsigned what = pick(r, 12);
    enum tocsin_rc rc;

    r->now += 10;
    r->in_flight = MAX_ALERTS;
    if (what < 6 || r->n == 0)
        rc = new_alert(r, a);
    else if (what < 8)
        rc = resolve_alert(r, a);
    else if (what < 11)
        rc = repeat_alert(r, a);
    else
        rc = r->store->ops->maintain(r->store, r->now, 1 << 30, 1000, &err);
    arena_free(a);
    return rc;
}

static bool
is_whole(const struct run *r)
{
    sqlite3 *db;
    sqlite3_stmt *st = NULL;
    bool whole = false;

    if (sqlite3_open_v2(r->path, &db, SQLITE_OPEN_READWRITE, VFS_POWERCUT) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "pragma integrity_check", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        whole = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return whole;
}

static void
check_promises(struct run *r)
{
    struct arena *a = arena_new();
    struct alert_filter f = { .limit = 0 };
    uint8_t *state = xcalloc(r->n + 1, 1);
    struct alert_row *rows;
    struct tocsin_err err;
    size_t n;

    if (r->store->ops->list_alerts(r->store, a, &f, &rows, &n, &err) != TOCSIN_OK)
        n = 0;
    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < r->n; k++)
            if (r->promises[k].rowid == rows[i].rowid && id_eq(&r->promises[k].incident, &rows[i].incident))
                state[k] = rows[i].state;
    for (unsigned k = 0; k < r->n; k++) {
        const struct promise *p = &r->promises[k];
        struct incident_detail d;

        if (!p->acked)
            continue;
        if ((state[k] != p->state && !(k == r->in_flight && state[k] == ALERT_RESOLVED)) ||
            r->store->ops->get_incident(r->store, a, &p->incident, 9, 9, &d, &err) != TOCSIN_OK ||
            d.n_alerts != 1 || d.n_deliveries != 1 || d.n_events != 1)
            r->lost++;
        if (k == r->in_flight && state[k] == ALERT_RESOLVED)
            r->promises[k].state = ALERT_RESOLVED;
    }
    free(state);
    arena_free(a);
}

/* One cut: work until the power goes, then see.  False: this disk is beyond use. */
static bool
cut(struct run *r)
{
    vfs_powercut_arm(1 + pick(r, 3000), idgen_u64(&r->rng));
    if (r->store == NULL)
        open_store(r);
    while (r->store != NULL && !vfs_powercut_is_off() && r->n < MAX_ALERTS)
        if (operate(r) != TOCSIN_OK && !vfs_powercut_is_off())
            fail_msg("%s", "an operation failed without a cut");
    vfs_powercut_now(7);
    if (r->store != NULL)
        r->store->ops->close(r->store);
    r->store = NULL;
    vfs_powercut_restore();
    r->cuts++;
    if (!is_whole(r) || !open_store(r)) {
        r->corrupt++;
        return false;
    }
    check_promises(r);
    return true;
}

static void
run_cuts(struct run *r, const char *synchronous, bool lie, unsigned long cuts)
{
    const char *first = getenv("TOCSIN_SEED");
    uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;

    memset(r, 0, sizeof *r);
    r->dir = test_dir_make();
    r->path = xasprintf("%s/t.db", r->dir);
    r->mark = xasprintf("%s-failed", r->path);
    r->synchronous = synchronous;
    vfs_powercut_register();
    vfs_powercut_lie(lie);
    while (r->cuts < cuts) {
        idgen_seed(&r->rng, seed, 3);
        idgen_seed(&r->ids, seed++, 4);
        r->n = 0;
        r->now = 1700000000000;
        for (int i = 0; i < CUTS_PER_DISK; i++)
            if (!cut(r))
                break;
        if (r->store != NULL)
            r->store->ops->close(r->store);
        r->store = NULL;
        vfs_powercut_format();
    }
    vfs_powercut_lie(false);
    print_message("synchronous %s%s: %lu cuts, %lu acknowledged, %lu lost, %lu corrupt\n", synchronous,
                  lie ? ", a disk that lies" : "", r->cuts, r->acked, r->lost, r->corrupt);
    free(r->mark);
    free(r->path);
    test_dir_remove(r->dir);
}

static unsigned long
cuts_wanted(void)
{
    const char *text = getenv("TOCSIN_CUTS");

    return text != NULL ? strtoul(text, NULL, 10) : 300;
}

static void
test_full_keeps_promises(void **state)
{
    struct run *r = xmalloc(sizeof *r);

    (void)state;
    run_cuts(r, "full", false, cuts_wanted());
    assert_int_equal(r->lost, 0);
    assert_int_equal(r->corrupt, 0);
    assert_true(r->acked > 10 * r->cuts);
    free(r);
}

static void
test_off_loses(void **state)
{
    struct run *r = xmalloc(sizeof *r);

    (void)state;
    run_cuts(r, "off", false, 40);
    assert_true(r->lost + r->corrupt > 20);
    free(r);
}

static void
test_normal_loses(void **state)
{
    struct run *r = xmalloc(sizeof *r);

    (void)state;
    run_cuts(r, "normal", false, 40);
    assert_true(r->lost > 0);
    assert_int_equal(r->corrupt, 0);
    free(r);
}

static void
test_lying_disk_loses(void **state)
{
    struct run *r = xmalloc(sizeof *r);

    (void)state;
    run_cuts(r, "full", true, 40);
    assert_true(r->lost + r->corrupt > 20);
    free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_keeps_promises),
        cmocka_unit_test(test_normal_loses),
        cmocka_unit_test(test_off_loses),
        cmocka_unit_test(test_lying_disk_loses),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
