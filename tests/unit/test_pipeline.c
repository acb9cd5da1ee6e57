/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine, told as stories: a command, and what is sent because of it.
 *
 * Commands: fire KEY [SEVERITY] [again|later|quiet|drop|also] - resolve KEY - unknown KEY - ack, unack, resolve!,
 * escalate, note, snooze DURATION (of the newest incident; "from TARGET" makes it a callback) - wait DURATION -
 * back DURATION (the clock) - down, up, reject, reject-notes, lose, gone (from the configuration) TARGET -
 * rearm TARGET -
 * damage policies (none that is stored can be read any more, and tocsin starts again) - forget (the newest incident
 * is closed, and its alerts do not know of it).
 * restart-back DURATION - timeline KIND (answers how many lines of it there are) - updated (how long ago).
 * The answer names each send, "!" behind those that failed, and after "|" the state of the newest incident.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/delivery/delivery.h"
#include "core/normalise/severity.h"
#include "daemon/turn.h"

enum mode { MODE_OK, MODE_DOWN, MODE_REJECT, MODE_LOSE, MODE_GONE, MODE_REJECT_NOTES };

static struct target {
    const char *name;
    struct delivery_caps caps;
    enum mode mode;
} targets[] = {
    { "pd", { .can_ack = true, .send_resolved = true, .dedupes = true }, MODE_OK },
    { "vo", { .can_ack = true, .can_note = true, .send_resolved = true, .dedupes = true }, MODE_OK },
    { "og", { .can_ack = true, .can_note = true, .can_unack = true, .send_resolved = true }, MODE_OK },
    { "log", { .send_resolved = false }, MODE_OK },
};

struct story {
    struct store *store;
    struct turn_env env;
    struct arena *arena;
    struct policy *policy, *fallback;
    int64_t now, starts_at;
    unsigned starts;               /* of the process: each makes ids of its own */
    struct id16 newest;
    char said[512];
};

static struct target *
target(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    fail_msg("no target '%s'", name);
    return NULL;
}

static bool
caps_of(void *ctx, const char *name, struct delivery_caps *out)
{
    (void)ctx;
    if (target(name)->mode == MODE_GONE)
        return false;
    *out = target(name)->caps;
    return true;
}

static const struct policy *
default_policy(void *ctx)
{
    struct story *s = ctx;

    return s->fallback;
}

static void
say(struct story *s, const char *fmt, ...)
{
    size_t n = strlen(s->said);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->said + n, sizeof s->said - n, fmt, ap);
    va_end(ap);
}

static void
start(struct story *s)
{
    turn_env_init(&s->env, s->store, ++s->starts, 2);
    s->env.caps_of = caps_of;
    s->env.default_policy = default_policy;
    s->env.ctx = s;
}

/* --- turns and sends ------------------------------------------------------------------ */

static void
turn(struct story *s, struct event *e)
{
    struct turn_result r;
    struct tocsin_err err, why;

    if (e != NULL)
        e->err = &why;
    assert_int_equal(turn_run(&s->env, s->arena, e, e != NULL, s->now, 50, &r, &err), TOCSIN_OK);
    if (e != NULL && e->rc != TOCSIN_OK)
        say(s, "(%s) ", why.what);
    if (e != NULL && e->kind == EV_ALERT && !id_is_zero(&e->incident_r))
        s->newest = e->incident_r;
}

static struct tocsin_outcome
outcome(const struct target *t, enum tocsin_change change)
{
    if (t->mode == MODE_REJECT_NOTES && change == TOCSIN_NOTE)
        return (struct tocsin_outcome){ .verdict = TOCSIN_REJECTED, .reason = "no notes" };
    switch (t->mode) {
    case MODE_DOWN:
        return (struct tocsin_outcome){ .verdict = TOCSIN_RETRY, .reason = "down" };
    case MODE_REJECT:
        return (struct tocsin_outcome){ .verdict = TOCSIN_REJECTED, .reason = "no" };
    case MODE_GONE:
        return (struct tocsin_outcome){ .verdict = TOCSIN_RETRY, .delay_ms = 300000, .reason = "not configured" };
    case MODE_LOSE:
        return (struct tocsin_outcome){ .verdict = TOCSIN_UNCERTAIN, .reason = "no answer" };
    default:
        return (struct tocsin_outcome){ .verdict = TOCSIN_DELIVERED };
    }
}

static const char *
word(enum tocsin_change c)
{
    static const char *const words[] = { "nothing", "trigger", "update", "ack", "unack", "note", "resolve" };

    return words[c];
}

