/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions: what normalising and rules make of alerts, and what explain shows. */
#include "unit/rule_spec.h"

#include "core/rows.h"

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

/* The sender's own key beside that of the rules, and by what the one came of the other. */
static void
test_own_key(void **state)
{
    struct spec specs[] = {
        { .name = "host", .match = { "host != \"\"" }, .dedup_key = "{{ .labels.host }}/{{ .labels.disk }}" },
        { .name = "way", .match = { "gpu = 9" }, .policy = &other },
        { .name = "set", .match = { "gpu = 9" }, .set = { { "x", "1" } } },
    };
    struct bench b = load(specs, 1), routed = load(specs, 2), edited = load(specs, 3);
    static const struct tocsin_pair whole[] = { { "host", "h" }, { "disk", "d" } };
    struct tocsin_alert a = alert(whole, 2);
    struct reports reports = { .n = 0 };
    struct rule_src alone = { .name = "alone", .pos = { "rules/10.cfg", 5 }, .resolve_when = OWN_ANY };
    struct decision *d;
    struct id16 own;

    (void)state;
    a.dedup_key = "own";
    d = decide(&b, &a);
    own = id_hash((const char *[]){ "training", "own" }, 2);
    assert_true(id_eq(&d->own, &own));
    assert_string_equal(d->own_key, "own");
    assert_true(d->keyed && d->key_whole && d->key_by != 0 && d->resolve_when == OWN_ALL && !d->any_ends);
    assert_true(decide(&routed, &a)->key_by == d->key_by);     /* a route has no say in keys */
    assert_true(decide(&edited, &a)->key_by != d->key_by);
    a.n_labels = 1;
    assert_true(decide(&b, &a)->key_by != d->key_by && !decide(&b, &a)->key_whole);
    a.n_labels = 0;
    d = decide(&b, &a);
    assert_true(id_is_zero(&d->own) && d->key_by == 0 && d->key_whole);
    a = alert(whole, 2);
    d = decide(&b, &a);
    assert_true(!d->keyed && !id_is_zero(&d->own) && d->resolve_when == OWN_ANY && !d->any_ends);
    assert_null(ruleset_compile(&alone, 1, &page, on_report, &reports));
    assert_non_null(strstr(reports.text, "resolve_when"));
    unload(&b);
    unload(&routed);
    unload(&edited);
}

/* Rules see what redaction left; the keys that they make are of what was sent. */
static void
test_keys_of_redacted_labels(void **state)
{
    static const struct tocsin_pair labels[] = { { "host", "[redacted]" }, { "gpu", "3" }, { "plain", "[redacted]" } };
    static const struct tocsin_pair one[] = { { "host", "h1" }, { "gone", "g1" }, { "plain", "p1" } };
    static const struct tocsin_pair two[] = { { "host", "h2" }, { "gone", "g2" }, { "plain", "p2" } };
    struct spec specs[] = {
        { .name = "seen", .match = { "host = \"[redacted]\"" }, .set = { { "saw", "{{ .labels.host }}" } } },
        { .name = "named anew", .set = { { "plain", "x" } } },
        { .name = "keys", .dedup_key = "{{ .labels.host }}/{{ .labels.gone | ascii_upcase }}/{{ .labels.plain }}",
          .group_by = { "host", "gone", "gpu", "plain" } },
        { .name = "after", .set = { { "later", "{{ .labels.host | ascii_upcase }}" } } },
    };
    struct bench b = LOAD(specs);
    struct tocsin_alert a = alert(labels, 3);
    struct decision *d;

    (void)state;
    a.hidden = one;
    a.n_hidden = 3;
    d = decide(&b, &a);
    assert_string_equal(d->dedup_key, "h1/G1/x");
    assert_string_equal(d->group_key, "page/host=h1,gone=g1,gpu=3,plain=x");
    assert_string_equal(label_of(&b, d, "host"), "[redacted]");
    assert_string_equal(label_of(&b, d, "gone"), "");
    assert_string_equal(label_of(&b, d, "saw"), "[redacted]");
    assert_string_equal(label_of(&b, d, "later"), "[REDACTED]");
    a.hidden = two;
    d = decide(&b, &a);
    assert_string_equal(d->dedup_key, "h2/G2/x");
    unload(&b);
}

/* jq sees the alert as the actions before left it, and each alert anew. */
static void
test_jq_sees_changes(void **state)
{
    struct spec specs[] = {
        { .name = "one",
          .set = { { "n", "{{ .labels.gpu | tonumber + 1 }}" }, { "n", "{{ .labels.n | tonumber * 2 }}" },
                   { "all", "{{ [.labels.n, .severity, .status, .source] | join(\"/\") }}" } } },
        { .name = "two", .match = { "n > 3" },
          .set = { { "severity", "{{ if .labels.n == \"8\" then \"P1\" else \"P3\" end }}" } },
          .unset = { "gpu" }, .dedup_key = "{{ .dedup_key + \"/\" + .severity + (.labels.gpu // \"-\") }}" },
    };
    struct bench b = LOAD(specs);
    struct tocsin_pair labels[] = { { "gpu", "3" } };
    struct tocsin_alert a = alert(labels, 1);
    struct decision *d;

    (void)state;
    a.dedup_key = "k";
    for (int i = 0; i < 2; i++) {
        labels[0].value = "3";
        d = decide(&b, &a);
        assert_string_equal(label_of(&b, d, "n"), "8");
        assert_string_equal(label_of(&b, d, "all"), "8/error/firing/training");
        assert_int_equal(d->severity, TOCSIN_CRITICAL);
        assert_string_equal(d->dedup_key, "k/critical-");
        labels[0].value = "5";
        d = decide(&b, &a);
        assert_string_equal(label_of(&b, d, "n"), "12");
        assert_string_equal(d->dedup_key, "k/warning-");
    }
    unload(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rules),
        cmocka_unit_test(test_severity),
        cmocka_unit_test(test_summary_and_key),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_alternatives),
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_own_key),
        cmocka_unit_test(test_keys_of_redacted_labels),
        cmocka_unit_test(test_jq_sees_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
