/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin heartbeats: what is to be heard of, and when it was. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"

static const char help[] =
    "usage: tocsin heartbeats\n"
    "\n"
    "What is to be heard of every now and then: 'ok', 'silent' (an incident is open, or was resolved by a person), 'never'\n"
    "beaten since it is watched, or 'unarmed': one with labels, which is watched from its first beat on.\n"
    "\n" CLI_HELP
    "\n"
    "exit status: 0 done, 1 refused or not reachable, 2 wrong usage\n";

/* host=a,rack=b */
static const char *
labels_text(const struct cli *cli, const json_t *heartbeat)
{
    const char *text = "", *name;
    const json_t *value;

    json_object_foreach(json_object_get(heartbeat, "labels"), name, value)
        text = arena_printf(cli->arena, "%s%s%s=%s", text, *text != '\0' ? "," : "", name,
                            json_is_string(value) ? json_string_value(value) : "");
    return term_clean(cli->arena, text);
}

static const char *
last_text(const struct cli *cli, const json_t *heartbeat)
{
    const char *age = term_age(cli, doc_text(cli, heartbeat, "last_beat_at"));

    return *age != '\0' ? arena_printf(cli->arena, "%s ago", age) : "";
}

static void
print_list(const struct cli *cli, const json_t *list)
{
    struct table t = { .n = 8, .flexible = 1,
                       .heads = { "NAME", "LABELS", "STATE", "EVERY", "LAST", "DUE", "BEATS", "INCIDENT" } };
    const json_t *one;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        const char *state = doc_text(cli, one, "state");
        const char *cells[] = { doc_text(cli, one, "name"), labels_text(cli, one), state, doc_text(cli, one, "every"),
                                last_text(cli, one), term_clock(cli, doc_text(cli, one, "due_at")),
                                arena_printf(cli->arena, "%" JSON_INTEGER_FORMAT, doc_int(one, "beats")),
                                doc_text(cli, one, "incident") };

        table_add(&t, cells, strcmp(state, "silent") == 0 ? term_severity_colour(cli, "critical") : "");
    }
    table_print(&t, cli);
}

static int
list(struct cli *cli)
{
    struct answer a;
    int status = rest_ask(cli, "GET", "/v1/heartbeats", NULL, &a);
    const json_t *list = json_object_get(a.doc, "heartbeats");

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, "list heartbeats", &a);
    else if (status == EXIT_YES && cli->json)
        cli_print_json(a.doc);
    else if (status == EXIT_YES && json_array_size(list) == 0)
        printf("no heartbeats\n");
    else if (status == EXIT_YES)
        print_list(cli, list);
    answer_release(&a);
    return status;
}

int
command_heartbeats(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = { CLI_LONG_OPTIONS, { NULL, 0, NULL, 0 } };
    int opt, status;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        status = cli_option(cli, opt, optarg, help);
        if (status == OPTION_HELP)
            return EXIT_YES;
        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    if (optind < argc)
        return cli_usage("heartbeats", "unexpected '%s'", argv[optind]);
    return list(cli);
}
