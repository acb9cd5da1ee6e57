/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_doubles.h - what a configuration calls, played by the test: integrations, rule sets, mappings, policies.
 *
 * The program defines these symbols itself, so the linker takes none of the real ones from the library.
 */
#ifndef UNIT_CONF_DOUBLES_H
#define UNIT_CONF_DOUBLES_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "conf/conf.h"
#include "core/normalise/mapping.h"
#include "plugin/host.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- integrations ------------------------------------------------------------------ */

static int instances_open; /* opened and not yet closed */

static enum tocsin_rc
fake_open(const struct tocsin_host *host, const struct tocsin_settings *set, void **self_r, struct tocsin_err *err)
{
    assert_ptr_equal(host, &plugin_host);
    for (size_t i = 0; i < set->n; i++)
        if (set->items[i].text != NULL && strcmp(set->items[i].text, "refuse me") == 0)
            return err_set(err, TOCSIN_BAD_CONFIG, set->items[i].name, "expected something kinder");
    *self_r = xmalloc(1);
    instances_open++;
    return TOCSIN_OK;
}

static void
fake_close(void *self)
{
    free(self);
    instances_open--;
}

static enum tocsin_rc
fake_decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
            struct tocsin_err *err)
{
    (void)self, (void)host, (void)in, (void)out, (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
fake_verify(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_document *doc,
            struct tocsin_err *err)
{
    (void)self, (void)host, (void)in, (void)doc, (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
fake_render(void *self, const struct tocsin_host *host, const struct tocsin_job *job, struct tocsin_request *out,
            struct tocsin_err *err)
{
    (void)self, (void)host, (void)job, (void)out, (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
fake_identify(const struct tocsin_host *host, struct tocsin_call *call, const char **credential_r,
              struct tocsin_err *err)
{
    (void)host, (void)call, (void)credential_r, (void)err;
    return TOCSIN_OK;
}

static enum tocsin_rc
fake_intake(void *self, const struct tocsin_host *host, struct tocsin_call *call, struct tocsin_err *err)
{
    (void)self, (void)host, (void)call, (void)err;
    return TOCSIN_OK;
}

static const struct tocsin_route fake_routes[] = { { "POST", "/v9/events", 1, 0, 0 }, { NULL, NULL, 0, 0, 0 } };

static uint32_t
fake_flags(void *self)
{
    (void)self;
    return TOCSIN_CAN_ACK;
}

static const struct tocsin_option sns_options[] = { { "topic_arns", TOCSIN_OPT_LIST, TOCSIN_REQUIRED,
                                                      "topics that may send", NULL },
                                                    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL } };
static const struct tocsin_option pager_options[] = {
    { "url", TOCSIN_OPT_STRING, "https://events.example.com", "the service", NULL },
    { "routing_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "the service's key", NULL },
    { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL }
};
static const struct tocsin_option vo_options[] = { { "api_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "the key", NULL },
                                                   { "routing_key", TOCSIN_OPT_STRING, NULL, "the team", NULL },
                                                   { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL } };
static const struct tocsin_option og_options[] = { { "api_key", TOCSIN_OPT_SECRET, TOCSIN_REQUIRED, "the key", NULL },
                                                   { "region", TOCSIN_OPT_STRING, "us", "where the account lives",
                                                     "us|eu" },
                                                   { "depth", TOCSIN_OPT_INT, "3", "a number", NULL },
                                                   { "verbose", TOCSIN_OPT_BOOL, "false", "a switch", NULL },
                                                   { "wait", TOCSIN_OPT_DURATION, "5s", "a time", NULL },
                                                   { "tags", TOCSIN_OPT_LIST, "a,b", "some words", NULL },
                                                   { "details", TOCSIN_OPT_MAP, NULL, "pairs", NULL },
                                                   { NULL, TOCSIN_OPT_STRING, NULL, NULL, NULL } };

#define FAKE(n, ...)                                                                                                   \
    {                                                                                                                  \
        .api = {                                                                                                       \
            .abi = TOCSIN_PLUGIN_ABI,                                                                                  \
            .size = sizeof(struct tocsin_plugin),                                                                      \
            .name = n,                                                                                                 \
            .summary = "a double",                                                                                     \
            .open = fake_open,                                                                                         \
            .close = fake_close,                                                                                       \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

static struct plugin fakes[] = {
    FAKE("alertmanager", .decode = fake_decode),
    FAKE("aws-sns", .decode = fake_decode, .verify = fake_verify, .collector_options = sns_options),
    FAKE("azure", .decode = fake_decode),
    FAKE("bulk", .routes = fake_routes, .intake = fake_intake),
    FAKE("events", .routes = fake_routes, .intake = fake_intake, .identify = fake_identify),
    FAKE("json", .decode = fake_decode),
    FAKE("opsgenie", .render = fake_render, .notifier_options = og_options, .flags = TOCSIN_CAN_ACK | TOCSIN_CAN_UNACK,
         .flags_of = fake_flags),
    FAKE("pagerduty", .render = fake_render, .flags = TOCSIN_CAN_NOTE, .notifier_options = pager_options),
    FAKE("victorops", .render = fake_render, .notifier_options = vo_options),
};

enum tocsin_rc
plugin_load(const char *plugin_dir, const char *name, struct plugin **out_r, struct tocsin_err *err)
{
    (void)plugin_dir;
    for (size_t i = 0; i < COUNT(fakes); i++)
        if (strcmp(fakes[i].api.name, name) == 0) {
            *out_r = &fakes[i];
            return TOCSIN_OK;
        }
    if (strcmp(name, "stale") == 0)
        return err_set(err, TOCSIN_BAD_CONFIG, "", "integration 'stale' has ABI 7, this tocsin needs 2");
    return err_set(err, TOCSIN_NOT_FOUND, "", "no such file");
}

char **
plugin_names(const char *plugin_dir, size_t *n_out)
{
    char **names = xcalloc(COUNT(fakes), sizeof *names);

    (void)plugin_dir;
    for (size_t i = 0; i < COUNT(fakes); i++)
        names[i] = xstrdup(fakes[i].api.name);
    *n_out = COUNT(fakes);
    return names;
}

char *
plugin_default_dir(void)
{
    return xstrdup("plugins");
}

/* --- the core ------------------------------------------------------------------------- */

struct ruleset {
    size_t n;
};
struct mapping {
    int unused;
};

static const struct rule_src *compiled; /* what the last compile was given; valid while its conf is */
static size_t n_compiled;

struct ruleset *
ruleset_compile(const struct rule_src *rules, size_t n, const struct policy *default_policy, rule_report report,
                void *ctx)
{
    struct ruleset *set;
    bool bad = false;

    assert_non_null(default_policy);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < rules[i].n_any; k++)
            for (size_t m = 0; m < rules[i].any[k].n; m++)
                if (strcmp(rules[i].any[k].matchers[m], "host =~ (") == 0) {
                    report(ctx, rules[i].pos, "matcher '%s': missing )", rules[i].any[k].matchers[m]);
                    bad = true;
                }
    compiled = rules;
    n_compiled = n;
    if (bad)
        return NULL;
    set = xcalloc(1, sizeof *set);
    set->n = n;
    return set;
}

void
ruleset_free(struct ruleset *set)
{
    free(set);
}

size_t
ruleset_count(const struct ruleset *set)
{
    return set->n;
}

enum tocsin_rc
mapping_compile(const char *name, const char *program, struct mapping **out_r, struct tocsin_err *err)
{
    if (strstr(program, "broken") != NULL)
        return err_set(err, TOCSIN_BAD_CONFIG, name, "syntax error");
    *out_r = xcalloc(1, sizeof **out_r);
    return TOCSIN_OK;
}

void
mapping_free(struct mapping *m)
{
    free(m);
}

void
policy_seal(struct policy *p, struct arena *a)
{
    p->body = arena_strdup(a, p->name);
}

/* --- a folder of our own ------------------------------------------------------------------ */

static char test_dir[64];

/* A cmocka group setup: the current folder is a new one from now on. */
static int
enter_folder(void **state)
{
    (void)state;
    snprintf(test_dir, sizeof test_dir, "/tmp/tocsin-conf-XXXXXX");
    return mkdtemp(test_dir) != NULL && chdir(test_dir) == 0 ? 0 : -1;
}

static void
remove_tree(const char *path)
{
    char *cmd = xasprintf("rm -rf '%s'", path);

    assert_int_equal(system(cmd), 0);
    free(cmd);
}

static int
leave_folder(void **state)
{
    (void)state;
    if (chdir("/") != 0)
        return -1;
    remove_tree(test_dir);
    return 0;
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

#endif
