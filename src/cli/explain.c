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
#include <strings.h>

#include "base/err.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "cli/internal.h"
#include "collector/collector.h"
#include "conf/conf.h"
#include "conf/report.h"
#include "core/alert.h"
#include "core/normalise/severity.h"
#include "plugin/host.h"
#include "plugin/loader.h"

static const char help[] =
    "usage: tocsin explain --collector NAME [OPTION ...] FILE\n"
    "\n"
    "Shows what the payload in FILE ('-' is standard input) becomes when the collector NAME of the configuration\n"
    "takes it in: its alerts, the rules that match and what they change, the incident, who is paged and when.\n"
    "Nothing is sent or stored, and no daemon is needed: edit a mapping or a rule, and run it again.\n"
    "\n"
    "  --collector NAME       whose format, mapping and name are used; may be left out when there is only one\n"
    "  --topic TOPIC          of an MQTT message; otherwise the collector's first topic without its wildcards\n"
    "  --header 'NAME: VALUE' of the request; may be repeated\n"
    "  --query NAME=VALUE     of the request; may be repeated\n"
    "  --content-type TYPE    of the request (application/json; text/plain for what is no JSON)\n"
    "  -c, --config FILE      instead of $TOCSIN_CONFIG or /etc/tocsin/tocsin.cfg\n"
    "  -p, --plugins FOLDER   where the integrations lie\n"
    "  --json                 the same as a document\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 the payload is understood, 1 it or the configuration is not, 2 wrong usage\n";

enum { OPT_COLLECTOR = OPT_COMMAND, OPT_TOPIC, OPT_HEADER, OPT_QUERY, OPT_TYPE, FIELDS_MAX = 32 };

struct explain {
    const char *config, *collector, *topic, *type, *file;
    char *plugins;
    struct tocsin_pair headers[FIELDS_MAX], queries[FIELDS_MAX];
    size_t n_headers, n_queries;
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
        x->topic = arg;
        return EXIT_YES;
    case OPT_HEADER:
        return add_field(cli, "header", arg, ':', x->headers, &x->n_headers);
    case OPT_QUERY:
        return add_field(cli, "query", arg, '=', x->queries, &x->n_queries);
    case OPT_TYPE:
        x->type = arg;
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
        { "content-type", required_argument, NULL, OPT_TYPE },   { "config", required_argument, NULL, 'c' },
        { "plugins", required_argument, NULL, 'p' },             { "json", no_argument, NULL, OPT_JSON },
        { "help", no_argument, NULL, 'h' },                      { NULL, 0, NULL, 0 },
    };
    int opt;

    while ((opt = getopt_long(argc, argv, "c:p:h", options, NULL)) != -1) {
        int status = option(cli, x, opt, optarg);

        if (status != EXIT_YES)
            return status == OPTION_UNKNOWN ? EXIT_USAGE : status;
    }
    if (optind + 1 != argc)
        return cli_usage("explain", optind == argc ? "the file is missing" : "more than one file");
    x->file = argv[optind];
    if (x->plugins == NULL)
        x->plugins = plugin_default_dir();
    return EXIT_YES;
}

/* --- the payload ----------------------------------------------------------------------------- */

static const char *
find(const struct tocsin_pair *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return fields[i].value;
    return NULL;
}

static const char *
header(const struct tocsin_payload *in, const char *name)
{
    const struct explain *x = in->host_data;

    return strcasecmp(name, "content-type") == 0 ? in->content_type : find(x->headers, x->n_headers, name);
}

static const char *
query(const struct tocsin_payload *in, const char *name)
{
    const struct explain *x = in->host_data;

    return find(x->queries, x->n_queries, name);
}

/* "train/+cluster/+host/alert" -> "train/cluster/host/alert": a topic that the filter matches. */
static const char *
some_topic(struct arena *arena, const char *filter)
{
    char *topic = arena_alloc(arena, 2 * strlen(filter) + 1), *w = topic;

    for (const char *f = filter; *f != '\0'; f++) {
        bool wild = (*f == '+' || *f == '#') && (f == filter || f[-1] == '/');

        if (wild && (f[1] == '/' || f[1] == '\0'))
            *w++ = 'x';
        else if (!wild)
            *w++ = *f;
    }
    *w = '\0';
    return topic;
}

