# zabbix: the JSON that a webhook media type posts (README.md has one to import), what the media types of other
# alerting tools post from the same macros, and the form of Grafana OnCall's script.
def gather: reduce .[] as $e ({}; . + { ($e.key): $e.value });     # from_entries, a good deal faster
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def txt($p): at($p) | text;
def shown: text | if . == null or (startswith("{") and test("^\\{[A-Z.#0-9_]+\\}$")) then null else . end;      # {EVENT.ID}: not filled in
def first(f): [f | shown | select(. != null)][0];
def tags: if type == "string" and startswith("[") then [try fromjson catch []][0] else . end
  | if type == "array" then map(if type == "object" then { key: txt(["tag"]), value: (txt(["value"]) // "") } else { key: (text // ""), value: "" } end)
    else (shown // "") | split(", ") | join(",") | split(",") | map(split(":") | { key: .[0], value: (.[1:] | join(":")) }) end
  | map(select(.key != null and .key != ""))[:40];

.body
| if type != "object" then error("$: expected an object, as a webhook media type posts it") else . end
| . as $b
| (if has("alert_uid") then { path: "$.state", word: (txt(["state"]) // ""), words: { alerting: "firing", ok: "resolved", resolved: "resolved" } }
   elif first($b.event_value) != null then { path: "$.event_value", word: first($b.event_value), words: { "1": "firing", "0": "resolved" } }
   else { path: "$.event_value", word: (first($b.event_status, $b.status, $b.trigger_status) // ""),
          words: { problem: "firing", resolved: "resolved", ok: "resolved" } } end) as $said
| ($said.words[$said.word | ascii_downcase]
   // error("\($said.path): unknown state '\($said.word)'; expected \($said.words | keys | join(", "))")) as $state
| (first($b.event_id, $b.alert_uid, $b.trigger_id) // error("$.event_id: expected the id of the event")) as $id
| (first($b.event_source) // "0") as $source
| ($source == "1" or $source == "2" or $source == "3") as $news          # discovery, autoregistration, internal
| ($b.event_tags | tags) as $tags
| first($b.zabbix_url) as $url
| { dedup_key: $id,
    status: (if $news then "unknown" else $state end),
    severity: (if $news then "info"
               else { "1": "info", "2": "warning", "3": "average", "4": "high", "5": "disaster" }[first($b.event_nseverity) // ""]
                    // (first($b.event_severity, $b.severity) | if . == "Not classified" then null else . end) end),
    summary: (first($b.event_name, $b.title, $b.alert_subject, $b.subject) // "Zabbix event \($id)" | sub("^(Problem|Resolved): *"; "")),
    labels: (([$tags[] | select(.value != "") | { key: (.key | if test("^[A-Za-z0-9_]+$") then . else gsub("[^A-Za-z0-9_]+"; "_") end), value }] | gather)
             + ({ host: first($b.host_name, $b.host, $b.hostname), host_group: first($b.host_group, $b.hostgroup),
                  trigger: first($b.trigger_id), item: first($b.item_name) } | to_entries | map(select(.value != null)) | gather)),
    annotations: { description: first($b.description, $b.message, $b.alert_message), value: first($b.event_opdata, $b.opdata),
                   tags: ([$tags[] | if .value == "" then .key else "\(.key):\(.value)" end] | join(", ")),
                   host_ip: first($b.host_ip), update: first($b.event_update_message), acknowledged: first($b.event_ack_status) },
    links: ([ first($b.link_to_upstream_details), first($b.link), first($b.trigger_url) | select(. != null) ]
            + [ if $url != null and first($b.trigger_id) != null
                then { text: "event", href: "\($url | sub("/+$"; ""))/tr_events.php?triggerid=\(first($b.trigger_id))&eventid=\($id)" }
                else empty end ]) }
