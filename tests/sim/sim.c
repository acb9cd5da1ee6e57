/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/rules/rules.h"
#include "os/log.h"

enum { STEPS = 120, DRAIN_STEPS = 400 };

const char *const plant_names[N_PLANTS] = { "nothing",     "a commit that keeps nothing", "a retry that is forgotten",
                                            "a resolve that is not sent", "a dedup key that changes",
                                            "timers that do not fire", "an acknowledgement that is not sent",
                                            "deadlines of a clock that was ahead",
                                            "heartbeats that a start forgets",
                                            "a beat that is answered and not counted",
                                            "deadlines of alerts that do not fire",
                                            "a delay that is not waited for",
                                            "a delay that is longer than its rule says",
                                            "a resolve_after that is forgotten",
                                            "an alert of several that ends with the first",
                                            "own keys that nobody asks for" };

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

static struct ruleset *rules;      /* the same for all seeds */
static const struct policy *sim_default_policy;

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
nothing_due(struct store *st, int64_t now, struct id16 *out, size_t max, size_t *n, struct tocsin_err *err)
{
    (void)st, (void)now, (void)out, (void)max, (void)err;
    *n = 0;
    return TOCSIN_OK;
}

/* A store behind which commits fail now and then, and what else is planted. */
static void
adopt(struct sim *s, struct store *store)
{
    s->store = store;
    s->ops = *store->ops;
    s->real_commit = s->ops.commit;
    s->real_rollback = s->ops.rollback;
    s->ops.commit = faulty_commit;
    if (s->plant == PLANT_IGNORE_TIMERS)
        s->ops.due_incidents = nothing_due;
    if (s->plant == PLANT_NO_OWNS)
        s->ops.has_owns = merged_no_owns;
    if (s->plant == PLANT_DEAF)
        s->ops.due_alerts = nothing_due;
    store->ops = &s->ops;
}

bool
sim_turn(struct sim *s, struct event *events, size_t n)
{
    struct arena *a = arena_new();
    struct turn_result r;
    struct tocsin_err err;
    /* as in the daemon, now and then what only repeats is counted without a turn */
    bool repeats = n == 1 && (events->kind == EV_ALERT || events->kind == EV_BEAT) && roll(s, 2) == 0;
    bool ok = repeats && turn_repeats(&s->env, a, events, 1, s->now, &r);

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
    s->env.silent = beats_fall_silent;
    s->env.ctx = s;
    s->env.started_at = s->now;
    s->env.grace_until = s->now + COMMITTER_GRACE_MS;
    notifier_restart(s);
    times_restart(s);
    beats_start(s);
    if (s->plant != PLANT_TRUST_CLOCK)
        check_clock(s);
}

void
sim_crash(struct sim *s)
{
    const struct store_ops *ops = &s->ops;
    struct store *old = s->store;

    trace(s, "crash");
    s->crashes++;
    turn_env_release(&s->env);
    adopt(s, store_mem_clone(old));          /* what was counted and not flushed is lost */
    ops->close(old);
    boot(s);
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

    switch (roll(s, 8)) {
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
        sim_crash(s);
        break;
    case 5:
        s->now -= (int64_t)roll(s, 120000);  /* the clock goes back */
        break;
    case 6:
        s->now -= (int64_t)roll(s, 43200000); /* far, while tocsin is not running */
        sim_crash(s);
        check_waits(s);
        break;
    case 7:
        beats_reload(s);
        merged_reload(s);
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
    if (s->now > s->latest)
        s->latest = s->now;
}

static void
flush(struct sim *s)
{
    struct tocsin_err err;

    if (s->store->ops->flush(s->store, &err) != TOCSIN_OK)
        broken(s, "flush failed: %s", err.what);
}

static void
step(struct sim *s)
{
    uint64_t what = roll(s, 100);

    if (what < 45)
        senders_report(s);
    else if (what < 57)
        people(s);
    else if (what < 66)
        faults(s);
    else if (what < 72)
        silences_change(s);
    else if (what < 84)
        beats_beat(s);
    else if (what < 96)
        merged_report(s);
    if (roll(s, 3) == 0)
        flush(s);
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
    *s = (struct sim){ .seed = seed, .plant = plant, .verbose = verbose, .now = 1700000000000, .latest = 1700000000000 };
    sim_current = s;
    idgen_seed(&s->dice, seed, 0x746f6373696e);
    s->rules = rules;
    s->scratch = rule_scratch_new(rules);
    merged_init(s, sim_default_policy);
    adopt(s, store_mem_open());
    vendors_init(s);
    beats_init(s);
    boot(s);
}

static void
sim_release(struct sim *s)
{
    beats_free(s->beats);
    turn_env_release(&s->env);
    rule_scratch_free(s->scratch);
    merged_release(s);
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
    log_set_level(LOG_LEVEL_ERROR);
    rules = sim_rules(&sim_default_policy);
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
