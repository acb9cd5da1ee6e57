/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin silence: list, add, expire. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

static const char help[] =
    "usage: tocsin silence [list] [--state WORDS]\n"
    "       tocsin silence add MATCHER ... --for 2h|--until TIME [--start TIME] [--by NAME] [--comment TEXT]\n"
    "       tocsin silence expire ID ...\n"
    "\n"
    "A silence holds back the alerts that all its matchers match: they are recorded, and nobody is told.\n"
    "A MATCHER is name=value, name!=value, name=~regex or name!~regex; the name is a label, or severity, source or\n"
    "summary where the alert has no such label.\n"
    "\n"
    "  --state WORDS        comma list of active, pending, expired, all (active,pending)\n"
    "  --for DURATION       30m, 2h, 1h30m, 1d, from its start\n"
    "  --until TIME         2030-01-31T08:00:00+01:00\n"
    "  --start TIME         when it begins (now)\n"
    "  --by NAME            who makes it ($USER); the daemon adds the name of the token\n"
    "  --comment TEXT       why\n" CLI_HELP
    "\n"
    "exit status: 0 done, 1 refused, unknown or not reachable, 2 wrong usage\n";

enum { OPT_STATE = OPT_COMMAND, OPT_FOR, OPT_UNTIL, OPT_START, OPT_BY, OPT_COMMENT,
       N_OPTIONS = OPT_COMMENT - OPT_STATE + 1 };

static const struct { const char *name, *member; } options_of[N_OPTIONS] = {
    { "state", NULL }, { "for", "for" }, { "until", "ends_at" }, { "start", "starts_at" }, { "by", "by" },
    { "comment", "comment" },
};

struct silence {
    const char *given[N_OPTIONS];  /* by option; NULL: not given */
    char **words;                  /* matchers or ids */
    size_t n;
};

static const char *
given(const struct silence *s, int opt)
{
    return s->given[opt - OPT_STATE];
}

/* --- list ------------------------------------------------------------------------- */

static const char *
matchers_text(const struct cli *cli, const json_t *silence)
{
    const json_t *list = json_object_get(silence, "matchers"), *one;
    const char *text = "";
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, one)
        text = arena_printf(cli->arena, "%s%s%s", text, i > 0 ? " " : "",
                            json_is_string(one) ? json_string_value(one) : "");
    return term_clean(cli->arena, text);
}

static void
print_list(const struct cli *cli, const json_t *doc)
{
    struct table t = { .n = 7, .flexible = 5,
                       .heads = { "ID", "STATE", "STARTS", "ENDS", "BY", "MATCHERS", "COMMENT" } };
    const json_t *list = json_object_get(doc, "silences"), *one;
    size_t i;

    if (json_array_size(list) == 0) {
        printf("no silences\n");
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        const char *cells[] = { doc_text(cli, one, "id"), doc_text(cli, one, "state"),
                                term_clock(cli, doc_text(cli, one, "starts_at")),
                                term_clock(cli, doc_text(cli, one, "ends_at")), doc_text(cli, one, "created_by"),
                                matchers_text(cli, one), doc_text(cli, one, "comment") };

        table_add(&t, cells, "");
    }
    table_print(&t, cli);
}

static int
list(struct cli *cli, const struct silence *s)
{
    const char *state = given(s, OPT_STATE) != NULL ? given(s, OPT_STATE) : "active,pending";
    const char *path = strcmp(state, "all") == 0 ? "/v1/silences"
                                                 : arena_printf(cli->arena, "/v1/silences?state=%s",
                                                                rest_escape(cli, state));
    struct answer a;
    int status = rest_ask(cli, "GET", path, NULL, &a);

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, "list silences", &a);
    else if (status == EXIT_YES && cli->json)
        cli_print_json(a.doc);
    else if (status == EXIT_YES)
        print_list(cli, a.doc);
    answer_release(&a);
    return status;
}

/* --- add, expire ------------------------------------------------------------------ */

static json_t *
new_silence(const struct silence *s)
{
    const char *user = getenv("USER");
    json_t *body = json_object(), *matchers = json_array();

    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(matchers, json_string(s->words[i]));
    json_object_set_new(body, "matchers", matchers);
    if (user != NULL && *user != '\0' && strcmp(user, "root") != 0)
        json_object_set_new(body, "by", json_string(user));
    for (int i = 0; i < N_OPTIONS; i++)
        if (options_of[i].member != NULL && s->given[i] != NULL)
            json_object_set_new(body, options_of[i].member, json_string(s->given[i]));
    return body;
}

