/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of what the API offers.  Dispatch, roles, the Allow header,
 * the text page and the OpenAPI document all come from it.
 */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "base/arena.h"

static const struct param list_incidents[] = {
    { "state", "words", "comma list of triggered, acknowledged, resolved, open, delayed" },
    { "severity", "words", "comma list of critical, error, warning, info" },
    { "q", "string", "substring of summary, group key, source or id" },
    { "cursor", "string", "the `next` of the page before" },
    { "limit", "limit", "incidents a page" },
    { NULL, NULL, NULL },
};

static const struct param list_alerts[] = {
    { "source", "string", "name of a collector" },
    { "status", "words", "comma list of firing, resolved, dismissed, unknown, dropped" },
    { "cursor", "string", "the `next` of the page before" },
    { "limit", "limit", "alerts a page" },
    { NULL, NULL, NULL },
};

static const struct param list_silences[] = {
    { "state", "words", "comma list of active, pending, expired" },
    { NULL, NULL, NULL },
};

/* Alertmanager's; a flag is true unless it says otherwise */
static const struct param foreign_silences[] = {
    { "filter", "string", "a matcher that the silence holds to the letter; may repeat" },
    { "active", "string", "false: without the active ones" },
    { "pending", "string", "false: without the pending ones" },
    { "expired", "string", "false: without the expired ones" },
    { NULL, NULL, NULL },
};

static const struct param foreign_alerts[] = {
    { "filter", "string", "a matcher; may repeat" },
    { "receiver", "string", "regex, anchored, of the policy's name" },
    { "active", "string", "false: without those that nothing holds" },
    { "silenced", "string", "false: without those that a silence holds" },
    { "inhibited", "string", "false: without those that a rule holds" },
    { "muted", "string", "the same" },
    { "unprocessed", "string", "changes nothing" },
    { NULL, NULL, NULL },
};

