# site24x7: the webhook of Site24x7 with all incident parameters.  MONITOR_ID is longer than a double holds.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

.body
| if type != "object" then error("$: expected an object, the incident's parameters") else . end
| . as $b
| (first($b.MONITOR_ID, $b.MONITORID, $b.MONITORNAME) // error("$.MONITOR_ID: expected the monitor's id")) as $id
| (txt(["STATUS"]) // "") as $word
| ({ DOWN: ["firing", "critical"], TROUBLE: ["firing", "warning"], CRITICAL: ["firing", "critical"], UP: ["resolved", null],
     SUSPENDED: ["unknown", null], MAINTENANCE: ["unknown", null], DISCOVERY: ["unknown", null] }[$word | ascii_upcase]
   // error("$.STATUS: unknown status '\($word)'; expected DOWN, TROUBLE, CRITICAL or UP")) as $known
| (txt(["OUTAGE_TIME_UNIX_FORMAT"]) // "" | if test("^[0-9]{12,14}$") then tonumber else null end) as $began
| { dedup_key: $id,
    status: $known[0],
    severity: $known[1],
    summary: ([(txt(["MONITORNAME"]) // $id) + " is \($word)", txt(["INCIDENT_REASON"])] | map(select(. != null)) | join(": ")),
    starts_at: (if $known[0] == "firing" then $began else null end),
    labels: { monitor: txt(["MONITORNAME"]), type: txt(["MONITORTYPE"]), group: txt(["MONITOR_GROUPNAME"]) },
    annotations: { reason: txt(["INCIDENT_REASON"]), locations: txt(["FAILED_LOCATIONS"]), url: txt(["MONITORURL"]), time: txt(["INCIDENT_TIME_ISO"]) },
    links: [ (first($b.MONITOR_DASHBOARD_LINK) | select(. != null) | { href: ., text: "monitor" }), (first($b.RCA_LINK) | select(. != null) | { href: ., text: "root cause" }) ] }