static bool
send_next(struct story *s)
{
    struct pending *rows = NULL;
    struct incident_detail d;
    struct delivery_work work;
    struct tocsin_err err;
    size_t n = 0, i = 0;
    struct event e = { .kind = EV_DELIVERY, .seed = 7 };
    struct tocsin_outcome o;
    const struct target *t = targets;

    assert_int_equal(s->store->ops->pending(s->store, s->arena, &rows, &n, &err), TOCSIN_OK);
    for (size_t k = 0; k < sizeof targets / sizeof targets[0]; k++, t++) {
        for (i = 0; i < n; i++)
            if (rows[i].due_at > 0 && rows[i].due_at <= s->now && strcmp(rows[i].target, t->name) == 0)
                break;
        if (i < n)
            break;
    }
    if (i == n)
        return false;
    assert_int_equal(s->store->ops->get_delivery(s->store, s->arena, &rows[i].incident, t->name, 5, &d, &err),
                     TOCSIN_OK);
    delivery_next(&d.row, &d.deliveries[0], &t->caps, &work);
    e.incident = rows[i].incident;
    e.target = t->name;
    e.change = work.change;
    e.ver = work.ver;
    e.page = work.page;
    e.notes = work.notes;
    o = outcome(t, work.change);
    e.outcome = &o;
    say(s, "%s:%s%s ", t->name, word(work.change), o.verdict == TOCSIN_DELIVERED ? "" : "!");
    turn(s, &e);
    return true;
}

static void
settle(struct story *s)
{
    for (int i = 0; send_next(s); i++)
        assert_in_range(i, 0, 30);
}

/* --- damage ------------------------------------------------------------------------------ */

static struct store_ops whole;     /* the store's own functions */

static const char *
half_a_policy(struct store *store, struct arena *a, const struct id16 *id)
{
    const char *body = whole.policy_body(store, a, id);

    return body != NULL ? arena_strndup(a, body, strlen(body) / 2) : NULL;
}

/* The newest incident is closed, and its alerts do not know of it. */
static void
lose_incident(struct story *s)
{
    struct incident_row row, *rows[] = { &row };
    struct writeset ws = { .incidents = rows, .n_incidents = 1 };
    const struct store_ops *ops = s->store->ops;
    struct tocsin_err err;
    bool found;

    assert_int_equal(ops->begin(s->store, &err), TOCSIN_OK);
    assert_int_equal(ops->load_incidents(s->store, s->arena, &s->newest, 1, &row, &found, &err), TOCSIN_OK);
    assert_true(found);
    row.state = TOCSIN_INC_RESOLVED;
    row.next_due = 0;
    assert_int_equal(ops->write(s->store, &ws, &err), TOCSIN_OK);
    assert_int_equal(ops->commit(s->store, &err), TOCSIN_OK);
}

static void
damage_policies(struct story *s)
{
    static struct store_ops damaged;

    whole = damaged = *s->store->ops;
    damaged.policy_body = half_a_policy;
    s->store->ops = &damaged;
    turn_env_release(&s->env);
    start(s);
}

/* Started again behind a clock that was set back. */
static void
restart_back(struct story *s, const char *duration)
{
    struct id16 *ids = NULL;
    struct tocsin_err err;
    size_t n = 0;
    int64_t ms = 0;

    assert_true(duration_parse(duration, &ms));
    s->now -= ms;
    turn_env_release(&s->env);
    start(s);
    assert_int_equal(turn_deadlines(&s->env, s->now, &ids, &n, &err), TOCSIN_OK);
    for (size_t i = 0; i < n; i++) {
        struct event e = { .kind = EV_CLOCK, .incident = ids[i] };

        turn(s, &e);
    }
    free(ids);
}

/* --- commands --------------------------------------------------------------------------- */

