/* SPDX-License-Identifier: Apache-2.0 */
/* Matchers of silences, the set, and the life of a silence over real rules and turns, on both engines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "core/rules/rules.h"
#include "core/silence/matchers.h"
#include "core/silence/set.h"
#include "daemon/turn.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

/* --- matchers ---------------------------------------------------------------------- */

static void
test_matchers(void **state)
{
    static const struct { const char *text, *stored; } good[] = {
        { "a=b", "a=\"b\"" },
        { "a=\"b\"", "a=\"b\"" },
        { "{a=\"b\", c!=d , e=~f.*,g!~\"h|i\"}", "a=\"b\"\nc!=\"d\"\ne=~\"f.*\"\ng!~\"h|i\"" },
        { "a=\"x,y\",b=\"{}\",", "a=\"x,y\"\nb=\"{}\"" },
        { "re=~\"\\\\d+\"", "re=~\"\\\\d+\"" },
        { "re=~\"\\d+\"", "re=~\"\\\\d+\"" },
        { "a=\"q\\\"uote\\n\"", "a=\"q\\\"uote\\n\"" },
        { "\"a b\"=\"c\"", "\"a b\"=\"c\"" },
        { "severity=page", "severity=\"page\"" },
        { "a=", "a=\"\"" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct matchers m = { 0 }, back;
        struct tocsin_err err = { .what = "" };
        const char *stored;

        if (matchers_add(a, &m, good[i].text, &err) != TOCSIN_OK)
            fail_msg("%s: %s", good[i].text, err.what);
        stored = matchers_format(a, &m);
        assert_string_equal(stored, good[i].stored);
        assert_true(matchers_parse(a, stored, &back));
        assert_string_equal(matchers_format(a, &back), stored);
    }
    arena_free(a);
}

static void
test_refused(void **state)
{
    static const struct { const char *text, *part; } bad[] = {
        { "{a=b", "brace" },
        { "a=b}", "brace" },
        { "a", "expected one of" },
        { "a=\"b", "quote" },
        { "a=~\"[\"", "regex" },
        { "a>3", "a silence knows" },
        { "", "at least one matcher required" },
        { "a=~\".*\"", "must not match the empty string" },
        { "a!=b", "must not match the empty string" },
        { "a=b,,c=d", "expected a name" },
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct matchers m = { 0 };
        struct tocsin_err err = { .what = "" };
        enum tocsin_rc rc = matchers_add(a, &m, bad[i].text, &err);

        if (rc == TOCSIN_OK)
            rc = matchers_check(a, &m, &err);
        if (rc == TOCSIN_OK || strstr(err.what, bad[i].part) == NULL)
            fail_msg("'%s' gives %d '%s', expected '%s'", bad[i].text, (int)rc, err.what, bad[i].part);
    }
    arena_free(a);
}

/* --- the set ------------------------------------------------------------------------- */

static struct silence_row
row_of(unsigned n, const char *matchers, int64_t ends_at)
{
    return (struct silence_row){ .id = { .b = { [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n } },
                                 .phase = SILENCE_ACTIVE, .starts_at = 1, .ends_at = ends_at, .matchers = matchers,
                                 .created_by = "anna", .comment = "c", .annotations = "" };
}

static struct silence_subject
subject_of(struct tocsin_pair *labels, size_t n)
{
    return (struct silence_subject){ .labels = labels, .n_labels = n, .severity = "critical", .summary = "s",
                                     .source = "cloud" };
}

static void
test_set(void **state)
{
    static const struct { const char *matchers; bool holds; } cases[] = {
        { "host=\"a\"", true },
        { "host=\"b\"", false },
        { "host=\"a\"\nkind!=\"x\"", true },
        { "host=~\"[ab]\"", true },
        { "host!~\"[ab]\"\nkind=\"k\"", false },
        { "missing=\"\"\nhost=\"a\"", true },
        { "missing=~\".+\"", false },
        { "severity=\"page\"", true },           /* the label, not the field */
        { "severity=\"critical\"", false },
        { "source=\"cloud\"", true },            /* no such label: the field */
        { "source=\"x\"", false },
        { "host=~\"a|c|d\"", true },
    };
    struct tocsin_pair labels[] = { { "host", "a" }, { "kind", "k" }, { "severity", "page" } };
    struct silence_subject subject = subject_of(labels, 3);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silence_set *set = silence_set_new();
        struct silence_row row = row_of(1, cases[i].matchers, 10);

        assert_null(silence_set_match(set, &subject));
        silence_set_put(set, &row);
        if ((silence_set_match(set, &subject) != NULL) != cases[i].holds)
            fail_msg("%s", cases[i].matchers);
        silence_set_drop(set, &row.id);
        assert_null(silence_set_match(set, &subject));
        silence_set_free(set);
    }
}

static void
test_set_many(void **state)
{
    struct silence_set *set = silence_set_new();
    struct tocsin_pair labels[] = { { "host", "h7" }, { "kind", "k" } };
    struct silence_subject subject = subject_of(labels, 2);
    const struct silence_row *found[4];
    struct timespec begin, end;
    char text[64];
    enum { N = 1000, ASKED = 100000 };

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        struct silence_row row;

        snprintf(text, sizeof text, "host=\"h%u\"\nkind=~\"k.?\"", i);
        row = row_of(i + 1, text, 1000 + i);
        silence_set_put(set, &row);
    }
    silence_set_put(set, &(struct silence_row){ .id = { .b = { 9 } }, .phase = SILENCE_ACTIVE, .ends_at = 5000,
                                                .matchers = "kind=\"k\"", .created_by = "", .comment = "",
                                                .annotations = "" });
    assert_int_equal(silence_set_count(set), N + 1);
    assert_int_equal(silence_set_match(set, &subject)->ends_at, 5000);
    assert_int_equal(silence_set_all(set, &subject, found, 4), 2);
    assert_int_equal(found[0]->ends_at, 1007);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < ASKED; i++)
        assert_non_null(silence_set_match(set, &subject));
    clock_gettime(CLOCK_MONOTONIC, &end);
    print_message("  %d silences: %.0f ns an alert\n", N + 1,
                  ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / ASKED);
    silence_set_free(set);
}

