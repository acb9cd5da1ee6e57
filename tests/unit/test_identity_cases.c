/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decode cases of all integrations through redaction that leaves hardly
 * anything of them: the same alerts come out, and those that were told apart
 * are told apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glob.h>

#include <cmocka.h>

#include "core/normalise/normalise.h"
#include "lib/cases.h"

static const struct redact_rule harsh[] = {
    { .pattern = "[0-9]+" },
    { .pattern = "[A-Za-z0-9]+", .replace = "x" },
    { .pattern = ".", .action = REDACT_REMOVE },
    { .path = "**.*" },
    { .path = "*.*", .action = REDACT_REMOVE },
    { .path = "**.*", .action = REDACT_TRUNCATE, .keep = 2 },
};

enum { RULES = sizeof harsh / sizeof harsh[0] };

static struct redact *made[RULES];

static void
make_rules(void)
{
    struct tocsin_err err;

    for (size_t i = 0; i < RULES; i++) {
        made[i] = redact_new(NULL, NULL);
        assert_int_equal(redact_add(made[i], &harsh[i], &err), TOCSIN_OK);
    }
}

static const char **
identities(struct arena *a, const struct tocsin_batch *b)
{
    const char **ids = arena_alloc(a, (b->n_alerts + 1) * sizeof *ids);
    struct normal n;

    for (size_t i = 0; i < b->n_alerts; i++) {
        alert_normalise(a, b->alerts[i], 0, &n);
        ids[i] = n.dedup_key;
    }
    return ids;
}

static void
compare(const struct case_run *run, const char *name, const struct tocsin_batch *plain, const struct tocsin_batch *kept)
{
    const char **said = identities(run->arena, plain), **now = identities(run->arena, kept);

    if (plain->n_alerts != kept->n_alerts)
        fail_msg("%s: %zu alerts became %zu", name, plain->n_alerts, kept->n_alerts);
    for (size_t i = 0; i < plain->n_alerts; i++) {
        assert_int_equal(plain->alerts[i]->status, kept->alerts[i]->status);
        if (strcmp(said[i], now[i]) != 0 && strncmp(now[i], "redacted:", 9) != 0)
            fail_msg("%s: '%s' is kept as '%s'", name, said[i], now[i]);
        for (size_t k = 0; k < i; k++)
            if ((strcmp(said[i], said[k]) == 0) != (strcmp(now[i], now[k]) == 0))
                fail_msg("%s: alerts %zu and %zu: '%s' is kept as '%s'", name, k, i, said[i], now[i]);
    }
}

static size_t
check_case(struct case_run *run)
{
    const char *name = cases_text(run->doc, "name", "");
    struct tocsin_payload in;
    struct tocsin_batch plain, kept;
    struct tocsin_err err;

    cases_payload(run, &in);
    host_batch_init(&plain, run->arena);
    if (host_decode(run->plugin, run->self, run->mapping, &in, &plain, &err) != TOCSIN_OK)
        return 0;
    for (size_t i = 0; plain.n_alerts > 0 && i < RULES; i++) {
        host_batch_init(&kept, run->arena);
        kept.redact = made[i];
        if (host_decode(run->plugin, run->self, run->mapping, &in, &kept, &err) != TOCSIN_OK)
            fail_msg("%s: refused: %s", name, err.what);
        compare(run, name, &plain, &kept);
    }
    return plain.n_alerts;
}

static bool
same_member(const json_t *a, const json_t *b, const char *name)
{
    const json_t *one = json_object_get(a, name), *two = json_object_get(b, name);

    return one == two || json_equal(one, two);
}

/* What one instance can serve; compiling a mapping takes longer than all the rest. */
static bool
is_like_before(const struct case_run *run, const json_t *before)
{
    return before != NULL && same_member(run->doc, before, "settings") &&
           same_member(run->doc, before, "mapping");
}

static size_t
check_cases(const char *format, const char *folder, const json_t *cases)
{
    struct case_run run = { .folder = folder, .arena = arena_new(), .plugin = cases_plugin(format) };
    const json_t *before = NULL;
    size_t i, n = 0;
    json_t *doc;

    buf_init(&run.diff, 1 << 16);
    assert_non_null(run.plugin);
    json_array_foreach(cases, i, doc) {
        run.doc = doc;
        if (json_object_get(doc, "payload") == NULL || json_object_get(doc, "expect_answer") != NULL ||
            json_object_get(doc, "expect_open") != NULL)
            continue;
        if (!is_like_before(&run, before)) {
            cases_close(&run);
            if (!cases_open(&run, run.plugin->collector_options))
                fail_msg("%s: %s", folder, run.diff.p);
        }
        before = doc;
        n += check_case(&run);
    }
    cases_close(&run);
    buf_release(&run.diff);
    arena_free(run.arena);
    return n;
}

/* "integrations/azure/cases/x.json" */
static size_t
check_file(const char *path)
{
    const char *slash = strchr(path, '/') + 1;
    char *format = strndup(slash, strcspn(slash, "/")), *folder = NULL;
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    size_t n;

    assert_int_not_equal(asprintf(&folder, "integrations/%s", format), -1);
    assert_non_null(cases);
    n = check_cases(format, folder, cases);
    json_decref(cases);
    free(folder);
    free(format);
    return n;
}

static void
every_case_keeps_its_identities(void **state)
{
    glob_t found;
    size_t n = 0;

    (void)state;
    make_rules();
    assert_int_equal(glob("integrations/*/cases/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        n += check_file(found.gl_pathv[i]);
    globfree(&found);
    for (size_t i = 0; i < RULES; i++)
        redact_free(made[i]);
    assert_true(n > 500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_case_keeps_its_identities) };

    return cmocka_run_group_tests_name("identity of cases", tests, NULL, NULL);
}