static void
print_done(const struct cli *cli, const json_t *doc)
{
    const char *state = doc_text(cli, doc, "state");

    printf("%s  %s %s %s  %s\n", doc_text(cli, doc, "id"), state, strcmp(state, "expired") == 0 ? "at" : "until",
           term_clock(cli, doc_text(cli, doc, "ends_at")), matchers_text(cli, doc));
}

static int
ask(struct cli *cli, const char *method, const char *path, json_t *body, const char *what)
{
    struct answer a;
    int status = rest_ask(cli, method, path, body, &a);

    if (status != EXIT_YES && a.status != 0)
        rest_complain(cli, what, &a);
    else if (status == EXIT_YES && cli->json)
        cli_print_json(a.doc);
    else if (status == EXIT_YES)
        print_done(cli, a.doc);
    answer_release(&a);
    return status;
}

static int
add(struct cli *cli, const struct silence *s)
{
    if (s->n == 0)
        return cli_usage("silence", "'add' needs a matcher, such as host=db1");
    if ((given(s, OPT_FOR) == NULL) == (given(s, OPT_UNTIL) == NULL))
        return cli_usage("silence", "'add' needs one of --for and --until");
    return ask(cli, "POST", "/v1/silences", new_silence(s), "add a silence");
}

static int
expire(struct cli *cli, const struct silence *s)
{
    int status = EXIT_YES;

    if (s->n == 0)
        return cli_usage("silence", "'expire' needs the id of a silence");
    for (size_t i = 0; i < s->n; i++) {
        const char *path = arena_printf(cli->arena, "/v1/silences/%s", rest_escape(cli, s->words[i]));

        if (s->words[i][0] == '\0')
            return cli_usage("silence", "an id is empty");
        if (ask(cli, "DELETE", path, NULL,
                arena_printf(cli->arena, "expire '%s'", term_clean(cli->arena, s->words[i]))) != EXIT_YES)
            status = EXIT_NO;
    }
    return status;
}

/* --- words and options ------------------------------------------------------------ */

static const struct verb {
    const char *name;
    int (*run)(struct cli *, const struct silence *);
    unsigned options;              /* bits that it takes */
} verbs[] = {
#define BIT(opt) (1u << ((opt) - OPT_STATE))
    { "list", list, BIT(OPT_STATE) },
    { "add", add, BIT(OPT_FOR) | BIT(OPT_UNTIL) | BIT(OPT_START) | BIT(OPT_BY) | BIT(OPT_COMMENT) },
    { "expire", expire, 0 },
};

static int
read_options(struct cli *cli, struct silence *s, int argc, char **argv)
{
    static const struct option options[] = {
        CLI_LONG_OPTIONS,
        { "state", required_argument, NULL, OPT_STATE }, { "for", required_argument, NULL, OPT_FOR },
        { "until", required_argument, NULL, OPT_UNTIL }, { "start", required_argument, NULL, OPT_START },
        { "by", required_argument, NULL, OPT_BY },       { "comment", required_argument, NULL, OPT_COMMENT },
        { NULL, 0, NULL, 0 },
    };
    int opt, status;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt >= OPT_STATE && opt <= OPT_COMMENT) {
            s->given[opt - OPT_STATE] = optarg;
            continue;
        }
        status = cli_option(cli, opt, optarg, help);
        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    return EXIT_YES;
}

int
command_silence(struct cli *cli, int argc, char **argv)
{
    struct silence s = { 0 };
    const struct verb *v = NULL;
    int status = read_options(cli, &s, argc, argv);
    const char *word;

    if (status != EXIT_YES)
        return status == OPTION_HELP ? EXIT_YES : status;
    word = optind < argc ? argv[optind] : "list";
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, word) == 0)
            v = &verbs[i];
    if (v == NULL)
        return cli_usage("silence", "unknown word '%s'", word);
    s.words = argv + optind + 1;
    s.n = argc > optind + 1 ? (size_t)(argc - optind - 1) : 0;
    for (int i = 0; i < N_OPTIONS; i++)
        if (s.given[i] != NULL && (v->options & 1u << i) == 0)
            return cli_usage("silence", "'%s' does not take --%s", v->name, options_of[i].name);
    if (v == &verbs[0] && s.n > 0)
        return cli_usage("silence", "unexpected '%s'", s.words[0]);
    return v->run(cli, &s);
}
