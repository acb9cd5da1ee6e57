# uptime-com: the custom postback of Uptime.com.

.body
| if type != "object" then error("$: expected an object, as Uptime.com posts it") else . end
| (txt(["event"]) // "") as $event
| if $event == "test" then empty else . end
| ({ alert_raised: "firing", alert_cleared: "resolved" }[$event] // error("$.event: unknown event '\($event)'; expected alert_raised or alert_cleared")) as $status
| (at(["data"]) // {})
| . as $d
| (txt(["service", "id"]) // error("$.data.service.id: expected the check's id")) as $id
| (txt([["service", "display_name"], ["service", "name"]]) // "check \($id)") as $name
| { dedup_key: $id,
    status: $status,
    severity: (if $status == "firing" then txt(["alert", "state"]) else null end),
    summary: ([$name, txt([["alert", "short_output"], ["alert", "output"]])] | compact | join(": ")),
    starts_at: (if $status == "firing" then txt([["alert", "created_at"], ["date"]]) else null end),
    ends_at: (if $status == "resolved" then txt([["alert", "created_at"], ["date"]]) else null end),
    labels: { check: $name, check_type: txt(["service", "monitoring_service_type"]), host: txt([["device", "display_name"], ["device", "address"]]),
              account: txt(["account", "name"]),
              tags: (at(["service", "tags"]) | if type == "array" then map(text) | compact | join(",") | if . == "" then null else . end else null end) },
    annotations: { output: txt(["alert", "output"]), locations: (at(["locations"]) | if type == "array" then map(text) | compact | join(", ") else null end) },
    links: [ ($d | txt(["links", "alert_details"]) | select(. != null) | { href: ., text: "alert" }),
             ($d | txt(["links", "real_time_analysis"]) | select(. != null) | { href: ., text: "analysis" }) ] }
