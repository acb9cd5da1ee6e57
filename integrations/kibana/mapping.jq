# kibana: what a connector of Kibana (webhook, xMatters) or a watch's webhook action posts.  The body is a template of
# the user's: README.md has the one that gives most.  A rule and its alert are the identity; a watch never resolves.
def said(p): txt(p; "\\A\\{\\{");      # {{rule.name}}: not filled in
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;
def tags: if type == "array" then map(text | select(. != null)) | join(", ") else text end;

.body
| if type != "object" then error("$: expected an object, the body of a connector") else . end
| (if at(["ctx"]) | type == "object" then .ctx + (del(.ctx)) else . end) as $b
| ($b | said([["rule", "name"], ["ruleName"], ["rule_name"], ["alertName"]])) as $rule
| ($b | said([["rule", "id"], ["ruleId"], ["rule_id"]])) as $rule_id
| ($b | said([["alert", "id"], ["alertId"], ["alert_id"]])) as $alert_id
| ($b | said([["watch_id"], ["watchId"], ["metadata", "name"]])) as $watch
| ($b | said([["short_description"], ["title"], ["message"]])) as $short
| ([$b | txt(["alert", "actionGroup"], ["alert", "actionGroupName"], ["alertActionGroup"], ["alertActionGroupName"], ["actionGroup"], ["status"])
    | select(. != null) | ascii_downcase]) as $groups
| (if any($groups[]; . == "recovered" or . == "resolved") then "resolved"
   elif any($groups[]; endswith("nodata") or . == "no data") then "unknown"
   else "firing" end) as $status
| (($b | said([["signalId"], ["dedup_key"]]))
   // (if ($rule_id // $rule) != null and $alert_id != null then "\($rule_id // $rule):\($alert_id)" else $rule_id // $rule // $watch // $short end)
   // error("$.rule.id: expected a rule, a watch_id or a short_description")) as $key
| { dedup_key: $key,
    status: $status,
    severity: (($b | said([["severity"], ["context", "rule", "severity"], ["priority"]]))
               // (if any($groups[]; contains("warning")) then "warning" else null end)),
    summary: ([$rule // $watch, ($b | said([["context", "reason"], ["reason"]])) // $short] | compact
              | join(": ") | if . == "" then $key else . end),
    starts_at: (if $status == "resolved" then null else $b | (at(["date"]) // at(["execution_time"]) // at(["trigger", "triggered_time"])) | when end),
    ends_at: (if $status == "resolved" then $b.date | when else null end),
    expires_in: (if $rule == null and $rule_id == null and $status == "firing" then "1h" else null end),
    labels: { rule: $rule, rule_type: ($b | txt(["rule", "type"])), space: ($b | txt(["rule", "spaceId"]) // txt(["spaceId"])),
              watch: $watch, alert: $alert_id, action_group: ($b | txt(["alert", "actionGroup"]) // txt(["alertActionGroupName"])),
              host: ($b | said([["host"], ["host", "name"], ["context", "host", "name"]])),
              service: ($b | said([["service"], ["service", "name"], ["context", "serviceName"]])),
              environment: ($b | said([["environment"], ["context", "environment"]])) },
    annotations: { description: ($b | said([["description"], ["context", "message"], ["message"]])),
                   tags: ($b | (at(["rule", "tags"]) | tags) // (at(["tags"]) | tags)),
                   value: ($b | said([["context", "value"], ["value"]])) },
    links: [ $b | said(["rule", "url"]), said(["context", "alertDetailsUrl"]), said(["context", "viewInAppUrl"]),
                  said("kibanaBaseUrl") | select(. != null) ] }
