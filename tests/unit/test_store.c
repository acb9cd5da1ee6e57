/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of store.h: each case runs on every engine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "lib/store_rows.h"

struct ctx {
    struct store *s;
    struct arena *a;
    struct idgen ids;
    int64_t now;
    char *dir, *path;                          /* NULL: memory */
    struct tocsin_err err;
    struct rowset set;
};

#define OK(x) \
    do { \
        enum tocsin_rc rc_ = (x); \
        if (rc_ != TOCSIN_OK) \
            fail_msg("%s: %s", #x, c->err.what); \
    } while (0)

static void
open_store(struct ctx *c)
{
    struct store_sqlite_options options = { .path = c->path, .reserve_bytes = 4096 };

    if (c->path == NULL)
        c->s = store_mem_open();
    else
        OK(store_sqlite_open(&options, &c->s, &c->err));
}

/* A clean restart. */
static void
restart(struct ctx *c)
{
    struct store *was = c->s;

    OK(was->ops->flush(was, &c->err));
    if (c->path == NULL)
        c->s = store_mem_clone(was);
    was->ops->close(was);
    if (c->path != NULL)
        open_store(c);
}

static void
put(struct ctx *c)
{
    OK(store_put(c->s, &c->set, &c->err));
    rowset_init(&c->set);
}

static struct alert_row
alert(struct ctx *c, unsigned n)
{
    struct id16 key = id_of("key", n);
    struct alert_row row;

    OK(c->s->ops->load_alerts(c->s, &key, 1, &row, &c->err));
    return row;
}

static struct incident_row
put_incident(struct ctx *c, unsigned group, unsigned key)
{
    struct incident_row inc = make_incident(c->a, &c->ids, group, c->now);
    struct alert_row al = make_alert(c->a, key, c->now);
    struct delivery_row d = make_delivery(c->a, &inc.id, "pd", c->now);

    al.incident = inc.id;
    rowset_incident(&c->set, c->a, &inc);
    rowset_alert(&c->set, c->a, &al, false);
    rowset_delivery(&c->set, c->a, &d);
    put(c);
    return inc;
}

static size_t
count_incidents(struct ctx *c, const struct incident_filter *f)
{
    struct incident_row *rows;
    size_t n;

    OK(c->s->ops->list_incidents(c->s, c->a, f, &rows, &n, &c->err));
    for (size_t i = 1; i < n; i++)
        assert_true(id_cmp(&rows[i].id, &rows[i - 1].id) < 0);
    return n;
}

/* --- cases -------------------------------------------------------------------- */

static void
case_every_member_survives(struct ctx *c)
{
    struct buf before, after;

    put_incident(c, 1, 1);
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    store_dump(c->s, &before);
    store_dump_loads(c->s, 3, 3, c->now, &before);
    restart(c);
    store_dump(c->s, &after);
    store_dump_loads(c->s, 3, 3, c->now, &after);
    assert_string_equal(before.p, after.p);
    assert_non_null(strstr(before.p, "n_firing[4]=14"));
    assert_non_null(strstr(before.p, "digest=-8198553"));      /* above INT64_MAX, and back */
    assert_non_null(strstr(before.p, "body=24:00"));            /* bytes, NUL too */
    buf_release(&before);
    buf_release(&after);
}

static void
case_rollback_leaves_nothing(struct ctx *c)
{
    struct alert_row a = make_alert(c->a, 1, c->now);
    struct buf before, after;

    put_incident(c, 2, 2);
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    store_dump(c->s, &before);
    store_dump_loads(c->s, 3, 3, c->now, &before);
    rowset_alert(&c->set, c->a, &a, false);
    OK(c->s->ops->begin(c->s, &c->err));
    OK(c->s->ops->write(c->s, &c->set.ws, &c->err));
    assert_int_equal(c->set.alerts[0].row->rowid, 2);
    assert_int_equal(alert(c, 1).state, ALERT_NONE);            /* not before the commit */
    c->s->ops->rollback(c->s);
    store_dump(c->s, &after);
    store_dump_loads(c->s, 3, 3, c->now, &after);
    assert_string_equal(before.p, after.p);
    buf_release(&before);
    buf_release(&after);
}

static void
case_lazy_rows(struct ctx *c)
{
    struct store_stats st;
    struct alert_row row;

    put_incident(c, 1, 1);
    row = alert(c, 1);
    assert_null(row.source);
    row.count = 7;
    row.expires_at = c->now + 999;
    rowset_alert(&c->set, c->a, &row, true);
    put(c);
    assert_int_equal(alert(c, 1).count, 7);
    assert_int_equal(c->s->ops->next_due(c->s), c->now + 999);
    OK(c->s->ops->stats(c->s, &st, &c->err));
    assert_int_equal(st.lazy_unflushed, 1);
    assert_int_equal(st.commits, 1);                            /* no commit for it */
    restart(c);
    assert_int_equal(alert(c, 1).count, 7);
    OK(c->s->ops->stats(c->s, &st, &c->err));
    assert_int_equal(st.lazy_unflushed, 0);
}

static void
case_timers_in_order(struct ctx *c)
{
    struct id16 due[8];
    size_t n;

    for (unsigned k = 0; k < 6; k++) {
        struct alert_row row = make_alert(c->a, k, c->now);

        row.state = ALERT_DROPPED;
        row.expires_at = k == 5 ? 0 : c->now + 100 - 10 * k;
        rowset_alert(&c->set, c->a, &row, false);
    }
    put(c);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(c->s->ops->next_due(c->s), c->now + 60);
        OK(c->s->ops->due_alerts(c->s, c->now + 59, due, 8, &n, &c->err));
        assert_int_equal(n, 0);
        OK(c->s->ops->due_alerts(c->s, c->now + 80, due, 2, &n, &c->err));
        assert_int_equal(n, 2);
        OK(c->s->ops->due_alerts(c->s, c->now + 80, due, 8, &n, &c->err));
        assert_int_equal(n, 3);
        for (unsigned k = 0; k < 3; k++) {
            struct id16 want = id_of("key", 4 - k);

            assert_memory_equal(&due[k], &want, sizeof want);
        }
        restart(c);
    }
}

