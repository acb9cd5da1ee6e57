/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents that a rule delays, on both engines: who sees them, what number they get, and that those which never open
 * are nobody's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"

enum { GROUP = 3 };

struct ctx {
    struct store *s;
    struct arena *a;
    struct idgen ids;
    int64_t now;
    char *dir, *path;                          /* NULL: memory */
};

static void
ok(enum tocsin_rc rc, const struct tocsin_err *err)
{
    if (rc != TOCSIN_OK)
        fail_msg("%s", err->what);
}

static void
open_store(struct ctx *c)
{
    struct store_sqlite_options options = { .path = c->path, .reserve_bytes = 4096 };
    struct tocsin_err err;

    if (c->path == NULL)
        c->s = store_mem_open();
    else
        ok(store_sqlite_open(&options, &c->s, &err), &err);
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
put(struct ctx *c, const struct incident_row *incident, struct alert_row *alert)
{
    struct tocsin_err err;
    struct rowset set;

    rowset_init(&set);
    rowset_incident(&set, c->a, incident);
    if (alert != NULL)
        rowset_alert(&set, c->a, alert, false);
    ok(store_put(c->s, &set, &err), &err);
}

/* Delayed, with an alert that fires. */
static struct incident_row
put_delayed(struct ctx *c, unsigned key)
{
    struct incident_row row = make_incident(c->a, &c->ids, GROUP, c->now);
    struct alert_row alert = make_alert(c->a, key, c->now);

    row.state = TOCSIN_INC_TRIGGERED;
    row.opened_at = row.resolved_at = row.acked_at = 0;
    row.episode = 0;
    row.ver = 1;
    row.snoozed_until = row.next_due = c->now + 60000;
    alert.incident = row.id;
    put(c, &row, &alert);
    return row;
}

static uint32_t
episodes(struct ctx *c)
{
    struct id16 group = id_of("group", GROUP);
    struct tocsin_err err;
    uint32_t n;

    ok(c->s->ops->episodes(c->s, &group, &n, &err), &err);
    return n;
}

static size_t
listed(struct ctx *c, unsigned states)
{
    struct incident_filter f = { .states = states };
    struct incident_row *rows;
    struct tocsin_err err;
    size_t n;

    ok(c->s->ops->list_incidents(c->s, c->a, &f, &rows, &n, &err), &err);
    return n;
}

static uint64_t
open_incidents(struct ctx *c)
{
    struct store_stats st;
    struct tocsin_err err;

    ok(c->s->ops->stats(c->s, &st, &err), &err);
    return st.open_incidents;
}

static void
assert_waits(struct ctx *c, const struct incident_row *row)
{
    struct id16 group = id_of("group", GROUP), due;
    struct incident_row got;
    struct tocsin_err err;
    size_t n;
    bool found;

    assert_int_equal(listed(c, 0), 0);
    assert_int_equal(listed(c, 1u << TOCSIN_INC_TRIGGERED), 0);
    assert_int_equal(listed(c, INCIDENT_DELAYED), 1);
    assert_int_equal(open_incidents(c), 0);
    assert_int_equal(episodes(c), 0);
    ok(c->s->ops->load_groups(c->s, c->a, &group, 1, &got, &found, &err), &err);
    assert_true(found && incident_is_delayed(&got) && id_eq(&got.id, &row->id));
    assert_int_equal(c->s->ops->next_due(c->s), row->next_due);
    ok(c->s->ops->due_incidents(c->s, row->next_due, &due, 1, &n, &err), &err);
    assert_int_equal(n, 1);
    ok(c->s->ops->due_incidents(c->s, row->next_due - 1, &due, 1, &n, &err), &err);
    assert_int_equal(n, 0);
}

static void
opens(struct ctx *c)
{
    struct incident_row row = put_delayed(c, 1);
    struct incident_detail d;
    struct tocsin_err err;

    assert_waits(c, &row);
    restart(c);
    assert_waits(c, &row);
    c->now += 60000;
    row.opened_at = row.updated_at = c->now;
    row.snoozed_until = row.next_due = 0;
    row.episode = 1;
    row.ver = 2;
    put(c, &row, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(listed(c, 0), 1);
        assert_int_equal(listed(c, INCIDENT_DELAYED), 0);
        assert_int_equal(open_incidents(c), 1);
        ok(c->s->ops->get_incident(c->s, c->a, &row.id, 5, 5, &d, &err), &err);
        assert_int_equal(d.row.episode, 1);
        assert_int_equal(d.row.opened_at, c->now);
        restart(c);
    }
    row.state = TOCSIN_INC_RESOLVED;
    row.resolved_at = row.updated_at = c->now + 1;
    row.ver = 3;
    put(c, &row, NULL);
    assert_int_equal(episodes(c), 1);
    restart(c);
    assert_int_equal(episodes(c), 1);
}

/* Its alert ended within the delay. */
static void
never_opens(struct ctx *c)
{
    struct incident_row row = put_delayed(c, 1);
    struct id16 key = id_of("key", 1), group = id_of("group", GROUP);
    struct incident_detail d;
    struct alert_row alert;
    struct tocsin_err err;
    bool found;

    ok(c->s->ops->load_alerts(c->s, &key, 1, &alert, &err), &err);
    alert.state = ALERT_RESOLVED;
    alert.incident = (struct id16){ { 0 } };
    row.state = TOCSIN_INC_RESOLVED;
    row.resolved_at = row.updated_at = c->now;
    row.snoozed_until = row.next_due = 0;
    put(c, &row, &alert);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(listed(c, 0), 0);
        assert_int_equal(listed(c, INCIDENT_DELAYED | 1u << TOCSIN_INC_RESOLVED), 0);
        assert_int_equal(open_incidents(c), 0);
        assert_int_equal(episodes(c), 0);
        assert_int_equal(c->s->ops->get_incident(c->s, c->a, &row.id, 5, 5, &d, &err), TOCSIN_NOT_FOUND);
        ok(c->s->ops->load_groups(c->s, c->a, &group, 1, &row, &found, &err), &err);
        assert_false(found);
        restart(c);
    }
    row = put_delayed(c, 1);                   /* the next problem of the group is not in its way */
    assert_waits(c, &row);
}

static const struct { const char *name; void (*run)(struct ctx *); } cases[] = {
    { "one that is delayed opens, with the next number", opens },
    { "one that never opened is nobody's, and has no number", never_opens },
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static void
run_case(void **state)
{
    size_t which = *(const size_t *)*state;
    struct ctx c = { .a = arena_new(), .now = 1700000000000 };

    idgen_seed(&c.ids, 1, 2);
    if (which >= N_CASES) {
        c.dir = test_dir_make();
        c.path = xasprintf("%s/t.db", c.dir);
    }
    open_store(&c);
    cases[which % N_CASES].run(&c);
    c.s->ops->close(c.s);
    arena_free(c.a);
    free(c.path);
    if (c.dir != NULL)
        test_dir_remove(c.dir);
}

int
main(void)
{
    static struct CMUnitTest tests[2 * N_CASES];
    static size_t which[2 * N_CASES];

    for (size_t i = 0; i < 2 * N_CASES; i++) {
        which[i] = i;
        tests[i].name = xasprintf("%s: %s", i < N_CASES ? "memory" : "sqlite", cases[i % N_CASES].name);
        tests[i].test_func = run_case;
        tests[i].initial_state = &which[i];
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
