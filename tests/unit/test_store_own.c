/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Own keys of senders in the store, on both engines: found while they fire under an open alert, over restarts and
 * crashes; found in lists for as long as the alert is kept; gone with it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"

struct ctx {
    struct store *s;
    struct arena *a;
    struct idgen ids;
    struct rowset set;
    struct tocsin_err err;
    int64_t now;
    char *dir, *path;              /* NULL: in memory */
};

static void
ok(const struct ctx *c, enum tocsin_rc rc)
{
    if (rc != TOCSIN_OK)
        fail_msg("%s", c->err.what);
}

static void
open_store(struct ctx *c)
{
    struct store_sqlite_options options = { .path = c->path, .reserve_bytes = 65536 };

    if (c->path == NULL)
        c->s = store_mem_open();
    else
        ok(c, store_sqlite_open(&options, &c->s, &c->err));
}

static void
restart(struct ctx *c)
{
    struct store *was = c->s;

    if (c->path == NULL)
        c->s = store_mem_clone(was);
    was->ops->close(was);
    if (c->path != NULL)
        open_store(c);
}

static void
put(struct ctx *c)
{
    ok(c, store_put(c->s, &c->set, &c->err));
    rowset_init(&c->set);
}

/* The open alert of this key, as it is stored. */
static struct alert_row *
alert(struct ctx *c, unsigned n)
{
    struct alert_row *row = arena_alloc(c->a, sizeof *row);
    struct id16 key = id_of("key", n);

    ok(c, c->s->ops->load_alerts(c->s, &key, 1, row, &c->err));
    return row;
}

/* An incident with an alert, under which own keys fire. */
static struct incident_row
put_alert(struct ctx *c, unsigned n, const unsigned *owns, size_t n_owns)
{
    struct incident_row incident = make_incident(c->a, &c->ids, n, c->now);
    struct alert_row row = make_alert(c->a, n, c->now);

    row.incident = incident.id;
    row.own_mode = OWN_ALL;
    row.n_own = (uint32_t)n_owns;
    rowset_incident(&c->set, c->a, &incident);
    rowset_alert(&c->set, c->a, &row, false);
    for (size_t i = 0; i < n_owns; i++) {
        struct own_row own = make_own(owns[i], &row);

        rowset_own(&c->set, c->a, &own, NULL);
    }
    put(c);
    return incident;
}

static size_t
under(struct ctx *c, unsigned own, struct own_row **out)
{
    struct id16 id = id_of("own", own);
    size_t n;

    ok(c, c->s->ops->load_owns(c->s, c->a, &id, 1, out, &n, &c->err));
    return n;
}

/* How many alerts a list gives for an own key. */
static size_t
listed(struct ctx *c, unsigned own, unsigned states)
{
    struct id16 id = id_of("own", own);
    struct alert_filter f = { .key = &id, .own = true, .states = states };
    struct alert_row *rows;
    size_t n, none;

    ok(c, c->s->ops->list_alerts(c->s, c->a, &f, &rows, &n, &c->err));
    f.own = false;
    ok(c, c->s->ops->list_alerts(c->s, c->a, &f, &rows, &none, &c->err));
    assert_int_equal(none, 0);     /* who does not ask for own keys gets none */
    return n;
}

static void
case_every_member(struct ctx *c)
{
    static const unsigned owns[] = { 1, 2 };
    struct own_row *rows;

    assert_false(c->s->ops->has_owns(c->s));
    put_alert(c, 7, owns, 2);
    for (int start = 0; start < 2; start++, restart(c)) {
        struct own_row want = make_own(2, alert(c, 7));

        assert_true(c->s->ops->has_owns(c->s));
        assert_int_equal(under(c, 3, &rows), 0);
        assert_int_equal(under(c, 2, &rows), 1);
        assert_true(want.alert > 0);
        assert_int_equal(rows[0].alert, want.alert);
        assert_true(id_eq(&rows[0].own, &want.own) && id_eq(&rows[0].key, &want.key));
        assert_int_equal(rows[0].starts_at, want.starts_at);
        assert_true(rows[0].digest == want.digest && rows[0].by == want.by);
        assert_int_equal(rows[0].severity, want.severity);
        assert_true(rows[0].firing);
        assert_int_equal(alert(c, 7)->own_mode, OWN_ALL);
        assert_int_equal(alert(c, 7)->n_own, 2);
    }
}

