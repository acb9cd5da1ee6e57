/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Fluent Bit's http output, formats json, json_lines and json_stream.
 *
 * A record is whatever the input and the filters made of it; with the
 * kubernetes filter the pod stands below "kubernetes".
 */
#include "logline.h"

static void
read_record(const struct logs *logs, const json_t *record, const char *path)
{
    static const char *const messages[] = { "log", "message", "msg", "MESSAGE", NULL };
    static const char *const levels[] = { "level", "severity", "log_level", "loglevel", "lvl", "PRIORITY", "pri",
                                          NULL };
    static const char *const hosts[] = { "kubernetes.host", "host", "hostname", "_HOSTNAME", NULL };
    static const char *const units[] = { "kubernetes.pod_name", "service", "ident", "_SYSTEMD_UNIT",
                                         "SYSLOG_IDENTIFIER", "container_name", "tag", NULL };
    static const char *const namespaces[] = { "kubernetes.namespace_name", NULL };
    static const char *const pods[] = { "kubernetes.pod_name", NULL };
    static const char *const containers[] = { "kubernetes.container_name", "container_name", NULL };
    static const char *const times[] = { "date", "@timestamp", "timestamp", "time", NULL };
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
    .name = "fluent-bit",
    .summary = "Fluent Bit's http output: log records, for rules to make alerts of",
    .flags = TOCSIN_LAST_COUNTS,
    .decode = decode,
};
