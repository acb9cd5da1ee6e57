# newrelic: an issue as a workflow's webhook posts it (New Relic's default template, or one of its members renamed),
# and the incident of the notification channels before workflows.
def names: if type == "array" then map(text | select(. != null)) else [text | select(. != null)] end;
def joined: names | join(", ") | if . == "" then null else . end;
def millis: if type == "number" and . > 0 and . < 1e14 then . else null end;
def link($p; $name): txt($p) | select(. != null) | { href: ., text: $name };
def status($path; $map): (. // "") as $word
  | $map[$word | ascii_downcase]
    // error("\($path): unknown state '\($word)'; expected \($map | keys | join(", "))");

def issue:
  (txt(["state"]) | status("$.state"; { created: "firing", activated: "firing", open: "firing", acknowledged: "firing",
                                        closed: "resolved", deactivated: "resolved" })) as $status
  | (txt(["id"]) // txt(["issueId"]) // txt(["issue_id"]) // error("$.id: expected the id of the issue")) as $id
  | (at(["impactedEntities"]) | names) as $entities
  | { dedup_key: $id,
      status: $status,
      severity: txt(["priority"]),
      summary: ((at(["title"]) | joined) // (at(["alertConditionNames"]) | joined) // "New Relic issue \($id)"),
      starts_at: (at(["createdAt"]) | millis),
      ends_at: (if $status == "resolved" then (at(["closedAt"]) | millis) // (at(["updatedAt"]) | millis) else null end),
      labels: { entity: $entities[0], policy: (at(["alertPolicyNames"]) | names[0]),
                condition: (at(["alertConditionNames"]) | names[0]), workflow: txt(["workflowName"]),
                account: (txt(["accountName"]) // txt(["account_name"]) // txt(["accountId"])) },
      annotations: { description: (at(["description"]) | joined), entities: ($entities[:50] | join(", ")),
                     policies: (at(["alertPolicyNames"]) | joined), conditions: (at(["alertConditionNames"]) | joined),
                     incidents: txt(["totalIncidents"]), correlated: txt(["isCorrelated"]), trigger: txt(["trigger"]),
                     sources: (at(["sources"]) | joined) },
      links: [ link(["issueUrl"]; "issue"), link(["issue_url"]; "issue"), link(["runbookUrl"]; "runbook") ] };

def incident:
  (txt(["current_state"]) | status("$.current_state"; { open: "firing", acknowledged: "firing", closed: "resolved" })) as $status
  | (txt(["incident_id"]) // error("$.incident_id: expected the id of the incident")) as $id
  | (at(["targets"]) | if type == "array" then .[0] else null end) as $target
  | { dedup_key: $id,
      status: $status,
      severity: txt(["severity"]),
      summary: ([txt(["condition_name"]), txt(["details"])] | compact | join(": ")
                | if . == "" then "New Relic incident \($id)" else . end),
      starts_at: (if $status == "firing" then at(["timestamp"]) | millis else null end),
      ends_at: (if $status == "resolved" then at(["timestamp"]) | millis else null end),
      labels: ({ policy: txt(["policy_name"]), condition: txt(["condition_name"]), account: txt(["account_name"]),
                 entity: ($target | txt(["name"])), entity_type: ($target | txt(["type"])) }
               + ($target | at(["labels"]) | if type == "object" then to_entries[:32] else [] end
                  | map({ key, value: (.value | text) }) | gather)),
      annotations: { state: txt(["current_state"]), event: txt(["event_type"]), owner: txt(["owner"]) },
      links: [ link(["incident_url"]; "incident"), link(["runbook_url"]; "runbook"), link(["policy_url"]; "policy"),
               link(["violation_callback_url"]; "chart"), link(["violation_chart_url"]; "image") ] };

.body
| if type != "object" then error("$: expected an object, the payload of a webhook")
  elif has("current_state") or has("incident_id") then incident
  elif has("state") then issue
  else error("$.state: expected the state of an issue") end