static void
case_one_is_over(struct ctx *c)
{
    static const unsigned owns[] = { 1, 2, 3 };
    struct alert_row *row;
    struct own_row own, *rows;

    put_alert(c, 7, owns, 3);
    row = alert(c, 7);
    own = make_own(2, row);
    own.firing = false;
    row->n_own = 2;
    rowset_alert(&c->set, c->a, row, false);
    rowset_own(&c->set, c->a, &own, row);
    put(c);
    for (int start = 0; start < 2; start++, restart(c)) {
        assert_int_equal(under(c, 1, &rows), 1);
        assert_int_equal(under(c, 2, &rows), 0);
        assert_int_equal(under(c, 3, &rows), 1);
        assert_int_equal(listed(c, 2, 1u << ALERT_FIRING), 1);     /* its sender may still ask */
    }
    own.firing = true;                                             /* and it fires again */
    rowset_own(&c->set, c->a, &own, row);
    put(c);
    assert_int_equal(under(c, 2, &rows), 1);
}

/* An own key under several alerts: of each it goes alone. */
static void
case_several(struct ctx *c)
{
    static const unsigned owns[] = { 1, 2 };
    struct own_row *rows;
    struct alert_row *row;

    for (unsigned k = 0; k < 4; k++)
        put_alert(c, k, owns, 2);
    assert_int_equal(under(c, 1, &rows), 4);
    for (unsigned k = 0; k < 4; k++) {
        static const unsigned order[] = { 2, 0, 3, 1 };            /* the first, the last, from the middle */

        row = alert(c, order[k]);
        row->state = ALERT_RESOLVED;
        rowset_alert(&c->set, c->a, row, false);
        put(c);
        for (unsigned own = 1; own <= 2; own++) {
            assert_int_equal(under(c, own, &rows), 3 - k);
            for (size_t i = 0; i < 3 - k; i++)
                assert_false(id_eq(&rows[i].key, &row->key));
            assert_int_equal(listed(c, own, 1u << ALERT_RESOLVED), k + 1);
        }
        if (k == 1)
            restart(c);
    }
    assert_false(c->s->ops->has_owns(c->s));
    restart(c);
    assert_false(c->s->ops->has_owns(c->s));
}

/* The alert ends and begins again in one transaction: what was under it is over, what is under the new one fires. */
static void
case_next_occurrence(struct ctx *c)
{
    static const unsigned owns[] = { 1, 2 };
    struct alert_row again = make_alert(c->a, 7, c->now), *row;
    struct own_row own, *rows;

    again.incident = put_alert(c, 7, owns, 2).id;
    again.own_mode = OWN_ALL;
    again.n_own = 1;
    row = alert(c, 7);
    row->state = ALERT_RESOLVED;
    own = make_own(1, row);
    rowset_alert(&c->set, c->a, row, false);
    rowset_own(&c->set, c->a, &own, row);      /* firing, says the row; but nothing fires under what is over */
    rowset_alert(&c->set, c->a, &again, false);
    own = make_own(3, &again);
    rowset_own(&c->set, c->a, &own, NULL);
    put(c);
    for (int start = 0; start < 2; start++, restart(c)) {
        assert_int_equal(under(c, 1, &rows), 0);
        assert_int_equal(under(c, 2, &rows), 0);
        assert_int_equal(under(c, 3, &rows), 1);
        assert_int_equal(rows[0].alert, alert(c, 7)->rowid);
        assert_int_equal(listed(c, 1, 0), 1);
    }
}

