# thousandeyes: classic webhooks of ThousandEyes; eventType says raised or cleared.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

.body
| if type != "object" then error("$: expected an object, as ThousandEyes posts it") else . end
| (txt(["eventType"]) // "") as $type
| if $type == "WEBHOOK_TEST" then empty else . end
| ({ ALERT_NOTIFICATION_TRIGGER: "firing", ALERT_NOTIFICATION_CLEAR: "resolved", AGENT_ALERT_NOTIFICATION_TRIGGER: "firing", AGENT_ALERT_NOTIFICATION_CLEAR: "resolved" }[$type]
   // error("$.eventType: unknown type '\($type)'; expected ALERT_NOTIFICATION_TRIGGER or ALERT_NOTIFICATION_CLEAR")) as $status
| (txt(["eventId"])) as $event
| (at(["alert"]) // at(["agentAlert"]) // {})
| . as $a
| (first(txt(["alertId"])) // $event // error("$.alert.alertId: expected the alert's id")) as $id
| (first(txt(["ruleName"])) // "alert \($id)") as $rule
| first(txt(["testName"]), txt(["agentName"]), txt(["hostname"])) as $what
| { dedup_key: $id,
    status: $status,
    severity: (if $status == "firing" then txt(["severity"]) else null end),
    summary: ([$rule, $what] | map(select(. != null)) | join(": ")),
    starts_at: (if $status == "firing" then first(txt(["dateStart"])) | if . != null and test("^[0-9-]{10} [0-9:]{8}$") then (.[:10] + "T" + .[11:] + "Z") else null end else null end),
    labels: { rule: $rule, test: txt(["testName"]), agent: txt(["agentName"]), host: txt(["hostname"]), type: txt(["type"]) },
    annotations: { expression: txt(["ruleExpression"]), ip: txt(["ipAddress"]), target: txt(["testTargetsDescription"]),
                   agents: (at(["agents"]) | if type == "array" then .[:20] | map(txt(["agentName"]) | select(. != null)) | join(", ") else null end) },
    links: [ (first($a.permalink) | select(. != null)) ] }
