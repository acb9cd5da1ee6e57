/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What alerts are known by where a collector redacts, for each kind of way in.
 *
 * A row is a payload with a place ($) for what redaction takes out.  With two
 * values there are two problems; each is the same problem when it comes again
 * and when it is resolved; the value itself is in nothing that is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/normalise/normalise.h"
#include "lib/cases.h"

#define ONE "4711"
#define TWO "4712"

static struct host_redact_key key = { "0123456789abcdef", 16 };

struct row {
    const char *name, *format, *mapping, *topic, *content_type;
    struct redact_rule rules[2];
    const char *firing, *resolved;  /* resolved NULL: the source has no word for it */
    bool unkeyed;                   /* the source gives no key */
};

#define GENERIC                                                                                                        \
    ".body | {status, dedup_key: .id, summary: .title, labels: {host}} | with_entries(select(.value != null))"

static const struct row rows[] = {
    { "json, its dedup_key, a pattern", "json", .rules = { { .pattern = "cust-[0-9]+" } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}",
      .resolved = "{\"status\":\"resolved\",\"dedup_key\":\"cust-$/disk\"}" },
    { "json, its dedup_key, a path", "json", .rules = { { .path = "dedup_key" } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}",
      .resolved = "{\"status\":\"resolved\",\"dedup_key\":\"cust-$/disk\"}" },
    { "json, the member goes", "json", .rules = { { .path = "dedup_key", .action = REDACT_REMOVE } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}" },
    { "json, cut short", "json", .rules = { { .path = "dedup_key", .action = REDACT_TRUNCATE, .keep = 5 } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}" },
    { "json, known by its labels", "json", .rules = { { .path = "labels.host" } },
      .firing = "{\"summary\":\"disk\",\"labels\":{\"host\":\"db-$\",\"disk\":\"sda\"}}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"fine\",\"labels\":{\"disk\":\"sda\",\"host\":\"db-$\"}}", .unkeyed = true },
    { "json, known by a label that goes", "json", .rules = { { .path = "**.host", .action = REDACT_REMOVE } },
      .firing = "{\"summary\":\"disk\",\"labels\":{\"host\":\"db-$\",\"disk\":\"sda\"}}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"fine\",\"labels\":{\"disk\":\"sda\",\"host\":\"db-$\"}}", .unkeyed = true },
    { "json, known by its summary", "json", .rules = { { .pattern = "[0-9]{4}" } },
      .firing = "{\"summary\":\"disk of $ is full\"}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"disk of  $ is full \"}", .unkeyed = true },
    { "json, its group", "json", .rules = { { .pattern = "[0-9]{4}" } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"$\",\"group\":\"g$\"}",
      .resolved = "{\"status\":\"resolved\",\"dedup_key\":\"$\",\"group\":\"g$\"}" },
    { "json, all labels are masked: nothing that can be read", "json", .rules = { { .path = "labels" } },
      .firing = "{\"summary\":\"disk\",\"labels\":{\"host\":\"db-$\"}}",
      .resolved = "{\"status\":\"resolved\",\"summary\":\"disk\",\"labels\":{\"host\":\"db-$\"}}", .unkeyed = true },
    { "json, hash", "json", .rules = { { .pattern = "cust-[0-9]+", .action = REDACT_HASH } },
      .firing = "{\"summary\":\"disk\",\"dedup_key\":\"cust-$/disk\"}",
      .resolved = "{\"status\":\"resolved\",\"dedup_key\":\"cust-$/disk\"}" },
    { "json, a pattern that gives up", "json", .rules = { { .pattern = "(a+)+$" } },
      .firing = "{\"summary\":\"x\",\"dedup_key\":\"$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}",
      .resolved = "{\"status\":\"ok\",\"dedup_key\":\"$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}" },
    { "a mapping", "json", GENERIC, .rules = { { .path = "id" } },
      .firing = "{\"id\":\"a/$\",\"title\":\"disk\"}",
      .resolved = "{\"id\":\"a/$\",\"status\":\"resolved\"}" },
    { "a mapping, by labels", "json", GENERIC, .rules = { { .pattern = "db-[0-9]+" } },
      .firing = "{\"host\":\"db-$\",\"title\":\"disk\"}",
      .resolved = "{\"host\":\"db-$\",\"title\":\"disk\",\"status\":\"resolved\"}", .unkeyed = true },
    { "a mapping of text that is no JSON", "json", "{dedup_key: .body, summary: \"x\"}",
      .content_type = "text/plain", .rules = { { .pattern = "[0-9]{4}" } }, .firing = "disk of $" },
    { "Alertmanager", "alertmanager", .rules = { { .path = "**.instance" }, { .path = "groupKey" } },
      .firing = "{\"version\":\"4\",\"groupKey\":\"{}:{instance=\\\"$\\\"}\",\"alerts\":[{\"status\":\"firing\","
                "\"labels\":{\"alertname\":\"Disk\",\"instance\":\"db-$\"},\"annotations\":{},"
                "\"startsAt\":\"2026-01-31T12:00:00Z\"}]}",
      .resolved = "{\"version\":\"4\",\"groupKey\":\"{}:{instance=\\\"$\\\"}\",\"alerts\":[{\"status\":\"resolved\","
                  "\"labels\":{\"alertname\":\"Disk\",\"instance\":\"db-$\"},\"annotations\":{},"
                  "\"startsAt\":\"2026-01-31T12:00:00Z\",\"endsAt\":\"2026-01-31T12:01:00Z\"}]}", .unkeyed = true },
    { "a form", "statuscake", .content_type = "application/x-www-form-urlencoded", .rules = { { .path = "Name" } },
      .firing = "Status=Down&StatusCode=500&URL=http%3A%2F%2Fa.example&Name=shop+$",
      .resolved = "Status=Up&StatusCode=200&URL=http%3A%2F%2Fa.example&Name=shop+$" },
    { "a form, known by a member", "uptimerobot", .content_type = "application/x-www-form-urlencoded",
      .rules = { { .path = "monitorID" } },
      .firing = "monitorID=$&monitorURL=http%3A%2F%2Fa.example&monitorFriendlyName=shop&alertType=1",
      .resolved = "monitorID=$&monitorURL=http%3A%2F%2Fa.example&monitorFriendlyName=shop&alertType=2" },
    { "a line of syslog", "syslog", .content_type = "text/plain", .rules = { { .pattern = "db-[0-9]+" } },
      .firing = "<11>1 2026-01-31T12:00:00Z db-$ backup - - - failed" },
    { "a log record", "fluent-bit", .rules = { { .path = "host" }, { .pattern = "db-[0-9]+" } },
      .firing = "[{\"date\":1769860800,\"log\":\"backup failed\",\"level\":\"error\",\"host\":\"db-$\"}]" },
    { "MQTT, known by its topic", "lastwill", .topic = "dev/db-$/status", .rules = { { .pattern = "db-[0-9]+" } },
      .content_type = "", .firing = "offline", .resolved = "online" },
    { "Sentry's webhook", "sentry", .rules = { { .path = "**.id" } },
      .firing = "{\"action\":\"created\",\"data\":{\"issue\":{\"id\":\"$\",\"title\":\"E\",\"status\":\"unresolved\","
                "\"level\":\"error\"}},\"installation\":{\"uuid\":\"u\"}}",
      .resolved = "{\"action\":\"resolved\",\"data\":{\"issue\":{\"id\":\"$\",\"title\":\"E\",\"status\":\"resolved\","
                  "\"level\":\"error\"}},\"installation\":{\"uuid\":\"u\"}}" },
};

/* --- a payload -------------------------------------------------------------------------------------- */

/* text with value in the place of each $ */
static const char *
filled(struct arena *a, const char *text, const char *value)
{
    const char *out = "", *at;

    if (text == NULL)
        return NULL;
    for (; (at = strchr(text, '$')) != NULL; text = at + 1)
        out = arena_printf(a, "%s%.*s%s", out, (int)(at - text), text, value);
    return arena_printf(a, "%s%s", out, text);
}

static struct redact *
rules_of(const struct redact_rule *rules, size_t max)
{
    struct redact *r = redact_new(host_redact_hash, &key);
    struct tocsin_err err;

    for (size_t i = 0; i < max && (rules[i].path != NULL || rules[i].pattern != NULL); i++)
        assert_int_equal(redact_add(r, &rules[i], &err), TOCSIN_OK);
    return r;
}

static struct tocsin_batch
decoded(struct case_run *run, const struct row *row, const struct redact *r, const char *body, const char *value)
{
    struct tocsin_payload in;
    struct tocsin_batch b;
    struct tocsin_err err = { 0 };
    struct tocsin_pair labels[] = { { "device", filled(run->arena, "db-$", value) } };

    cases_payload(run, &in);
    in.body = filled(run->arena, body, value);
    in.len = strlen(in.body);
    in.topic = filled(run->arena, row->topic, value);
    in.topic_labels = labels;
    in.n_topic_labels = row->topic != NULL;
    host_batch_init(&b, run->arena);
    b.redact = r;
    if (host_decode(run->plugin, run->self, run->mapping, &in, &b, &err) != TOCSIN_OK)
        fail_msg("%s: %s: %s", row->name, err.where, err.what);
    assert_int_equal(b.n_alerts, 1);
    return b;
}

static struct case_run
opened(const struct row *row)
{
    json_t *doc = json_pack("{s:s*}", "content_type", row->content_type);
    struct case_run run = { .doc = doc, .arena = arena_new(), .folder = "tests/unit" };
    struct tocsin_err err;

    buf_init(&run.diff, 1 << 16);
    run.plugin = cases_plugin(row->format);
    assert_non_null(run.plugin);
    if (!cases_open(&run, run.plugin->collector_options))
        fail_msg("%s: %s", row->name, run.diff.p);
    if (row->mapping != NULL)
        assert_int_equal(mapping_compile(row->name, row->mapping, &run.mapping, &err), TOCSIN_OK);
    return run;
}

static void
closed(struct case_run *run)
{
    cases_close(run);
    buf_release(&run->diff);
    arena_free(run->arena);
    json_decref((json_t *)(uintptr_t)run->doc);
}

/* As the core would take it. */
static const char *
identity(struct arena *a, const struct tocsin_batch *b)
{
    struct normal n;

    alert_normalise(a, b->alerts[0], 0, &n);
    return n.dedup_key;
}

static char *
written(const struct tocsin_batch *b)
{
    json_t *doc = cases_batch_json(b);
    char *text = json_dumps(doc, JSON_COMPACT);

    json_decref(doc);
    return text;
}

static void
keeps_nothing_of(const char *name, const struct tocsin_batch *b, const char *value)
{
    char *text = written(b);

    if (strstr(text, value) != NULL)
        fail_msg("%s: '%s' is in %s", name, value, text);
    free(text);
}

/* --- rows ---------------------------------------------------------------------------------------------- */

static void
two_problems_stay_two(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct case_run run = opened(row);
        struct redact *r = rules_of(row->rules, 2);
        struct tocsin_batch one = decoded(&run, row, r, row->firing, ONE);
        struct tocsin_batch two = decoded(&run, row, r, row->firing, TWO);
        struct tocsin_batch again = decoded(&run, row, r, row->firing, ONE), end;
        const char *id = identity(run.arena, &one);

        keeps_nothing_of(row->name, &one, ONE);
        if (strcmp(id, identity(run.arena, &two)) == 0)
            fail_msg("%s: two problems became one: %s", row->name, id);
        if (strncmp(id, "redacted:", 9) != 0 || strlen(id) != 9 + 32)
            fail_msg("%s: kept as '%s'", row->name, id);
        assert_string_equal(id, identity(run.arena, &again));
        if (one.alerts[0]->unkeyed != row->unkeyed)
            fail_msg("%s: unkeyed: %d", row->name, one.alerts[0]->unkeyed);
        if (one.alerts[0]->group != NULL) {
            assert_string_not_equal(one.alerts[0]->group, two.alerts[0]->group);
            assert_memory_equal(one.alerts[0]->group, "redacted:", 9);
        }
        if (row->resolved != NULL) {
            end = decoded(&run, row, r, row->resolved, ONE);
            assert_int_equal(end.alerts[0]->status, TOCSIN_RESOLVED);
            keeps_nothing_of(row->name, &end, ONE);
            if (strcmp(id, identity(run.arena, &end)) != 0)
                fail_msg("%s: resolved as %s", row->name, identity(run.arena, &end));
        }
        redact_free(r);
        closed(&run);
    }
}

/* Rules that touch nothing of the identity change nothing of it: byte for byte as without them. */
static void
untouched_stays(void **state)
{
    static const struct redact_rule elsewhere[] = { { .path = "nowhere" }, { .pattern = "never seen" } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct case_run run = opened(&rows[i]);
        struct redact *r = rules_of(elsewhere, 2);
        struct tocsin_batch plain = decoded(&run, &rows[i], NULL, rows[i].firing, ONE);
        struct tocsin_batch kept = decoded(&run, &rows[i], r, rows[i].firing, ONE);
        char *a = written(&plain), *b = written(&kept);

        assert_string_equal(a, b);
        assert_string_equal(identity(run.arena, &plain), identity(run.arena, &kept));
        free(a);
        free(b);
        redact_free(r);
        closed(&run);
    }
}

/* Something else is taken out: the payload is read twice, and the key is the sender's own. */
static void
the_key_stays_where_others_go(void **state)
{
    static const struct row row = { "", "json", .rules = { { .path = "**.note" } },
                                    .firing = "{\"summary\":\"disk\",\"dedup_key\":\"k\",\"note\":\"$\"}" };
    struct case_run run = opened(&row);
    struct redact *r = rules_of(row.rules, 2);
    struct tocsin_batch b = decoded(&run, &row, r, row.firing, ONE);

    (void)state;
    assert_string_equal(b.alerts[0]->dedup_key, "k");
    keeps_nothing_of(row.name, &b, ONE);
    redact_free(r);
    closed(&run);
}

/* A link is one that may be clicked, or none. */
static void
links_stay_links(void **state)
{
    static const struct { struct redact_rule rule; const char *href; } cases[] = {
        { { .pattern = "[0-9]{4}" }, "https://a.example/[redacted]/x" },
        { { .pattern = "[0-9]{4}", .replace = "- \"" }, "https://a.example/-%20%22/x" },
        { { .pattern = "tps" }, NULL },
    };
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redact *r = rules_of(&cases[i].rule, 1);
        struct tocsin_batch b;

        host_batch_init(&b, arena);
        b.redact = r;
        host_alert_link(&b, host_alert_new(&b), "https://a.example/4711/x", NULL);
        host_keep(&b, NULL);
        assert_int_equal(b.alerts[0]->n_links, cases[i].href != NULL);
        if (cases[i].href != NULL)
            assert_string_equal(b.alerts[0]->links[0].href, cases[i].href);
        redact_free(r);
    }
    arena_free(arena);
}

/* Who has another key, or another installation's secret, cannot tell what a hash stands for. */
static void
hashes_have_a_key(void **state)
{
    const char *ids[3];
    struct case_run run = opened(&rows[0]);
    struct redact *keyed = rules_of(rows[0].rules, 2), *plain = redact_new(NULL, NULL);
    struct tocsin_batch b;
    struct tocsin_err err;

    (void)state;
    assert_int_equal(redact_add(plain, &rows[0].rules[0], &err), TOCSIN_OK);
    for (size_t i = 0; i < 3; i++) {
        host_set_redact_secret(i == 1 ? "other" : "mine", i == 1 ? 5 : 4);
        b = decoded(&run, &rows[0], i == 2 ? keyed : plain, rows[0].firing, ONE);
        ids[i] = identity(run.arena, &b);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
    host_set_redact_secret("other", 5);                  /* which a redact_key makes no use of */
    b = decoded(&run, &rows[0], keyed, rows[0].firing, ONE);
    assert_string_equal(identity(run.arena, &b), ids[2]);
    host_set_redact_secret("", 0);
    redact_free(keyed);
    redact_free(plain);
    closed(&run);
}

/* --- readings that do not fit together ------------------------------------------------------------------ */

struct pairing {
    const char *name, *mapping;
    struct redact_rule rules[2];
    const char *body;
    size_t n;
    const char *summaries[2];
    bool bare;
};

#define LIST ".body[] | {summary, dedup_key: .key, labels: {disk, host}}"
#define TWO_HOSTS                                                                                                      \
    "[{\"key\":\"a\",\"summary\":\"first\",\"disk\":\"sda\",\"host\":\"z4711\"},"                                    \
    "{\"key\":\"b\",\"summary\":\"second\",\"disk\":\"sdb\",\"host\":\"a4711\"}]"

static const struct pairing pairings[] = {
    { "by index", LIST, { { .path = "host" } }, TWO_HOSTS, 2, { "first", "second" }, false },
    { "grouped by what is masked: another number", ".body | group_by(.host)[] | .[0] | {summary, dedup_key: .key}",
      { { .path = "host" } }, TWO_HOSTS, 2, { NULL, NULL }, true },
    { "sorted by what is masked: another order",
      ".body | sort_by(.host)[] | {summary, dedup_key: .key, labels: {disk, host}}", { { .path = "host" } }, TWO_HOSTS,
      2, { NULL, NULL }, true },
    { "nothing that can be read", ".body[] | if .host == \"[redacted]\" then error(\"no host\") else {summary} end",
      { { .path = "host" } }, TWO_HOSTS, 2, { NULL, NULL }, true },
    { "another status",
      ".body[] | {status: (if .host == \"z4711\" then \"firing\" else \"resolved\" end), summary, dedup_key: .key}",
      { { .path = "host" } }, TWO_HOSTS, 2, { NULL, NULL }, true },
    { "only what is redacted can be read",
      ".body[] | if .host == \"[redacted]\" then {summary, dedup_key: \"k\"} else error(\"a host\") end",
      { { .path = "host" } }, TWO_HOSTS, 2, { "first", "second" }, false },
};

static void
check_pairing(const struct pairing *p, const struct tocsin_batch *b)
{
    char *text = written(b);

    assert_int_equal(b->n_alerts, p->n);
    if (strstr(text, "4711") != NULL)
        fail_msg("%s: it is in %s", p->name, text);
    free(text);
    for (size_t i = 0; i < b->n_alerts; i++) {
        const struct tocsin_alert *alert = b->alerts[i];

        if (!p->bare)
            assert_string_equal(alert->summary, p->summaries[i]);
        else
            assert_string_equal(alert->summary, "alert whose text was taken out by redaction");
        assert_int_equal(alert->n_labels > 0, !p->bare && strstr(p->mapping, "labels") != NULL);
        if (p->bare)
            assert_memory_equal(alert->dedup_key, "redacted:", 9);
    }
    if (b->n_alerts > 1)
        assert_string_not_equal(b->alerts[0]->dedup_key, b->alerts[1]->dedup_key);
    assert_int_equal(b->n_notes > 0, p->bare || p->name[0] == 'o');
}

static void
readings_are_paired_or_bare(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairings / sizeof pairings[0]; i++) {
        const struct pairing *p = &pairings[i];
        struct row row = { .name = p->name, .format = "json", .mapping = p->mapping };
        struct case_run run = opened(&row);
        struct redact *r = rules_of(p->rules, 2);
        struct tocsin_batch b, again;
        struct tocsin_payload in;
        struct tocsin_err err;

        cases_payload(&run, &in);
        in.body = p->body;
        in.len = strlen(p->body);
        host_batch_init(&b, run.arena);
        host_batch_init(&again, run.arena);
        b.redact = again.redact = r;
        assert_int_equal(host_decode(run.plugin, run.self, run.mapping, &in, &b, &err), TOCSIN_OK);
        check_pairing(p, &b);
        assert_int_equal(host_decode(run.plugin, run.self, run.mapping, &in, &again, &err), TOCSIN_OK);
        assert_string_equal(b.alerts[0]->dedup_key, again.alerts[0]->dedup_key);
        redact_free(r);
        closed(&run);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_problems_stay_two),
        cmocka_unit_test(untouched_stays),
        cmocka_unit_test(the_key_stays_where_others_go),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(hashes_have_a_key),
        cmocka_unit_test(readings_are_paired_or_bare),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
