/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats on the in-memory store, in a time that the test says: who is watched, until when, and what silence is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alert.h"
#include "daemon/beats.h"
#include "daemon/turn.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define T0 INT64_C(1700000000000)

static const char *by_host[] = { "host" };
static const struct tocsin_pair team[] = { { "team", "db" } };
static struct conf_heartbeat all[] = {
    { .name = "backup", .every_ms = 10 * MINUTE, .grace_ms = MINUTE, .severity = TOCSIN_ERROR, .labels = team,
      .n_labels = 1 },
    { .name = "sensors", .every_ms = 30 * SECOND, .severity = TOCSIN_CRITICAL, .by = by_host, .n_by = 1, .max = 2,
      .of_collector = true },
};

struct ctx {
    struct store *s;
    struct beats *b;
    struct turn_env env;
    struct arena *a;
    struct conf conf;
    struct policy policy;
    int64_t now;
};

static const struct decision *
silent(void *ctx, struct arena *a, const struct alert_row *row)
{
    struct ctx *c = ctx;

    return beats_silent(c->b, &c->conf, a, row);
}

static const struct policy *
default_policy(void *ctx)
{
    return ((struct ctx *)ctx)->conf.default_policy;
}

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    (void)ctx, (void)target, (void)out;
    return false;
}

static void
turn(struct ctx *c, struct event *events, size_t n)
{
    struct turn_result r;
    struct tocsin_err err;

    if (turn_run(&c->env, c->a, events, n, c->now, 50, &r, &err) != TOCSIN_OK)
        fail_msg("%s", err.what);
    for (size_t i = 0; i < n; i++)
        beats_done(c->b, &events[i], c->now);
}

/* A configuration is in force; how many heartbeats it changed. */
static size_t
apply(struct ctx *c, bool starting)
{
    struct event *events;
    size_t n = beats_changes(c->b, &c->conf, c->a, c->now, starting, &events);

    turn(c, events, n);
    return n;
}

static bool
beat(struct ctx *c, size_t which, const char *host)
{
    struct tocsin_pair labels[] = { { "cluster", "x" }, { "host", host } };
    struct event e;

    if (!beats_event(c->b, c->a, &all[which], labels, 2, c->now, &e))
        return false;
    turn(c, &e, 1);
    return true;
}

static struct alert_row
row_of(struct ctx *c, const char *dedup_key)
{
    const char *parts[] = { HEARTBEAT_SOURCE, dedup_key };
    struct id16 key = id_hash(parts, 2);
    struct tocsin_err err;
    struct alert_row row;

    assert_int_equal(c->s->ops->load_alerts(c->s, &key, 1, &row, &err), TOCSIN_OK);
    return row;
}

static struct heartbeat_status
status_of(struct ctx *c, const char *name, const char *host)
{
    struct heartbeat_status *list;
    size_t n = beats_status(c->b, &c->conf, c->a, &list);

    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0 &&
            (list[i].n_labels == 0 ? *host == '\0' : strcmp(list[i].labels[0].value, host) == 0))
            return list[i];
    fail_msg("no heartbeat '%s' of '%s'", name, host);
    return (struct heartbeat_status){ 0 };
}

static void
assert_deadline(struct ctx *c, const char *dedup_key, int64_t due)
{
    struct alert_row row = row_of(c, dedup_key);

    assert_int_equal(row.state, ALERT_DROPPED);
    assert_int_equal(row.expires_at - c->now, due - c->now);
}

static void
boot(struct ctx *c)
{
    struct tocsin_err err;

    c->b = beats_new(c->s);
    assert_int_equal(beats_load(c->b, &err), TOCSIN_OK);
    turn_env_init(&c->env, c->s, 1, 2);
    c->env.silent = silent;
    c->env.default_policy = default_policy;
    c->env.caps_of = caps_of;
    c->env.ctx = c;
}

/* The process dies: what was counted and not flushed is lost. */
static void
restart(struct ctx *c, int64_t now)
{
    struct store *was = c->s;

    beats_free(c->b);
    turn_env_release(&c->env);
    c->s = store_mem_clone(was);
    was->ops->close(was);
    c->now = now;
    boot(c);
}

static void
mistake(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    (void)ctx;
    fail_msg("%s:%u: %s", pos.file, pos.line, fmt);
}

static void
make_policy(struct ctx *c)
{
    static const char *targets[] = { "pd" };
    static struct policy_step step = { 0, targets, 1 };

    c->policy = (struct policy){ .name = "p", .steps = &step, .n_steps = 1, .failover_after_ms = MINUTE,
                                 .last_wait_ms = MINUTE };
    policy_seal(&c->policy, c->a);
}

