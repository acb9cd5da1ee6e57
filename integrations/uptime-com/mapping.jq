# uptime-com: the custom postback of Uptime.com.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

.body
| if type != "object" then error("$: expected an object, as Uptime.com posts it") else . end
| (txt(["event"]) // "") as $event
| if $event == "test" then empty else . end
| ({ alert_raised: "firing", alert_cleared: "resolved" }[$event] // error("$.event: unknown event '\($event)'; expected alert_raised or alert_cleared")) as $status
| (at(["data"]) // {})
| . as $d
| (txt(["service", "id"]) // error("$.data.service.id: expected the check's id")) as $id
| (first(txt(["service", "display_name"]), txt(["service", "name"])) // "check \($id)") as $name
| { dedup_key: $id,
    status: $status,
    severity: (if $status == "firing" then txt(["alert", "state"]) else null end),
    summary: ([$name, first(txt(["alert", "short_output"]), txt(["alert", "output"]))] | map(select(. != null)) | join(": ")),
    starts_at: (if $status == "firing" then first(txt(["alert", "created_at"]), txt(["date"])) else null end),
    ends_at: (if $status == "resolved" then first(txt(["alert", "created_at"]), txt(["date"])) else null end),
    labels: { check: $name, check_type: txt(["service", "monitoring_service_type"]), host: first(txt(["device", "display_name"]), txt(["device", "address"])),
              account: txt(["account", "name"]),
              tags: (at(["service", "tags"]) | if type == "array" then map(text | select(. != null)) | join(",") | if . == "" then null else . end else null end) },
    annotations: { output: txt(["alert", "output"]), locations: (at(["locations"]) | if type == "array" then map(text | select(. != null)) | join(", ") else null end) },
    links: [ (first($d | txt(["links", "alert_details"])) | select(. != null) | { href: ., text: "alert" }),
             (first($d | txt(["links", "real_time_analysis"])) | select(. != null) | { href: ., text: "analysis" }) ] }
