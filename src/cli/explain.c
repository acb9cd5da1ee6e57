/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - tocsin explain: what would this payload become?
 *
 * The configuration is loaded as the daemon loads it, and the payload goes the
 * daemon's way as far as the decision on each alert.  Nothing is sent or stored,
 * and no daemon is needed, so a mapping or a rule is tried by saving it and
 * running the command again.  Signatures and tokens are not asked for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "cli/explain.h"
#include "cli/explain_live.h"
#include "cli/internal.h"
#include "conf/conf.h"
#include "conf/report.h"
#include "plugin/loader.h"

static const char help[] =
    "usage: tocsin explain --collector NAME [OPTION ...] FILE\n"
    "\n"
    "Shows what the payload in FILE ('-' is standard input) becomes when the collector NAME of the configuration\n"
    "takes it in: its alerts, what each rule says of them, the incident, who is paged and when.\n"
    "Nothing is sent or stored, and no daemon is needed: edit a mapping or a rule, and run it again.\n"
    "\n"
    "  --collector NAME       whose format, mapping and name are used; may be left out when there is only one\n"
    "  --path PATH            of a request to an intake, such as /v2/enqueue; otherwise the first that understands it\n"
    "  --method METHOD        of that request (POST)\n"
    "  --topic TOPIC          of an MQTT message; otherwise the collector's first topic without its wildcards\n"
    "  --header 'NAME: VALUE' of the request; may be repeated\n"
    "  --query NAME=VALUE     of the request; may be repeated\n"
    "  --content-type TYPE    of the request; otherwise what the payload looks like\n"
    "  --peer ADDRESS         of the sender; syslog has it for messages that name no host\n"
    "  --at TIME              when it arrives (RFC 3339); otherwise now\n"
    "  --live                 ask the daemon too: a silence that holds it back, an alert that fires already\n"
    "  --all-rules            also each rule that does not match, and why; otherwise the first of them\n"
    "  -c, --config FILE      instead of $TOCSIN_CONFIG or /etc/tocsin/tocsin.cfg\n"
    "  -p, --plugins FOLDER   where the integrations lie\n"
    "  --json                 the same as a document\n"
    "  --url, --token-file, --ca-file   where the daemon is, as for 'tocsin incidents'\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 the payload is understood, 1 it or the configuration is not, 2 wrong usage\n";

enum {
    OPT_COLLECTOR = OPT_COMMAND, OPT_TOPIC, OPT_HEADER, OPT_QUERY, OPT_TYPE, OPT_PATH, OPT_METHOD, OPT_PEER,
    OPT_AT, OPT_ALL_RULES, OPT_LIVE, FIELDS_MAX = 32
};

struct explain {
    const char *config, *collector, *file;
    char *plugins;
    struct way way;
    struct tocsin_pair headers[FIELDS_MAX], queries[FIELDS_MAX];
    int64_t at;                    /* 0: now */
    bool all_rules, live;
};

/* --- arguments ------------------------------------------------------------------------ */

static int
add_field(struct cli *cli, const char *option, const char *arg, char mark, struct tocsin_pair *fields, size_t *n)
{
    const char *at = strchr(arg, mark);
    char *name;

    if (at == NULL || at == arg)
        return cli_usage("explain", "--%s '%s' is not NAME%cVALUE", option, arg, mark);
    if (*n == FIELDS_MAX)
        return cli_usage("explain", "more than %d times --%s", FIELDS_MAX, option);
    name = arena_strndup(cli->arena, arg, (size_t)(at - arg));
    fields[(*n)++] = (struct tocsin_pair){ name, at + 1 + strspn(at + 1, mark == ':' ? " " : "") };
    return EXIT_YES;
}

static int
option(struct cli *cli, struct explain *x, int opt, const char *arg)
{
    switch (opt) {
    case OPT_COLLECTOR:
        x->collector = arg;
        return EXIT_YES;
    case OPT_TOPIC:
        x->way.topic = arg;
        return EXIT_YES;
    case OPT_HEADER:
        return add_field(cli, "header", arg, ':', x->headers, &x->way.n_headers);
    case OPT_QUERY:
        return add_field(cli, "query", arg, '=', x->queries, &x->way.n_queries);
    case OPT_TYPE:
        x->way.content_type = arg;
        return EXIT_YES;
    case OPT_PATH:
        x->way.path = arg;
        return EXIT_YES;
    case OPT_METHOD:
        x->way.method = arg;
        return EXIT_YES;
    case OPT_PEER:
        x->way.peer = arg;
        return EXIT_YES;
    case OPT_AT:
        x->at = time_parse(arg);
        return x->at > 0 ? EXIT_YES : cli_usage("explain", "--at '%s' is no time such as 2026-01-31T12:00:00Z", arg);
    case OPT_LIVE:
        x->live = true;
        return EXIT_YES;
    case OPT_ALL_RULES:
        x->all_rules = true;
        return EXIT_YES;
    case 'c':
        x->config = arg;
        return EXIT_YES;
    case 'p':
        free(x->plugins);
        x->plugins = xstrdup(arg);
        return EXIT_YES;
    default:
        return cli_option(cli, opt, arg, help);
    }
}

