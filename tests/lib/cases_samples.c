/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads from elsewhere, listed in an INDEX.tsv with what they should come
 * out as: path, source, kind, status, severity.  Only status and severity are
 * compared, where the list states them as a plain word.
 */
#include "lib/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/normalise/severity.h"
#include "os/file.h"

#include "lib/cases_samples.h"

/* Which integration reads which folder or file; the first that fits counts. */
static const struct { const char *prefix, *format; } readers[] = {
    { "alertmanager", "alertmanager" },
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

static const char *
no_header(const struct tocsin_payload *in, const char *name)
{
    (void)in;
    (void)name;
    return NULL;
}

bool
cases_sample_read(char *line, struct sample *s)
{
    char *columns[5] = { line };

    for (int i = 1; i < 5; i++) {
        char *tab = strchr(columns[i - 1], '\t');

        if (tab == NULL)
            return false;
        *tab = '\0';
        columns[i] = tab + 1;
    }
    columns[4][strcspn(columns[4], "\t\n")] = '\0';
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (strncmp(columns[0], readers[i].prefix, strlen(readers[i].prefix)) == 0) {
            *s = (struct sample){ columns[0], columns[3], columns[4], readers[i].format };
            return true;
        }
    }
    return false;
}

static bool
is_recorded_only(const struct tocsin_alert *alert)
{
    return alert->status == TOCSIN_UNKNOWN || alert->severity == TOCSIN_INFO || alert->record;
}

static void
check(const struct sample *s, const struct tocsin_batch *b, struct buf *diff)
{
    char word[64];
    enum tocsin_severity severity;

    snprintf(word, sizeof word, "%.*s", (int)strcspn(s->severity, " ;,"), s->severity);
    severity = severity_of(word);
    for (size_t i = 0; i < b->n_alerts; i++) {
        const struct tocsin_alert *alert = b->alerts[i];
        bool good = strncmp(s->status, "info", 4) == 0       ? is_recorded_only(alert)
                    : strncmp(s->status, "firing", 6) == 0   ? alert->status == TOCSIN_FIRING
                    : strncmp(s->status, "resolved", 8) == 0 ? alert->status == TOCSIN_RESOLVED
                                                             : true;

        if (!good)
            buf_addf(diff, "alert %zu: expected '%s', status is %d, severity %d\n", i, s->status, (int)alert->status,
                     (int)alert->severity);
        if (severity != TOCSIN_SEV_NONE && severity != alert->severity)
            buf_addf(diff, "alert %zu: expected severity '%s', got %s\n", i, s->severity,
                     severity_name(alert->severity));
        if (getenv("TOCSIN_SAMPLES_SHOW") != NULL) {
            json_t *shown = cases_alert_json(alert);
            char *text = json_dumps(shown, JSON_INDENT(2));

            printf("%s: %s\n", s->path, text);
            free(text);
            json_decref(shown);
        }
    }
    if (b->n_alerts == 0 && strncmp(s->status, "info", 4) != 0)
        buf_addf(diff, "no alert; expected '%s'\n", s->status);
}

/* A file may be a whole HTTP request; what counts is behind its headers. */
static void
skip_headers(struct tocsin_payload *in)
{
    const char *blank = strncmp(in->body, "POST ", 5) == 0 ? strstr(in->body, "\n\n") : NULL;

    if (blank != NULL) {
        in->len -= (size_t)(blank + 2 - in->body);
        in->body = blank + 2;
    }
}

/* A subscription is only confirmed for a topic that is listed: list the one that the sample names. */
static json_t *
settings_of(const struct tocsin_payload *in)
{
    json_t *doc = json_loadb(in->body, in->len, 0, NULL), *topic = json_object_get(doc, "TopicArn");
    json_t *set = json_object();

    if (json_is_string(topic))
        json_object_set_new(set, "topic_arns", json_pack("[O]", topic));
    json_decref(doc);
    return json_pack("{s:o}", "settings", set);
}

void
cases_sample_run(const char *folder, const struct sample *s, struct buf *diff)
{
    struct case_run run = { .arena = arena_new(), .plugin = cases_plugin(s->format) };
    struct tocsin_payload in = { .collector = "sample", .header = no_header, .query = no_header };
    struct tocsin_err err = { 0 };
    struct tocsin_batch batch;
    json_t *doc = NULL;
    char path[4096], *body = NULL;

    in.received_at = 1800000000000;
    snprintf(path, sizeof path, "%s/%s", folder, s->path);
    run.folder = arena_printf(run.arena, "integrations/%s", s->format);
    host_batch_init(&batch, run.arena);
    if (run.plugin != NULL && file_read(path, 1 << 20, &body, &in.len, &err) == TOCSIN_OK) {
        in.body = body;
        skip_headers(&in);
        run.doc = doc = settings_of(&in);
    }
    if (doc == NULL || !cases_open(&run, run.plugin->collector_options) ||
        host_decode(run.plugin, run.self, run.mapping, &in, &batch, &err) != TOCSIN_OK)
        buf_addf(diff, "refused: %s: %s\n%s", err.where, err.what, run.diff.n > 0 ? run.diff.p : "");
    else
        check(s, &batch, diff);
    if (run.plugin != NULL)
        cases_close(&run);
    json_decref(doc);
    free(body);
    buf_release(&run.diff);
    arena_free(run.arena);
}
