/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin incidents: list, show, and act. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

static const char help[] =
    "usage: tocsin incidents [list] [--state WORDS] [--severity WORDS] [--search TEXT] [--limit N] [--cursor C]\n"
    "       tocsin incidents show ID ...\n"
    "       tocsin incidents ack|unack|resolve|escalate ID ... [--by NAME] [--note TEXT]\n"
    "       tocsin incidents snooze ID ... --for 2h|--until TIME [--by NAME] [--note TEXT]\n"
    "       tocsin incidents note ID ... --note TEXT [--by NAME]\n"
    "\n"
    "Without a word: the open incidents.  ID is the whole id, or its first or last 8 or more digits.\n"
    "\n"
    "  --state WORDS        comma list of triggered, acknowledged, resolved, open (default), all\n"
    "  --severity WORDS     comma list of critical, error, warning, info\n"
    "  --search TEXT        part of the summary, group key, source or id\n"
    "  --limit N            at most N incidents (50, at most 500)\n"
    "  --cursor C           go on where a list ended\n"
    "  --by NAME            who acts ($USER); the daemon adds the name of the token\n"
    "  --note TEXT          a remark for the timeline\n"
    "  --for DURATION       30m, 2h, 1h30m, 1d\n"
    "  --until TIME         2030-01-31T08:00:00+01:00\n" CLI_HELP
    "\n"
    "exit status: 0 done, 1 refused, unknown or not reachable, 2 wrong usage\n";

enum { OPT_STATE = OPT_COMMAND, OPT_SEVERITY, OPT_SEARCH, OPT_LIMIT, OPT_CURSOR, OPT_BY, OPT_NOTE, OPT_FOR, OPT_UNTIL,
       N_OPTIONS = OPT_UNTIL - OPT_STATE + 1 };

static const char *const option_names[N_OPTIONS] = { "state", "severity", "search", "limit", "cursor",
                                                     "by",    "note",     "for",    "until" };

struct incidents {
    const char *given[N_OPTIONS];  /* by option; NULL: not given */
    char **ids;
    size_t n_ids;
};

static const char *
given(const struct incidents *in, int opt)
{
    return in->given[opt - OPT_STATE];
}

/* --- list ------------------------------------------------------------------------- */

static const char *
list_path(const struct cli *cli, const struct incidents *in)
{
    static const struct { int opt; const char *param; } params[] = {
        { OPT_SEVERITY, "severity" }, { OPT_SEARCH, "q" }, { OPT_LIMIT, "limit" }, { OPT_CURSOR, "cursor" },
    };
    const char *state = given(in, OPT_STATE), *path;

    if (state == NULL)
        state = "open";
    path = strcmp(state, "all") == 0 ? "/v1/incidents?state="
                                     : arena_printf(cli->arena, "/v1/incidents?state=%s", rest_escape(cli, state));
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++)
        if (given(in, params[i].opt) != NULL)
            path = arena_printf(cli->arena, "%s&%s=%s", path, params[i].param,
                                rest_escape(cli, given(in, params[i].opt)));
    return path;
}

/* The last 8 digits are what people type: of a UUIDv7 they are random, the first 8 are the hour. */
static const char *
short_id(const char *id)
{
    size_t n = strlen(id);

    return n > 8 ? id + n - 8 : id;
}

static const char *
what_holds(const struct cli *cli, const json_t *incident)
{
    const char *state = doc_text(cli, incident, "state");

    if (strcmp(state, "triggered") == 0 && *doc_text(cli, incident, "suppressed_by") != '\0')
        return "suppressed";
    if (strcmp(state, "triggered") == 0 && *doc_text(cli, incident, "snoozed_until") != '\0')
        return "snoozed";
    return state;
}

static void
print_list(const struct cli *cli, const json_t *doc)
{
    struct table t = { .n = 7, .flexible = 6,
                       .heads = { "ID", "STATE", "SEVERITY", "AGE", "SOURCE", "ACKNOWLEDGED BY", "SUMMARY" } };
    const json_t *list = json_object_get(doc, "incidents"), *one;
    const char *next = doc_text(cli, doc, "next");
    size_t i;

    if (json_array_size(list) == 0) {
        printf("no incidents\n");
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        const char *severity = doc_text(cli, one, "severity");
        const char *cells[] = { short_id(doc_text(cli, one, "id")), what_holds(cli, one), severity,
                                term_age(cli, doc_text(cli, one, "opened_at")), doc_text(cli, one, "source"),
                                doc_text(cli, one, "acknowledged_by"), doc_text(cli, one, "summary") };

        table_add(&t, cells, term_severity_colour(cli, severity));
    }
    table_print(&t, cli);
    if (*next != '\0')
        fprintf(stderr, "there are more: --cursor %s\n", next);
}

static int
list(struct cli *cli, const struct incidents *in)
{
    struct answer a;
    int status = rest_ask(cli, "GET", list_path(cli, in), NULL, &a);

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, "list incidents", &a);
    else if (status == EXIT_YES && cli->json)
        cli_print_json(a.doc);
    else if (status == EXIT_YES)
        print_list(cli, a.doc);
    answer_release(&a);
    return status;
}

/* --- show and act ------------------------------------------------------------------ */

static json_t *
action_body(const struct incidents *in)
{
    static const int opts[] = { OPT_BY, OPT_NOTE, OPT_FOR, OPT_UNTIL };
    const char *user = getenv("USER");
    json_t *body = json_object();

    if (user != NULL && *user != '\0' && strcmp(user, "root") != 0)
        json_object_set_new(body, "by", json_string(user));
    for (size_t i = 0; i < sizeof opts / sizeof opts[0]; i++)
        if (given(in, opts[i]) != NULL)
            json_object_set_new(body, option_names[opts[i] - OPT_STATE], json_string(given(in, opts[i])));
    return body;
}