static void
case_one_open_each(struct ctx *c)
{
    struct incident_row inc = put_incident(c, 1, 1), other;
    struct alert_row again = make_alert(c->a, 1, c->now), old;

    rowset_alert(&c->set, c->a, &again, false);
    assert_int_equal(store_put(c->s, &c->set, &c->err), TOCSIN_INTERNAL);
    rowset_init(&c->set);
    other = make_incident(c->a, &c->ids, 1, c->now);
    rowset_incident(&c->set, c->a, &other);
    assert_int_equal(store_put(c->s, &c->set, &c->err), TOCSIN_INTERNAL);
    rowset_init(&c->set);
    again.rowid = 0;
    again.incident = id_of("nothing", 1);
    again.key = id_of("key", 2);
    rowset_alert(&c->set, c->a, &again, false);
    assert_int_equal(store_put(c->s, &c->set, &c->err), TOCSIN_INTERNAL);      /* no such incident */

    rowset_init(&c->set);                                       /* but one for the other is fine */
    old = alert(c, 1);
    old.state = ALERT_RESOLVED;
    inc.state = TOCSIN_INC_RESOLVED;
    inc.resolved_at = c->now;
    again = make_alert(c->a, 1, c->now);
    again.incident = other.id;
    other.episode = 2;
    rowset_incident(&c->set, c->a, &other);
    rowset_incident(&c->set, c->a, &inc);
    rowset_alert(&c->set, c->a, &again, false);
    rowset_alert(&c->set, c->a, &old, false);
    put(c);
    assert_int_equal(alert(c, 1).rowid, 2);
    old = alert(c, 1);
    assert_memory_equal(&old.incident, &other.id, sizeof other.id);
}

static void
case_episodes(struct ctx *c)
{
    struct id16 group = id_of("group", 1);
    uint32_t n;

    OK(c->s->ops->episodes(c->s, &group, &n, &c->err));
    assert_int_equal(n, 0);
    for (unsigned k = 1; k <= 3; k++) {
        struct incident_row inc = make_incident(c->a, &c->ids, 1, ++c->now);

        inc.episode = k;
        rowset_incident(&c->set, c->a, &inc);
        put(c);
        inc.state = TOCSIN_INC_RESOLVED;
        rowset_incident(&c->set, c->a, &inc);
        put(c);
        restart(c);
        OK(c->s->ops->episodes(c->s, &group, &n, &c->err));
        assert_int_equal(n, k);
    }
}