/* With a rule that would part a silence from its beats. */
static void
open_all(struct ctx *c)
{
    static const struct rule_src rule = { .name = "key", .pos = { "rules/10.cfg", 1 }, .dedup_key = "another" };

    *c = (struct ctx){ .s = store_mem_open(), .a = arena_new(), .now = T0 };
    make_policy(c);
    c->conf = (struct conf){ .heartbeats = all, .n_heartbeats = 2, .generation = 1,
                             .default_policy = &c->policy };
    c->conf.rules = ruleset_compile(&rule, 1, &c->policy, mistake, NULL);
    boot(c);
}

static void
close_all(struct ctx *c)
{
    beats_free(c->b);
    turn_env_release(&c->env);
    c->s->ops->close(c->s);
    ruleset_free(c->conf.rules);
    arena_free(c->a);
}

/* --- cases -------------------------------------------------------------------------------- */

static void
test_watched_from_the_first_configuration(void **state)
{
    struct ctx c;

    (void)state;
    open_all(&c);
    assert_int_equal(apply(&c, true), 1);                      /* that with labels needs a first beat */
    assert_deadline(&c, "backup", T0 + 11 * MINUTE);
    assert_string_equal(status_of(&c, "backup", "").state, "never");
    assert_string_equal(status_of(&c, "sensors", "").state, "unarmed");
    assert_int_equal(apply(&c, false), 0);
    close_all(&c);
}

static void
test_a_beat_moves_the_deadline(void **state)
{
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    c.now += 5 * MINUTE;
    assert_true(beat(&c, 0, ""));
    assert_deadline(&c, "backup", T0 + 16 * MINUTE);
    assert_int_equal(status_of(&c, "backup", "").beats, 1);
    assert_true(beat(&c, 1, "a"));
    assert_true(beat(&c, 1, "b"));
    assert_false(beat(&c, 1, "c"));                            /* max is 2 */
    assert_deadline(&c, "sensors{host=a}", c.now + 30 * SECOND);
    assert_string_equal(status_of(&c, "sensors", "b").state, "ok");
    close_all(&c);
}

static void
test_silence_is_an_alert(void **state)
{
    struct alert_filter f = { .source = HEARTBEAT_SOURCE };
    struct tocsin_err err;
    struct alert_row row, *rows;
    struct heartbeat_status status;
    struct alert_text text;
    struct ctx c;
    size_t n;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 1, "a");
    c.now += 30 * SECOND - 1;
    turn(&c, NULL, 0);
    assert_int_equal(row_of(&c, "sensors{host=a}").state, ALERT_DROPPED);
    assert_int_equal(c.s->ops->list_alerts(c.s, c.a, &f, &rows, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 0);                                    /* what waits is no alert */
    c.now += 1;
    turn(&c, NULL, 0);
    row = row_of(&c, "sensors{host=a}");
    assert_int_equal(row.state, ALERT_FIRING);
    assert_int_equal(row.severity, TOCSIN_CRITICAL);
    assert_int_equal(row.starts_at, T0);
    assert_int_equal(c.s->ops->list_alerts(c.s, c.a, &f, &rows, &n, &err), TOCSIN_OK);
    assert_int_equal(n, 1);
    assert_true(alert_text_decode(c.a, rows[0].body, rows[0].body_len, &text));
    assert_string_equal(text.summary, "heartbeat 'sensors' of host=a is silent since 2023-11-14T22:13:20.000Z "
                                      "(expected every 30s)");
    assert_string_equal(alert_pair_find(text.labels, text.n_labels, "host"), "a");
    assert_string_equal(alert_pair_find(text.labels, text.n_labels, "collector"), "sensors");
    status = status_of(&c, "sensors", "a");
    assert_string_equal(status.state, "silent");
    assert_true(id_eq(&status.incident, &row.incident));
    beat(&c, 1, "a");
    assert_deadline(&c, "sensors{host=a}", c.now + 30 * SECOND);
    assert_string_equal(status_of(&c, "sensors", "a").state, "ok");
    close_all(&c);
}

