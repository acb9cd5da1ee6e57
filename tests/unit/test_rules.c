/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions: what rules make of alerts, what explain shows, and what a wrong rule file is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/alert.h"
#include "core/rules/rules.h"

/* --- a small language for rules in tests: terms separated by blanks are too many ------------- */

struct spec {                      /* lists end with NULL */
    const char *name;
    const char *match[6];          /* "||" begins another alternative */
    struct rule_action set[4];
    const char *unset[3];
    const char *dedup_key;
    const char *group_by[4];       /* "" alone: an empty list */
    const struct policy *policy;
    const char *notify[3];
    bool drop, suppress, stop;
};

static struct policy page = { .name = "page" }, other = { .name = "other" };

static size_t
length(const char *const *list, size_t max)
{
    size_t n = 0;

    while (n < max && list[n] != NULL)
        n++;
    return n;
}

static struct rule_src
source_of(struct arena *a, struct spec *s, unsigned line)
{
    struct rule_src r = { .name = s->name, .pos = { "rules/10.cfg", line }, .set = s->set, .unset = s->unset,
                          .dedup_key = s->dedup_key, .group_by = s->group_by, .policy = s->policy,
                          .notify = s->notify, .drop = s->drop, .suppress = s->suppress, .stop = s->stop };
    size_t n = length(s->match, 6);

    r.any = arena_zalloc(a, 6 * sizeof *r.any);
    for (size_t i = 0; i < n; i++) {
        if (r.n_any == 0 || strcmp(s->match[i], "||") == 0) {
            r.any[r.n_any++].matchers = &s->match[strcmp(s->match[i], "||") == 0 ? i + 1 : i];
            if (strcmp(s->match[i], "||") == 0)
                continue;
        }
        r.any[r.n_any - 1].n++;
    }
    while (r.n_set < 4 && s->set[r.n_set].name != NULL)
        r.n_set++;
    r.n_unset = length(s->unset, 3);
    r.has_group_by = s->group_by[0] != NULL;
    r.n_group_by = r.has_group_by && s->group_by[0][0] == '\0' && s->group_by[1] == NULL ? 0 : length(s->group_by, 4);
    r.n_notify = length(s->notify, 3);
    return r;
}

struct reports { char text[4096]; unsigned n; };

static void
on_report(void *ctx, struct rule_pos pos, const char *fmt, ...)
{
    struct reports *r = ctx;
    size_t n = strlen(r->text);
    va_list ap;

    n += (size_t)snprintf(r->text + n, sizeof r->text - n, "%s:%u: ", pos.file, pos.line);
    va_start(ap, fmt);
    n += (size_t)vsnprintf(r->text + n, sizeof r->text - n, fmt, ap);
    va_end(ap);
    snprintf(r->text + n, sizeof r->text - n, "\n");
    r->n++;
}

struct bench { struct arena *arena; struct ruleset *rs; struct rule_scratch *sc; };

static struct bench
load(struct spec *specs, size_t n)
{
    struct bench b = { .arena = arena_new() };
    struct reports reports = { .n = 0 };
    struct rule_src *src = arena_zalloc(b.arena, (n + 1) * sizeof *src);

    for (size_t i = 0; i < n; i++)
        src[i] = source_of(b.arena, &specs[i], (unsigned)(i + 1) * 10);
    b.rs = ruleset_compile(src, n, &page, on_report, &reports);
    if (b.rs == NULL)
        fail_msg("%s", reports.text);
    b.sc = rule_scratch_new(b.rs);
    return b;
}

static void
unload(struct bench *b)
{
    rule_scratch_free(b->sc);
    ruleset_free(b->rs);
    arena_free(b->arena);
}

#define LOAD(specs) load(specs, sizeof specs / sizeof specs[0])

static struct tocsin_alert
alert(const struct tocsin_pair *labels, size_t n)
{
    return (struct tocsin_alert){ .status = TOCSIN_FIRING, .labels = labels, .n_labels = n };
}

