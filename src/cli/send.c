/* SPDX-License-Identifier: Apache-2.0 */
/* tocsin send: one alert, or a file as it is, to a collector. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/internal.h"

static const char help[] =
    "usage: tocsin send --collector NAME [OPTION ...]\n"
    "\n"
    "Posts one alert to the webhook collector NAME (its format is then 'json'), or a file as it is\n"
    "(in whatever format the collector has).  Prints the incident of each alert.  Nothing is retried.\n"
    "\n"
    "  --collector NAME     where to; POST /v1/in/NAME\n"
    "  --status WORD        firing (default) or resolved\n"
    "  --severity WORD      critical, error, warning, info, or a word that means one of them\n"
    "  --summary TEXT       one line: what is wrong\n"
    "  --key TEXT           identity of the alert, which its resolve needs; without it all labels are, or the summary\n"
    "  --label NAME=VALUE   may be repeated\n"
    "  --file FILE          send these bytes instead; '-' is standard input\n"
    "  --content-type TYPE  of the file (application/json)\n" CLI_HELP
    "\n"
    "exit status: 0 accepted and on disk, 1 refused or not reachable, 2 wrong usage\n";

enum { OPT_COLLECTOR = OPT_COMMAND, OPT_STATUS, OPT_SEVERITY, OPT_SUMMARY, OPT_KEY, OPT_LABEL, OPT_FILE, OPT_TYPE };

struct send {
    const char *collector, *file, *type;
    json_t *alert;
};

static int
set(struct send *s, const char *name, const char *value)
{
    json_t *v = json_string(value);

    if (v == NULL)
        return cli_usage("send", "--%s is not UTF-8", name);
    json_object_set_new(s->alert, name, v);
    return EXIT_YES;
}

static int
add_label(struct send *s, const char *arg)
{
    const char *eq = strchr(arg, '=');
    json_t *labels = json_object_get(s->alert, "labels"), *value;
    char *name;
    int bad;

    if (eq == NULL || eq == arg)
        return cli_usage("send", "--label '%s' is not NAME=VALUE", arg);
    if (labels == NULL) {
        labels = json_object();
        json_object_set_new(s->alert, "labels", labels);
    }
    name = strndup(arg, (size_t)(eq - arg));
    value = json_string(eq + 1);
    bad = name == NULL || value == NULL || json_object_set_new(labels, name, value) != 0;
    free(name);
    return bad ? cli_usage("send", "--label '%s' is not UTF-8", arg) : EXIT_YES;
}

static int
option(struct cli *cli, struct send *s, int opt, const char *arg)
{
    switch (opt) {
    case OPT_COLLECTOR:
        s->collector = arg;
        return EXIT_YES;
    case OPT_STATUS:
        if (strcmp(arg, "firing") != 0 && strcmp(arg, "resolved") != 0)
            return cli_usage("send", "--status is 'firing' or 'resolved', not '%s'", arg);
        return set(s, "status", arg);
    case OPT_SEVERITY:
        return set(s, "severity", arg);
    case OPT_SUMMARY:
        return set(s, "summary", arg);
    case OPT_KEY:
        return set(s, "dedup_key", arg);
    case OPT_LABEL:
        return add_label(s, arg);
    case OPT_FILE:
        s->file = arg;
        return EXIT_YES;
    case OPT_TYPE:
        s->type = arg;
        return EXIT_YES;
    default:
        return cli_option(cli, opt, arg, help);
    }
}

static int
read_options(struct cli *cli, struct send *s, int argc, char **argv)
{
    static const struct option options[] = {
        CLI_LONG_OPTIONS,
        { "collector", required_argument, NULL, OPT_COLLECTOR }, { "status", required_argument, NULL, OPT_STATUS },
        { "severity", required_argument, NULL, OPT_SEVERITY },   { "summary", required_argument, NULL, OPT_SUMMARY },
        { "key", required_argument, NULL, OPT_KEY },             { "label", required_argument, NULL, OPT_LABEL },
        { "file", required_argument, NULL, OPT_FILE },           { "content-type", required_argument, NULL, OPT_TYPE },
        { NULL, 0, NULL, 0 },
    };
    int opt, status;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        status = option(cli, s, opt, optarg);
        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    if (optind < argc)
        return cli_usage("send", "unexpected '%s'", argv[optind]);
    if (s->collector == NULL)
        return cli_usage("send", "--collector is missing");
    if (s->file != NULL && json_object_size(s->alert) > 0)
        return cli_usage("send", "--file stands alone: its bytes are sent as they are");
    if (s->file == NULL && json_object_get(s->alert, "summary") == NULL &&
        json_object_get(s->alert, "dedup_key") == NULL && json_object_get(s->alert, "labels") == NULL)
        return cli_usage("send", "one of --summary, --key, --label, --file is missing");
    return EXIT_YES;
}

/* The bytes to send; heap. */
static enum tocsin_rc
payload(const struct send *s, char **out, size_t *len, struct tocsin_err *err)
{
    if (s->file == NULL) {
        *out = json_dumps(s->alert, JSON_COMPACT);
        *len = *out != NULL ? strlen(*out) : 0;
        return *out != NULL ? TOCSIN_OK : err_set(err, TOCSIN_INTERNAL, "", "cannot build the alert");
    }
    return cli_read(s->file, out, len, err);
}

static void
print_alerts(const struct cli *cli, const struct answer *a)
{
    const json_t *alerts = json_object_get(a->doc, "alerts"), *alert;
    size_t i;

    if (cli->json && a->doc != NULL) {
        cli_print_json(a->doc);
        return;
    }
    json_array_foreach((json_t *)(uintptr_t)alerts, i, alert)
    {
        const char *incident = doc_text(cli, alert, "incident");

        printf("%s  %s\n", *incident != '\0' ? incident : "-", doc_text(cli, alert, "dedup_key"));
    }
    if (!json_is_array(alerts))
        printf("accepted\n");
}

static int
post(const struct cli *cli, const struct send *s)
{
    const char *path = arena_printf(cli->arena, "/v1/in/%s", rest_escape(cli, s->collector));
    struct answer a = { 0 };
    struct tocsin_err err;
    char text[1024], *body = NULL;
    size_t len = 0;
    int status = EXIT_NO;
    enum tocsin_rc rc = payload(s, &body, &len, &err);

    if (rc == TOCSIN_OK)
        rc = rest_call(cli, "POST", path, s->type, body, len, &a, &err);
    if (rc != TOCSIN_OK)
        fprintf(stderr, "tocsin: cannot send: %s\n", term_clean(cli->arena, err_text(&err, text, sizeof text)));
    else if (a.status < 200 || a.status > 299)
        rest_complain(cli, "send", &a);
    else
        status = EXIT_YES;
    if (status == EXIT_YES)
        print_alerts(cli, &a);
    answer_release(&a);
    free(body);
    return status;
}

int
command_send(struct cli *cli, int argc, char **argv)
{
    struct send s = { .type = "application/json", .alert = json_object() };
    int status = read_options(cli, &s, argc, argv);

    if (status == EXIT_YES)
        status = post(cli, &s);
    json_decref(s.alert);
    return status == OPTION_HELP ? EXIT_YES : status;
}
