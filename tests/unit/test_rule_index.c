/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index finds what looking at every rule finds: random rule sets and
 * alerts from a small vocabulary, so that matches, changes that bring other
 * rules into question, and near misses are all frequent.  Then, without
 * asserting anything about them, the times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/id.h"
#include "core/rules/ruleset.h"

static struct policy policies[3] = { { .name = "p0" }, { .name = "p1" }, { .name = "p2" } };

static void
on_report(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    va_list ap;

    (void)ctx;
    printf("%s:%u: ", pos.file, pos.line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

/* --- random rules ---------------------------------------------------------------------------- */

static unsigned
pick(struct idgen *g, unsigned n)
{
    return (unsigned)(idgen_u64(g) % n);
}

static const char *const names[] = { "a", "b", "c", "d", "e" };
static const char *const words[] = { "critical", "error", "warning", "info" };

static const char *
matcher(struct idgen *g, struct arena *m)
{
    static const char *const ops[] = { "=", "=", "=", "=", "!=", "=~", "!~", "<", ">=" };
    static const char *const regexes[] = { "v[0-3]", "v1|v2", ".*", "", "v1|", "[^v].*", "2|3" };
    const char *op = ops[pick(g, 9)];
    bool regex = op[1] == '~';

    switch (pick(g, 8)) {
    case 0:
        return arena_printf(m, "severity %s %s", regex ? "!=" : op, words[pick(g, 4)]);
    case 1:
        return arena_printf(m, "source = s%u", pick(g, 3));
    case 2:
        return pick(g, 2) ? "status = firing" : "status != resolved";
    case 3:
        return arena_printf(m, "summary %s \"v%u\"", pick(g, 2) ? "=" : "!=", pick(g, 5));
    default:
        break;
    }
    if (regex)
        return arena_printf(m, "%s %s \"%s\"", names[pick(g, 5)], op, regexes[pick(g, 7)]);
    if (op[0] == '<' || op[0] == '>')
        return arena_printf(m, "%s %s %u", names[pick(g, 5)], op, pick(g, 5));
    if (pick(g, 8) == 0)
        return arena_printf(m, "%s %s \"\"", names[pick(g, 5)], op);
    return arena_printf(m, "%s %s %s%u", names[pick(g, 5)], op, pick(g, 4) ? "v" : "", pick(g, 5));
}

static void
random_match(struct idgen *g, struct arena *m, struct rule_src *r)
{
    r->n_any = pick(g, 10) == 0 ? 0 : 1 + pick(g, 2);
    r->any = arena_zalloc(m, 3 * sizeof *r->any);
    for (size_t i = 0; i < r->n_any; i++) {
        r->any[i].n = pick(g, 12) == 0 ? 0 : 1 + pick(g, 3);
        r->any[i].matchers = arena_alloc(m, 3 * sizeof(char *));
        for (size_t k = 0; k < r->any[i].n; k++)
            r->any[i].matchers[k] = matcher(g, m);
    }
}

static void
random_actions(struct idgen *g, struct arena *m, struct rule_src *r)
{
    r->set = arena_alloc(m, 2 * sizeof *r->set);
    r->n_set = pick(g, 3);
    for (size_t i = 0; i < r->n_set; i++) {
        r->set[i].name = names[pick(g, 5)];
        r->set[i].value = pick(g, 3) ? arena_printf(m, "v%u", pick(g, 5))
                                     : arena_printf(m, "{{ .labels.%s }}", names[pick(g, 5)]);
        if (pick(g, 5) == 0) {
            r->set[i].name = "severity";
            r->set[i].value = pick(g, 3) ? words[pick(g, 4)] : "{{ .labels.a }}";
        } else if (pick(g, 5) == 0) {
            r->set[i].name = "summary";
        }
    }
    r->unset = arena_alloc(m, sizeof *r->unset);
    r->n_unset = pick(g, 6) == 0;
    r->unset[0] = names[pick(g, 5)];
    r->dedup_key = pick(g, 12) == 0 ? "{{ .labels.b }}-{{ .summary }}" : NULL;
    r->group_by = arena_memdup(m, names, sizeof names);
    r->has_group_by = pick(g, 8) == 0;
    r->n_group_by = r->has_group_by ? pick(g, 4) : 0;
    r->policy = pick(g, 6) == 0 ? &policies[1 + pick(g, 2)] : NULL;
    r->notify = arena_memdup(m, words, sizeof words);
    r->n_notify = pick(g, 8) == 0 ? 1 + pick(g, 2) : 0;
    r->suppress = pick(g, 15) == 0;
    r->drop = pick(g, 20) == 0;
    r->stop = pick(g, 20) == 0;
}

static struct ruleset *
random_rules(struct idgen *g, struct arena *m, size_t n)
{
    struct rule_src *src = arena_zalloc(m, n * sizeof *src);

    for (size_t i = 0; i < n; i++) {
        src[i].name = arena_printf(m, "r%zu", i);
        src[i].pos = (struct rule_pos){ "random.cfg", (unsigned)i + 1 };
        random_match(g, m, &src[i]);
        random_actions(g, m, &src[i]);
    }
    return ruleset_compile(src, n, &policies[0], on_report, NULL);
}

static struct tocsin_alert
random_alert(struct idgen *g, struct arena *m)
{
    struct tocsin_pair *labels = arena_alloc(m, 6 * sizeof *labels);
    struct tocsin_alert a = { .status = pick(g, 4) ? TOCSIN_FIRING : TOCSIN_RESOLVED,
                              .severity = (enum tocsin_severity)pick(g, 5), .labels = labels, .n_labels = pick(g, 7) };

    for (size_t i = 0; i < a.n_labels; i++) {
        labels[i].name = names[pick(g, 5)];
        labels[i].value = pick(g, 9) == 0 ? "" : arena_printf(m, "%s%u", pick(g, 3) ? "v" : "", pick(g, 5));
    }
    if (pick(g, 2))
        a.summary = arena_printf(m, "v%u", pick(g, 6));
    if (pick(g, 4) == 0)
        a.group = "g";
    return a;
}

/* --- the same decision? -------------------------------------------------------------------------- */

static bool
same_trace(const struct decision *a, const struct decision *b)
{
    if (a->n_trace != b->n_trace)
        return false;
    for (size_t i = 0; i < a->n_trace; i++)
        if (strcmp(a->trace[i].rule, b->trace[i].rule) != 0 || strcmp(a->trace[i].text, b->trace[i].text) != 0 ||
            a->trace[i].failed != b->trace[i].failed)
            return false;
    return true;
}

static bool
same(const struct decision *a, const struct decision *b)
{
    if (a->n_notify != b->n_notify)
        return false;
    for (size_t i = 0; i < a->n_notify; i++)
        if (strcmp(a->notify[i], b->notify[i]) != 0)
            return false;
    return same_trace(a, b) && id_eq(&a->key, &b->key) && id_eq(&a->group, &b->group) && a->status == b->status &&
           a->severity == b->severity && a->digest == b->digest && a->body_len == b->body_len &&
           memcmp(a->body, b->body, a->body_len) == 0 && strcmp(a->summary, b->summary) == 0 &&
           strcmp(a->group_key, b->group_key) == 0 && a->drop == b->drop && a->suppress == b->suppress &&
           strcmp(a->held_by, b->held_by) == 0 && a->policy == b->policy && a->routed == b->routed &&
           strcmp(a->routed_by, b->routed_by) == 0 && a->failed == b->failed;
}

static void
test_index_equals_plain(void **state)
{
    enum { RULE_SETS = 1500, ALERTS = 12 };
    size_t matched = 0, failed = 0, chained = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= RULE_SETS; seed++) {
        struct arena *m = arena_new(), *one = arena_new(), *two = arena_new();
        struct rule_scratch *s1, *s2;
        struct ruleset *rs;
        struct idgen g;

        idgen_seed(&g, seed, 42);
        rs = random_rules(&g, m, 1 + pick(&g, 40));
        assert_non_null(rs);
        s1 = rule_scratch_new(rs);
        s2 = rule_scratch_new(rs);
        for (int i = 0; i < ALERTS; i++) {
            struct tocsin_alert a = random_alert(&g, m);
            const char *source = arena_printf(m, "s%u", pick(&g, 4));
            struct decision *x = ruleset_decide(rs, s1, one, source, &a);
            struct decision *y = ruleset_decide_plainly(rs, s2, two, source, &a);

            if (!same(x, y))
                fail_msg("seed %llu, alert %d: index %zu rules, plain %zu rules", (unsigned long long)seed, i,
                         x->n_trace, y->n_trace);
            matched += x->n_trace;
            failed += x->failed;
            chained += x->n_trace > 5;
            arena_reset(one);
            arena_reset(two);
        }
        rule_scratch_free(s1);
        rule_scratch_free(s2);
        ruleset_free(rs);
        arena_free(m);
        arena_free(one);
        arena_free(two);
    }
    /* the vocabulary is of use only if things happen */
    assert_true(matched > 20000 && failed > 500 && chained > 1000);
}

/* --- times ----------------------------------------------------------------------------------------- */

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* n rules, one in ten for the alert's source; of those that can match, the same few whatever n is. */
static struct ruleset *
many_rules(struct arena *m, size_t n)
{
    struct rule_src *src = arena_zalloc(m, n * sizeof *src);

    for (size_t i = 0; i < n; i++) {
        const char **match = arena_alloc(m, 3 * sizeof *match);

        src[i].name = arena_printf(m, "rule-%zu", i);
        src[i].pos = (struct rule_pos){ "many.cfg", (unsigned)i };
        src[i].any = arena_zalloc(m, sizeof *src[i].any);
        src[i].n_any = 1;
        src[i].any[0].matchers = match;
        src[i].any[0].n = 3;
        match[0] = i % 10 == 0 ? "source = training" : "source = elsewhere";
        match[1] = arena_printf(m, "host = \"train-%zu\"", i);
        match[2] = "rack =~ \"r[0-9]+\"";
        src[i].policy = &policies[1];
        src[i].set = arena_zalloc(m, sizeof *src[i].set);
        src[i].set[0] = (struct rule_action){ "summary", "GPU {{ .labels.gpu }} lost on {{ .labels.host }}" };
        src[i].n_set = 1;
    }
    return ruleset_compile(src, n, &policies[0], on_report, NULL);
}

static const struct tocsin_pair eight[] = {
    { "alertname", "GpuLost" }, { "cluster", "a" },   { "gpu", "3" },              { "host", "train-0" },
    { "rack", "r12" },          { "severity", "critical" }, { "team", "ml" }, { "xid", "79" },
};

static double
time_decide(const struct ruleset *rs, bool indexed, unsigned rounds)
{
    struct rule_scratch *sc = rule_scratch_new(rs);
    struct arena *a = arena_new();
    struct tocsin_alert alert = { .status = TOCSIN_FIRING, .dedup_key = "k", .labels = eight, .n_labels = 8 };
    double best = 1e9;

    for (int pass = 0; pass < 5; pass++) {
        double begin = now_us(), each;

        for (unsigned i = 0; i < rounds; i++) {
            struct decision *d = indexed ? ruleset_decide(rs, sc, a, "training", &alert)
                                         : ruleset_decide_plainly(rs, sc, a, "training", &alert);

            assert_int_equal(d->n_trace, 1);
            arena_reset(a);
        }
        each = (now_us() - begin) / rounds;
        best = each < best ? each : best;
    }
    rule_scratch_free(sc);
    arena_free(a);
    return best;
}

static void
test_times(void **state)
{
    static const size_t sizes[] = { 10, 50, 1000, 10000 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct arena *m = arena_new();
        double begin = now_us(), load;
        struct ruleset *rs = many_rules(m, sizes[i]);
        double indexed, plain;

        load = now_us() - begin;
        assert_non_null(rs);
        indexed = time_decide(rs, true, 2000);
        plain = time_decide(rs, false, sizes[i] > 1000 ? 20 : 200);
        printf("# %5zu rules: %6.2f us an alert, %8.2f us when looking at every rule; loaded in %.1f ms\n", sizes[i],
               indexed, plain, load / 1000);
        ruleset_free(rs);
        arena_free(m);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_index_equals_plain), cmocka_unit_test(test_times) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