/* --- lives ------------------------------------------------------------------------------ */

struct life {
    struct store *store;
    struct turn_env env;
    const struct policy *policy;
    struct ruleset *rules;
    struct rule_scratch *scratch;
    struct arena *arena;
    int64_t now;
    char dir[64];
};

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    (void)ctx;
    (void)target;
    *out = (struct delivery_caps){ .can_ack = true, .send_resolved = true };
    return true;
}

static const struct policy *
policy(struct arena *a)
{
    static const char *pd[] = { "pd" };
    struct policy *p = arena_zalloc(a, sizeof *p);

    p->name = "p";
    p->steps = arena_zalloc(a, sizeof *p->steps);
    p->steps[0] = (struct policy_step){ 0, pd, 1 };
    p->n_steps = 1;
    p->failover_after_ms = MINUTE;
    p->last_wait_ms = 10 * HOUR;
    policy_seal(p, a);
    return p;
}

static const struct policy *
default_policy(void *ctx)
{
    return ((struct life *)ctx)->policy;
}

static void
start(struct life *l)
{
    turn_env_init(&l->env, l->store, 1, 2);
    l->env.caps_of = caps_of;
    l->env.default_policy = default_policy;
    l->env.ctx = l;
}

static void
mistake(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    (void)ctx;
    fail_msg("rules:%u: %s", pos.line, fmt);
}