static bool
set_topic(struct cli *cli, const struct explain *x, const struct conf_mqtt *m, struct tocsin_payload *in)
{
    struct tocsin_pair *labels = NULL;

    in->content_type = NULL;
    in->topic = x->topic != NULL ? x->topic : some_topic(cli->arena, m->topics[0]);
    for (size_t i = 0; i < m->n_topics; i++)
        if (mqtt_topic_match(m->topics[i], in->topic, cli->arena, &labels, &in->n_topic_labels)) {
            in->topic_labels = labels;
            return true;
        }
    fprintf(stderr, "tocsin: topic '%s' matches none of the collector's topics\n", in->topic);
    return false;
}

static bool
make_payload(struct cli *cli, const struct explain *x, const struct conf_collector *col, const char *body, size_t len,
             struct tocsin_payload *in)
{
    const char *start = body + strspn(body, " \t\r\n");
    const char *type = x->type != NULL ? x->type : find(x->headers, x->n_headers, "content-type");

    if (type == NULL)
        type = *start == '{' || *start == '[' ? "application/json" : "text/plain";
    *in = (struct tocsin_payload){ .collector = col->name, .body = body, .len = len, .content_type = type,
                                   .received_at = cli->now, .header = header, .query = query, .host_data = x,
                                   .headers = x->headers, .n_headers = x->n_headers,
                                   .queries = x->queries, .n_queries = x->n_queries };
    return strcmp(col->type, "mqtt") != 0 || set_topic(cli, x, &col->mqtt, in);
}

/* --- the document -------------------------------------------------------------------------------- */

static void
put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void
put_text(json_t *object, const char *name, const char *value)
{
    put(object, name, value != NULL && *value != '\0' ? json_string(value) : json_null());
}

static void
put_time(json_t *object, const char *name, int64_t ms)
{
    char text[TIME_TEXT];

    put_text(object, name, time_format(ms, text));
}

static json_t *
pairs(const struct tocsin_pair *p, size_t n)
{
    json_t *out = json_object();

    for (size_t i = 0; i < n; i++)
        put(out, p[i].name, json_string(p[i].value));
    return out;
}

static json_t *
names(const char *const *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(list[i]));
    return out;
}

static json_t *
rules(struct arena *arena, const struct decision *d)
{
    json_t *out = json_array();

    for (size_t i = 0; i < d->n_trace; i++) {
        const struct rule_trace *t = &d->trace[i];

        json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:b}", "name", t->rule, "at",
                                             arena_printf(arena, "%s:%u", t->pos.file, t->pos.line), "text", t->text,
                                             "failed", t->failed));
    }
    return out;
}

static json_t *
steps(const struct policy *p)
{
    json_t *out = json_array();

    for (size_t i = 0; i < p->n_steps; i++) {
        char after[DURATION_TEXT];

        json_array_append_new(out, json_pack("{s:s, s:o}", "after", duration_format(p->steps[i].after_ms, after),
                                             "notify", names(p->steps[i].targets, p->steps[i].n_targets)));
    }
    return out;
}

/* What the daemon would do with it, and whether somebody is woken. */
static const char *
effect(struct arena *arena, const struct decision *d, bool *pages_out)
{
    *pages_out = false;
    if (d->status == TOCSIN_RESOLVED)
        return "ends the alert of this key if it fires; otherwise nothing happens";
    if (d->status == TOCSIN_UNKNOWN)
        return "recorded; it neither pages nor ends anything";
    if (d->drop)
        return arena_printf(arena, "dropped by %s: counted and kept in the history, no incident", d->held_by);
    if (d->suppress)
        return arena_printf(arena, "suppressed by %s: the incident is recorded and nobody is told", d->held_by);
    if (d->severity == TOCSIN_INFO && !d->routed)
        return "info pages nobody unless a rule gives it a policy: the incident is only recorded";
    *pages_out = true;
    return "opens an incident and pages, or joins the open incident of its group";
}

