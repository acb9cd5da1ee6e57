/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads from elsewhere, listed in an INDEX.tsv with what they should come
 * out as: path, source, kind, status, severity, identity, title.  A folder
 * that no integration reads is a failure, as is a payload that comes out
 * otherwise.
 */
#include "lib/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/normalise/severity.h"
#include "os/file.h"

#include "lib/cases_samples.h"

enum { COLUMNS = 7 };

/* Which integration reads which folder or file; the first that fits counts. */
static const struct { const char *prefix, *format; } readers[] = {
    { "alertmanager/", "alertmanager" },
    { "syslog-", "syslog" },
    { "aws-cloudwatch-lambda/", "aws-cloudwatch-lambda" },
    { "aws-eventbridge/", "aws-eventbridge" },
    { "aws-sns/", "aws-sns" },
    { "azure-", "azure" },
    { "datadog/", "datadog" },
    { "dynatrace/", "dynatrace" },
    { "elastalert2/", "elastalert2" },
    { "gcp-monitoring/", "gcp-monitoring" },
    { "gpu/alertmanager", "alertmanager" },
    { "argocd/", "argocd" },
    { "checkmk/", "checkmk" },
    { "cloudevents/", "cloudevents" },
    { "falco/", "falco" },
    { "github/", "github" },
    { "gitlab/", "gitlab" },
    { "healthchecks-io/", "healthchecks-io" },
    { "honeycomb/", "honeycomb" },
    { "jenkins/", "jenkins" },
    { "kubernetes-events/", "kubernetes-events" },
    { "nagios/", "nagios" },
    { "pingdom/", "pingdom" },
    { "prtg/", "prtg" },
    { "robusta/", "robusta" },
    { "sentry-webhook/", "sentry" },
    { "slurm/", "slurm" },
    { "statuscake/", "statuscake" },
    { "uptime-kuma/", "uptime-kuma" },
    { "uptimerobot/", "uptimerobot" },
    { "wazuh/", "wazuh" },
    { "gpu/", "gpu" },
    { "training/", "training" },
    { "grafana", "grafana" },
    { "graylog/", "graylog" },
    { "kibana/", "kibana" },
    { "logzio/", "logzio" },
    { "newrelic/", "newrelic" },
    { "opensearch/", "opensearch" },
    { "splunk/", "splunk" },
    { "zabbix/", "zabbix" },
    { "mqtt-tasmota/", "tasmota" },
    { "mqtt-zigbee2mqtt/", "zigbee2mqtt" },
    { "mqtt-shelly/", "shelly" },
    { "mqtt-homeassistant/", "homeassistant" },
    { "mqtt-sparkplug/", "sparkplug" },
    { "mqtt-device/", "mqtt-device" },
    { "aws-iot-mqtt/", "aws-iot" },
    { "fluent-bit/", "fluent-bit" },
    { "vector/", "vector" },
    { "logstash/", "logstash" },
    { "journald/", "journald" },
    { "axiom/", "axiom" },
    { "checkly/", "checkly" },
    { "cloudflare/", "cloudflare" },
    { "coralogix/", "coralogix" },
    { "dash0/", "dash0" },
    { "deadmanssnitch/", "deadmanssnitch" },
    { "hetrixtools/", "hetrixtools" },
    { "kapacitor/", "kapacitor" },
    { "librenms/", "librenms" },
    { "logicmonitor/", "logicmonitor" },
    { "pushgateway/", "pushgateway" },
    { "riemann/", "riemann" },
    { "site24x7/", "site24x7" },
    { "solarwinds/", "solarwinds" },
    { "statusgator/", "statusgator" },
    { "thousandeyes/", "thousandeyes" },
    { "uptime-com/", "uptime-com" },
    { "vmware-vrops/", "vmware-vrops" },
};

/* What is sent to a product's own path; request: what of it is not in the file. */
#define GENIE "\"headers\": {\"Authorization\": \"GenieKey k\"}"
#define ALIAS "\"query\": {\"identifierType\": \"alias\"}"
#define SENTRY "\"query\": {\"sentry_key\": \"k\"}"
static const struct { const char *prefix, *format, *request; } intakes[] = {
    { "alertmanager-api-v2/", "alertmanager", "{\"path\": \"/api/v2/alerts\"}" },
    { "loki-ruler/", "alertmanager", "{\"path\": \"/api/v2/alerts\", \"received_at\": \"2024-06-01T12:05:30Z\"}" },
    { "pagerduty-events-v1/", "pagerduty", "{\"path\": \"/generic/2010-04-15/create_event.json\"}" },
    { "pagerduty-events-v2/change", "pagerduty", "{\"path\": \"/v2/change/enqueue\"}" },
    { "pagerduty-events-v2/", "pagerduty", "{\"path\": \"/v2/enqueue\"}" },
    { "opsgenie/create", "opsgenie", "{\"path\": \"/v2/alerts\", " GENIE "}" },
    { "opsgenie/acknowledge", "opsgenie", "{\"path\": \"/v2/alerts/p-17/acknowledge\", " GENIE ", " ALIAS "}" },
    { "opsgenie/close", "opsgenie", "{\"path\": \"/v2/alerts/p-17/close\", " GENIE ", " ALIAS "}" },
    { "victorops/", "victorops", "{\"path\": \"/integrations/generic/20131114/alert/k/ml\"}" },
    { "sentry-store/", "sentry", "{\"path\": \"/api/42/store/\", " SENTRY "}" },
    { "sentry-envelope/", "sentry", "{\"path\": \"/api/42/envelope/\", " SENTRY "}" },
    { "filebeat-bulk/", "elastic-bulk", "{\"path\": \"/_bulk\"}" },
    { "otlp-logs/", "otlp", "{\"path\": \"/v1/logs\"}" },
};