static const struct tocsin_pair gpu[] = {
    { "host", "train-07" }, { "cluster", "a" }, { "xid", "79" }, { "gpu", "3" }, { "severity", "warning" },
};

static struct decision *
decide(struct bench *b, const struct tocsin_alert *a)
{
    return ruleset_decide(b->rs, b->sc, b->arena, "training", a);
}

static const char *
label_of(struct bench *b, const struct decision *d, const char *name)
{
    struct alert_text t;

    assert_true(alert_text_decode(b->arena, d->body, d->body_len, &t));
    return alert_pair_find(t.labels, t.n_labels, name);
}

/* --- normalising --------------------------------------------------------------------------------- */

static void
test_no_rules(void **state)
{
    struct bench b = load(NULL, 0);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a), *again;
    struct tocsin_pair reversed[5];
    struct alert_text t;
    const char *parts[2];
    struct id16 id;

    (void)state;
    assert_int_equal(d->status, TOCSIN_FIRING);
    assert_int_equal(d->severity, TOCSIN_WARNING);
    assert_string_equal(d->summary, "cluster=a, gpu=3, host=train-07, severity=warning, xid=79");
    assert_int_equal(strlen(d->dedup_key), 32);
    assert_ptr_equal(d->policy, &page);
    assert_false(d->routed || d->drop || d->suppress || d->failed);
    assert_string_equal(d->routed_by, "default policy");
    assert_string_equal(d->held_by, "");
    assert_string_equal(d->group_key, arena_printf(b.arena, "training/%s", d->dedup_key));
    assert_int_equal(d->n_trace, 0);
    parts[0] = "training";
    parts[1] = d->dedup_key;
    id = id_hash(parts, 2);
    assert_true(id_eq(&id, &d->key));
    id = id_hash(&d->group_key, 1);
    assert_true(id_eq(&id, &d->group));
    assert_true(alert_text_decode(b.arena, d->body, d->body_len, &t));
    assert_string_equal(t.summary, d->summary);
    assert_string_equal(t.source_severity, "");
    assert_int_equal(t.n_labels, 5);
    /* the order in which labels came changes nothing */
    for (size_t i = 0; i < 5; i++)
        reversed[i] = gpu[4 - i];
    a.labels = reversed;
    again = decide(&b, &a);
    assert_string_equal(again->dedup_key, d->dedup_key);
    assert_true(again->digest == d->digest);
    unload(&b);
}

static const struct {
    const char *labels[4];         /* name, value */
    enum tocsin_severity given, want;
    enum tocsin_status status;
} severities[] = {
    { { NULL }, TOCSIN_SEV_NONE, TOCSIN_ERROR, TOCSIN_FIRING },
    { { NULL }, TOCSIN_SEV_NONE, TOCSIN_ERROR, TOCSIN_RESOLVED },
    { { NULL }, TOCSIN_SEV_NONE, TOCSIN_ERROR, TOCSIN_UNKNOWN },
    { { NULL }, TOCSIN_INFO, TOCSIN_INFO, TOCSIN_FIRING },
    { { "severity", "critical" }, TOCSIN_WARNING, TOCSIN_WARNING, TOCSIN_FIRING },
    { { "severity", "page" }, TOCSIN_SEV_NONE, TOCSIN_CRITICAL, TOCSIN_FIRING },
    { { "severity", "none of ours", "level", "info" }, TOCSIN_SEV_NONE, TOCSIN_INFO, TOCSIN_FIRING },
    { { "priority", "P2" }, TOCSIN_SEV_NONE, TOCSIN_ERROR, TOCSIN_RESOLVED },
    { { "level", "fatal", "severity", "info" }, TOCSIN_SEV_NONE, TOCSIN_INFO, TOCSIN_FIRING },
    { { "severity", "7" }, TOCSIN_SEV_NONE, TOCSIN_ERROR, TOCSIN_FIRING },
};

