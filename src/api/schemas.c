/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of requests and answers, as tables that become JSON Schema.
 *
 * A type is written: string, uuid, time, integer, boolean, text (a map of
 * strings), any; "Name" of another schema; "[T]" for an array; "T?" where
 * null is possible; "+T" for a member that a request must have.
 */
#include <string.h>

#include "api/internal.h"

struct member { const char *name, *type, *help; };

static const struct member link_members[] = {
    { "href", "string", "http or https" }, { "text", "string?", NULL }, { NULL, NULL, NULL },
};

static const struct member rule_members[] = {
    { "name", "string", NULL }, { "at", "string", "its file and line" }, { NULL, NULL, NULL },
};

#define ALERT_TEXT                                                                                                     \
    { "status", "string", "firing, resolved, dismissed, unknown, dropped" },                                           \
    { "severity", "string", "critical, error, warning, info" }, { "summary", "string", NULL },                         \
    { "labels", "text", NULL }, { "annotations", "text", NULL }, { "links", "[Link]", NULL },                          \
    { "rules", "[Rule]", "that shaped it, in their order" },                                                           \
    { "starts_at", "time?", NULL }, { "ends_at", "time?", NULL }, { "count", "integer", "reports so far" }

static const struct member incident_alert_members[] = {
    { "dedup_key", "string", NULL }, ALERT_TEXT, { NULL, NULL, NULL },
};

static const struct member alert_members[] = {
    { "dedup_key", "string", NULL }, { "source", "string", "name of the collector" }, ALERT_TEXT,
    { "incident", "uuid?", NULL },   { NULL, NULL, NULL },
};

static const struct member delivery_members[] = {
    { "target", "string", "name of the notifier" },
    { "state", "string", "pending, delivered, failing, rejected" },
    { "vendor_state", "string?", "what the vendor believes: unconfirmed, triggered, acknowledged or resolved" },
    { "attempts", "integer", "since the last success" },
    { "last_error", "string?", NULL },
    { "vendor_ref", "string?", "the vendor's own id" },
    { "told_at", "time?", NULL },
    { NULL, NULL, NULL },
};

static const struct member event_members[] = {
    { "at", "time", NULL }, { "kind", "string", NULL }, { "actor", "string", NULL }, { "text", "string", NULL },
    { NULL, NULL, NULL },
};

#define INCIDENT_HEAD                                                                                                  \
    { "id", "uuid", NULL }, { "state", "string", "triggered, acknowledged, resolved; delayed" },                                \
    { "severity", "string", "critical, error, warning, info" }, { "summary", "string", NULL },                         \
    { "source", "string", "collector of the alert that opened it" }, { "group_key", "string", NULL },                  \
    { "episode", "integer", "1 for the first incident of its group" }, { "policy", "string", NULL },                   \
    { "step", "integer", "steps of the policy told so far" },                                                          \
    { "next_escalation_at", "time?", "null while nothing will happen by itself" },                                     \
    { "exhausted", "boolean", "its policy ended unanswered, and the last resort was told" },                           \
    { "suppressed_by", "string?", "what holds it back" },                                                              \
    { "snoozed_until", "time?", "held back until then" }, \
    { "opened_at", "time?", "null while a rule delays it" },                               \
    { "acknowledged_at", "time?", NULL }, { "acknowledged_by", "string?", NULL }, { "resolved_at", "time?", NULL }

static const struct member incident_head_members[] = { INCIDENT_HEAD, { NULL, NULL, NULL } };
static const struct member incident_members[] = {
    INCIDENT_HEAD,
    { "alerts", "[IncidentAlert]", "newest first, at most 500" },
    { "deliveries", "[Delivery]", NULL },
    { "timeline", "[Event]", "oldest first, at most the newest 1000" },
    { NULL, NULL, NULL },
};

static const struct member incident_list_members[] = {
    { "incidents", "[IncidentHead]", NULL }, { "next", "string?", "cursor of the next page" }, { NULL, NULL, NULL },
};

static const struct member alert_list_members[] = {
    { "alerts", "[Alert]", NULL }, { "next", "string?", "cursor of the next page" }, { NULL, NULL, NULL },
};

#define ACTION_BODY { "by", "string", "who acts; the token's name without it" }

