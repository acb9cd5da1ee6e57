/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_check.c - tocsin check: would the daemon accept this configuration?
 *
 * It is loaded as the daemon loads it: secrets are read, integrations opened,
 * rules compiled.  Mistakes go to standard output, since they are the answer.
 */
#include <jansson.h>
#include <stdio.h>

#include "cli/cli_conf.h"
#include "conf/conf.h"

static const char usage[] = "usage: tocsin check [-c FILE] [-p FOLDER] [--json]\n"
                            "Load a configuration as the daemon would, and report every mistake.\n"
                            "  -c, --config FILE     instead of $TOCSIN_CONFIG or /etc/tocsin/tocsin.cfg\n"
                            "  -p, --plugins FOLDER  where the integrations lie\n"
                            "      --json            the result as JSON\n";

static void
print_json(const struct conf *c, const char *file, const struct conf_report *report)
{
    json_t *mistakes = json_array(), *doc;

    for (size_t i = 0; i < report->n; i++)
        json_array_append_new(mistakes, json_string(report->items[i].text));
    doc = json_pack("{s:s, s:b, s:I, s:o}", "file", file, "ok", c != NULL, "total", (json_int_t)report->total,
                    "mistakes", mistakes);
    if (c != NULL)
        json_object_update_new(doc, json_pack("{s:I, s:I, s:I, s:I, s:I}", "collectors", (json_int_t)c->n_collectors,
                                              "notifiers", (json_int_t)c->n_notifiers, "policies",
                                              (json_int_t)c->n_policies, "rules", (json_int_t)ruleset_count(c->rules),
                                              "tokens", (json_int_t)c->n_tokens));
    json_dumpf(doc, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(doc);
}

static void
count(const char *before, size_t n, const char *one, const char *many)
{
    printf("%s%zu %s", before, n, n == 1 ? one : many);
}

static void
print_people(const struct conf *c, const char *file, const struct conf_report *report)
{
    for (size_t i = 0; i < report->n; i++)
        puts(report->items[i].text);
    if (report->total > report->n)
        printf("%s: %zu more mistakes\n", file, report->total - report->n);
    if (c == NULL)
        return;
    printf("%s: fine:", file);
    count(" ", c->n_collectors, "collector", "collectors");
    count(", ", c->n_notifiers, "notifier", "notifiers");
    count(", ", c->n_policies, "policy", "policies");
    count(", ", ruleset_count(c->rules), "rule", "rules");
    putchar('\n');
}

static int
check(const char *file, const char *plugin_dir, bool json)
{
    struct conf_report report;
    struct conf *c = conf_load(file, plugin_dir, &report);
    int status = c != NULL ? 0 : 1;

    if (json)
        print_json(c, file, &report);
    else
        print_people(c, file, &report);
    conf_unref(c);
    conf_report_release(&report);
    return status;
}

int
cli_check(int argc, char **argv)
{
    struct cli_conf_args args;
    int status = cli_conf_parse(argc, argv, usage, &args);

    if (status < 0)
        status = check(args.file, args.plugins, args.json);
    cli_conf_release(&args);
    return status;
}