#define FOREIGN(verb, path, who, name, help) \
    { .method = verb, .pattern = "/api/" path, .role = who, .handler = handle_alertmanager_##name, \
      .id = "v2_" #name, .summary = help, .answer = "any"
#define TEXT_PLAIN "text/plain"
#define TEXT_HTML "text/html"
#define ACTION(verb, act, name, schema, help)                                                                          \
    { .method = "POST", .pattern = "/v1/incidents/{id}/" verb, .role = ROLE_RESPONDER,                                 \
      .handler = handle_incident_action, .action = (act), .id = (name), .summary = (help), .body = (schema),           \
      .answer = "Incident" }

#define BEAT(verb, name)                                                                                               \
    { .method = verb, .pattern = "/v1/heartbeat/{name}", .role = ROLE_NONE, .handler = handle_heartbeat, .id = (name), \
      .summary = "A beat of this heartbeat; it authenticates by itself", .answer = "Beat" }

static const struct route routes[] = {
    { .method = "GET", .pattern = "/", .role = ROLE_NONE, .handler = handle_root, .id = "getIndex",
      .summary = "What there is; for who asks for text/html the same as /incidents", .type = TEXT_PLAIN },
    { .method = "GET", .pattern = "/incidents", .role = ROLE_VIEWER, .page = true, .handler = handle_page_list,
      .id = "getPage", .summary = "The open incidents, for people", .type = TEXT_HTML },
    { .method = "GET", .pattern = "/incidents/{id}", .role = ROLE_VIEWER, .page = true,
      .handler = handle_page_incident, .id = "getIncidentPage", .summary = "One incident, for people",
      .type = TEXT_HTML },
    { .method = "GET", .pattern = "/style.css", .role = ROLE_NONE, .handler = handle_page_style, .id = "getStyle",
      .summary = "Style of the pages", .type = "text/css" },
    { .method = "GET", .pattern = "/-/healthy", .role = ROLE_NONE, .handler = handle_healthy, .id = "getHealthy",
      .summary = "Is the process alive", .type = TEXT_PLAIN },
    { .method = "GET", .pattern = "/-/ready", .role = ROLE_NONE, .handler = handle_ready, .id = "getReady",
      .summary = "Would an alert that is sent now be accepted; 503 lists what is not ready", .answer = "Ready" },
    { .method = "POST", .pattern = "/-/reload", .role = ROLE_ADMIN, .handler = handle_reload, .id = "reload",
      .summary = "Read the configuration again; a mistake changes nothing", .answer = "Reloaded" },
    { .method = "GET", .pattern = "/metrics", .role = ROLE_VIEWER, .local_ok = true, .handler = handle_metrics,
      .id = "getMetrics", .summary = "Counters in Prometheus text format 0.0.4", .type = TEXT_PLAIN },
    { .method = "POST", .pattern = "/v1/in/{collector}", .role = ROLE_NONE, .handler = handle_webhook,
      .id = "postAlerts", .summary = "Alerts in the collector's format; it authenticates by itself. Also PUT; "
                 "for some formats GET and OPTIONS", .body = "Payload",
      .answer = "Accepted", .status = 202 },
    BEAT("POST", "postHeartbeat"),
    BEAT("GET", "getHeartbeat"),
    BEAT("PUT", "putHeartbeat"),
    { .method = "GET", .pattern = "/v1/heartbeats", .role = ROLE_VIEWER, .handler = handle_heartbeat_list,
      .id = "listHeartbeats", .summary = "What is to be heard of every now and then, and whether it is",
      .answer = "HeartbeatList" },
    { .method = "GET", .pattern = "/v1/incidents", .role = ROLE_VIEWER, .handler = handle_incident_list,
      .id = "listIncidents", .summary = "Incidents, the newest first", .query = list_incidents,
      .answer = "IncidentList" },
    { .method = "GET", .pattern = "/v1/incidents/{id}", .role = ROLE_VIEWER, .handler = handle_incident_get,
      .id = "getIncident", .summary = "An incident with its alerts, deliveries and timeline; id may be a unique"
      " beginning or end of at least 8 hexadecimal digits", .answer = "Incident" },
    ACTION("ack", ACTION_ACK, "ackIncident", "Action", "Acknowledge: somebody works on it"),
    ACTION("unack", ACTION_UNACK, "unackIncident", "Action", "Take the acknowledgement back; escalation goes on"),
    ACTION("resolve", ACTION_RESOLVE, "resolveIncident", "Action", "Resolve: it is over"),
    ACTION("snooze", ACTION_SNOOZE, "snoozeIncident", "Snooze", "Hold the escalation until a time"),
    ACTION("note", ACTION_NOTE, "noteIncident", "Note", "Write a note into the timeline"),
    ACTION("escalate", ACTION_ESCALATE, "escalateIncident", "Action", "Tell the next step of the policy now"),
    { .method = "GET", .pattern = "/v1/alerts", .role = ROLE_VIEWER, .handler = handle_alert_list, .id = "listAlerts",
      .summary = "Alerts, the newest first", .query = list_alerts, .answer = "AlertList" },
    { .method = "GET", .pattern = "/v1/silences", .role = ROLE_VIEWER, .handler = handle_silence_list,
      .id = "listSilences", .summary = "Silences: active, pending, then expired ones", .query = list_silences,
      .answer = "SilenceList" },
    { .method = "POST", .pattern = "/v1/silences", .role = ROLE_RESPONDER, .handler = handle_silence_post,
      .id = "postSilence", .summary = "Make a silence, or change the one whose id is given", .body = "NewSilence",
      .answer = "Silence" },
    { .method = "GET", .pattern = "/v1/silences/{id}", .role = ROLE_VIEWER, .handler = handle_silence_get,
      .id = "getSilence", .summary = "One silence", .answer = "Silence" },
    { .method = "DELETE", .pattern = "/v1/silences/{id}", .role = ROLE_RESPONDER, .handler = handle_silence_end,
      .id = "endSilence", .summary = "End a silence now; one that is over stays as it is", .answer = "Silence" },
    { .method = "GET", .pattern = "/v1/notifiers", .role = ROLE_VIEWER, .handler = handle_notifier_list,
      .id = "listNotifiers", .summary = "The ways out and how they fare", .answer = "NotifierList" },
    { .method = "GET", .pattern = "/v1/collectors", .role = ROLE_VIEWER, .handler = handle_collector_list,
      .id = "listCollectors", .summary = "The ways in and how they fare", .answer = "CollectorList" },
    { .method = "GET", .pattern = "/v1/version", .role = ROLE_VIEWER, .handler = handle_version, .id = "getVersion",
      .summary = "What runs here", .answer = "Version" },
    { .method = "GET", .pattern = "/v1/openapi.json", .role = ROLE_VIEWER, .handler = handle_openapi,
      .id = "getOpenapi", .summary = "This document" , .answer = "Document" },
    FOREIGN("GET", "v2/status", ROLE_VIEWER, status, "API v2: version and configuration") },
    FOREIGN("GET", "v2/receivers", ROLE_VIEWER, receivers, "API v2: policies, as receivers") },
    FOREIGN("GET", "v2/silences", ROLE_VIEWER, silence_list, "API v2: silences"),
      .query = foreign_silences },
    FOREIGN("POST", "v2/silences", ROLE_RESPONDER, silence_post, "API v2: make or change a silence"),
      .body = "Foreign" },
    FOREIGN("GET", "v2/silence/{id}", ROLE_VIEWER, silence_get, "API v2: one silence") },
    FOREIGN("DELETE", "v2/silence/{id}", ROLE_RESPONDER, silence_end, "API v2: end a silence") },
    FOREIGN("GET", "v2/alerts", ROLE_VIEWER, alert_list, "API v2: alerts that fire"),
      .query = foreign_alerts },
    FOREIGN("GET", "v2/alerts/groups", ROLE_VIEWER, groups, "API v2: incidents, as groups of alerts"),
      .query = foreign_alerts },
};

const struct route *
route_table(size_t *n_out)
{
    *n_out = sizeof routes / sizeof routes[0];
    return routes;
}

/* Compares segment by segment; {x} takes one segment that is not empty. */
static bool
path_matches(const char *pattern, const char *path, const char **arg, size_t *arg_len)
{
    *arg = "";
    *arg_len = 0;
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t n = strcspn(path, "/");

            if (n == 0)
                return false;
            *arg = path;
            *arg_len = n;
            path += n;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static void
allow_add(char *allow, size_t size, const char *method)
{
    size_t n = strlen(allow);

    if (strstr(allow, method) == NULL)
        snprintf(allow + n, size - n, "%s%s%s", n > 0 ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const struct route *
route_match(const char *method, const char *path, struct arena *arena, const char **arg_r, char *allow,
            size_t allow_size)
{
    const char *arg, *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t len;

    allow[0] = '\0';
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!path_matches(routes[i].pattern, path, &arg, &len))
            continue;
        if (strcmp(routes[i].method, wanted) == 0) {
            *arg_r = arena_strndup(arena, arg, len);
            return &routes[i];
        }
        allow_add(allow, allow_size, routes[i].method);
    }
    return NULL;
}
