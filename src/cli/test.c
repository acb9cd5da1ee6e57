/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.c - tocsin test: rules, incidents and escalations in virtual time.
 *
 * A case is a life of its own (trial/life.h) that begins with the
 * configuration and nothing else: payloads arrive, people act, time passes,
 * and what was sent and opened is compared with what the case expects.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "cli/internal.h"
#include "cli/test_impl.h"
#include "conf/report.h"
#include "plugin/loader.h"

static const char help[] =
    "usage: tocsin test [OPTION ...] FILE ...\n"
    "\n"
    "Runs the cases in each FILE against the configuration, in virtual time: what arrives and what people do, and\n"
    "what is expected to be sent and opened because of it.  Nothing is sent or stored.  rules/README.md shows how\n"
    "cases are written.\n"
    "\n"
    "  -c, --config FILE      instead of $TOCSIN_CONFIG or /etc/tocsin/tocsin.cfg\n"
    "  -p, --plugins FOLDER   where the integrations lie\n"
    "  -v, --verbose          also what was sent in cases that are as expected\n"
    "  --json                 the result as a document\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 all is as expected, 1 it is not, 2 wrong usage\n";

struct test_run {
    struct cli *cli;
    const char *config;
    char *plugins;
    bool verbose;
    struct conf *conf;
    size_t passed, failed;
    json_t *cases;                 /* documents of what came out */
};

/* --- a case -------------------------------------------------------------------------------- */

void
test_mistake(struct test_case *t, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = arena_vprintf(t->arena, fmt, ap);
    va_end(ap);
    json_array_append_new(t->mistakes, json_string(arena_printf(t->arena, "%s: %s", t->where, text)));
}

const char *
test_time(const struct test_case *t, int64_t at)
{
    char text[DURATION_TEXT];

    return arena_strdup(t->arena, duration_format(at - t->begin, text));
}

bool
test_members(struct test_case *t, const json_t *object, const char *const *known, size_t n)
{
    bool good = true;
    const char *name;
    json_t *value;
    char hint[HINT_TEXT];

    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        bool found = false;

        for (size_t i = 0; i < n; i++)
            found = found || strcmp(known[i], name) == 0;
        if (!found)
            test_mistake(t, "unknown member '%s'%s", name, hint_text(nearest_name(name, known, n), hint));
        good = good && found;
    }
    return good;
}

/* Heartbeats that are missed though they never beat. */
static bool
watch(struct test_case *t, const json_t *names)
{
    struct conf_heartbeat *list = arena_alloc(t->arena, (json_array_size(names) + 1) * sizeof *list);
    struct tocsin_err err;
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)names, i, name) {
        const char *text = json_is_string(name) ? json_string_value(name) : "";
        const struct conf_heartbeat *h = conf_heartbeat(t->conf, text);

        if (h == NULL) {
            test_mistake(t, "watch[%zu]: there is no heartbeat '%s'", i, text);
            return false;
        }
        list[i] = *h;
    }
    if (json_array_size(names) == 0 || life_watch(t->life, list, json_array_size(names), &err) == TOCSIN_OK)
        return true;
    test_mistake(t, "watch: %s", err.what);
    return false;
}

static void
run_steps(struct test_case *t, const json_t *doc)
{
    static const char *const members[] = { "name", "begin", "watch", "steps" };
    const json_t *steps = json_object_get(doc, "steps"), *step;
    const char *begin = json_string_value(json_object_get(doc, "begin"));
    size_t i;

    if (!json_is_object(doc) || !json_is_array(steps)) {
        test_mistake(t, "expected an object with name and steps");
        return;
    }
    t->begin = time_parse(begin != NULL ? begin : "2026-01-31T12:00:00Z");
    if (t->begin == 0)
        test_mistake(t, "begin: expected a time such as 2026-01-31T12:00:00Z");
    if (!test_members(t, doc, members, sizeof members / sizeof members[0]) || t->begin == 0)
        return;
    t->life = life_new(t->conf, t->begin);
    if (!watch(t, json_object_get(doc, "watch")))
        return;
    json_array_foreach((json_t *)(uintptr_t)steps, i, step) {
        t->where = arena_printf(t->arena, "step %zu", i + 1);
        if (!test_step(t, step))
            break;
    }
}

