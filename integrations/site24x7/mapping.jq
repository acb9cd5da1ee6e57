# site24x7: the webhook of Site24x7 with all incident parameters.  MONITOR_ID is longer than a double holds.

.body
| if type != "object" then error("$: expected an object, the incident's parameters") else . end
| . as $b
| (($b | txt([["MONITOR_ID"], ["MONITORID"], ["MONITORNAME"]])) // error("$.MONITOR_ID: expected the monitor's id")) as $id
| (txt(["STATUS"]) // "") as $word
| ({ DOWN: ["firing", "critical"], TROUBLE: ["firing", "warning"], CRITICAL: ["firing", "critical"], UP: ["resolved", null],
     SUSPENDED: ["unknown", null], MAINTENANCE: ["unknown", null], DISCOVERY: ["unknown", null] }[$word | ascii_upcase]
   // error("$.STATUS: unknown status '\($word)'; expected DOWN, TROUBLE, CRITICAL or UP")) as $known
| (txt(["OUTAGE_TIME_UNIX_FORMAT"]) // "" | if test("^[0-9]{12,14}$") then tonumber else null end) as $began
| { dedup_key: $id,
    status: $known[0],
    severity: $known[1],
    summary: ([(txt(["MONITORNAME"]) // $id) + " is \($word)", txt(["INCIDENT_REASON"])] | compact | join(": ")),
    starts_at: (if $known[0] == "firing" then $began else null end),
    labels: { monitor: txt(["MONITORNAME"]), type: txt(["MONITORTYPE"]), group: txt(["MONITOR_GROUPNAME"]) },
    annotations: { reason: txt(["INCIDENT_REASON"]), locations: txt(["FAILED_LOCATIONS"]), url: txt(["MONITORURL"]), time: txt(["INCIDENT_TIME_ISO"]) },
    links: [ (($b | txt("MONITOR_DASHBOARD_LINK")) | select(. != null) | { href: ., text: "monitor" }), (($b | txt("RCA_LINK")) | select(. != null) | { href: ., text: "root cause" }) ] }