static void
test_a_start_knows_what_was_watched(void **state)
{
    struct tocsin_err err;
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 1, "a");
    beat(&c, 0, "");
    c.now += 3 * MINUTE;
    beat(&c, 0, "");
    assert_int_equal(c.s->ops->flush(c.s, &err), TOCSIN_OK);
    restart(&c, T0 + 4 * MINUTE);
    assert_int_equal(status_of(&c, "backup", "").beats, 2);
    assert_string_equal(status_of(&c, "sensors", "a").labels[0].name, "host");
    apply(&c, true);
    assert_deadline(&c, "backup", T0 + 14 * MINUTE);           /* as it was */
    restart(&c, T0 + 60 * MINUTE);                             /* long after: time in which to beat */
    apply(&c, true);
    assert_deadline(&c, "backup", c.now + COMMITTER_GRACE_MS);
    close_all(&c);
}

/* A beat that comes long after the one before is stored before it is answered, and so is the first of all. */
static void
test_a_crash_takes_back_no_rare_beat(void **state)
{
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 0, "");                                           /* moves nothing, but it has beaten now */
    restart(&c, T0);
    apply(&c, true);
    assert_int_equal(status_of(&c, "backup", "").beats, 1);
    for (int64_t i = 1; i <= 5; i++) {
        c.now = T0 + i * 10 * MINUTE;
        beat(&c, 0, "");
        restart(&c, c.now + 1);
        assert_int_equal(status_of(&c, "backup", "").beats, 1 + i);
        apply(&c, true);
        assert_deadline(&c, "backup", T0 + (10 * i + 11) * MINUTE);
    }
    close_all(&c);
}

/* Of those who beat often the last may be lost: a start gives them longer than they need. */
static void
test_a_crash_harms_nobody_who_beats_often(void **state)
{
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 1, "a");
    for (int i = 1; i <= 5; i++) {
        c.now += 30 * SECOND - 1;
        beat(&c, 1, "a");
        restart(&c, c.now + 10 * SECOND);
        apply(&c, true);
        assert_true(row_of(&c, "sensors{host=a}").expires_at >= c.now + 30 * SECOND);
    }
    close_all(&c);
}

static void
test_a_clock_that_was_ahead(void **state)
{
    struct tocsin_err err;
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 0, "");
    assert_int_equal(c.s->ops->flush(c.s, &err), TOCSIN_OK);
    for (int i = 0; i < 3; i++) {                              /* the same deadline, however often it is started */
        restart(&c, T0 - 600 * MINUTE + i * SECOND);
        apply(&c, true);
        assert_deadline(&c, "backup", T0 - 600 * MINUTE + 11 * MINUTE);
    }
    close_all(&c);
}

static void
test_reloads(void **state)
{
    struct conf_heartbeat hourly = all[0];
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    beat(&c, 1, "a");
    hourly.every_ms = 60 * MINUTE;
    c.now += MINUTE;
    c.conf.heartbeats = &hourly;                               /* another period, and no sensors */
    c.conf.n_heartbeats = 1;
    assert_int_equal(apply(&c, false), 2);
    assert_deadline(&c, "backup", T0 + 61 * MINUTE);
    assert_false(alert_is_open(&(struct alert_row){ .state = row_of(&c, "sensors{host=a}").state }));
    c.conf.heartbeats = all;
    c.conf.n_heartbeats = 2;
    assert_int_equal(apply(&c, false), 1);
    assert_deadline(&c, "backup", T0 + 11 * MINUTE);
    assert_true(beat(&c, 1, "b"));                             /* the place of the one that is gone is free */
    assert_true(beat(&c, 1, "c"));
    close_all(&c);
}

/* A first beat that was refused leaves nothing to watch, whatever is reloaded. */
static void
test_a_refused_first_beat(void **state)
{
    struct tocsin_pair labels[] = { { "host", "a" } };
    struct event e;
    struct ctx c;

    (void)state;
    open_all(&c);
    apply(&c, true);
    assert_true(beats_event(c.b, c.a, &all[1], labels, 1, c.now, &e));
    assert_int_equal(apply(&c, false), 0);
    assert_int_equal(row_of(&c, "sensors{host=a}").state, ALERT_NONE);
    assert_true(beat(&c, 1, "a"));
    close_all(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watched_from_the_first_configuration),
        cmocka_unit_test(test_a_beat_moves_the_deadline),
        cmocka_unit_test(test_silence_is_an_alert),
        cmocka_unit_test(test_a_start_knows_what_was_watched),
        cmocka_unit_test(test_a_crash_takes_back_no_rare_beat),
        cmocka_unit_test(test_a_crash_harms_nobody_who_beats_often),
        cmocka_unit_test(test_a_clock_that_was_ahead),
        cmocka_unit_test(test_reloads),
        cmocka_unit_test(test_a_refused_first_beat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