static void
case_rollback(struct ctx *c)
{
    static const unsigned owns[] = { 1 };
    struct own_row own, *rows;

    put_alert(c, 7, owns, 1);
    own = make_own(2, alert(c, 7));
    rowset_own(&c->set, c->a, &own, alert(c, 7));
    ok(c, c->s->ops->begin(c->s, &c->err));
    ok(c, c->s->ops->write(c->s, &c->set.ws, &c->err));
    c->s->ops->rollback(c->s);
    assert_int_equal(under(c, 2, &rows), 0);
    assert_int_equal(listed(c, 2, 0), 0);
    own.alert = 0;
    c->set.owns[0].alert = &(struct alert_row){ .state = ALERT_FIRING };
    assert_int_equal(store_put(c->s, &c->set, &c->err), TOCSIN_INTERNAL);      /* of an alert that is nowhere */
    rowset_init(&c->set);
}

static void
case_retention(struct ctx *c)
{
    static const unsigned owns[] = { 1, 2 };
    struct incident_row incident = put_alert(c, 7, owns, 2);
    struct alert_row *row = alert(c, 7), dropped = make_alert(c->a, 9, c->now);
    struct own_row own;

    dropped.state = ALERT_DROPPED;                                 /* of no incident, and closed for want of news */
    dropped.expires_at = 0;
    dropped.n_own = 1;
    rowset_alert(&c->set, c->a, &dropped, false);
    own = make_own(4, &dropped);
    rowset_own(&c->set, c->a, &own, NULL);
    row->state = ALERT_RESOLVED;
    incident.state = TOCSIN_INC_RESOLVED;
    incident.resolved_at = c->now;
    rowset_alert(&c->set, c->a, row, false);
    rowset_incident(&c->set, c->a, &incident);
    put(c);
    for (int k = 0; k < 3; k++)                                    /* it looks at some of the alerts at a time */
        ok(c, c->s->ops->maintain(c->s, c->now + 25 * 3600000LL, 1LL << 40, 1000, &c->err));
    assert_false(c->s->ops->has_owns(c->s));
    assert_int_equal(listed(c, 1, 0), 1);
    assert_int_equal(listed(c, 4, 0), 1);
    for (int k = 0; k < 6; k++)
        ok(c, c->s->ops->maintain(c->s, c->now + 99 * 3600000LL, 3600000, 1000, &c->err));
    for (unsigned k = 1; k <= 4; k++)
        assert_int_equal(listed(c, k, 0), 0);
}

static const struct {
    const char *name;
    void (*run)(struct ctx *);
} cases[] = {
    { "every member survives", case_every_member },
    { "one of several is over", case_one_is_over },
    { "one key under several alerts", case_several },
    { "the next occurrence", case_next_occurrence },
    { "rollback", case_rollback },
    { "retention", case_retention },
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static void
run_case(void **state)
{
    const size_t which = *(const size_t *)*state;
    struct ctx ctx = { .a = arena_new(), .now = 1700000000000 };

    idgen_seed(&ctx.ids, 1, 2);
    rowset_init(&ctx.set);
    if (which >= N_CASES) {
        ctx.dir = test_dir_make();
        ctx.path = xasprintf("%s/t.db", ctx.dir);
    }
    open_store(&ctx);
    cases[which % N_CASES].run(&ctx);
    ctx.s->ops->close(ctx.s);
    arena_free(ctx.a);
    free(ctx.path);
    if (ctx.dir != NULL)
        test_dir_remove(ctx.dir);
}

int
main(void)
{
    struct CMUnitTest tests[2 * N_CASES];
    size_t which[2 * N_CASES];
    char names[2 * N_CASES][80];

    for (size_t i = 0; i < 2 * N_CASES; i++) {
        which[i] = i;
        snprintf(names[i], sizeof names[i], "%s: %s", i < N_CASES ? "memory" : "sqlite", cases[i % N_CASES].name);
        tests[i] = (struct CMUnitTest){ names[i], run_case, NULL, NULL, &which[i] };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