static int
setup(void **state)
{
    struct life *l = calloc(1, sizeof *l);
    const char *engine = *state;
    struct tocsin_err err;

    l->arena = arena_new();
    l->now = 1700000000000;
    if (strcmp(engine, "sqlite") == 0) {
        struct store_sqlite_options o = { .reserve_bytes = 4096 };

        snprintf(l->dir, sizeof l->dir, "/tmp/test_silence.XXXXXX");
        if (mkdtemp(l->dir) == NULL)
            return -1;
        o.path = arena_printf(l->arena, "%s/db", l->dir);
        if (store_sqlite_open(&o, &l->store, &err) != TOCSIN_OK)
            return -1;
    } else {
        l->store = store_mem_open();
    }
    l->policy = policy(l->arena);
    l->rules = ruleset_compile(NULL, 0, l->policy, mistake, NULL);
    l->scratch = rule_scratch_new(l->rules);
    start(l);
    *state = l;
    return 0;
}

static int
teardown(void **state)
{
    struct life *l = *state;

    turn_env_release(&l->env);
    rule_scratch_free(l->scratch);
    ruleset_free(l->rules);
    l->store->ops->close(l->store);
    if (l->dir[0] != '\0') {
        static const char *const files[] = { "db", "db-wal", "db-shm", "db-lock", "db-reserve" };

        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
            remove(arena_printf(l->arena, "%s/%s", l->dir, files[i]));
        remove(l->dir);
    }
    arena_free(l->arena);
    free(l);
    return 0;
}

static void
turn(struct life *l, struct event *e)
{
    struct turn_result r;
    struct tocsin_err err;

    if (turn_run(&l->env, l->arena, e, e != NULL, l->now, 50, &r, &err) != TOCSIN_OK)
        fail_msg("turn: %s", err.what);
}

/* Time passes, and every timer on the way fires. */
static void
pass(struct life *l, int64_t ms)
{
    int64_t end = l->now + ms, due;

    while ((due = l->store->ops->next_due(l->store)) != 0 && due <= end) {
        l->now = due > l->now ? due : l->now;
        turn(l, NULL);
    }
    l->now = end;
    turn(l, NULL);
}

static struct id16
fire(struct life *l, const char *host, enum tocsin_status status)
{
    struct tocsin_pair labels[] = { { "host", host } };
    struct tocsin_alert alert = { .status = status, .severity = TOCSIN_CRITICAL, .labels = labels, .n_labels = 1,
                                  .summary = "broken" };
    struct event e = { .kind = EV_ALERT,
                       .decision = ruleset_decide(l->rules, l->scratch, l->arena, "cloud", &alert) };

    turn(l, &e);
    return e.incident_r;
}

static struct event
post(struct life *l, const struct id16 *id, const char *matchers, int64_t from, int64_t to)
{
    static struct tocsin_err err;
    struct silence_row row = { .starts_at = from, .ends_at = to, .matchers = matchers, .created_by = "anna",
                               .comment = "works", .annotations = "" };
    struct event e = { .kind = EV_SILENCE, .silence = &row, .err = &err };

    if (id != NULL)
        row.id = *id;
    turn(l, &e);
    return e;
}

static void
end(struct life *l, const struct id16 *id)
{
    struct event e = { .kind = EV_SILENCE_END, .key = *id };

    turn(l, &e);
    assert_int_equal(e.rc, TOCSIN_OK);
}

static struct incident_detail
look(struct life *l, const struct id16 *incident)
{
    struct incident_detail d = { 0 };
    struct tocsin_err err;

    assert_int_equal(l->store->ops->get_incident(l->store, l->arena, incident, 10, 100, &d, &err), TOCSIN_OK);
    return d;
}

static uint32_t
pages(struct life *l, const struct id16 *incident)
{
    return look(l, incident).row.page;
}

static void
assert_held(struct life *l, const struct id16 *incident, bool held)
{
    struct incident_detail d = look(l, incident);

    assert_int_equal(d.row.suppressed_by[0] != '\0', held);
    if (!held)
        return;
    assert_non_null(strstr(d.row.suppressed_by, "(anna): works"));
    assert_string_equal(d.events[d.n_events - 1].kind, "suppressed");
}