static void
find_reader(struct sample *s)
{
    for (size_t i = 0; i < sizeof intakes / sizeof intakes[0] && s->format == NULL; i++) {
        if (strncmp(s->path, intakes[i].prefix, strlen(intakes[i].prefix)) == 0) {
            s->format = intakes[i].format;
            s->request = intakes[i].request;
        }
    }
    for (size_t i = 0; i < sizeof readers / sizeof readers[0] && s->format == NULL; i++)
        if (strncmp(s->path, readers[i].prefix, strlen(readers[i].prefix)) == 0)
            s->format = readers[i].format;
}

bool
cases_sample_read(char *line, struct sample *s)
{
    char *columns[COLUMNS] = { line };

    for (int i = 1; i < COLUMNS; i++) {
        char *tab = strchr(columns[i - 1], '\t');

        if (tab == NULL)
            return false;
        *tab = '\0';
        columns[i] = tab + 1;
    }
    columns[COLUMNS - 1][strcspn(columns[COLUMNS - 1], "\t\n")] = '\0';
    *s = (struct sample){ .path = columns[0], .status = columns[3], .severity = columns[4], .identity = columns[5],
                          .title = columns[6] };
    find_reader(s);
    return strcmp(columns[0], "path") != 0;          /* the first line names the columns */
}

/* --- status and severity --------------------------------------------------------------------- */

static bool
is_recorded_only(const struct tocsin_alert *alert)
{
    return alert->status == TOCSIN_UNKNOWN || alert->severity == TOCSIN_INFO || alert->record;
}

/* Of the words that the list says of the severity those that are a severity; none: any will do. */
static bool
is_severity(const char *words, enum tocsin_severity severity)
{
    bool any = false;

    if (strstr(words, "no severity") != NULL)
        return true;
    for (const char *p = words; *p != '\0';) {
        size_t n = strcspn(p, " ;,()\"");
        char word[64];

        snprintf(word, sizeof word, "%.*s", (int)n, p);
        if (severity_of(word) == severity && severity != TOCSIN_SEV_NONE)
            return true;
        any |= severity_of(word) != TOCSIN_SEV_NONE;
        p += n + (p[n] != '\0');
    }
    return !any;
}

static void
check_alert(const struct sample *s, const struct tocsin_alert *alert, struct buf *diff)
{
    bool good = strncmp(s->status, "info", 4) == 0     ? is_recorded_only(alert)
                : strncmp(s->status, "firing", 6) == 0 ? alert->status == TOCSIN_FIRING
                                                       : alert->status == TOCSIN_RESOLVED;

    if (!good)
        buf_addf(diff, "expected '%s', status is %d, severity %s\n", s->status, (int)alert->status,
                 severity_name(alert->severity));
    if (good && alert->status == TOCSIN_FIRING && strncmp(s->status, "firing", 6) == 0 &&
        !is_severity(s->severity, alert->severity) && !cases_sample_differs(s, "severity"))
        buf_addf(diff, "expected a severity of '%s', got %s\n", s->severity, severity_name(alert->severity));
    if (getenv("TOCSIN_SAMPLES_SHOW") != NULL) {
        json_t *shown = cases_alert_json(alert);
        char *text = json_dumps(shown, JSON_INDENT(2));

        printf("%s: %s\n", s->path, text);
        free(text);
        json_decref(shown);
    }
}

/* Mixed: some wake people, some do not. */
static void
check_mixed(const struct tocsin_batch *b, struct buf *diff)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_alerts; i++)
        n += b->alerts[i]->status == TOCSIN_FIRING && b->alerts[i]->severity > TOCSIN_INFO;
    if (n == 0 || n == b->n_alerts)
        buf_addf(diff, "expected some that fire and some that do not, %zu of %zu fire\n", n, b->n_alerts);
}

