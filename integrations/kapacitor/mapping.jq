# kapacitor: the post node and alert handler of Kapacitor, its AlertData.

.body
| if type != "object" then error("$: expected an object, as Kapacitor posts it") else . end
| . as $b
| (txt(["id"]) // error("$.id: expected the alert's id")) as $id
| (txt(["level"]) // "") as $level
| ({ OK: ["resolved", null], INFO: ["firing", "info"], WARNING: ["firing", "warning"], WARN: ["firing", "warning"], CRITICAL: ["firing", "critical"] }[$level | ascii_upcase]
   // error("$.level: unknown level '\($level)'; expected OK, INFO, WARNING or CRITICAL")) as $known
| (at(["data", "series"]) | if type == "array" then .[0] else null end) as $series
| (txt(["time"]) | if . != null and startswith("0001-") then null else . end) as $time
| { dedup_key: $id,
    status: $known[0],
    severity: $known[1],
    summary: (txt(["message"]) // $id),
    starts_at: (if $known[0] == "firing" then $time else null end),
    ends_at: (if $known[0] == "resolved" then $time else null end),
    labels: (($series | at(["tags"]) | if type == "object" then to_entries[:32] else [] end
              | map({ key, value: (.value | text) } | select(.value != null)) | gather)
             + ({ measurement: ($series | txt(["name"])) } | with_entries(select(.value != null)))),
    annotations: { details: txt(["details"]), previous_level: txt(["previousLevel"]) } }