static const struct member action_members[] = { ACTION_BODY, { "note", "string", NULL }, { NULL, NULL, NULL } };
static const struct member note_members[] = { ACTION_BODY, { "note", "+string", NULL }, { NULL, NULL, NULL } };
static const struct member snooze_members[] = {
    ACTION_BODY,
    { "note", "string", NULL },
    { "until", "time", "either this" },
    { "for", "string", "or this: a duration such as 2h" },
    { NULL, NULL, NULL },
};

static const struct member notifier_members[] = {
    { "name", "string", NULL },
    { "plugin", "string", "the integration" },
    { "state", "string", "idle, ok, failing, paused" },
    { "breaker_open", "boolean", NULL },
    { "sent", "integer", NULL },
    { "retried", "integer", NULL },
    { "rejected", "integer", NULL },
    { "uncertain", "integer", NULL },
    { "waiting", "integer", NULL },
    { "in_flight", "integer", NULL },
    { "last_ok_at", "time?", NULL },
    { "last_error_at", "time?", NULL },
    { "last_error", "string?", NULL },
    { NULL, NULL, NULL },
};

static const struct member collector_members[] = {
    { "name", "string", NULL },
    { "type", "string", "webhook, mqtt, syslog" },
    { "format", "string", "the integration" },
    { "connected", "boolean?", "to the broker, or listening on all addresses; null where there is neither" },
    { "payloads", "integer?", "null: not counted" },
    { "alerts", "integer?", NULL },
    { "refused", "integer?", NULL },
    { "last_at", "time?", NULL },
    { "last_error", "string?", NULL },
    { NULL, NULL, NULL },
};

static const struct member notifier_list_members[] = { { "notifiers", "[Notifier]", NULL }, { NULL, NULL, NULL } };
static const struct member collector_list_members[] = { { "collectors", "[Collector]", NULL }, { NULL, NULL, NULL } };

static const struct member ready_members[] = {
    { "ready", "boolean", NULL },
    { "not_ready", "[string]", "one entry for each thing that is not" },
    { NULL, NULL, NULL },
};

static const struct member reloaded_members[] = {
    { "generation", "integer", "grows with every load" }, { NULL, NULL, NULL },
};

static const struct member version_members[] = {
    { "name", "string", NULL }, { "version", "string", NULL }, { "started_at", "time?", NULL }, { NULL, NULL, NULL },
};

static const struct member beat_members[] = {
    { "name", "string", NULL }, { "last_beat_at", "time", NULL }, { "due_at", "time", "the next beat, at the latest" },
    { NULL, NULL, NULL },
};

static const struct member heartbeat_members[] = {
    { "name", "string", NULL }, { "labels", "text", "that tell it apart: the host of a topic" },
    { "state", "string", "ok, silent, never (not beaten yet), unarmed (none seen yet)" },
    { "every", "string", "a duration" }, { "grace", "string", "a duration" },
    { "last_beat_at", "time?", NULL }, { "due_at", "time?", "the next beat, at the latest" },
    { "beats", "integer", NULL }, { "incident", "uuid?", "while it is silent" },
    { NULL, NULL, NULL },
};

static const struct member heartbeat_list_members[] = {
    { "heartbeats", "[Heartbeat]", NULL }, { NULL, NULL, NULL },
};

static const struct member accepted_alert_members[] = {
    { "dedup_key", "string", NULL }, { "incident", "uuid?", NULL }, { NULL, NULL, NULL },
};

static const struct member accepted_members[] = {
    { "accepted", "integer", NULL }, { "alerts", "[AcceptedAlert]", NULL }, { NULL, NULL, NULL },
};

static const struct member problem_members[] = {
    { "type", "string", NULL },   { "title", "string", NULL },
    { "status", "integer", NULL }, { "detail", "string", "what is wrong" },
    { "where", "string?", "header, query parameter or JSON path" }, { NULL, NULL, NULL },
};

static const struct member silence_members[] = {
    { "id", "uuid", NULL },
    { "state", "string", "active, pending, expired" },
    { "matchers", "[string]", "all must hold: name=\"value\", != =~ !~" },
    { "starts_at", "time", NULL },
    { "ends_at", "time", NULL },
    { "updated_at", "time", NULL },
    { "created_by", "string", NULL },
    { "comment", "string", NULL },
    { NULL, NULL, NULL },
};

