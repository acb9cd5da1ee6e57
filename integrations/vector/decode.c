/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.c - Vector's http sink, encoding json with framing json array or newline.
 *
 * The members are those of Vector's sources (file, journald, syslog,
 * kubernetes_logs) and of its parse functions.
 */
#include "logline.h"

static void
read_record(const struct logs *logs, const json_t *record, const char *path)
{
    static const char *const messages[] = { "message", "msg", "log", NULL };
    static const char *const levels[] = { "level", "severity", "log_level", "PRIORITY", NULL };
    static const char *const hosts[] = { "host", "hostname", "kubernetes.pod_node_name", NULL };
    static const char *const units[] = { "kubernetes.pod_name", "_SYSTEMD_UNIT", "appname", "service",
                                         "container_name", "file", "SYSLOG_IDENTIFIER", "source_type", NULL };
    static const char *const namespaces[] = { "kubernetes.pod_namespace", NULL };
    static const char *const pods[] = { "kubernetes.pod_name", NULL };
    static const char *const containers[] = { "kubernetes.container_name", "container_name", NULL };
    static const char *const times[] = { "timestamp", "@timestamp", NULL };
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
    .name = "vector",
    .summary = "Vector's http sink: log records, for rules to make alerts of",
    .decode = decode,
};
