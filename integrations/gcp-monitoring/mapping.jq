# gcp-monitoring: an incident of Google Cloud Monitoring, from a webhook channel (1.1, 1.2) or a push subscription
# of Pub/Sub, where the same document is base64 in message.data.  The end of the incident's address is its id.
def named($prefix): if type == "object" then to_entries[:16] else [] end
  | map({ key: ($prefix + .key), value: (.value | text) }) | gather;
def seconds: if type == "number" and . > 0 and . < 1e11 then . else null end;
# In a list, because jq 1.6's try also catches the errors of what comes behind it.
def opened: [try (@base64d | fromjson) catch null][0]
  // error("$.message.data: expected base64 of a JSON document");

.body
| (if at(["message", "data"]) != null then ["$.message.data: $", (.message.data | opened)] else ["$", .] end) as [$path, $doc]
| $doc
| if txt(["version"]) == "test" then empty else . end          # the button "Send test notification"
| if at(["incident"]) | type != "object" then error("\($path).incident: expected an object") else . end
| .incident
| (txt(["state"]) // "") as $state
| ({open: "firing", closed: "resolved"}[$state | ascii_downcase]
   // error("\($path).incident.state: unknown state '\($state)'; expected open or closed")) as $status
| ((txt(["url"]) // "") | split("?")[0] // "" | split("/") | if length > 3 then last else null end) as $of_url
| (txt(["incident_id"]) // $of_url
   // error("\($path).incident.incident_id: expected the id of the incident, or its address in 'url'")) as $id
| { dedup_key: $id,
    status: $status,
    severity: (txt(["severity"]) | if . != null and ascii_downcase == "no severity" then null else . end),
    summary: ([txt(["policy_name"]), txt(["summary"]) // txt(["condition_name"])] | compact | join(": ")
              | if . == "" then "incident \($id)" else . end),
    starts_at: (at(["started_at"]) | seconds),
    ends_at: (if $status == "resolved" then at(["ended_at"]) | seconds else null end),
    labels: ((at(["resource", "labels"]) | named("resource_"))
             + (at(["metric", "labels"]) | named("metric_"))
             + (at(["policy_user_labels"]) | named(""))
             + { policy: txt(["policy_name"]),
                 condition: txt(["condition_name"]),
                 project: (txt(["scoping_project_id"]) // txt(["resource", "labels", "project_id"])),
                 resource: txt(["resource_name"]),
                 resource_type: (txt(["resource", "type"]) // txt(["resource_type_display_name"])),
                 metric: txt(["metric", "type"]),
                 host: (txt(["metadata", "system_labels", "name"]) // txt(["resource", "labels", "instance_id"])
                        // txt(["resource_id"])) }),
    annotations: { description: txt(["documentation", "content"]),
                   subject: txt(["documentation", "subject"]),
                   value: txt(["observed_value"]), threshold: txt(["threshold_value"]),
                   filter: txt(["condition", "conditionThreshold", "filter"]),
                   condition_name: txt(["condition", "name"]) },
    links: ([txt(["url"]) | select(. != null) | { href: ., text: "incident" }]
            + [at(["documentation", "links"]) | if type == "array" then .[:8][] else empty end
               | { href: txt(["url"]), text: txt(["displayName"]) } | select(.href != null)]) }
