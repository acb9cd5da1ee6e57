# zabbix: the JSON that a webhook media type posts (README.md has one to import), what the media types of other
# alerting tools post from the same macros, and the form of Grafana OnCall's script.
def said(p): txt(p; "\\A\\{[A-Z.#0-9_]+\\}$");      # {EVENT.ID}: not filled in
def tags: if type == "string" and startswith("[") then [try fromjson catch []][0] else . end
  | if type == "array" then map(if type == "object" then { key: txt(["tag"]), value: (txt(["value"]) // "") } else { key: (text // ""), value: "" } end)
    else (said([]) // "") | split(", ") | join(",") | split(",") | map(split(":") | { key: .[0], value: (.[1:] | join(":")) }) end
  | map(select(.key != null and .key != ""))[:40];

.body
| if type != "object" then error("$: expected an object, as a webhook media type posts it") else . end
| . as $b
| (if has("alert_uid") then { path: "$.state", word: (txt(["state"]) // ""), words: { alerting: "firing", ok: "resolved", resolved: "resolved" } }
   elif said("event_value") != null then { path: "$.event_value", word: said("event_value"), words: { "1": "firing", "0": "resolved" } }
   else { path: "$.event_value", word: (said([["event_status"], ["status"], ["trigger_status"]]) // ""),
          words: { problem: "firing", resolved: "resolved", ok: "resolved" } } end) as $said
| ($said.words[$said.word | ascii_downcase]
   // error("\($said.path): unknown state '\($said.word)'; expected \($said.words | keys | join(", "))")) as $state
| (said([["event_id"], ["alert_uid"], ["trigger_id"]]) // error("$.event_id: expected the id of the event")) as $id
| (said("event_source") // "0") as $source
| ($source == "1" or $source == "2" or $source == "3") as $news          # discovery, autoregistration, internal
| ($b.event_tags | tags) as $tags
| said("zabbix_url") as $url
| { dedup_key: $id,
    status: (if $news then "unknown" else $state end),
    severity: (if $news then "info"
               else { "1": "info", "2": "warning", "3": "average", "4": "high", "5": "disaster" }[said("event_nseverity") // ""]
                    // (said([["event_severity"], ["severity"]]) | if . == "Not classified" then null else . end) end),
    summary: (said([["event_name"], ["title"], ["alert_subject"], ["subject"]]) // "Zabbix event \($id)" | sub("^(Problem|Resolved): *"; "")),
    labels: (([$tags[] | select(.value != "") | { key: (.key | if test("^[A-Za-z0-9_]+$") then . else gsub("[^A-Za-z0-9_]+"; "_") end), value }] | gather)
             + ({ host: said([["host_name"], ["host"], ["hostname"]]), host_group: said([["host_group"], ["hostgroup"]]),
                  trigger: said("trigger_id"), item: said("item_name") } | compact)),
    annotations: { description: said([["description"], ["message"], ["alert_message"]]), value: said([["event_opdata"], ["opdata"]]),
                   tags: ([$tags[] | if .value == "" then .key else "\(.key):\(.value)" end] | join(", ")),
                   host_ip: said("host_ip"), update: said("event_update_message"), acknowledged: said("event_ack_status") },
    links: ([ said("link_to_upstream_details"), said("link"), said("trigger_url") | select(. != null) ]
            + [ if $url != null and said("trigger_id") != null
                then { text: "event", href: "\($url | sub("/+$"; ""))/tr_events.php?triggerid=\(said("trigger_id"))&eventid=\($id)" }
                else empty end ]) }
