/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts of several senders' keys: hosts that a rule makes one alert for each rack, under rules that are edited while
 * they fire, and resolves that say nothing but the host's own key.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/rules/rules.h"
#include "sim/sim.h"

static const char source[] = "racks";

/* --- the rules: two keys, one after the other, and none ------------------------------------------ */

static void
mistake(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    (void)ctx, (void)pos;
    fprintf(stderr, "sim: mistake in the rules of racks: %s\n", fmt);
    exit(2);
}

/* The same for all seeds. */
static struct ruleset *
rules_of(unsigned which, const struct policy *policy)
{
    static const char *const templates[] = { "rack-{{ .labels.rack }}", "{{ .labels.rack }} of {{ .source }}" };
    static struct ruleset *rules[N_RACK_RULES];
    static const char *matcher = "rack != \"\"";
    struct rule_src r = { .name = "racks", .n_any = 1, .pos = { "sim", 1 } };

    if (rules[which] != NULL)
        return rules[which];
    r.any = calloc(1, sizeof *r.any);
    if (r.any == NULL)
        exit(2);
    r.any[0].matchers = &matcher;
    r.any[0].n = 1;
    if (which < N_RACK_RULES - 1)
        r.dedup_key = templates[which];
    rules[which] = ruleset_compile(&r, 1, policy, mistake, NULL);
    free(r.any);
    return rules[which];
}

void
merged_init(struct sim *s, const struct policy *policy)
{
    for (unsigned i = 0; i < N_RACK_RULES; i++) {
        s->rack_rules[i] = rules_of(i, policy);
        s->rack_scratch[i] = rule_scratch_new(s->rack_rules[i]);
    }
}

void
merged_release(struct sim *s)
{
    for (unsigned i = 0; i < N_RACK_RULES; i++)
        rule_scratch_free(s->rack_scratch[i]);
}

void
merged_reload(struct sim *s)
{
    s->rack_rule = (unsigned)roll(s, N_RACK_RULES);
    trace(s, "rules %u of racks", s->rack_rule);
}

bool
merged_no_owns(struct store *store)
{
    (void)store;
    return false;
}

/* --- senders ---------------------------------------------------------------------------------------- */

static struct event
report(struct sim *s, struct arena *a, int host, bool firing, bool bare)
{
    const struct racked *h = &s->racked[host];
    struct tocsin_pair labels[] = { { "host", arena_printf(a, "h%d", host) }, { "rack", host % 2 ? "odd" : "even" } };
    struct tocsin_alert alert = { .status = firing ? TOCSIN_FIRING : TOCSIN_RESOLVED,
                                  .severity = (enum tocsin_severity)(TOCSIN_WARNING + host % 3),
                                  .dedup_key = arena_printf(a, "h%d", host),
                                  .summary = arena_printf(a, "host %d of shape %u", host, h->shape),
                                  .starts_at = h->starts_at, .ends_at = firing ? 0 : h->ends_at,
                                  .labels = labels, .n_labels = bare ? 0 : 2 };
    struct decision *d = ruleset_decide(s->rack_rules[s->rack_rule], s->rack_scratch[s->rack_rule], a, source, &alert);

    if (s->plant == PLANT_ANY_ENDS) {
        d->any_ends = true;
        d->resolve_when = OWN_ANY;
    }
    return (struct event){ .kind = EV_ALERT, .decision = d };
}

static void
change(struct sim *s, int host)
{
    struct racked *h = &s->racked[host];

    if (!h->firing) {
        h->firing = h->anew = true;
        h->starts_at = s->now;
    } else if (roll(s, 3) == 0) {
        h->firing = false;
        h->ends_at = s->now > h->starts_at ? s->now : h->starts_at;
    } else if (roll(s, 4) == 0) {
        h->shape++;
    }
}

