# statusgator: changes of status of services and monitors watched by StatusGator.

.body
| if type != "object" then error("$: expected an object, as StatusGator posts it") else . end
| . as $b
| (txt([["service", "id"], ["monitor", "id"]]) // error("$.service.id: expected the service or the monitor")) as $id
| (txt(["status"]) // "") as $word
| ({ down: ["firing", "error"], warn: ["firing", "warning"], up: ["resolved", null], maintenance: ["unknown", null], unknown: ["unknown", null] }[$word | ascii_downcase]
   // error("$.status: unknown status '\($word)'; expected up, warn, down or maintenance")) as $known
| (txt([["monitor", "display_name"], ["service", "name"]]) // $id) as $name
| { dedup_key: ([$id, txt(["component", "id"])] | compact | join("/")),
    status: $known[0],
    severity: $known[1],
    summary: ([([$name, txt(["component", "name"])] | compact | join(" ")) + " is \($word)", txt(["message"])] | compact | join(": ")),
    starts_at: (if $known[0] == "firing" then txt(["recorded_at"]) else null end),
    ends_at: (if $known[0] == "resolved" then txt(["recorded_at"]) else null end),
    labels: { service: $name, component: txt(["component", "name"]), board: txt(["board", "name"]), host: txt(["monitor", "host"]), type: txt(["monitor", "type"]) },
    annotations: { details: txt(["details"]), message: txt(["message"]), previous_status: txt(["previous_status"]) },
    links: [ txt(["service", "status_page_url"]), txt(["service", "landing_page_url"]) | select(. != null and test("^https?://")) ] }