static int
read_options(struct cli *cli, struct explain *x, int argc, char **argv)
{
    static const struct option options[] = {
        { "collector", required_argument, NULL, OPT_COLLECTOR }, { "topic", required_argument, NULL, OPT_TOPIC },
        { "header", required_argument, NULL, OPT_HEADER },       { "query", required_argument, NULL, OPT_QUERY },
        { "content-type", required_argument, NULL, OPT_TYPE },   { "path", required_argument, NULL, OPT_PATH },
        { "method", required_argument, NULL, OPT_METHOD },       { "peer", required_argument, NULL, OPT_PEER },
        { "at", required_argument, NULL, OPT_AT },               { "live", no_argument, NULL, OPT_LIVE },
        { "all-rules", no_argument, NULL, OPT_ALL_RULES },       { "config", required_argument, NULL, 'c' },
        { "plugins", required_argument, NULL, 'p' },             CLI_LONG_OPTIONS,
        { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "c:p:h", options, NULL)) != -1) {
        int status = option(cli, x, opt, optarg);

        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    if (optind + 1 != argc)
        return cli_usage("explain", optind == argc ? "the file is missing" : "more than one file");
    if (x->way.path != NULL && strchr(x->way.path, '?') != NULL)
        return cli_usage("explain", "--path '%s' has a query in it: --query NAME=VALUE says that", x->way.path);
    x->file = argv[optind];
    x->way.headers = x->headers;
    x->way.queries = x->queries;
    if (x->plugins == NULL)
        x->plugins = plugin_default_dir();
    return EXIT_YES;
}

/* --- the command --------------------------------------------------------------------------------- */

static const struct conf_collector *
choose(struct cli *cli, const struct conf *conf, const char *name)
{
    const struct conf_collector *col = name != NULL              ? conf_collector(conf, name)
                                       : conf->n_collectors == 1 ? &conf->collectors[0]
                                                                 : NULL;
    const char **known = arena_alloc(cli->arena, (conf->n_collectors + 1) * sizeof *known);
    const char *all = "";
    char hint[HINT_TEXT];

    for (size_t i = 0; i < conf->n_collectors; i++) {
        known[i] = conf->collectors[i].name;
        all = arena_printf(cli->arena, "%s%s%s", all, i > 0 ? ", " : "", known[i]);
    }
    if (col == NULL && name == NULL)
        cli_usage("explain", "--collector is missing; there are %s", conf->n_collectors > 0 ? all : "none");
    else if (col == NULL)
        fprintf(stderr, "tocsin: there is no collector '%s' in '%s'%s\n", name, conf->file,
                hint_text(nearest_name(name, known, conf->n_collectors), hint));
    return col;
}

/* Who asks for a collector that is none, but a heartbeat, means its address. */
static const struct conf_collector *
choose_or_tell(struct cli *cli, const struct conf *conf, const char *name)
{
    const struct conf_heartbeat *h = name != NULL ? conf_heartbeat(conf, name) : NULL;

    if (h == NULL || h->of_collector)
        return choose(cli, conf, name);
    fprintf(stderr, "tocsin: '%s' (%s:%u) is a heartbeat: a request to /v1/heartbeat/%s is a beat, whatever it holds\n",
            name, h->pos.file, h->pos.line, name);
    return NULL;
}

static int
refused(struct cli *cli, const struct arrival *a, const struct tocsin_err *err)
{
    const char *paths = a->way->path == NULL ? arrival_paths(cli->arena, a->col) : "";
    char text[1024];

    /* there is no such topic or path: nobody would get as far as sending it */
    fprintf(stderr, "tocsin: collector '%s'%s %s\n", a->col->name,
            a->astray ? ":" : " would refuse it:",
            term_clean(cli->arena, err_text(err, text, sizeof text)));
    if (!a->astray && strstr(paths, ", ") != NULL)
        fprintf(stderr, "tocsin: tried as a request to its paths in turn; --path says which of %s it is\n", paths);
    return a->astray ? EXIT_USAGE : EXIT_NO;
}

static int
explain(struct cli *cli, const struct explain *x, const struct conf *conf, const char *body, size_t len)
{
    struct arrival a = { .arena = cli->arena, .conf = conf, .way = &x->way, .at = x->at > 0 ? x->at : cli->now };
    struct explain_live *live = NULL;
    struct tocsin_err err;
    json_t *doc;

    a.col = choose_or_tell(cli, conf, x->collector);
    if (a.col == NULL)
        return EXIT_USAGE;
    if (arrival_read(&a, body, len, &err) != TOCSIN_OK)
        return refused(cli, &a, &err);
    if (x->live) {
        live = explain_live_ask(cli, a.col->name);
        if (live == NULL)
            return EXIT_NO;
    }
    arrival_answer(&a);
    doc = explain_document(&a, x->all_rules, live);
    if (cli->json)
        cli_print_json(doc);
    else
        show_explanation(cli, doc, x->all_rules);
    json_decref(doc);
    explain_live_free(live);
    return EXIT_YES;
}

static int
load_and_explain(struct cli *cli, const struct explain *x)
{
    struct conf_report report = { 0 };
    struct tocsin_err err;
    char text[1024], *body = NULL;
    size_t len = 0;
    int status = EXIT_NO;
    struct conf *conf = NULL;

    if (cli_read(x->file, &body, &len, &err) != TOCSIN_OK) {
        fprintf(stderr, "tocsin: %s\n", err_text(&err, text, sizeof text));
        goto out;
    }
    conf = conf_load(x->config, x->plugins, &report);
    for (size_t i = 0; conf == NULL && i < report.n; i++)
        fprintf(stderr, "%s\n", report.items[i].text);
    if (conf != NULL)
        status = explain(cli, x, conf, body, len);
out:
    conf_unref(conf);
    conf_report_release(&report);
    free(body);
    return status;
}

int
command_explain(struct cli *cli, int argc, char **argv)
{
    struct explain x = { .config = conf_default_file() };
    int status = read_options(cli, &x, argc, argv);

    if (status == EXIT_YES)
        status = load_and_explain(cli, &x);
    free(x.plugins);
    return status == OPTION_HELP ? EXIT_YES : status;
}