/* Some of them in one payload; one that gets no answer is sent again until it does. */
void
merged_report(struct sim *s)
{
    struct arena *a = arena_new();
    struct event events[3];
    int hosts[3];
    size_t n = 1 + roll(s, 3);
    bool again = roll(s, 12) == 0, ok = false;

    for (size_t i = 0; i < n; i++) {
        hosts[i] = (int)roll(s, N_RACKED);
        change(s, hosts[i]);
        events[i] = report(s, a, hosts[i], s->racked[hosts[i]].firing,
                           !s->racked[hosts[i]].firing && roll(s, 2) == 0);
    }
    while (!ok) {
        s->fail_commit = roll(s, 25) == 0;
        if (roll(s, 40) == 0)
            sim_crash(s);
        ok = sim_turn(s, events, n);
        if (ok && again) {
            sim_crash(s);
            ok = again = false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct racked *h = &s->racked[hosts[i]];

        h->known = true;
        h->excused = h->excused && !h->anew;
        h->anew = false;
        trace(s, "host %d of a rack: firing %d", hosts[i], h->firing);
    }
    arena_free(a);
}

/* --- what must hold ---------------------------------------------------------------------------------- */

static struct id16
hash(struct arena *a, int host)
{
    const char *parts[] = { source, arena_printf(a, "h%d", host) };

    return id_hash(parts, 2);
}

/* The open alert under which a host is; NULL: none.  There is never more than one: no rule here tells apart one host. */
static const struct alert_row *
alert_of(struct sim *s, struct arena *a, int host)
{
    struct id16 own = hash(a, host);
    struct alert_row *found = arena_alloc(a, sizeof *found);
    struct own_row *rows;
    struct tocsin_err err;
    size_t n;

    if (s->store->ops->load_owns(s->store, a, &own, 1, &rows, &n, &err) != TOCSIN_OK ||
        s->store->ops->load_alerts(s->store, &own, 1, found, &err) != TOCSIN_OK)
        broken(s, "loading an own key failed: %s", err.what);
    if (n + (alert_is_open(found) && found->n_own == 0) > 1)
        broken(s, "M3: 'h%d' is under more than one alert", host);
    if (n == 0)
        return alert_is_open(found) && found->n_own == 0 ? found : NULL;
    if (s->store->ops->load_alerts(s->store, &rows[0].key, 1, found, &err) != TOCSIN_OK)
        broken(s, "loading an alert failed: %s", err.what);
    return found;
}

void
check_merged(struct sim *s, struct arena *a)
{
    struct alert_filter open = { .source = source,
                                 .states = 1u << ALERT_FIRING | 1u << ALERT_DISMISSED | 1u << ALERT_DROPPED };
    uint32_t under[N_RACKED] = { 0 };
    struct alert_row *rows;
    struct tocsin_err err;
    size_t n;

    if (s->store->ops->list_alerts(s->store, a, &open, &rows, &n, &err) != TOCSIN_OK)
        broken(s, "list_alerts failed: %s", err.what);
    for (int host = 0; host < N_RACKED; host++) {
        struct racked *h = &s->racked[host];
        const struct alert_row *at = alert_of(s, a, host);

        if (at == NULL && h->known && h->firing && !h->excused)
            broken(s, "M1: 'h%d' fires, and is under no alert", host);
        if (at != NULL && h->known && !h->firing)
            broken(s, "M2: 'h%d' is over, and holds an alert open", host);
        h->excused |= at != NULL && at->state == ALERT_DISMISSED;   /* with the next of its rack it may be forgotten */
        for (size_t i = 0; at != NULL && i < n && i < N_RACKED; i++)
            under[i] += rows[i].rowid == at->rowid;
    }
    if (n > N_RACKED)
        broken(s, "M4: more alerts of racks are open than there are hosts");
    for (size_t i = 0; i < n && i < N_RACKED; i++)
        if (under[i] == 0 || (rows[i].n_own > 0 && rows[i].n_own != under[i]))
            broken(s, "M4: '%s' is open for %u of the %u that it counts", rows[i].dedup_key, under[i], rows[i].n_own);
}