/* An alert that arrives under a silence tells nobody until the silence ends. */
static void
test_arrives(void **state)
{
    struct life *l = *state;
    struct id16 i, other;

    post(l, NULL, "host=\"a\"", l->now, l->now + HOUR);
    i = fire(l, "a", TOCSIN_FIRING);
    other = fire(l, "b", TOCSIN_FIRING);
    assert_held(l, &i, true);
    assert_int_equal(pages(l, &i), 0);
    assert_held(l, &other, false);
    assert_int_equal(pages(l, &other), 1);
    pass(l, HOUR - 1);
    assert_held(l, &i, true);
    pass(l, 1);
    assert_held(l, &i, false);
    assert_int_equal(pages(l, &i), 1);
}

/* One that was told of is let go with another page; a resolve goes out in between as well. */
static void
test_open_alerts(void **state)
{
    struct life *l = *state;
    struct id16 a = fire(l, "a", TOCSIN_FIRING), b = fire(l, "b", TOCSIN_FIRING);
    struct event e;

    assert_int_equal(pages(l, &a), 1);
    e = post(l, NULL, "host=~\"a|b\"", l->now, l->now + HOUR);
    assert_int_equal(e.rc, TOCSIN_OK);
    assert_held(l, &a, true);
    assert_held(l, &b, true);
    fire(l, "a", TOCSIN_FIRING);             /* a repeat changes nothing */
    assert_held(l, &a, true);
    fire(l, "b", TOCSIN_RESOLVED);
    assert_int_equal(look(l, &b).row.state, TOCSIN_INC_RESOLVED);
    assert_int_not_equal(look(l, &b).deliveries[0].due_at, 0);
    end(l, &e.silence_r);
    assert_held(l, &a, false);
    assert_int_equal(pages(l, &a), 2);
    assert_string_equal(look(l, &a).events[look(l, &a).n_events - 1].kind, "page");
}

static void
test_pending_and_restart(void **state)
{
    struct life *l = *state;
    struct id16 a = fire(l, "a", TOCSIN_FIRING);

    post(l, NULL, "host=\"a\"", l->now + HOUR, l->now + 2 * HOUR);
    assert_held(l, &a, false);
    pass(l, HOUR);
    assert_held(l, &a, true);
    turn_env_release(&l->env);               /* another process */
    start(l);
    a = fire(l, "a", TOCSIN_FIRING);
    assert_held(l, &a, true);
    pass(l, HOUR);
    assert_held(l, &a, false);
}

static void
test_two(void **state)
{
    struct life *l = *state;
    struct event one = post(l, NULL, "host=\"a\"", l->now, l->now + HOUR), two;
    struct id16 a = fire(l, "a", TOCSIN_FIRING);
    char id[ID_TEXT];

    two = post(l, NULL, "host=~\"a.*\"", l->now, l->now + 2 * HOUR);
    pass(l, HOUR);
    assert_held(l, &a, true);
    assert_non_null(strstr(look(l, &a).row.suppressed_by, id_format(&two.silence_r, id)));
    pass(l, HOUR);
    assert_held(l, &a, false);
    assert_false(id_eq(&one.silence_r, &two.silence_r));
}

static struct silence_row
stored(struct life *l, const struct id16 *id)
{
    struct silence_row row;
    struct tocsin_err err;
    bool found = false;

    assert_int_equal(l->store->ops->load_silence(l->store, l->arena, id, &row, &found, &err), TOCSIN_OK);
    assert_true(found);
    return row;
}