static json_t *
alert_doc(struct arena *arena, const struct decision *d)
{
    static const char *const statuses[] = { "", "firing", "resolved", "unknown" };
    const struct policy *p = d->policy;
    struct alert_text t = { 0 };
    json_t *out = json_object(), *links = json_array();
    bool pages;
    const char *what = effect(arena, d, &pages);

    alert_text_decode(arena, d->body, d->body_len, &t);
    for (size_t i = 0; i < t.n_links; i++) {
        json_t *link = json_pack("{s:s}", "href", t.links[i].href);

        put_text(link, "text", t.links[i].text);
        json_array_append_new(links, link);
    }
    put_text(out, "dedup_key", d->dedup_key);
    put_text(out, "status", statuses[d->status]);
    put_text(out, "severity", severity_name(d->severity));
    put_text(out, "source_severity", t.source_severity);
    put_text(out, "summary", d->summary);
    put(out, "labels", pairs(t.labels, t.n_labels));
    put(out, "annotations", pairs(t.annotations, t.n_annotations));
    put(out, "links", links);
    put_time(out, "starts_at", d->starts_at);
    put_time(out, "ends_at", d->ends_at);
    put_time(out, "expires_at", d->expires_at);
    put(out, "rules", rules(arena, d));
    put(out, "pages", json_boolean(pages));
    put_text(out, "effect", what);
    put_text(out, "group_key", d->group_key);
    put(out, "policy", json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "routed_by", d->routed_by, "steps", steps(p),
                                 "last_resort", names(p->last_resort, p->n_last_resort)));
    put(out, "notify", names(d->notify, d->n_notify));
    return out;
}

static json_t *
explanation(struct cli *cli, const struct conf *conf, const struct conf_collector *col,
            const struct tocsin_payload *in, const struct tocsin_batch *batch)
{
    struct rule_scratch *scratch = rule_scratch_new(conf->rules);
    json_t *out = json_object(), *alerts = json_array(), *fetches = json_array();
    size_t quiet = 0;              /* lines of a log that no rule makes an alert of */

    put_text(out, "collector", col->name);
    put_text(out, "at", arena_printf(cli->arena, "%s:%u", col->pos.file, col->pos.line));
    put_text(out, "format", col->format);
    put_text(out, "topic", in->topic);
    put(out, "notes", names(batch->notes, batch->n_notes));
    for (size_t i = 0; i < batch->n_gets; i++)
        json_array_append_new(fetches, json_pack("{s:s, s:s}", "url", batch->gets[i].url, "why", batch->gets[i].why));
    put(out, "fetches", fetches);
    for (size_t i = 0; i < batch->n_alerts; i++) {
        const struct tocsin_alert *a = batch->alerts[i];
        const struct decision *d = a->record ? ruleset_decide_record(conf->rules, scratch, cli->arena, col->name, a)
                                             : ruleset_decide(conf->rules, scratch, cli->arena, col->name, a);

        if (d != NULL)
            json_array_append_new(alerts, alert_doc(cli->arena, d));
        else
            quiet++;
    }
    put(out, "alerts", alerts);
    put(out, "lines_without_a_rule", json_integer((json_int_t)quiet));
    rule_scratch_free(scratch);
    return out;
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

static int
explain(struct cli *cli, const struct explain *x, const struct conf *conf, const char *body, size_t len)
{
    const struct conf_collector *col = choose(cli, conf, x->collector);
    struct tocsin_payload in;
    struct tocsin_batch batch;
    struct tocsin_err err;
    char text[1024];
    json_t *doc;

    if (col == NULL || !make_payload(cli, x, col, body, len, &in))
        return EXIT_USAGE;
    host_set_json_depth((unsigned)conf->http.json_depth_max);
    host_set_alerts_max((unsigned)conf->http.alerts_max);
    host_batch_init(&batch, cli->arena);
    batch.redact = col->redact;
    if (host_decode(&col->plugin->api, col->self, col->mapping, &in, &batch, &err) != TOCSIN_OK) {
        fprintf(stderr, "tocsin: collector '%s' would refuse it: %s\n", col->name,
                term_clean(cli->arena, err_text(&err, text, sizeof text)));
        return EXIT_NO;
    }
    doc = explanation(cli, conf, col, &in, &batch);
    if (cli->json)
        cli_print_json(doc);
    else
        show_explanation(cli, doc);
    json_decref(doc);
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
