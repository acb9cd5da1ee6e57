# logicmonitor: a custom HTTP delivery with LogicMonitor's tokens under their own names in lower case.

.body
| if type != "object" then error("$: expected an object of LogicMonitor's tokens") else . end
| . as $b
| (txt(["alertstatus"]) // "active") as $word
| ({ active: "firing", new: "firing", escalate: "firing", escalated: "firing", downgrade: "firing", downgraded: "firing", ack: "firing", acked: "firing",
     clear: "resolved", cleared: "resolved", test: "unknown" }[$word | ascii_downcase]
   // error("$.alertstatus: unknown status '\($word)'; expected active, ack, clear or test")) as $status
| (txt([["internalid"], ["alertid"]]) // error("$.internalid: expected internalid or alertid")) as $id
| [txt(["host"]), txt([["datasource"], ["eventsource"]]), txt(["datapoint"])] as $what
| { dedup_key: $id,
    status: $status,
    severity: (if $status == "firing" then txt(["level"]) else null end),
    summary: ([($what | compact | join(" ")), (txt(["value"]) | if . != null then "is \(.)" else null end)]
              | map(select(. != null and . != "")) | join(" ") | if . == "" then "alert \($id)" else . end),
    labels: { host: txt(["host"]), group: txt(["group"]), datasource: $what[1], datapoint: $what[2], instance: txt(["instance"]), service: txt(["service"]) },
    annotations: { description: txt([["datapointdesc"], ["dsdesc"], ["eventmsg"]]), value: txt(["value"]), threshold: txt(["threshold"]),
                   duration: txt(["duration"]), alert_id: txt(["alertid"]), change: (if $word | test("^(ack|escalate|downgrade)"; "i") then $word else null end) },
    links: [ ($b | txt("alertdetailurl")), ($b | txt("hosturl")), ($b | txt("serviceurl")) | select(. != null) ] | unique }