static void
alert(struct story *s, enum tocsin_status status, char **w, int n)
{
    struct decision d = { .status = status, .source = "cloud", .dedup_key = w[1], .summary = w[1],
                          .severity = TOCSIN_ERROR, .body = w[1], .body_len = strlen(w[1]), .digest = 1,
                          .policy = s->policy, .routed_by = "default policy", .held_by = "",
                          .delayed_by = "rule 'x' (f:1)", .starts_at = s->starts_at };
    const char *parts[] = { "cloud", w[1] };
    struct event e = { .kind = EV_ALERT, .decision = &d };
    char group[2] = { w[1][0], '\0' };       /* a1 and a2 are one group */
    const char *group_parts[] = { group };
    static const char *also[] = { "pd" }, *also_log[] = { "log" };

    for (int i = 2; i < n; i++) {
        if (severity_of(w[i]) != TOCSIN_SEV_NONE)
            d.severity = severity_of(w[i]);
        d.digest += strcmp(w[i], "changed") == 0;
        d.suppress |= strcmp(w[i], "quiet") == 0;
        d.below |= strcmp(w[i], "below") == 0;
        d.steady |= strcmp(w[i], "steady") == 0;
        if (strcmp(w[i], "delayed") == 0)
            d.delay_ms = 120000;
        if (strcmp(w[i], "briefly") == 0)
            d.delay_ms = 60000;
        if (strcmp(w[i], "kept") == 0)
            d.resolve_after_ms = 240000;
        d.drop |= strcmp(w[i], "drop") == 0;
        d.routed |= strcmp(w[i], "routed") == 0;
        if (strcmp(w[i], "also") == 0) {
            d.notify = also;
            d.n_notify = 1;
        }
        if (strcmp(w[i], "also-log") == 0) {
            d.notify = also_log;
            d.n_notify = 1;
        }
        if (strcmp(w[i], "later") == 0)
            d.starts_at = s->starts_at = s->now;
        if (strcmp(w[i], "earlier") == 0)
            d.ends_at = s->starts_at - 1000;
        if (strcmp(w[i], "expiring") == 0)
            d.expires_at = s->now + 240000;
    }
    if (d.suppress || d.drop || d.below)
        d.held_by = "rule 'x' (f:1)";
    d.key = id_hash(parts, 2);
    d.group = id_hash(group_parts, 1);
    d.group_key = arena_strdup(s->arena, group);
    turn(s, &e);
}

static void
pass(struct story *s, const char *duration)
{
    int64_t ms = 0, end;

    assert_true(duration_parse(duration, &ms));
    end = s->now + ms;
    for (;;) {                               /* timers and retries on the way fire when they are due */
        struct pending *rows = NULL;
        struct tocsin_err err;
        size_t n = 0;
        int64_t next = s->store->ops->next_due(s->store);

        assert_int_equal(s->store->ops->pending(s->store, s->arena, &rows, &n, &err), TOCSIN_OK);
        for (size_t i = 0; i < n; i++)
            if (rows[i].due_at > 0 && (next == 0 || rows[i].due_at < next))
                next = rows[i].due_at;
        if (next == 0 || next > end)
            break;
        s->now = next > s->now ? next : s->now;
        turn(s, NULL);
        settle(s);
    }
    s->now = end;
}

static bool
act(struct story *s, char **w, int n)
{
    static const struct { const char *name; enum action action; } actions[] = {
        { "ack", ACTION_ACK },       { "unack", ACTION_UNACK }, { "resolve!", ACTION_RESOLVE },
        { "snooze", ACTION_SNOOZE }, { "note", ACTION_NOTE },   { "escalate", ACTION_ESCALATE },
    };
    struct event e = { .kind = EV_ACTION, .incident = s->newest, .by = "anna", .note = "a note" };

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(w[0], actions[i].name) == 0)
            e.action = actions[i].action;
    if (e.action == 0)
        return false;
    if (e.action == ACTION_SNOOZE) {
        assert_true(duration_parse(w[1], &e.until));
        e.until += s->now;
    }
    for (int i = 1; i + 1 < n; i++)
        if (strcmp(w[i], "from") == 0)
            e.origin = w[i + 1];
    turn(s, &e);
    return true;
}

static void
say_updated(struct story *s)
{
    struct incident_row row;
    struct tocsin_err err;
    bool found;

    assert_int_equal(s->store->ops->load_incidents(s->store, s->arena, &s->newest, 1, &row, &found, &err), TOCSIN_OK);
    assert_true(found);
    say(s, "%ds ", (int)((s->now - row.updated_at) / 1000));
}

