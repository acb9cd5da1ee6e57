# thousandeyes: classic webhooks of ThousandEyes; eventType says raised or cleared.

.body
| if type != "object" then error("$: expected an object, as ThousandEyes posts it") else . end
| (txt(["eventType"]) // "") as $type
| if $type == "WEBHOOK_TEST" then empty else . end
| ({ ALERT_NOTIFICATION_TRIGGER: "firing", ALERT_NOTIFICATION_CLEAR: "resolved", AGENT_ALERT_NOTIFICATION_TRIGGER: "firing", AGENT_ALERT_NOTIFICATION_CLEAR: "resolved" }[$type]
   // error("$.eventType: unknown type '\($type)'; expected ALERT_NOTIFICATION_TRIGGER or ALERT_NOTIFICATION_CLEAR")) as $status
| (txt(["eventId"])) as $event
| (at(["alert"]) // at(["agentAlert"]) // {})
| . as $a
| (txt(["alertId"]) // $event // error("$.alert.alertId: expected the alert's id")) as $id
| (txt(["ruleName"]) // "alert \($id)") as $rule
| txt([["testName"], ["agentName"], ["hostname"]]) as $what
| { dedup_key: $id,
    status: $status,
    severity: (if $status == "firing" then txt(["severity"]) else null end),
    summary: ([$rule, $what] | compact | join(": ")),
    starts_at: (if $status == "firing" then txt(["dateStart"]) | if . != null and test("^[0-9-]{10} [0-9:]{8}$") then (.[:10] + "T" + .[11:] + "Z") else null end else null end),
    labels: { rule: $rule, test: txt(["testName"]), agent: txt(["agentName"]), host: txt(["hostname"]), type: txt(["type"]) },
    annotations: { expression: txt(["ruleExpression"]), ip: txt(["ipAddress"]), target: txt(["testTargetsDescription"]),
                   agents: (at(["agents"]) | if type == "array" then .[:20] | map(txt(["agentName"]) | select(. != null)) | join(", ") else null end) },
    links: [ (($a | txt("permalink")) | select(. != null)) ] }
