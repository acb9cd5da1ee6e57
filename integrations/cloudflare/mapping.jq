# cloudflare: the generic webhook of Cloudflare's notifications.  Some say when they start and end, many do not.

.body
| if type != "object" then error("$: expected an object, as Cloudflare's webhook posts it") else . end
| (txt(["text"]) // error("$.text: expected the text of the notification")) as $text
| (txt(["alert_event"]) // "") as $event
| (at(["data"]) // {}) as $data
| (if $event == "ALERT_STATE_EVENT_END" then "resolved"
   elif ($data | txt(["status"]) // "" | ascii_downcase) == "healthy" then "resolved" else "firing" end) as $status
| [txt(["policy_id"]) // txt(["name"]), txt(["alert_type"]),
   ($data | txt([["health_check_id"], ["pool_id"], ["origin_name"], ["zone_name"], ["attack_id"]]))] as $parts
| { dedup_key: (txt(["alert_correlation_id"]) // ($parts | compact | join("/"))),
    status: $status,
    severity: ($data | txt(["severity"])),
    summary: $text,
    starts_at: (if $status == "firing" then at(["ts"]) else null end),
    ends_at: (if $status == "resolved" then at(["ts"]) else null end),
    expires_in: (if $status == "firing" and $event == "" then "6h" else null end),
    labels: { policy: txt(["name"]), alert_type: txt(["alert_type"]), account: txt(["account_id"]),
              zone: ($data | txt("zone_name") // (at("unreachable_zones") | if type == "array" then .[0] | txt("zone_name") else null end)) },
    annotations: ($data | texts(40)),
    links: [$data | txt(["dashboard_link"]) | select(. != null)] }