static void
test_severity(void **state)
{
    struct bench b = load(NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof severities / sizeof severities[0]; i++) {
        const char *const *l = severities[i].labels;
        struct tocsin_pair pairs[2] = { { l[0], l[1] }, { l[2], l[3] } };
        struct tocsin_alert a = alert(pairs, 2);
        struct decision *d;

        a.severity = severities[i].given;
        a.status = severities[i].status;
        d = decide(&b, &a);
        if (d->severity != severities[i].want || d->status != severities[i].status)
            fail_msg("row %zu: severity %d, status %d", i, (int)d->severity, (int)d->status);
    }
    unload(&b);
}

static void
test_summary_and_key(void **state)
{
    static const struct tocsin_pair labels[] = { { "alertname", "DiskFull" }, { "empty", "" } };
    static const struct tocsin_pair notes[] = { { "title", "a title" }, { "summary", "a summary" } };
    struct bench b = load(NULL, 0);
    struct tocsin_alert a = alert(labels, 2);
    struct decision *d, *e;

    (void)state;
    d = decide(&b, &a);
    assert_string_equal(d->summary, "DiskFull");
    a.annotations = notes;
    a.n_annotations = 1;
    e = decide(&b, &a);
    assert_string_equal(e->summary, "a title");
    assert_string_equal(e->dedup_key, d->dedup_key);   /* annotations are no identity */
    a.n_annotations = 2;
    assert_string_equal(decide(&b, &a)->summary, "a summary");
    a.summary = "its own";
    assert_string_equal(decide(&b, &a)->summary, "its own");
    a.n_labels = 1;
    assert_string_equal(decide(&b, &a)->dedup_key, d->dedup_key);   /* an empty label is none */
    a.n_labels = 0;
    e = decide(&b, &a);
    a.summary = "another";
    assert_string_not_equal(decide(&b, &a)->dedup_key, e->dedup_key);
    a.summary = NULL;
    a.n_annotations = 0;
    assert_string_equal(decide(&b, &a)->summary, "alert without a name");
    a.dedup_key = "k";
    a.group = "{}:{x=\"1\"}";
    d = decide(&b, &a);
    assert_string_equal(d->dedup_key, "k");
    assert_string_equal(d->group_key, "training/{}:{x=\"1\"}");
    unload(&b);
}

/* --- rules ------------------------------------------------------------------------------------------ */

static void
test_example(void **state)
{
    struct spec specs[] = {
        { .name = "gpu-fell-off-the-bus", .match = { "source = training", "xid =~ \"48|74|79|94|95\"" },
          .set = { { "severity", "critical" }, { "summary", "GPU {{ .labels.gpu }} lost on {{ .labels.host }}" } },
          .group_by = { "cluster", "host" }, .policy = &other, .notify = { "chat" } },
        { .name = "dev-is-not-a-page", .match = { "source = azure", "resource_group = dev" }, .suppress = true },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);
    struct alert_text t;

    (void)state;
    assert_int_equal(d->severity, TOCSIN_CRITICAL);
    assert_string_equal(d->summary, "GPU 3 lost on train-07");
    assert_string_equal(d->group_key, "other/cluster=a,host=train-07");
    assert_ptr_equal(d->policy, &other);
    assert_true(d->routed);
    assert_string_equal(d->routed_by, "rule 'gpu-fell-off-the-bus' (rules/10.cfg:10)");
    assert_int_equal(d->n_notify, 1);
    assert_string_equal(d->notify[0], "chat");
    assert_int_equal(d->n_trace, 1);
    assert_string_equal(d->trace[0].rule, "gpu-fell-off-the-bus");
    assert_int_equal(d->trace[0].pos.line, 10);
    assert_string_equal(d->trace[0].text,
                        "severity: warning -> critical; summary: cluster=a, gpu=3, host=train-07, severity=warning, "
                        "xid=79 -> GPU 3 lost on train-07; group_by cluster, host; policy other; notify chat");
    assert_false(d->trace[0].failed || d->failed);
    assert_true(alert_text_decode(b.arena, d->body, d->body_len, &t));
    assert_string_equal(t.source_severity, "warning");
    assert_int_equal(t.n_rules, 1);
    assert_string_equal(t.rules[0].value, "rules/10.cfg:10");
    unload(&b);
}

