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
static const struct { const char *prefix, *format, *mapping; } readers[] = {
    { "alertmanager", "alertmanager", NULL },
    { "aws-cloudwatch-lambda/", "aws-cloudwatch-lambda", NULL },
    { "aws-eventbridge/", "aws-eventbridge", NULL },
    { "aws-sns/", "aws-sns", NULL },
    { "azure-", "azure", NULL },
    { "datadog/", "datadog", NULL },
    { "dynatrace/", "dynatrace", NULL },
    { "elastalert2/", "elastalert2", NULL },
    { "gcp-monitoring/", "gcp-monitoring", NULL },
    { "gpu/alertmanager", "alertmanager", NULL },
    { "argocd/", "argocd", NULL },
    { "checkmk/", "checkmk", NULL },
    { "cloudevents/", "cloudevents", NULL },
    { "falco/", "falco", NULL },
    { "github/", "github", NULL },
    { "gitlab/", "gitlab", NULL },
    { "healthchecks-io/", "healthchecks-io", NULL },
    { "honeycomb/", "honeycomb", NULL },
    { "jenkins/", "jenkins", NULL },
    { "kubernetes-events/", "kubernetes-events", NULL },
    { "nagios/", "nagios", NULL },
    { "pingdom/", "pingdom", NULL },
    { "prtg/", "prtg", NULL },
    { "robusta/", "robusta", NULL },
    { "sentry-webhook/", "sentry", NULL },
    { "slurm/", "slurm", NULL },
    { "statuscake/", "statuscake", NULL },
    { "uptime-kuma/", "uptime-kuma", NULL },
    { "uptimerobot/", "uptimerobot", NULL },
    { "wazuh/", "wazuh", NULL },
    { "gpu/", "gpu", NULL },
    { "training/", "training", NULL },
    { "grafana", "grafana", NULL },
    { "graylog/", "graylog", NULL },
    { "kibana/", "kibana", NULL },
    { "logzio/", "logzio", NULL },
    { "newrelic/", "newrelic", NULL },
    { "opensearch/", "opensearch", NULL },
    { "splunk/", "splunk", NULL },
    { "zabbix/", "zabbix", NULL },
    { "mqtt-tasmota/", "tasmota", NULL },
    { "mqtt-zigbee2mqtt/", "zigbee2mqtt", NULL },
    { "mqtt-shelly/", "shelly", NULL },
    { "mqtt-homeassistant/", "homeassistant", NULL },
    { "mqtt-sparkplug/", "sparkplug", NULL },
    { "mqtt-device/", "mqtt-device", NULL },
    { "aws-iot-mqtt/", "aws-iot", NULL },
    { "fluent-bit/", "fluent-bit", NULL },
    { "vector/", "vector", NULL },
    { "logstash/", "logstash", NULL },
    { "journald/", "journald", NULL },
    { "axiom/", "axiom", NULL },
    { "checkly/", "checkly", NULL },
    { "cloudflare/", "cloudflare", NULL },
    { "coralogix/", "coralogix", NULL },
    { "dash0/", "dash0", NULL },
    { "deadmanssnitch/", "deadmanssnitch", NULL },
    { "hetrixtools/", "hetrixtools", NULL },
    { "kapacitor/", "kapacitor", NULL },
    { "librenms/", "librenms", NULL },
    { "logicmonitor/", "logicmonitor", NULL },
    { "pushgateway/", "pushgateway", NULL },
    { "riemann/", "riemann", NULL },
    { "site24x7/", "site24x7", NULL },
    { "solarwinds/", "solarwinds", NULL },
    { "statusgator/", "statusgator", NULL },
    { "thousandeyes/", "thousandeyes", NULL },
    { "uptime-com/", "uptime-com", NULL },
    { "vmware-vrops/", "vmware-vrops", NULL },
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
            *s = (struct sample){ columns[0], columns[3], columns[4], readers[i].format, readers[i].mapping };
            return true;
        }
    }
    return false;
}

static bool
is_recorded_only(const struct tocsin_alert *alert)
{
    return alert->status == TOCSIN_UNKNOWN || alert->severity == TOCSIN_INFO;
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
static struct tocsin_settings *
settings(struct arena *a, const struct tocsin_payload *in)
{
    struct tocsin_settings *set = arena_zalloc(a, sizeof *set);
    const char **list = arena_alloc(a, sizeof *list);
    json_t *doc = json_loadb(in->body, in->len, 0, NULL);
    const char *topic = cases_text(doc, "TopicArn", NULL);

    if (topic != NULL) {
        list[0] = arena_strdup(a, topic);
        set->items = arena_zalloc(a, sizeof *set->items);
        set->items[0] = (struct setting){ .name = "topic_arns", .type = TOCSIN_OPT_LIST, .list = list, .n_list = 1 };
        set->n = 1;
    }
    json_decref(doc);
    return set;
}

static bool
compile(const char *path, struct mapping **mapping, struct tocsin_err *err)
{
    char *program = NULL;
    size_t n;
    bool good = file_read(path, 1 << 20, &program, &n, err) == TOCSIN_OK &&
                mapping_compile(path, program, mapping, err) == TOCSIN_OK;

    free(program);
    return good;
}

void
cases_sample_run(const char *folder, const struct sample *s, struct buf *diff)
{
    const struct tocsin_plugin *plugin = cases_plugin(s->format);
    struct tocsin_payload in = { .collector = "sample", .header = no_header, .query = no_header };
    struct mapping *mapping = NULL;
    struct tocsin_err err = { 0 };
    struct tocsin_batch batch;
    void *self = NULL;
    char path[4096], own[4600], *body = NULL;
    const char *mapping_path = s->mapping != NULL ? s->mapping : cases_own_mapping(s->format, own);

    in.received_at = 1800000000000;
    snprintf(path, sizeof path, "%s/%s", folder, s->path);
    host_batch_init(&batch, arena_new());
    if (plugin != NULL && file_read(path, 1 << 20, &body, &in.len, &err) == TOCSIN_OK) {
        in.body = body;
        skip_headers(&in);
    }
    if (body == NULL || (mapping_path != NULL && !compile(mapping_path, &mapping, &err)) ||
        (plugin->open != NULL &&
         plugin->open(&plugin_host, settings(batch.arena, &in), &self, &err) != TOCSIN_OK) ||
        host_decode(plugin, self, mapping, &in, &batch, &err) != TOCSIN_OK)
        buf_addf(diff, "refused: %s: %s\n", err.where, err.what);
    else
        check(s, &batch, diff);
    if (plugin != NULL && plugin->close != NULL && self != NULL)
        plugin->close(self);
    mapping_free(mapping);
    free(body);
    arena_free(batch.arena);
}
