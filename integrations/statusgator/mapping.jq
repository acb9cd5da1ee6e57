# statusgator: changes of status of services and monitors watched by StatusGator.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

.body
| if type != "object" then error("$: expected an object, as StatusGator posts it") else . end
| . as $b
| (first(txt(["service", "id"]), txt(["monitor", "id"])) // error("$.service.id: expected the service or the monitor")) as $id
| (txt(["status"]) // "") as $word
| ({ down: ["firing", "error"], warn: ["firing", "warning"], up: ["resolved", null], maintenance: ["unknown", null], unknown: ["unknown", null] }[$word | ascii_downcase]
   // error("$.status: unknown status '\($word)'; expected up, warn, down or maintenance")) as $known
| (first(txt(["monitor", "display_name"]), txt(["service", "name"])) // $id) as $name
| { dedup_key: ([$id, txt(["component", "id"])] | map(select(. != null)) | join("/")),
    status: $known[0],
    severity: $known[1],
    summary: ([([$name, txt(["component", "name"])] | map(select(. != null)) | join(" ")) + " is \($word)", txt(["message"])] | map(select(. != null)) | join(": ")),
    starts_at: (if $known[0] == "firing" then txt(["recorded_at"]) else null end),
    ends_at: (if $known[0] == "resolved" then txt(["recorded_at"]) else null end),
    labels: { service: $name, component: txt(["component", "name"]), board: txt(["board", "name"]), host: txt(["monitor", "host"]), type: txt(["monitor", "type"]) },
    annotations: { details: txt(["details"]), message: txt(["message"]), previous_status: txt(["previous_status"]) },
    links: [ first(txt(["service", "status_page_url"])), first(txt(["service", "landing_page_url"])) | select(. != null and test("^https?://")) ] }
