/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of alerts, of kinds that the rules treat each in its way; and those rules. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/rules/rules.h"

/* --- the rule set: two policies, and a rule for each kind of alert that is not plain -------------- */

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

/* A rule that matches one kind. */
static struct rule_src
of_kind(struct arena *a, const char *kind, unsigned line)
{
    struct rule_src r = { .name = kind, .n_any = 1, .pos = { "sim", line } };
    const char **matcher = arena_alloc(a, sizeof *matcher);

    *matcher = arena_printf(a, "kind = %s", kind);
    r.any = arena_zalloc(a, sizeof *r.any);
    r.any[0].matchers = matcher;
    r.any[0].n = 1;
    return r;
}

enum { GROUPED, QUIET, DROPPED, DELAYED, EXPIRING, N_RULES };

struct ruleset *
sim_rules(const struct policy **default_policy_r)
{
    static const char *by_host[] = { "host" }, *extra[] = { "chat" };
    static const char *const kinds_of[N_RULES] = { "grouped", "quiet", "dropped", "delayed", "expiring" };
    struct arena *a = arena_new();           /* of the policies: as long as the program */
    struct rule_src src[N_RULES];

    for (unsigned i = 0; i < N_RULES; i++)
        src[i] = of_kind(a, kinds_of[i], i + 1);
    src[GROUPED].group_by = by_host;
    src[GROUPED].n_group_by = 1;
    src[GROUPED].has_group_by = true;
    src[GROUPED].policy = make_policy("looping", a, true);
    src[GROUPED].notify = extra;
    src[GROUPED].n_notify = 1;
    src[QUIET].suppress = true;
    src[DROPPED].drop = true;
    src[DELAYED].delay_ms = SIM_DELAY_MS;
    src[DELAYED].has_delay = true;
    src[EXPIRING].resolve_after_ms = SIM_RESOLVE_AFTER_MS;
    src[EXPIRING].has_resolve_after = true;
    *default_policy_r = make_policy("default", a, false);
    return ruleset_compile(src, N_RULES, *default_policy_r, rule_mistake, NULL);
}

/* --- senders ----------------------------------------------------------------------------------- */

static const char *const kinds[] = { "plain", "grouped", "grouped", "quiet", "dropped", "plain", "delayed", "expiring" };

const char *
sender_kind(int key)
{
    return kinds[(size_t)key % (sizeof kinds / sizeof kinds[0])];
}

struct id16
sender_key(struct arena *a, int source, int key)
{
    const char *parts[] = { source == 0 ? "cloud" : "cluster", arena_printf(a, "key-%d", key) };

    return id_hash(parts, 2);
}

static struct decision *
decide(struct sim *s, struct arena *a, int source, int key, enum tocsin_status status)
{
    static const char *const hosts[] = { "a", "b", "c" };
    const struct source_alert *f = &s->alerts[source][key];
    struct tocsin_pair labels[] = { { "host", hosts[key % 3] }, { "kind", sender_kind(key) } };
    struct decision *d;
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

    d = ruleset_decide(s->rules, s->scratch, a, source == 0 ? "cloud" : "cluster", &alert);
    if (s->plant == PLANT_NO_DELAY)
        d->delay_ms = 0;
    if (s->plant == PLANT_LONG_DELAY)
        d->delay_ms *= 3;
    if (s->plant == PLANT_NEVER_EXPIRES)
        d->resolve_after_ms = 0;
    return d;
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
            sim_crash(s);                    /* before the commit: no answer, so it is sent again */
            continue;
        }
        ok = sim_turn(s, &e, 1);
        if (ok && retry) {
            sim_crash(s);                    /* after the commit, before the answer: sent again as well */
            ok = retry = false;
        }
    }
    trace(s, "source %d key %d status %d %s", source, key, (int)status, ok ? "accepted" : "lost by the sender");
    if (ok) {
        f->known = true;
        f->accepted_firing = status == TOCSIN_FIRING;
        times_news(s, source, key, status);
    }
    arena_free(a);
}

void
senders_report(struct sim *s)
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
