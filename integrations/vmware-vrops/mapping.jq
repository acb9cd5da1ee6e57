# vmware-vrops: the REST notification of vRealize (Aria, VCF) Operations.

def when: if type == "number" and . > 0 then . else null end;

.body
| if type != "object" then error("$: expected an object, as the REST notification posts it") else . end
| (txt(["alertId"]) // error("$.alertId: expected the alert's id")) as $id
| (txt(["status"]) // "") as $word
| ({ ACTIVE: "firing", NEW: "firing", UPDATED: "firing", CANCELED: "resolved", CANCELLED: "resolved", INACTIVE: "resolved" }[$word | ascii_upcase]
   // error("$.status: unknown status '\($word)'; expected ACTIVE or CANCELED")) as $status
| (txt(["criticality"]) // "" | ltrimstr("ALERT_CRITICALITY_LEVEL_")) as $level
| { dedup_key: $id,
    status: $status,
    severity: ({ CRITICAL: "critical", IMMEDIATE: "error", WARNING: "warning", INFO: "info" }[$level]),
    summary: ([txt(["resourceName"]), txt([["alertName"], ["info"]])] | compact | join(": ") | if . == "" then "alert \($id)" else . end),
    starts_at: (if $status == "firing" then at(["startDate"]) | when else null end),
    ends_at: (if $status == "resolved" then at(["cancelDate"]) | when else null end),
    labels: { host: txt(["resourceName"]), kind: txt(["resourceKind"]), adapter: txt(["adapterKind"]),
              type: (txt(["type"]) | if . != null then ltrimstr("ALERT_TYPE_") else null end), subtype: (txt(["subType"]) | if . != null then ltrimstr("ALERT_SUBTYPE_") else null end) },
    annotations: { description: txt(["info"]), resource_id: txt(["resourceId"]) } }