static const struct member silence_list_members[] = { { "silences", "[Silence]", NULL }, { NULL, NULL, NULL } };

static const struct member new_silence_members[] = {
    { "id", "uuid", "of the silence to change" },
    { "matchers", "+[string]", "each one matcher, or several in one text: {a=\"b\", c=~\"d\"}" },
    { "starts_at", "time", "now without it" },
    { "ends_at", "time", "either this" },
    { "for", "string", "or this: a duration such as 2h from its start" },
    { "by", "string", "who makes it; the token's name without it" },
    { "comment", "string", NULL },
    { NULL, NULL, NULL },
};

static const struct member any_members[] = { { NULL, NULL, NULL } };

static const struct {
    const char *name;
    const struct member *members;
    bool request;                            /* members are optional unless marked */
    bool open;                               /* more members may be there */
} schemas[] = {
    { "Beat", beat_members, false, false },
    { "Heartbeat", heartbeat_members, false, false },
    { "HeartbeatList", heartbeat_list_members, false, false },
    { "Accepted", accepted_members, false, false },
    { "AcceptedAlert", accepted_alert_members, false, false },
    { "Action", action_members, true, false },
    { "Alert", alert_members, false, false },
    { "AlertList", alert_list_members, false, false },
    { "Collector", collector_members, false, false },
    { "CollectorList", collector_list_members, false, false },
    { "Delivery", delivery_members, false, false },
    { "Document", any_members, false, true },
    { "Event", event_members, false, false },
    { "Foreign", any_members, false, true },
    { "Incident", incident_members, false, false },
    { "IncidentAlert", incident_alert_members, false, false },
    { "IncidentHead", incident_head_members, false, false },
    { "IncidentList", incident_list_members, false, false },
    { "Link", link_members, false, false },
    { "Note", note_members, true, false },
    { "Notifier", notifier_members, false, false },
    { "NotifierList", notifier_list_members, false, false },
    { "Payload", any_members, true, true },
    { "Problem", problem_members, true, true },
    { "Ready", ready_members, false, false },
    { "Reloaded", reloaded_members, false, false },
    { "NewSilence", new_silence_members, true, false },
    { "Silence", silence_members, false, false },
    { "SilenceList", silence_list_members, false, false },
    { "Rule", rule_members, false, false },
    { "Snooze", snooze_members, true, false },
    { "Version", version_members, false, false },
};

static json_t *
type_words(const char *type, bool null)
{
    return null ? json_pack("[ss]", type, "null") : json_string(type);
}

/* type without its marks, n characters */
static json_t *
schema_of(const char *type, size_t n, bool null)
{
    static const struct { const char *name, *type, *format; } plain[] = {
        { "string", "string", NULL },   { "uuid", "string", "uuid" },     { "time", "string", "date-time" },
        { "integer", "integer", NULL }, { "boolean", "boolean", NULL },
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strlen(plain[i].name) != n || strncmp(plain[i].name, type, n) != 0)
            continue;
        return json_pack("{s:o, s:s*}", "type", type_words(plain[i].type, null), "format", plain[i].format);
    }
    if (n == 4 && strncmp(type, "text", n) == 0)
        return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type", "string");
    if (type[0] == '[')
        return json_pack("{s:s, s:o}", "type", "array", "items", schema_of(type + 1, n - 2, false));
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%.*s", (int)n, type));
}

static void
add_member(json_t *properties, json_t *required, const struct member *m, bool request)
{
    const char *type = m->type + (m->type[0] == '+');
    size_t n = strlen(type);
    bool null = type[n - 1] == '?';
    json_t *schema = schema_of(type, null ? n - 1 : n, null);

    if (m->help != NULL)
        json_object_set_new(schema, "description", json_string(m->help));
    json_object_set_new(properties, m->name, schema);
    if (!request || type != m->type)
        json_array_append_new(required, json_string(m->name));
}

json_t *
schema_all(void)
{
    json_t *all = json_object();

    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        json_t *properties = json_object(), *required = json_array();

        for (const struct member *m = schemas[i].members; m->name != NULL; m++)
            add_member(properties, required, m, schemas[i].request);
        json_object_set_new(all, schemas[i].name,
                            json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                                      required, "additionalProperties", schemas[i].open));
    }
    return all;
}
