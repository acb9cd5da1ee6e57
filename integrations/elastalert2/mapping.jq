# elastalert2: the alerter `post` or `post2` sends the document that matched, with the rule's static payload in it.
# There is no rule name unless the static payload (or ?rule= of the address) says it, and never a resolve.
def gather: reduce .[] as $e ({}; . + { ($e.key): $e.value });     # from_entries, a good deal faster
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];
def when: text
  | if . == null then null
    elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then .
    elif test("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?$") then "\(.)Z" else null end;   # ElastAlert's times are UTC

.query.rule as $address
| .body
| if type != "object" then error("$: expected an object, the document that matched") else . end
| . as $b
| (first(txt(["rule_name"]), txt(["rule"]), txt(["rule", "name"]), txt(["alert_name"]), txt(["name"])) // ($address | text)) as $rule
| (first(txt(["summary"]), txt(["alert_subject"]), txt(["title"])) // $rule // first(txt(["message"]))) as $summary
| if $summary == null then error("$.rule_name: expected the name of the rule, from http_post_static_payload") else . end
| first(txt(["host"]), txt(["host", "name"]), txt(["hostname"]), txt(["beat", "hostname"])) as $host
| { dedup_key: (first(txt(["dedup_key"])) // ([$rule // $summary, first(txt(["query_key"]))] | map(select(. != null)) | join("/"))),
    status: "firing",
    severity: first(txt(["severity"]), txt(["priority"]), txt(["level"]), txt(["log", "level"])),
    summary: $summary,
    starts_at: (at(["@timestamp"]) // at(["timestamp"]) | when),
    expires_in: (first(txt(["expires_in"])) | if . != null and test("^[0-9]+(ms|s|m|h|d)$") then . else "1h" end),
    labels: { rule: $rule, host: $host, service: first(txt(["service"]), txt(["service", "name"])),
              environment: first(txt(["environment"]), txt(["env"]), txt(["service", "environment"])),
              region: first(txt(["region"]), txt(["cloud", "region"])), team: txt(["team"]) },
    annotations: (to_entries | map(select(.value | type == "string" or type == "number" or type == "boolean")
                                   | select(.key | ascii_downcase | contains("token") or contains("password") or contains("secret") or contains("authorization") | not))[:40]
                  | map({ key, value: (.value | tostring) }) | gather),
    links: [ first(txt(["kibana_discover_url"])), first(txt(["opensearch_discover_url"])), first(txt(["kibana_link"])),
             first(txt(["runbook_url"])), first(txt(["link"])) | select(. != null) ] }