static void
case_lists(struct ctx *c)
{
    struct incident_filter all = { .limit = 100 }, open = { .states = 1u << TOCSIN_INC_TRIGGERED, .limit = 100 };
    struct incident_filter critical = { .severities = 1u << TOCSIN_CRITICAL, .limit = 100 };
    struct incident_filter q = { .limit = 100 }, page = { .limit = 2 };
    struct alert_filter azure = { .source = "azure", .limit = 100 }, firing = { .states = 1u << ALERT_FIRING };
    struct incident_row inc, *rows;
    struct alert_row *alerts;
    char id[ID_TEXT];
    size_t n;

    for (unsigned k = 0; k < 5; k++, c->now += 10)
        inc = put_incident(c, k, k);
    inc.state = TOCSIN_INC_RESOLVED;
    rowset_incident(&c->set, c->a, &inc);
    put(c);
    assert_int_equal(count_incidents(c, &all), 5);
    assert_int_equal(count_incidents(c, &open), 4);
    assert_int_equal(count_incidents(c, &critical), 1);
    OK(c->s->ops->list_incidents(c->s, c->a, &page, &rows, &n, &c->err));
    assert_int_equal(n, 2);
    assert_memory_equal(&rows[0].id, &inc.id, sizeof inc.id);   /* newest first */
    page.before = &rows[1].id;
    page.limit = 9;
    assert_int_equal(count_incidents(c, &page), 3);
    q.q = "nODE 3 iS";
    assert_int_equal(count_incidents(c, &q), 1);
    q.q = "BERLIN";
    assert_int_equal(count_incidents(c, &q), 5);
    q.q = "100%";                                               /* no patterns in it */
    assert_int_equal(count_incidents(c, &q), 0);
    q.q = id_format(&inc.id, id);
    assert_int_equal(count_incidents(c, &q), 1);
    OK(c->s->ops->list_alerts(c->s, c->a, &azure, &alerts, &n, &c->err));
    assert_int_equal(n, 2);
    assert_int_equal(alerts[0].rowid, 4);
    assert_string_equal(alerts[0].dedup_key, "disk full on host-3");
    OK(c->s->ops->list_alerts(c->s, c->a, &firing, &alerts, &n, &c->err));
    assert_int_equal(n, 5);
}

static void
case_one_incident(struct ctx *c)
{
    struct incident_row inc = put_incident(c, 1, 1);
    struct id16 unknown = id_of("none", 0);
    struct incident_detail d;
    struct event_row *notes, e;
    size_t n;

    for (unsigned k = 0; k < 6; k++) {
        e = make_event(c->a, &inc.id, k % 2 ? "note" : "page", k, c->now + k);
        rowset_event(&c->set, &e);
    }
    put(c);
    OK(c->s->ops->get_incident(c->s, c->a, &inc.id, 10, 4, &d, &c->err));
    assert_int_equal(d.n_events, 4);                            /* the newest four, oldest first */
    assert_string_equal(d.events[0].text, "line 2");
    assert_string_equal(d.events[3].text, "line 5");
    OK(c->s->ops->get_notes(c->s, c->a, &inc.id, 1, &notes, &n, &c->err));
    assert_int_equal(n, 2);
    assert_string_equal(notes[0].text, "line 3");
    OK(c->s->ops->get_delivery(c->s, c->a, &inc.id, "pd", 3, &d, &c->err));
    assert_int_equal(d.n_deliveries, 1);
    assert_int_equal(d.n_alerts, 1);
    assert_string_equal(d.alerts[0].source, "azure");
    assert_int_equal(c->s->ops->get_delivery(c->s, c->a, &inc.id, "vo", 3, &d, &c->err), TOCSIN_NOT_FOUND);
    assert_int_equal(c->s->ops->get_incident(c->s, c->a, &unknown, 1, 1, &d, &c->err), TOCSIN_NOT_FOUND);
}