static void
command(struct story *s, const char *text)
{
    static const char *const modes[] = { "up", "down", "reject", "lose", "gone", "reject-notes" };
    char *copy = arena_strdup(s->arena, text), *w[8] = { NULL }, *save = NULL;
    int n = 0;

    for (char *t = strtok_r(copy, " ", &save); t != NULL && n < 8; t = strtok_r(NULL, " ", &save))
        w[n++] = t;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(w[0], modes[i]) == 0) {
            target(w[1])->mode = (enum mode)i;
            return;
        }
    if (strcmp(w[0], "fire") == 0) {
        alert(s, TOCSIN_FIRING, w, n);
    } else if (strcmp(w[0], "resolve") == 0) {
        alert(s, TOCSIN_RESOLVED, w, n);
    } else if (strcmp(w[0], "unknown") == 0) {
        alert(s, TOCSIN_UNKNOWN, w, n);
    } else if (strcmp(w[0], "wait") == 0) {
        pass(s, w[1]);
    } else if (strcmp(w[0], "sleep") == 0) { /* time passes while tocsin is not running */
        int64_t ms = 0;

        assert_true(duration_parse(w[1], &ms));
        s->now += ms;
        turn(s, NULL);
    } else if (strcmp(w[0], "back") == 0) {
        int64_t ms = 0;

        assert_true(duration_parse(w[1], &ms));
        s->now -= ms;
    } else if (strcmp(w[0], "damage") == 0) {
        damage_policies(s);
    } else if (strcmp(w[0], "forget") == 0) {
        lose_incident(s);
    } else if (strcmp(w[0], "timeline") == 0) {
        struct incident_detail d;
        struct tocsin_err err;
        int lines = 0;

        assert_int_equal(s->store->ops->get_incident(s->store, s->arena, &s->newest, 0, 100, &d, &err), TOCSIN_OK);
        for (size_t i = 0; i < d.n_events; i++)
            lines += strcmp(d.events[i].kind, w[1]) == 0;
        say(s, "%d ", lines);
    } else if (strcmp(w[0], "updated") == 0) {
        say_updated(s);
    } else if (strcmp(w[0], "restart-back") == 0) {
        restart_back(s, w[1]);
    } else if (strcmp(w[0], "rearm") == 0) {
        struct event e = { .kind = EV_REARM, .incident = s->newest, .target = w[1] };

        turn(s, &e);
    } else if (!act(s, w, n)) {
        fail_msg("no command '%s'", text);
    }
}

static void
say_state(struct story *s)
{
    static const char *const states[] = { "none", "triggered", "acknowledged", "resolved" };
    struct incident_row row = { 0 };
    struct tocsin_err err;
    bool found = false;

    if (!id_is_zero(&s->newest))
        assert_int_equal(s->store->ops->load_incidents(s->store, s->arena, &s->newest, 1, &row, &found, &err),
                         TOCSIN_OK);
    say(s, "|%s%s%s", found && incident_is_delayed(&row) ? "delayed"
                      : found && incident_never_was(&row) ? "never"
                                                          : states[found ? row.state : 0], found && row.exhausted ? " exhausted" : "",
        found && row.suppressed_by[0] != '\0' ? " suppressed" : "");
}

/* --- the stories ------------------------------------------------------------------------------ */

struct line { const char *cmd, *answer; };

#define STORY(name, loops, ack_timeout, restart, ...) \
    { name, loops, ack_timeout, restart, { __VA_ARGS__, { NULL, NULL } } }

static const struct told_story {
    const char *name;
    uint32_t loops;
    int64_t ack_timeout;
    bool restart;
    struct line lines[16];
} stories[] = {
#include "unit/stories.inc"
};

static void
tell(void **state)
{
    const struct told_story *t = *state;
    static const char *first[] = { "pd" }, *second[] = { "vo" }, *third[] = { "og" };
    struct policy_step steps[] = { { 0, first, 1 }, { 300000, second, 1 }, { 900000, third, 1 } };
    static const char *last[] = { "og" };
    struct policy policy = { .name = "p", .steps = steps, .n_steps = 3, .loops = t->loops,
                             .ack_timeout_ms = t->ack_timeout, .failover_after_ms = 60000,
                             .last_wait_ms = 600000, .restart_on_unack = t->restart, .last_resort = last,
                             .n_last_resort = 1 };
    struct policy fallback = { .name = "fallback", .steps = steps + 1, .n_steps = 2, .last_wait_ms = 600000 };
    struct story s = { .store = store_mem_open(), .arena = arena_new(), .policy = &policy, .fallback = &fallback,
                       .now = 1700000000000, .starts_at = 1700000000000 };

    policy_seal(&policy, s.arena);
    policy_seal(&fallback, s.arena);
    start(&s);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        targets[i].mode = MODE_OK;
    for (const struct line *l = t->lines; l->cmd != NULL; l++) {
        s.said[0] = '\0';
        command(&s, l->cmd);
        settle(&s);
        say_state(&s);
        if (strcmp(s.said, l->answer) != 0)
            fail_msg("%s: after '%s'\n  expected: %s\n  but was:  %s", t->name, l->cmd, l->answer, s.said);
    }
    turn_env_release(&s.env);
    s.store->ops->close(s.store);
    arena_free(s.arena);
}

int
main(void)
{
    enum { N = sizeof stories / sizeof stories[0] };
    struct CMUnitTest tests[N];

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){ stories[i].name, tell, NULL, NULL, (void *)(uintptr_t)&stories[i] };
    return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
