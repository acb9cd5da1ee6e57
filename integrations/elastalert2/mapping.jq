# elastalert2: the alerter `post` or `post2` sends the document that matched, with the rule's static payload in it.
# There is no rule name unless the static payload (or ?rule= of the address) says it, and never a resolve.
def when: text
  | if . == null then null
    elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then .
    elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?$") then "\(.)Z" else null end;   # ElastAlert's times are UTC

.query.rule as $address
| .body
| if type != "object" then error("$: expected an object, the document that matched") else . end
| . as $b
| (txt([["rule_name"], ["rule"], ["rule", "name"], ["alert_name"], ["name"]]) // ($address | text)) as $rule
| (txt([["summary"], ["alert_subject"], ["title"]]) // $rule // txt(["message"])) as $summary
| if $summary == null then error("$.rule_name: expected the name of the rule, from http_post_static_payload") else . end
| txt([["host"], ["host", "name"], ["hostname"], ["beat", "hostname"]]) as $host
| { dedup_key: (txt(["dedup_key"]) // ([$rule // $summary, txt(["query_key"])] | compact | join("/"))),
    status: "firing",
    severity: txt([["severity"], ["priority"], ["level"], ["log", "level"]]),
    summary: $summary,
    starts_at: (at(["@timestamp"]) // at(["timestamp"]) | when),
    expires_in: (txt(["expires_in"]) | if . != null and test("^[0-9]+(ms|s|m|h|d)$") then . else "1h" end),
    labels: { rule: $rule, host: $host, service: txt([["service"], ["service", "name"]]),
              environment: txt([["environment"], ["env"], ["service", "environment"]]),
              region: txt([["region"], ["cloud", "region"]]), team: txt(["team"]) },
    annotations: (to_entries | map(select(.value | type == "string" or type == "number" or type == "boolean")
                                   | select(.key | ascii_downcase | contains("token") or contains("password") or contains("secret") or contains("authorization") | not))[:40]
                  | map({ key, value: (.value | tostring) }) | gather),
    links: [ txt(["kibana_discover_url"]), txt(["opensearch_discover_url"]), txt(["kibana_link"]),
             txt(["runbook_url"]), txt(["link"]) | select(. != null) ] }
