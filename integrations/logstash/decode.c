/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Logstash's http output, formats json and json_batch.
 *
 * Events follow the Elastic Common Schema or are older than that: "host" may
 * be an object or text.
 */
#include "logline.h"

static void
read_record(const struct logs *logs, const json_t *record, const char *path)
{
    static const char *const messages[] = { "message", "event.original", "msg", NULL };
    static const char *const levels[] = { "log.level", "level", "severity", "loglevel", "syslog_severity", NULL };
    static const char *const hosts[] = { "host.name", "host.hostname", "host", "hostname", "agent.hostname",
                                         "logsource", NULL };
    static const char *const units[] = { "kubernetes.pod.name", "service.name", "process.name", "program",
                                         "log.file.path", "path", "type", NULL };
    static const char *const namespaces[] = { "kubernetes.namespace", NULL };
    static const char *const pods[] = { "kubernetes.pod.name", NULL };
    static const char *const containers[] = { "kubernetes.container.name", "container.name", NULL };
    static const char *const times[] = { "@timestamp", "timestamp", NULL };
    struct logline line = {
        .message = logline_first(logs, record, messages),
        .level = logline_first(logs, record, levels),
        .host = logline_first(logs, record, hosts),
        .unit = logline_first(logs, record, units),
        .namespace = logline_first(logs, record, namespaces),
        .pod = logline_first(logs, record, pods),
        .container = logline_first(logs, record, containers),
        .at = logline_time(logs, logline_first(logs, record, times)),
    };

    (void)path;
    logline_add(logs, &line, record);
}

static enum tocsin_rc
decode(void *self, const struct tocsin_host *host, const struct tocsin_payload *in, struct tocsin_batch *out,
       struct tocsin_err *err)
{
    struct logs logs = { host, in, out, err };

    (void)self;
    return logline_records(&logs, read_record);
}

TOCSIN_EXPORT const struct tocsin_plugin tocsin_plugin = {
    .abi = TOCSIN_PLUGIN_ABI,
    .size = sizeof(struct tocsin_plugin),
    .name = "logstash",
    .summary = "Logstash's http output: log records, for rules to make alerts of",
    .decode = decode,
};
