# kibana: what a connector of Kibana (webhook, xMatters) or a watch's webhook action posts.  The body is a template of
# the user's: README.md has the one that gives most.  A rule and its alert are the identity; a watch never resolves.
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null and (startswith("{{") | not))][0];
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;
def tags: if type == "array" then map(text | select(. != null)) | join(", ") else text end;

.body
| if type != "object" then error("$: expected an object, the body of a connector") else . end
| (if at(["ctx"]) | type == "object" then .ctx + (del(.ctx)) else . end) as $b
| ($b | first(txt(["rule", "name"]), txt(["ruleName"]), txt(["rule_name"]), txt(["alertName"]))) as $rule
| ($b | first(txt(["rule", "id"]), txt(["ruleId"]), txt(["rule_id"]))) as $rule_id
| ($b | first(txt(["alert", "id"]), txt(["alertId"]), txt(["alert_id"]))) as $alert_id
| ($b | first(txt(["watch_id"]), txt(["watchId"]), txt(["metadata", "name"]))) as $watch
| ($b | first(txt(["short_description"]), txt(["title"]), txt(["message"]))) as $short
| ([$b | txt(["alert", "actionGroup"], ["alert", "actionGroupName"], ["alertActionGroup"], ["alertActionGroupName"], ["actionGroup"], ["status"])
    | select(. != null) | ascii_downcase]) as $groups
| (if any($groups[]; . == "recovered" or . == "resolved") then "resolved"
   elif any($groups[]; endswith("nodata") or . == "no data") then "unknown"
   else "firing" end) as $status
| (($b | first(txt(["signalId"]), txt(["dedup_key"])))
   // (if ($rule_id // $rule) != null and $alert_id != null then "\($rule_id // $rule):\($alert_id)" else $rule_id // $rule // $watch // $short end)
   // error("$.rule.id: expected a rule, a watch_id or a short_description")) as $key
| { dedup_key: $key,
    status: $status,
    severity: (($b | first(txt(["severity"]), txt(["context", "rule", "severity"]), txt(["priority"])))
               // (if any($groups[]; contains("warning")) then "warning" else null end)),
    summary: ([$rule // $watch, ($b | first(txt(["context", "reason"]), txt(["reason"]))) // $short] | map(select(. != null))
              | join(": ") | if . == "" then $key else . end),
    starts_at: (if $status == "resolved" then null else $b | (at(["date"]) // at(["execution_time"]) // at(["trigger", "triggered_time"])) | when end),
    ends_at: (if $status == "resolved" then $b.date | when else null end),
    expires_in: (if $rule == null and $rule_id == null and $status == "firing" then "1h" else null end),
    labels: { rule: $rule, rule_type: ($b | txt(["rule", "type"])), space: ($b | txt(["rule", "spaceId"]) // txt(["spaceId"])),
              watch: $watch, alert: $alert_id, action_group: ($b | txt(["alert", "actionGroup"]) // txt(["alertActionGroupName"])),
              host: ($b | first(txt(["host"]), txt(["host", "name"]), txt(["context", "host", "name"]))),
              service: ($b | first(txt(["service"]), txt(["service", "name"]), txt(["context", "serviceName"]))),
              environment: ($b | first(txt(["environment"]), txt(["context", "environment"]))) },
    annotations: { description: ($b | first(txt(["description"]), txt(["context", "message"]), txt(["message"]))),
                   tags: ($b | (at(["rule", "tags"]) | tags) // (at(["tags"]) | tags)),
                   value: ($b | first(txt(["context", "value"]), txt(["value"]))) },
    links: [ $b | first(txt(["rule", "url"])), first(txt(["context", "alertDetailsUrl"])), first(txt(["context", "viewInAppUrl"])),
                  first(txt(["kibanaBaseUrl"])) | select(. != null) ] }