static void
case_policies(struct ctx *c)
{
    struct id16 id = id_of("policy", 1), none = id_of("policy", 2);

    for (int k = 0; k < 2; k++) {
        c->set.policies[c->set.ws.n_policies++] = (struct policy_row){ id, "{\"steps\":[]}" };
        put(c);
    }
    restart(c);
    assert_string_equal(c->s->ops->policy_body(c->s, c->a, &id), "{\"steps\":[]}");
    assert_null(c->s->ops->policy_body(c->s, c->a, &none));
}

/* Resolved by a person while the source still reports: the alert stays open and quiet, with its incident. */
static void
case_dismissed(struct ctx *c)
{
    struct incident_row inc = put_incident(c, 1, 1);
    struct alert_row row = alert(c, 1), *members;
    struct delivery_row *d;
    struct incident_detail detail;
    size_t n;

    row.state = ALERT_DISMISSED;
    inc.state = TOCSIN_INC_RESOLVED;
    inc.resolved_at = c->now;
    rowset_incident(&c->set, c->a, &inc);
    rowset_alert(&c->set, c->a, &row, false);
    OK(c->s->ops->load_deliveries(c->s, c->a, &inc.id, &d, &n, &c->err));
    d[0].due_at = 0;
    rowset_delivery(&c->set, c->a, d);
    put(c);
    restart(c);
    assert_int_equal(alert(c, 1).state, ALERT_DISMISSED);
    OK(c->s->ops->load_members(c->s, c->a, &inc.id, &members, &n, &c->err));
    assert_int_equal(n, 1);
    OK(c->s->ops->maintain(c->s, c->now + 23 * 3600000LL, 1LL << 40, 1000, &c->err));
    assert_int_equal(alert(c, 1).state, ALERT_DISMISSED);
    OK(c->s->ops->maintain(c->s, c->now + 25 * 3600000LL, 1LL << 40, 1000, &c->err));
    assert_int_equal(alert(c, 1).state, ALERT_NONE);            /* a day without news */
    OK(c->s->ops->get_incident(c->s, c->a, &inc.id, 9, 9, &detail, &c->err));
    assert_int_equal(detail.alerts[0].state, ALERT_RESOLVED);
    assert_string_equal(detail.alerts[0].dedup_key, "disk full on host-1");   /* the text stayed */
}

/* A page that was delayed: the alert fires for a while before it gets an incident. */
static void
case_joins_later(struct ctx *c)
{
    struct alert_row row = make_alert(c->a, 1, c->now), *members;
    struct incident_row inc = make_incident(c->a, &c->ids, 1, c->now);
    struct incident_detail d;
    size_t n;

    rowset_alert(&c->set, c->a, &row, false);
    put(c);
    row = alert(c, 1);
    row.incident = inc.id;
    rowset_incident(&c->set, c->a, &inc);
    rowset_alert(&c->set, c->a, &row, false);
    put(c);
    for (int k = 0; k < 2; k++) {
        OK(c->s->ops->load_members(c->s, c->a, &inc.id, &members, &n, &c->err));
        assert_int_equal(n, 1);
        OK(c->s->ops->get_incident(c->s, c->a, &inc.id, 9, 9, &d, &c->err));
        assert_int_equal(d.n_alerts, 1);
        restart(c);
    }
}

static void
case_retention(struct ctx *c)
{
    struct incident_filter all = { .limit = 100 };
    struct incident_row inc[3];
    struct alert_row row;

    for (unsigned k = 0; k < 3; k++, c->now += 1000) {
        inc[k] = put_incident(c, k, k);
        for (unsigned i = 0; i < 16 * 12; i++) {
            struct event_row e = make_event(c->a, &inc[k].id, "alert", i, c->now);

            rowset_event(&c->set, &e);
            if (c->set.ws.n_events == 16)
                put(c);
        }
    }
    for (unsigned k = 0; k < 2; k++) {                          /* 0 still has something to deliver; 2 is open */
        struct delivery_row d = make_delivery(c->a, &inc[k].id, "pd", c->now);

        row = alert(c, k);
        row.state = ALERT_RESOLVED;
        inc[k].state = TOCSIN_INC_RESOLVED;
        inc[k].resolved_at = c->now;
        d.due_at = k == 0 ? c->now : 0;
        rowset_incident(&c->set, c->a, &inc[k]);
        rowset_alert(&c->set, c->a, &row, false);
        rowset_delivery(&c->set, c->a, &d);
    }
    put(c);
    OK(c->s->ops->maintain(c->s, c->now + 99, 100, 1000, &c->err));
    assert_int_equal(count_incidents(c, &all), 3);              /* not old enough */
    for (unsigned k = 0; k < 4; k++)
        OK(c->s->ops->maintain(c->s, c->now + 101, 100, 1000, &c->err));
    assert_int_equal(count_incidents(c, &all), 2);
    restart(c);
    assert_int_equal(count_incidents(c, &all), 2);
}