static void
check_batch(const struct sample *s, const char *payload, size_t len, const struct tocsin_batch *b, struct buf *diff)
{
    bool mixed = strncmp(s->status, "mixed", 5) == 0 || strstr(s->status, " of ") != NULL;     /* firing (1 of 2) */

    for (size_t i = 0; i < b->n_alerts && !mixed; i++)
        check_alert(s, b->alerts[i], diff);
    if (mixed)
        check_mixed(b, diff);
    else if (b->n_alerts == 0 && strncmp(s->status, "info", 4) != 0)
        buf_addf(diff, "no alert; expected '%s'\n", s->status);
    if (b->n_alerts > 0)
        cases_sample_fields(s, payload, len, b, diff);
}

/* Acknowledged, resolved: what a request to an intake does to what is open. */
static void
check_call(const struct sample *s, const char *payload, size_t len, const struct host_call *c, struct buf *diff)
{
    enum tocsin_act_kind wanted = strncmp(s->status, "ack", 3) == 0 ? TOCSIN_ACT_ACK : TOCSIN_ACT_RESOLVE;

    if (c->status < 200 || c->status > 299) {
        buf_addf(diff, "answered with %d: %s\n", c->status, c->body);
    } else if (c->n_acts > 0 && c->batch.n_alerts == 0) {
        for (size_t i = 0; i < c->n_acts; i++)
            if (c->acts[i].act.kind != wanted && c->acts[i].act.kind != TOCSIN_ACT_NOTE)
                buf_addf(diff, "expected '%s', got act %d\n", s->status, (int)c->acts[i].act.kind);
    } else {
        check_batch(s, payload, len, &c->batch, diff);
    }
}

/* --- a run ----------------------------------------------------------------------------------- */

/* A file may be a whole HTTP request; what counts is behind its headers. */
static const char *
skip_headers(const char *body)
{
    const char *blank = strncmp(body, "POST ", 5) == 0 ? strstr(body, "\n\n") : NULL;

    return blank != NULL ? blank + 2 : body;
}

/* A subscription is only confirmed for a topic that is listed: list the one that the sample names. */
static json_t *
settings_of(const char *body)
{
    json_t *doc = json_loads(body, 0, NULL), *topic = json_object_get(doc, "TopicArn");
    json_t *set = json_object();

    if (json_is_string(topic))
        json_object_set_new(set, "topic_arns", json_pack("[O]", topic));
    json_decref(doc);
    return set;
}

/* The sample as a case. */
static json_t *
case_of(const struct sample *s, const char *body)
{
    json_t *doc = json_pack("{s:s, s:s, s:o}", "received_at", "2027-01-15T08:00:00Z", "collector", "sample", "settings",
                            settings_of(body));

    if (s->request != NULL)
        json_object_update_new(doc, json_loads(s->request, 0, NULL));
    json_object_set_new(doc, "payload", json_string(body));
    return doc;
}

static void
run_call(const struct sample *s, struct case_run *run, struct buf *diff)
{
    struct tocsin_err err = { 0 };
    const char *credential;
    const struct host_call *c = cases_serve(run, &credential, &err);

    if (c == NULL || err.rc != TOCSIN_OK)
        buf_addf(diff, "refused: %s: %s\n", err.where, err.what);
    else
        check_call(s, c->call.in->body, c->call.in->len, c, diff);
}

static void
run_decode(const struct sample *s, struct case_run *run, struct buf *diff)
{
    struct tocsin_payload in;
    struct tocsin_err err = { 0 };
    struct tocsin_batch batch;

    host_batch_init(&batch, run->arena);
    cases_payload(run, &in);
    in.content_type = NULL;        /* the list does not say */
    if (!cases_open(run, run->plugin->collector_options) ||
        host_decode(run->plugin, run->self, run->mapping, &in, &batch, &err) != TOCSIN_OK)
        buf_addf(diff, "refused: %s: %s\n", err.where, err.what);
    else
        check_batch(s, in.body, in.len, &batch, diff);
}

void
cases_sample_run(const char *folder, const struct sample *s, struct buf *diff)
{
    struct case_run run = { .arena = arena_new() };
    struct tocsin_err err = { 0 };
    json_t *doc = NULL;
    char path[4096], *body = NULL;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, s->path);
    if (s->format == NULL) {
        buf_addf(diff, "no integration reads '%s'\n", s->path);
    } else if ((run.plugin = cases_plugin(s->format)) == NULL ||
               file_read(path, 1 << 20, &body, &n, &err) != TOCSIN_OK) {
        buf_addf(diff, "%s: %s\n", err.where, err.what);
    } else {
        run.doc = doc = case_of(s, skip_headers(body));
        run.folder = arena_printf(run.arena, "integrations/%s", s->format);
        (s->request != NULL ? run_call : run_decode)(s, &run, diff);
        if (run.diff.n > 0)
            buf_add(diff, run.diff.p);
        cases_close(&run);
    }
    json_decref(doc);
    free(body);
    buf_release(&run.diff);
    arena_free(run.arena);
}