static void
show_case(const struct cli *cli, const json_t *c, bool verbose)
{
    const json_t *mistakes = json_object_get(c, "mistakes"), *item;
    bool good = json_array_size(mistakes) == 0;
    size_t i;

    printf("%s  %s: %s\n", good ? "ok    " : "FAILED", doc_text(cli, c, "file"), doc_text(cli, c, "name"));
    json_array_foreach((json_t *)(uintptr_t)mistakes, i, item)
        printf("        %s\n", term_clean(cli->arena, json_string_value(item)));
    if (good && !verbose)
        return;
    json_array_foreach(json_object_get(c, "told"), i, item)
        printf("          %-8s %s %s%s  %s  %s\n", doc_text(cli, item, "at"), doc_text(cli, item, "target"),
               doc_text(cli, item, "change"), json_is_true(json_object_get(item, "failed")) ? " failed" : "",
               doc_text(cli, item, "severity"), doc_text(cli, item, "summary"));
}

static void
run_case(struct test_run *r, const char *file, const char *folder, const json_t *doc)
{
    const char *name = json_string_value(json_object_get(doc, "name"));
    struct test_case t = { .arena = arena_new(), .conf = r->conf, .folder = folder, .where = "case",
                           .mistakes = json_array() };
    json_t *out;
    bool good;

    run_steps(&t, doc);
    good = json_array_size(t.mistakes) == 0;
    r->passed += good;
    r->failed += !good;
    out = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "file", file, "name",
                    name != NULL ? name : "a case without a name", "ok", good, "mistakes", t.mistakes, "told",
                    t.life != NULL ? test_told(&t, 0) : json_array(),
                    "incidents", t.life != NULL ? test_incidents(&t) : json_array());
    if (!r->cli->json)
        show_case(r->cli, out, r->verbose);
    json_array_append_new(r->cases, out);
    life_free(t.life);
    arena_free(t.arena);
}

/* --- files ------------------------------------------------------------------------------------- */

static int
run_file(struct test_run *r, const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *folder = slash != NULL ? arena_strndup(r->cli->arena, file, (size_t)(slash - file)) : ".";
    struct tocsin_err err;
    json_error_t bad;
    char text[1024], *body = NULL;
    json_t *doc = NULL, *item;
    size_t len = 0, i;

    if (cli_read(file, &body, &len, &err) != TOCSIN_OK) {
        fprintf(stderr, "tocsin: %s\n", err_text(&err, text, sizeof text));
        return EXIT_USAGE;
    }
    doc = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &bad);
    free(body);
    if (!json_is_array(doc)) {
        if (doc != NULL)
            fprintf(stderr, "tocsin: %s: expected a list of cases, such as "
                    "[ { \"name\": ..., \"steps\": [ ... ] } ]\n", file);
        else
            fprintf(stderr, "tocsin: %s:%d: column %d: %s\n", file, bad.line, bad.column, bad.text);
        json_decref(doc);
        return EXIT_USAGE;
    }
    json_array_foreach(doc, i, item)
        run_case(r, file, folder, item);
    json_decref(doc);
    return EXIT_YES;
}

static int
run_all(struct test_run *r, char **files, int n)
{
    struct conf_report report = { 0 };
    int status = EXIT_NO;

    r->conf = conf_load(r->config, r->plugins, &report);
    for (size_t i = 0; r->conf == NULL && i < report.n; i++)
        fprintf(stderr, "%s\n", report.items[i].text);
    if (r->conf != NULL) {
        status = EXIT_YES;
        for (int i = 0; status == EXIT_YES && i < n; i++)
            status = run_file(r, files[i]);
        if (r->cli->json)
            cli_print_json(r->cases);
        else
            printf("%zu passed, %zu failed\n", r->passed, r->failed);
        if (status == EXIT_YES && r->failed > 0)
            status = EXIT_NO;
    }
    conf_unref(r->conf);
    conf_report_release(&report);
    return status;
}

int
command_test(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' }, { "plugins", required_argument, NULL, 'p' },
        { "verbose", no_argument, NULL, 'v' },      { "json", no_argument, NULL, OPT_JSON },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    struct test_run r = { .cli = cli, .config = conf_default_file(), .cases = json_array() };
    int opt, status = EXIT_YES;

    while (status == EXIT_YES && (opt = getopt_long(argc, argv, "c:p:vh", options, NULL)) != -1) {
        if (opt == 'c') {
            r.config = optarg;
        } else if (opt == 'p') {
            free(r.plugins);
            r.plugins = xstrdup(optarg);
        } else if (opt == 'v') {
            r.verbose = true;
        } else {
            status = cli_option(cli, opt, optarg, help);
        }
    }
    if (status == EXIT_YES && optind == argc)
        status = cli_usage("test", "the file is missing");
    if (status == EXIT_YES) {
        if (r.plugins == NULL)
            r.plugins = plugin_default_dir();
        status = run_all(&r, argv + optind, argc - optind);
    }
    json_decref(r.cases);
    free(r.plugins);
    return status == OPTION_HELP ? EXIT_YES : status == OPTION_UNKNOWN ? EXIT_USAGE : status;
}