/* What Alertmanager changes in place, and what becomes another silence. */
static void
test_changes(void **state)
{
    struct life *l = *state;
    struct event e = post(l, NULL, "host=\"a\"", l->now, l->now + HOUR), to;
    struct id16 a = fire(l, "a", TOCSIN_FIRING), none = { .b = { 1 } };
    int64_t begin = l->now;

    l->now += MINUTE;
    to = post(l, &e.silence_r, "host=\"a\"", begin, l->now + 3 * HOUR);
    assert_true(id_eq(&to.silence_r, &e.silence_r));
    assert_int_equal(stored(l, &e.silence_r).ends_at, l->now + 3 * HOUR);
    pass(l, 2 * HOUR);
    assert_held(l, &a, true);
    to = post(l, &e.silence_r, "host=\"b\"", begin, l->now + HOUR);
    assert_false(id_eq(&to.silence_r, &e.silence_r));
    assert_int_equal(stored(l, &e.silence_r).phase, SILENCE_EXPIRED);
    assert_int_equal(stored(l, &to.silence_r).phase, SILENCE_ACTIVE);
    assert_int_equal(stored(l, &to.silence_r).starts_at, l->now);
    assert_held(l, &a, false);
    assert_int_equal(post(l, &none, "host=\"b\"", l->now, l->now + HOUR).rc, TOCSIN_NOT_FOUND);
    assert_int_equal(post(l, NULL, "host=\"b\"", l->now, l->now).rc, TOCSIN_MEANINGLESS);
    assert_int_equal(post(l, NULL, "host=\"b\"", l->now - HOUR, l->now - 1).rc, TOCSIN_MEANINGLESS);
    end(l, &to.silence_r);
    end(l, &to.silence_r);                   /* over already */
    to = post(l, &to.silence_r, "host=\"b\"", l->now, l->now + HOUR);
    assert_int_equal(stored(l, &to.silence_r).phase, SILENCE_ACTIVE);
}

/* More open alerts than a turn looks at: the sweep goes on over turns, and over a restart. */
static void
test_sweep(void **state)
{
    struct life *l = *state;
    enum { N = 1300 };
    struct store_stats stats;
    struct tocsin_err err;
    struct event e;

    for (int i = 0; i < N; i++)
        fire(l, arena_printf(l->arena, "h%d", i), TOCSIN_FIRING);
    e = post(l, NULL, "host=~\"h.*[02468]\"", l->now, l->now + HOUR);
    assert_int_equal(stored(l, &e.silence_r).next_due, l->now);
    turn_env_release(&l->env);
    start(l);
    pass(l, 1);
    assert_int_equal(stored(l, &e.silence_r).sweep, 0);
    assert_int_equal(l->store->ops->stats(l->store, &stats, &err), TOCSIN_OK);
    assert_int_equal(stats.suppressed_alerts, N / 2);
    assert_int_equal(stats.silences[SILENCE_ACTIVE], 1);
    end(l, &e.silence_r);
    pass(l, 1);
    assert_int_equal(l->store->ops->stats(l->store, &stats, &err), TOCSIN_OK);
    assert_int_equal(stats.suppressed_alerts, 0);
    assert_int_equal(stats.silences[SILENCE_EXPIRED], 1);
}

static void
test_forgotten(void **state)
{
    struct life *l = *state;
    struct event e = post(l, NULL, "host=\"a\"", l->now, l->now + HOUR);
    struct silence_row *rows;
    struct tocsin_err err;
    size_t n;

    pass(l, HOUR + 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(l->store->ops->maintain(l->store, l->now, INT64_C(400) * 24 * HOUR, 1000, &err), TOCSIN_OK);
        assert_int_equal(l->store->ops->list_silences(l->store, l->arena, &rows, &n, &err), TOCSIN_OK);
        assert_int_equal(n, i == 0);
        l->now += INT64_C(120) * HOUR;
    }
    assert_false(id_is_zero(&e.silence_r));
}

#define LIFE(f)                                                                                                        \
    { "memory: " #f, f, setup, teardown, (void *)(uintptr_t)"memory" },                                                \
    { "sqlite: " #f, f, setup, teardown, (void *)(uintptr_t)"sqlite" }

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matchers), cmocka_unit_test(test_refused), cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_many), LIFE(test_arrives),             LIFE(test_open_alerts),
        LIFE(test_pending_and_restart),  LIFE(test_two),                 LIFE(test_changes),
        LIFE(test_sweep),                LIFE(test_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