static void
case_stats(struct ctx *c)
{
    struct store_stats st;
    struct incident_row inc = put_incident(c, 1, 1);

    put_incident(c, 2, 2);
    inc.state = TOCSIN_INC_ACKNOWLEDGED;
    inc.exhausted = true;
    rowset_incident(&c->set, c->a, &inc);
    put(c);
    for (int k = 0; k < 2; k++) {
        OK(c->s->ops->stats(c->s, &st, &c->err));
        assert_int_equal(st.open_incidents, 2);
        assert_int_equal(st.triggered, 1);
        assert_int_equal(st.acknowledged, 1);
        assert_int_equal(st.exhausted, 1);
        assert_int_equal(st.open_alerts, 2);
        assert_int_equal(st.pending_deliveries, 2);
        assert_int_equal(st.failing_deliveries, 0);
        assert_int_equal(st.oldest_pending_at, c->now + 10);
        restart(c);
    }
    OK(c->s->ops->health(c->s, &c->err));
}

static void
case_misuse(struct ctx *c)
{
    assert_int_equal(c->s->ops->commit(c->s, &c->err), TOCSIN_INTERNAL);
    assert_int_equal(c->s->ops->write(c->s, &c->set.ws, &c->err), TOCSIN_INTERNAL);
    OK(c->s->ops->begin(c->s, &c->err));
    assert_int_equal(c->s->ops->begin(c->s, &c->err), TOCSIN_INTERNAL);
    OK(c->s->ops->commit(c->s, &c->err));
    c->s->ops->rollback(c->s);                                  /* of nothing */
}

/* Its own, for good. */
static void
case_secret(struct ctx *c)
{
    struct ctx other = { .path = c->path != NULL ? xasprintf("%s/other.db", c->dir) : NULL };
    unsigned char one[STORE_SECRET], two[STORE_SECRET];

    c->s->ops->secret(c->s, one);
    restart(c);
    c->s->ops->secret(c->s, two);
    assert_memory_equal(one, two, STORE_SECRET);
    open_store(&other);
    other.s->ops->secret(other.s, two);
    assert_memory_not_equal(one, two, STORE_SECRET);
    other.s->ops->close(other.s);
    free(other.path);
}

static const struct {
    const char *name;
    void (*run)(struct ctx *);
} cases[] = {
    { "every member survives", case_every_member_survives },
    { "rollback leaves nothing", case_rollback_leaves_nothing },
    { "lazy rows", case_lazy_rows },
    { "timers in order", case_timers_in_order },
    { "one open of each", case_one_open_each },
    { "episodes", case_episodes },
    { "lists", case_lists },
    { "one incident", case_one_incident },
    { "policies", case_policies },
    { "dismissed", case_dismissed },
    { "joins later", case_joins_later },
    { "retention", case_retention },
    { "secret", case_secret },
    { "stats", case_stats },
    { "misuse", case_misuse },
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

static void
run_case(void **state)
{
    const size_t which = *(const size_t *)*state;
    struct ctx ctx = { .a = arena_new(), .now = 1700000000000 }, *c = &ctx;

    idgen_seed(&ctx.ids, 1, 2);
    rowset_init(&ctx.set);
    if (which >= N_CASES) {
        ctx.dir = test_dir_make();
        ctx.path = xasprintf("%s/t.db", ctx.dir);
    }
    open_store(c);
    cases[which % N_CASES].run(c);
    c->s->ops->close(c->s);
    arena_free(ctx.a);
    free(ctx.path);
    if (ctx.dir != NULL)
        test_dir_remove(ctx.dir);
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