/* What one rule changes, later ones see, also when only the change brings them into question. */
static void
test_order(void **state)
{
    struct spec specs[] = {
        { .name = "too-early", .match = { "team = ml" }, .set = { { "early", "yes" } } },
        { .name = "team", .match = { "cluster = a" }, .set = { { "team", "ml" } } },
        { .name = "by-team", .match = { "team = ml" }, .set = { { "labels.tier", "{{ .labels.team }}-1" } } },
        { .name = "by-tier", .match = { "tier = ml-1" }, .set = { { "severity", "info" } }, .unset = { "cluster" } },
        { .name = "cluster-is-gone", .match = { "cluster = a" }, .set = { { "wrong", "yes" } } },
        { .name = "by-rank", .match = { "severity = info", "cluster = \"\"" }, .set = { { "last", "1" } } },
        { .name = "stops", .match = { "last = 1" }, .stop = true },
        { .name = "never", .set = { { "severity", "critical" } } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_string_equal(label_of(&b, d, "early"), "");
    assert_string_equal(label_of(&b, d, "team"), "ml");
    assert_string_equal(label_of(&b, d, "tier"), "ml-1");
    assert_string_equal(label_of(&b, d, "cluster"), "");
    assert_string_equal(label_of(&b, d, "wrong"), "");
    assert_string_equal(label_of(&b, d, "last"), "1");
    assert_int_equal(d->severity, TOCSIN_INFO);
    assert_int_equal(d->n_trace, 5);
    assert_string_equal(d->trace[2].text, "severity: warning -> info; cluster: a -> (none)");
    assert_string_equal(d->trace[4].text, "stop");
    unload(&b);
}

static void
test_alternatives(void **state)
{
    struct spec specs[] = {
        { .name = "either", .match = { "cluster = b", "host = train-07", "||", "gpu = 3", "xid > 70" },
          .set = { { "hit", "1" } } },
        { .name = "neither", .match = { "cluster = b", "||", "gpu = 4" }, .set = { { "miss", "1" } } },
        { .name = "empty-alternative", .match = { "cluster = b", "||" }, .set = { { "all", "1" } } },
        { .name = "same-again", .match = { "gpu = 3", "||", "gpu = 3" }, .notify = { "x", "x", "y" } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_string_equal(label_of(&b, d, "hit"), "1");
    assert_string_equal(label_of(&b, d, "miss"), "");
    assert_string_equal(label_of(&b, d, "all"), "1");
    assert_int_equal(d->n_notify, 2);
    assert_int_equal(d->n_trace, 3);
    unload(&b);
}

static void
test_holds(void **state)
{
    struct spec specs[] = {
        { .name = "first", .match = { "gpu = 3" }, .suppress = true },
        { .name = "second", .match = { "gpu = 3" }, .suppress = true },
        { .name = "third", .match = { "xid = 79" }, .drop = true },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_true(d->drop && d->suppress);
    assert_string_equal(d->held_by, "rule 'third' (rules/10.cfg:30)");
    a.n_labels = 2;
    d = decide(&b, &a);
    assert_false(d->drop || d->suppress);
    unload(&b);
}

static void
test_keys(void **state)
{
    static const struct tocsin_pair tricky[] = { { "a", "1,b=2" }, { "c", "x\\" } };
    struct spec specs[] = {
        { .name = "key", .match = { "xid != \"\"" }, .dedup_key = "{{ .labels.host }}/{{ .labels.gpu }}" },
        { .name = "all-in-one", .match = { "xid = 79" }, .group_by = { "" } },
        { .name = "fields", .match = { "a != \"\"" }, .group_by = { "a", "b", "source", "c" } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_string_equal(d->dedup_key, "train-07/3");
    assert_string_equal(d->group_key, "page/");
    a = alert(tricky, 2);
    a.group = "g";
    d = decide(&b, &a);
    assert_string_equal(d->group_key, "page/a=1\\,b\\=2,b=,source=training,c=x\\\\");
    unload(&b);
}

/* --- failures ------------------------------------------------------------------------------------------ */

static void
test_failures(void **state)
{
    struct spec specs[] = {
        { .name = "one-of-three", .match = { "gpu = 3" },
          .set = { { "x", "1" }, { "y", "{{ .labels.host | tonumber }}" }, { "z", "3" } }, .policy = &other },
        { .name = "nonsense", .match = { "gpu = 3" }, .set = { { "severity", "{{ .labels.host }}" } }, .drop = true },
        { .name = "empty-key", .match = { "gpu = 3" }, .dedup_key = "{{ .labels.missing }}" },
        { .name = "empty-summary", .match = { "gpu = 3" }, .set = { { "summary", "{{ .labels.missing }}" } } },
        { .name = "regex", .match = { "long =~ \"(a|aa)+[xyz]\"" }, .drop = true },
        { .name = "regex-or-not", .match = { "long =~ \"(a|aa)+[xyz]\"", "||", "gpu = 3" }, .set = { { "or", "1" } } },
        { .name = "regex-and-no", .match = { "long =~ \"(a|aa)+[xyz]\"", "gpu = 4" }, .drop = true },
        { .name = "too-long", .match = { "gpu = 3" }, .set = { { "w", "{{ .labels.long * 3 }}" } }, .suppress = true },
        { .name = "works", .match = { "gpu = 3" }, .set = { { "end", "1" } } },
    };
    struct bench b = LOAD(specs);
    char text[3000];
    struct tocsin_pair labels[] = { { "gpu", "3" }, { "host", "h" }, { "long", text } };
    struct tocsin_alert a = alert(labels, 3);
    struct decision *d;
    static const char *const failed[] = { "one-of-three", "nonsense", "empty-key", "empty-summary", "regex", "too-long" };
    size_t n = 0;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    a.dedup_key = "key";
    d = decide(&b, &a);
    assert_true(d->failed);
    assert_false(d->drop || d->suppress);
    assert_string_equal(d->dedup_key, "key");
    assert_int_equal(d->severity, TOCSIN_ERROR);
    assert_ptr_equal(d->policy, &other);
    assert_string_equal(label_of(&b, d, "x"), "1");
    assert_string_equal(label_of(&b, d, "y"), "");
    assert_string_equal(label_of(&b, d, "z"), "3");
    assert_string_equal(label_of(&b, d, "or"), "1");
    assert_string_equal(label_of(&b, d, "w"), "");
    assert_string_equal(label_of(&b, d, "end"), "1");
    for (size_t i = 0; i < d->n_trace; i++)
        if (d->trace[i].failed)
            assert_string_equal(d->trace[i].rule, failed[n++]);
    assert_int_equal(n, 6);
    assert_non_null(strstr(d->trace[0].text, "x: (none) -> 1; y failed: {{ .labels.host | tonumber }}: "));
    assert_string_equal(d->trace[1].text, "severity failed: 'h' is not a severity; drop passed over because of the failure");
    assert_string_equal(d->trace[4].text, "skipped: matcher 'long =~ \"(a|aa)+[xyz]\"': the regex ran into its limit");
    unload(&b);
}

/* Bytes that a careless sender may put in: the text stays clean, nothing else is disturbed. */
static void
test_texts_are_clean(void **state)
{
    struct spec specs[] = {
        { .name = "r", .set = { { "summary", "{{ \"a\\nb\\tc\\u0001\" }}" }, { "l", "{{ \"x\\u0007y\" }}" } } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d = decide(&b, &a);

    (void)state;
    assert_string_equal(d->summary, "a b c\xef\xbf\xbd");
    assert_string_equal(label_of(&b, d, "l"), "x\xef\xbf\xbdy");
    unload(&b);
}

/* --- a rule file with mistakes ---------------------------------------------------------------------------- */

static void
test_mistakes(void **state)
{
    struct spec specs[] = {
        { .name = "a", .match = { "host =~ \"(\"" } },
        { .name = "b", .set = { { "severity", "crtical" } } },
        { .name = "c", .set = { { "source", "x" }, { "dedup_key", "x" } }, .unset = { "summary" } },
        { .name = "d", .set = { { "summary", "GPU {{ .labels.gpu" } } },
        { .name = "e", .set = { { "summary", "ok {{ .labels.gpu | nothing }}" }, { "x", "{{ 1 + }}" } } },
        { .name = "f", .group_by = { "..." } },
        { .name = "g", .match = { "fine = 1" }, .set = { { "summary", "{{ .labels.gpu | length }}" } } },
        { .name = "h", .dedup_key = "{{ now }}" },
        { .name = "" },
    };
    static const char *const lines[] = {
        "rules/10.cfg:10: rule 'a': matcher 'host =~ \"(\"': column 9: regex '(': ",
        "rules/10.cfg:20: rule 'b': set severity: unknown severity 'crtical'; expected ",
        "rules/10.cfg:30: rule 'c': 'source' cannot be set; 'labels.source' ",
        "rules/10.cfg:30: rule 'c': 'dedup_key' stands beside 'set'",
        "rules/10.cfg:30: rule 'c': 'summary' cannot be unset",
        "rules/10.cfg:40: rule 'd': set summary: column 5: '{{' is not closed",
        "rules/10.cfg:50: rule 'e': set summary: column 7: nothing/0 is not defined",
        "rules/10.cfg:50: rule 'e': set x: column 4: syntax error",
        "rules/10.cfg:60: rule 'f': group_by: '...' is not a label",
        "rules/10.cfg:80: rule 'h': dedup_key: column 4: 'now' is not available",
        "rules/10.cfg:90: a rule without a name",
    };
    struct arena *a = arena_new();
    struct reports reports = { .n = 0 };
    struct rule_src src[sizeof specs / sizeof specs[0]];

    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        src[i] = source_of(a, &specs[i], (unsigned)(i + 1) * 10);
    assert_null(ruleset_compile(src, sizeof specs / sizeof specs[0], &page, on_report, &reports));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(reports.text, lines[i]) == NULL)
            fail_msg("missing '%s' in\n%s", lines[i], reports.text);
    assert_int_equal(reports.n, sizeof lines / sizeof lines[0]);
    arena_free(a);
}

/* The rule set owns what it was given. */
static void
test_copies(void **state)
{
    char match[] = "gpu = 3", name[] = "r", value[] = "v{{ .labels.gpu }}";
    struct spec specs[] = { { .name = name, .match = { match }, .set = { { "x", value } } } };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(gpu, 5);
    struct decision *d;

    (void)state;
    memset(match, '#', sizeof match - 1);
    memset(name, '#', sizeof name - 1);
    memset(value, '#', sizeof value - 1);
    d = decide(&b, &a);
    assert_string_equal(label_of(&b, d, "x"), "v3");
    assert_string_equal(d->trace[0].rule, "r");
    assert_int_equal(ruleset_count(b.rs), 1);
    /* the decision outlives the rules, except for its policy */
    rule_scratch_free(b.sc);
    ruleset_free(b.rs);
    assert_string_equal(d->trace[0].text, "x: (none) -> v3");
    assert_string_equal(d->trace[0].pos.file, "rules/10.cfg");
    arena_free(b.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rules),  cmocka_unit_test(test_severity),     cmocka_unit_test(test_summary_and_key),
        cmocka_unit_test(test_example),   cmocka_unit_test(test_order),        cmocka_unit_test(test_alternatives),
        cmocka_unit_test(test_holds),     cmocka_unit_test(test_keys),         cmocka_unit_test(test_failures),
        cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_copies),       cmocka_unit_test(test_texts_are_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
