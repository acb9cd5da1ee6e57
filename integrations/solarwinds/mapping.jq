# solarwinds: an alert action of the SolarWinds Platform (Orion) that posts the members below.

.body
| if type != "object" then error("$: expected an object, as the alert's action posts it") else . end
| . as $b
| (txt(["AlertObjectID"]) | if . == null or startswith("$") then null else . end) as $object     # ${N=...}: not filled in
| (txt(["AlertID"]) // $object // error("$.AlertID: expected the alert's id")) as $id
| (txt(["ActionType"]) // "Create") as $word
| ({ create: "firing", trigger: "firing", update: "firing", reset: "resolved", close: "resolved", resolve: "resolved", delete: "resolved" }[$word | ascii_downcase]
   // error("$.ActionType: unknown action '\($word)'; expected Create or Reset")) as $status
| txt("NodeName") as $node
| { dedup_key: (if $object != null then "object/\($object)" else [$id, $node] | compact | join("/") end),
    status: $status,
    severity: (if $status == "firing" then txt([["Severity"], ["AlertSeverity"]]) else null end),
    summary: (txt([["AlertMessage"], ["AlertName"]]) // "alert \($id)"),
    labels: { host: $node, alert: txt(["AlertName"]) },
    annotations: { description: txt(["AlertDescription"]), triggered: txt(["AlertTriggerCount"]) },
    links: [ (($b | txt("AlertDetailsUrl")) | select(. != null) | { href: ., text: "alert" }), (($b | txt("AcknowledgeUrl")) | select(. != null) | { href: ., text: "acknowledge there" }) ] }
