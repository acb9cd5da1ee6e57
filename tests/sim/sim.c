/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/xalloc.h"
#include "core/rules/rules.h"

enum { STEPS = 120, DRAIN_STEPS = 400 };

const char *const plant_names[N_PLANTS] = { "nothing",     "a commit that keeps nothing", "a retry that is forgotten",
                                            "a resolve that is not sent", "a dedup key that changes",
                                            "timers that do not fire", "an acknowledgement that is not sent",
                                            "deadlines of a clock that was ahead" };

/* --- dice and trace ------------------------------------------------------------------ */

uint64_t
roll(struct sim *s, uint64_t n)
{
    return idgen_u64(&s->dice) % n;
}

void
trace(struct sim *s, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof line)
        n = (int)strlen(line);
    s->trace = XXH3_64bits_withSeed(line, (size_t)n, s->trace);
    if (s->verbose)
        printf("%10lld %s\n", (long long)s->now % 10000000000, line);
}

void
broken(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->problem[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(s->problem, sizeof s->problem, fmt, ap);
    va_end(ap);
    if (s->verbose)
        printf("BROKEN: %s\n", s->problem);
}

/* --- the rule set: two policies, a group by label, a suppressed and a dropped kind ------ */

static struct policy *
make_policy(const char *name, struct arena *a, bool loops)
{
    static const char *targets[][2] = { { "pd", NULL }, { "vo", "chat" }, { "og", NULL } };
    static const size_t n[] = { 1, 2, 1 };
    static const char *last[] = { "og" };
    struct policy *p = arena_zalloc(a, sizeof *p);

    p->name = name;
    p->n_steps = loops ? 2 : 3;
    p->steps = arena_zalloc(a, p->n_steps * sizeof *p->steps);
    for (size_t i = 0; i < p->n_steps; i++)
        p->steps[i] = (struct policy_step){ (int64_t)i * 300000, targets[i], n[i] };
    p->loops = loops ? 1 : 0;
    p->ack_timeout_ms = loops ? 3600000 : 0;
    p->failover_after_ms = 60000;
    p->last_wait_ms = 300000;
    p->restart_on_unack = loops;
    p->last_resort = last;
    p->n_last_resort = 1;
    policy_seal(p, a);
    return p;
}

static void
rule_mistake(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    (void)ctx;
    fprintf(stderr, "sim: mistake in the rule set at %s:%u: %s\n", pos.file, pos.line, fmt);
    exit(2);
}

static struct ruleset *rules;      /* the same for all seeds */
static const struct policy *sim_default_policy;

static void
make_rules(void)
{
    static struct arena *a;
    static const char *by_host[] = { "host" }, *grouped[] = { "kind = grouped" }, *quiet[] = { "kind = quiet" },
                      *dropped[] = { "kind = dropped" };
    static const char *extra[] = { "chat" };
    struct rule_src src[3] = { { 0 } };

    a = arena_new();
    for (int i = 0; i < 3; i++) {
        src[i].any = arena_zalloc(a, sizeof *src[i].any);
        src[i].n_any = 1;
        src[i].any[0].n = 1;
        src[i].pos = (struct rule_pos){ "sim", (unsigned)i + 1 };
    }
    src[0].name = "group";
    src[0].any[0].matchers = grouped;
    src[0].group_by = by_host;
    src[0].n_group_by = 1;
    src[0].has_group_by = true;
    src[0].policy = make_policy("looping", a, true);
    src[0].notify = extra;
    src[0].n_notify = 1;
    src[1].name = "quiet";
    src[1].any[0].matchers = quiet;
    src[1].suppress = true;
    src[2].name = "drop";
    src[2].any[0].matchers = dropped;
    src[2].drop = true;
    sim_default_policy = make_policy("default", a, false);
    rules = ruleset_compile(src, 3, sim_default_policy, rule_mistake, NULL);
}

/* --- turns --------------------------------------------------------------------------------- */

static enum tocsin_rc
faulty_commit(struct store *st, struct tocsin_err *err)
{
    extern struct sim *sim_current;
    struct sim *s = sim_current;

    if (s->fail_commit) {
        s->fail_commit = false;
        err->rc = TOCSIN_TEMPORARY;
        return TOCSIN_TEMPORARY;
    }
    if (s->plant == PLANT_LOSE_COMMIT && roll(s, 20) == 0) {
        s->real_rollback(st);
        return TOCSIN_OK;
    }
    return s->real_commit(st, err);
}

struct sim *sim_current;

static enum tocsin_rc
no_incidents(struct store *st, int64_t now, struct id16 *out, size_t max, size_t *n, struct tocsin_err *err)
{
    (void)st, (void)now, (void)out, (void)max, (void)err;
    *n = 0;
    return TOCSIN_OK;
}

bool
sim_turn(struct sim *s, struct event *events, size_t n)
{
    struct arena *a = arena_new();
    struct turn_result r;
    struct tocsin_err err;
    /* as in the daemon, now and then what only repeats is counted without a turn */
    bool ok = n == 1 && events->kind == EV_ALERT && roll(s, 2) == 0 && turn_repeats(&s->env, a, events, 1, s->now, &r);

    announced_begin(a);
    if (!ok)
        ok = turn_run(&s->env, a, events, n, s->now, 50, &r, &err) == TOCSIN_OK;
    if (ok)
        check_announced(s, &r);
    if (ok)
        notifier_due(s, &r);
    trace(s, "turn of %zu: %s, %zu due", n, ok ? "committed" : "refused", ok ? r.n_due : 0);
    arena_free(a);
    s->steps++;
    return ok;
}

static bool
caps_of(void *ctx, const char *target, struct delivery_caps *out)
{
    const struct vendor *v = vendor_find(ctx, target);

    if (v == NULL || !v->configured)
        return false;
    *out = v->caps;
    return true;
}

static const struct policy *
default_policy(void *ctx)
{
    (void)ctx;
    return sim_default_policy;
}

/* As the daemon after its start: no stored deadline may lie further ahead than its own row allows. */
static void
check_clock(struct sim *s)
{
    struct id16 *ids = NULL;
    struct tocsin_err err;
    size_t n = 0;

    if (turn_deadlines(&s->env, s->now, &ids, &n, &err) != TOCSIN_OK)
        broken(s, "turn_deadlines failed: %s", err.what);
    for (size_t i = 0; i < n; i++) {
        struct event e = { .kind = EV_CLOCK, .incident = ids[i] };

        while (!sim_turn(s, &e, 1))
            ;
    }
    free(ids);
}

/* A process starts on what the store holds. */
static void
boot(struct sim *s)
{
    turn_env_init(&s->env, s->store, s->seed, roll(s, UINT64_MAX));
    s->env.caps_of = caps_of;
    s->env.default_policy = default_policy;
    s->env.announce = announced_add;
    s->env.ctx = s;
    notifier_restart(s);
    if (s->plant != PLANT_TRUST_CLOCK)
        check_clock(s);
}

static void
crash(struct sim *s)
{
    trace(s, "crash");
    s->crashes++;
    turn_env_release(&s->env);
    boot(s);
}

/* --- senders ----------------------------------------------------------------------------------- */

static const char *const kinds[] = { "plain", "grouped", "grouped", "quiet", "dropped", "plain" };

static struct decision *
decide(struct sim *s, struct arena *a, int source, int key, enum tocsin_status status)
{
    static const char *const hosts[] = { "a", "b", "c" };
    const struct source_alert *f = &s->alerts[source][key];
    struct tocsin_pair labels[] = { { "host", hosts[key % 3] }, { "kind", kinds[(size_t)key % 6] } };
    struct tocsin_alert alert = { .status = status,
                                  .severity = (enum tocsin_severity)f->severity,
                                  .dedup_key = arena_printf(a, "key-%d", key),
                                  .summary = arena_printf(a, "alert %d of shape %u", key, f->shape),
                                  .starts_at = f->starts_at,
                                  /* a source knows that an end is not before its beginning, whatever its clock says */
                                  .ends_at = status != TOCSIN_RESOLVED ? 0
                                             : s->now > f->starts_at   ? s->now
                                                                       : f->starts_at,
                                  .labels = labels,
                                  .n_labels = 2 };

    return ruleset_decide(s->rules, s->scratch, a, source == 0 ? "cloud" : "cluster", &alert);
}

/* Deliver one state; a sender that gets no 2xx tries again until it does, as real ones do. */
static void
post(struct sim *s, int source, int key, enum tocsin_status status)
{
    struct source_alert *f = &s->alerts[source][key];
    struct arena *a = arena_new();
    bool retry = roll(s, 12) == 0, ok = false;

    for (int tries = 0; tries < 5 && !ok; tries++) {
        struct event e = { .kind = EV_ALERT, .decision = decide(s, a, source, key, status) };

        s->fail_commit = tries == 0 && roll(s, 25) == 0;
        if (tries == 0 && roll(s, 40) == 0) {
            crash(s);                        /* before the commit: no answer, so it is sent again */
            continue;
        }
        ok = sim_turn(s, &e, 1);
        if (ok && retry) {
            crash(s);                        /* after the commit, before the answer: sent again as well */
            ok = retry = false;
        }
    }
    trace(s, "source %d key %d status %d %s", source, key, (int)status, ok ? "accepted" : "lost by the sender");
    if (ok) {
        f->known = true;
        f->accepted_firing = status == TOCSIN_FIRING;
    }
    arena_free(a);
}

static void
senders(struct sim *s)
{
    int source = (int)roll(s, N_SOURCES), key = (int)roll(s, N_KEYS);
    struct source_alert *f = &s->alerts[source][key];

    if (!f->firing) {
        f->firing = true;
        f->starts_at = roll(s, 3) == 0 ? 0 : s->now;
        f->severity = (uint8_t)(roll(s, 5));
        post(s, source, key, TOCSIN_FIRING);
    } else if (roll(s, 3) == 0) {
        f->firing = false;
        post(s, source, key, TOCSIN_RESOLVED);
    } else {
        if (roll(s, 3) == 0)
            f->shape++;
        if (roll(s, 6) == 0)
            f->severity = (uint8_t)roll(s, 5);
        post(s, source, key, roll(s, 10) == 0 ? TOCSIN_UNKNOWN : TOCSIN_FIRING);
    }
}

/* --- people ----------------------------------------------------------------------------------- */

static void
people(struct sim *s)
{
    struct arena *a = arena_new();
    struct incident_filter filter = { .limit = 20 };
    struct incident_row *rows;
    struct tocsin_err err;
    size_t n = 0;

    if (s->store->ops->list_incidents(s->store, a, &filter, &rows, &n, &err) != TOCSIN_OK)
        broken(s, "list_incidents failed: %s", err.what);
    if (n > 0) {
        struct event e = { .kind = EV_ACTION, .by = "anna", .note = "note" };
        uint64_t origin = roll(s, N_VENDORS * 2);

        e.incident = rows[roll(s, n)].id;
        e.action = (enum action)(1 + roll(s, 6));
        e.until = s->now + (int64_t)roll(s, 1800000) + 1;
        if (origin < N_VENDORS && e.action != ACTION_SNOOZE && e.action != ACTION_ESCALATE) {
            struct vendor_alert *v = vendor_alert(&s->vendors[origin], &e.incident);

            /* a callback: the vendor did it first, and says so */
            if (v != NULL && v->open) {
                e.origin = s->vendors[origin].name;
                v->acked = e.action == ACTION_ACK ? true : e.action == ACTION_UNACK ? false : v->acked;
                v->open = e.action != ACTION_RESOLVE;
            }
        }
        trace(s, "action %d on %02x%02x origin %s", (int)e.action, e.incident.b[14], e.incident.b[15],
              e.origin != NULL ? e.origin : "-");
        while (!sim_turn(s, &e, 1))
            ;
    }
    arena_free(a);
}

/* --- the world ---------------------------------------------------------------------------------- */

static void
faults(struct sim *s)
{
    struct vendor *v = &s->vendors[roll(s, N_VENDORS)];

    switch (roll(s, 7)) {
    case 0:
        v->down = !v->down;
        break;
    case 1:
        v->rejects = !v->rejects;
        break;
    case 2:
        v->loses_answers = !v->loses_answers;
        break;
    case 3:
        v->configured = !v->configured;
        break;
    case 4:
        crash(s);
        break;
    case 5:
        s->now -= (int64_t)roll(s, 120000);  /* the clock goes back */
        break;
    case 6:
        s->now -= (int64_t)roll(s, 43200000); /* far, while tocsin is not running */
        crash(s);
        check_waits(s);
        break;
    }
    trace(s, "fault at %s: down %d rejects %d loses %d configured %d", v->name, v->down, v->rejects, v->loses_answers,
          v->configured);
}

static void
pass_time(struct sim *s)
{
    int64_t due = s->store->ops->next_due(s->store);

    if (roll(s, 2) == 0 && due > s->now)
        s->now = due;
    else
        s->now += (int64_t)roll(s, roll(s, 4) == 0 ? 1200000 : 20000);
}

static void
step(struct sim *s)
{
    uint64_t what = roll(s, 100);

    if (what < 50)
        senders(s);
    else if (what < 62)
        people(s);
    else if (what < 70)
        faults(s);
    else if (what < 76)
        silences_change(s);
    pass_time(s);
    sim_turn(s, NULL, 0);
    notifier_work(s, roll(s, 30) == 0);
    check_state(s);
}

/* Faults end; everything that is owed must be paid. */
static void
drain(struct sim *s)
{
    for (size_t i = 0; i < N_VENDORS; i++) {
        struct vendor *v = &s->vendors[i];

        v->down = v->rejects = v->loses_answers = false;
        v->configured = true;
    }
    notifier_rearm(s);
    for (int i = 0; i < DRAIN_STEPS && s->problem[0] == '\0'; i++) {
        int64_t due = s->store->ops->next_due(s->store), next = s->now + 600000;

        sim_turn(s, NULL, 0);
        notifier_work(s, false);
        for (size_t k = 0; k < s->n_due; k++)
            if (s->due[k].at < next)
                next = s->due[k].at;
        if (due > s->now && due < next)
            next = due;
        if (s->n_due == 0 && due == 0)
            break;
        s->now = next > s->now ? next : s->now + 1;
    }
    check_state(s);
    check_end(s);
}

/* --- a life --------------------------------------------------------------------------------------- */

static void
sim_init(struct sim *s, uint64_t seed, enum plant plant, bool verbose)
{
    *s = (struct sim){ .seed = seed, .plant = plant, .verbose = verbose, .now = 1700000000000 };
    sim_current = s;
    idgen_seed(&s->dice, seed, 0x746f6373696e);
    s->rules = rules;
    s->scratch = rule_scratch_new(rules);
    s->store = store_mem_open();
    s->ops = *s->store->ops;
    s->real_commit = s->ops.commit;
    s->real_rollback = s->ops.rollback;
    s->ops.commit = faulty_commit;
    if (plant == PLANT_IGNORE_TIMERS)
        s->ops.due_incidents = no_incidents;
    s->store->ops = &s->ops;
    vendors_init(s);
    boot(s);
}

static void
sim_release(struct sim *s)
{
    turn_env_release(&s->env);
    rule_scratch_free(s->scratch);
    s->ops.close(s->store);
    for (size_t i = 0; i < N_VENDORS; i++)
        free(s->vendors[i].alerts);
    free(s->due);
}

static void
live(struct sim *s, uint64_t seed, enum plant plant, bool verbose)
{
    sim_init(s, seed, plant, verbose);
    for (int i = 0; i < STEPS && s->problem[0] == '\0'; i++)
        step(s);
    if (s->problem[0] == '\0')
        drain(s);
    sim_release(s);
}

/* --- the program ------------------------------------------------------------------------------------ */

/* Each planted error must be found, and in how many lives it took. */
static unsigned
self_test(unsigned *passed)
{
    unsigned failed = 0;

    for (int p = 1; p < N_PLANTS; p++) {
        struct sim s;
        uint64_t seed = 0;

        do
            live(&s, ++seed, (enum plant)p, false);
        while (s.problem[0] == '\0' && seed < 500);
        if (s.problem[0] == '\0') {
            printf("not found: %s\n", plant_names[p]);
            failed++;
        } else {
            printf("found after %llu lives: %s (%s)\n", (unsigned long long)seed, plant_names[p], s.problem);
            (*passed)++;
        }
    }
    return failed;
}

static bool
repeats_itself(uint64_t seed)
{
    struct sim a, b;

    live(&a, seed, PLANT_NOTHING, false);
    live(&b, seed, PLANT_NOTHING, false);
    if (a.trace != b.trace)
        printf("seed %llu gives two different traces\n", (unsigned long long)seed);
    return a.trace == b.trace;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = { { "seeds", required_argument, NULL, 'n' },
                                             { "first", required_argument, NULL, 'f' },
                                             { "verbose", no_argument, NULL, 'v' },
                                             { "self-test", no_argument, NULL, 's' },
                                             { NULL, 0, NULL, 0 } };
    uint64_t n = 1000, first = 1, steps = 0, sends = 0, crashes = 0, announced = 0;
    unsigned passed = 0, failed = 0;
    bool verbose = false, test = false;
    int c;

    while ((c = getopt_long(argc, argv, "n:f:vs", options, NULL)) != -1) {
        if (c == 'n')
            n = strtoull(optarg, NULL, 10);
        else if (c == 'f')
            first = strtoull(optarg, NULL, 10);
        else if (c == 'v')
            verbose = true;
        else if (c == 's')
            test = true;
        else
            return 2;
    }
    make_rules();
    if (test)
        failed += self_test(&passed);
    for (uint64_t seed = first; seed < first + n; seed++) {
        struct sim s;

        live(&s, seed, PLANT_NOTHING, verbose);
        steps += s.steps;
        sends += s.sends;
        announced += s.announced;
        crashes += s.crashes;
        if (s.problem[0] != '\0' && ++failed <= 20)
            printf("seed %llu: %s\n", (unsigned long long)seed, s.problem);
        passed += s.problem[0] == '\0';
        if (seed % 1000 == 0 && !repeats_itself(seed))
            failed++;
    }
    printf("%llu turns, %llu sends, %llu crashes, %llu pages announced\n", (unsigned long long)steps,
           (unsigned long long)sends, (unsigned long long)crashes, (unsigned long long)announced);
    if (n >= 100 && announced == 0)
        failed++;
    ruleset_free(rules);
    printf("sim: %u passed, %u failed\n", passed, failed);
    return failed > 0;
}
