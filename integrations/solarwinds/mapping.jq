# solarwinds: an alert action of the SolarWinds Platform (Orion) that posts the members below.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

.body
| if type != "object" then error("$: expected an object, as the alert's action posts it") else . end
| . as $b
| (txt(["AlertObjectID"]) | if . == null or startswith("$") then null else . end) as $object     # ${N=...}: not filled in
| (txt(["AlertID"]) // $object // error("$.AlertID: expected the alert's id")) as $id
| (txt(["ActionType"]) // "Create") as $word
| ({ create: "firing", trigger: "firing", update: "firing", reset: "resolved", close: "resolved", resolve: "resolved", delete: "resolved" }[$word | ascii_downcase]
   // error("$.ActionType: unknown action '\($word)'; expected Create or Reset")) as $status
| first(txt(["NodeName"])) as $node
| { dedup_key: (if $object != null then "object/\($object)" else [$id, $node] | map(select(. != null)) | join("/") end),
    status: $status,
    severity: (if $status == "firing" then first(txt(["Severity"]), txt(["AlertSeverity"])) else null end),
    summary: (first(txt(["AlertMessage"]), txt(["AlertName"])) // "alert \($id)"),
    labels: { host: $node, alert: txt(["AlertName"]) },
    annotations: { description: txt(["AlertDescription"]), triggered: txt(["AlertTriggerCount"]) },
    links: [ (first($b.AlertDetailsUrl) | select(. != null) | { href: ., text: "alert" }), (first($b.AcknowledgeUrl) | select(. != null) | { href: ., text: "acknowledge there" }) ] }