static void
print_acted(const struct cli *cli, const json_t *doc)
{
    const char *by = doc_text(cli, doc, "acknowledged_by"), *state = what_holds(cli, doc), *more = "";

    if (strcmp(state, "acknowledged") == 0 && *by != '\0')
        more = arena_printf(cli->arena, " by %s", by);
    else if (strcmp(state, "snoozed") == 0)
        more = arena_printf(cli->arena, " until %s", term_clock(cli, doc_text(cli, doc, "snoozed_until")));
    printf("%s  %s%s  %s\n", short_id(doc_text(cli, doc, "id")), state, more, doc_text(cli, doc, "summary"));
}

/* verb NULL: show. */
static int
one(struct cli *cli, const struct incidents *in, const char *verb, const char *id)
{
    const char *path = arena_printf(cli->arena, "/v1/incidents/%s%s%s", rest_escape(cli, id), verb != NULL ? "/" : "",
                                    verb != NULL ? verb : "");
    struct answer a;
    int status = rest_ask(cli, verb != NULL ? "POST" : "GET", path, verb != NULL ? action_body(in) : NULL, &a);

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, arena_printf(cli->arena, "%s '%s'", verb != NULL ? verb : "show",
                                        term_clean(cli->arena, id)), &a);
    else if (status == EXIT_YES && cli->json)
        cli_print_json(a.doc);
    else if (status == EXIT_YES && verb != NULL)
        print_acted(cli, a.doc);
    else if (status == EXIT_YES)
        show_incident(cli, a.doc);
    answer_release(&a);
    return status;
}

static int
each(struct cli *cli, const struct incidents *in, const char *verb)
{
    int status = EXIT_YES;

    for (size_t i = 0; i < in->n_ids; i++)
        if (one(cli, in, verb, in->ids[i]) != EXIT_YES)
            status = EXIT_NO;
    return status;
}

/* --- words and options ---------------------------------------------------------------- */

static const struct verb {
    const char *name, *path;       /* path NULL: show */
    unsigned options;              /* bits that it takes */
} verbs[] = {
#define BIT(opt) (1u << ((opt) - OPT_STATE))
#define WHO (BIT(OPT_BY) | BIT(OPT_NOTE))
    { "list", NULL, BIT(OPT_STATE) | BIT(OPT_SEVERITY) | BIT(OPT_SEARCH) | BIT(OPT_LIMIT) | BIT(OPT_CURSOR) },
    { "show", NULL, 0 },
    { "ack", "ack", WHO },
    { "unack", "unack", WHO },
    { "resolve", "resolve", WHO },
    { "snooze", "snooze", WHO | BIT(OPT_FOR) | BIT(OPT_UNTIL) },
    { "note", "note", WHO },
    { "escalate", "escalate", WHO },
};

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int
check(const struct verb *v, const struct incidents *in)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (in->given[i] != NULL && (v->options & 1u << i) == 0)
            return cli_usage("incidents", "'%s' does not take --%s", v->name, option_names[i]);
    if (v == &verbs[0])
        return in->n_ids > 0 ? cli_usage("incidents", "unexpected '%s'", in->ids[0]) : EXIT_YES;
    if (in->n_ids == 0)
        return cli_usage("incidents", "'%s' needs the id of an incident", v->name);
    for (size_t i = 0; i < in->n_ids; i++)
        if (in->ids[i][0] == '\0')
            return cli_usage("incidents", "an id is empty");
    if (strcmp(v->name, "note") == 0 && given(in, OPT_NOTE) == NULL)
        return cli_usage("incidents", "'note' needs --note TEXT");
    if (strcmp(v->name, "snooze") == 0 && (given(in, OPT_FOR) == NULL) == (given(in, OPT_UNTIL) == NULL))
        return cli_usage("incidents", "'snooze' needs one of --for and --until");
    return EXIT_YES;
}

static int
read_options(struct cli *cli, struct incidents *in, int argc, char **argv)
{
    static const struct option options[] = {
        CLI_LONG_OPTIONS,
        { "state", required_argument, NULL, OPT_STATE },   { "severity", required_argument, NULL, OPT_SEVERITY },
        { "search", required_argument, NULL, OPT_SEARCH }, { "limit", required_argument, NULL, OPT_LIMIT },
        { "cursor", required_argument, NULL, OPT_CURSOR }, { "by", required_argument, NULL, OPT_BY },
        { "note", required_argument, NULL, OPT_NOTE },     { "for", required_argument, NULL, OPT_FOR },
        { "until", required_argument, NULL, OPT_UNTIL },   { NULL, 0, NULL, 0 },
    };
    int opt, status;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt >= OPT_STATE && opt <= OPT_UNTIL) {
            in->given[opt - OPT_STATE] = optarg;
            continue;
        }
        status = cli_option(cli, opt, optarg, help);
        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    return EXIT_YES;
}

int
command_incidents(struct cli *cli, int argc, char **argv)
{
    struct incidents in = { 0 };
    const struct verb *v = &verbs[0];
    int status = read_options(cli, &in, argc, argv);

    if (status != EXIT_YES)
        return status == OPTION_HELP ? EXIT_YES : status;
    argv += optind;
    argc -= optind;
    if (argc > 0) {
        v = find_verb(argv[0]);
        if (v == NULL)
            return cli_usage("incidents", "unknown word '%s'", argv[0]);
        in.ids = argv + 1;
        in.n_ids = (size_t)argc - 1;
    }
    status = check(v, &in);
    if (status != EXIT_YES)
        return status;
    return v == &verbs[0] ? list(cli, &in) : each(cli, &in, v->path);
}
