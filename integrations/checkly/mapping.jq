# checkly: the default template of Checkly's webhook; alert_type says what happened.

def known: { ALERT_FAILURE: ["firing", "error"], ALERT_FAILURE_REMAIN: ["firing", "error"], ALERT_FAILURE_DEGRADED: ["firing", "warning"],
             ALERT_DEGRADED: ["firing", "warning"], ALERT_DEGRADED_REMAIN: ["firing", "warning"], ALERT_DEGRADED_FAILURE: ["firing", "error"],
             ALERT_RECOVERY: ["resolved", null], ALERT_DEGRADED_RECOVERY: ["resolved", null], ALERT_SSL: ["firing", "warning"] };

.body
| if type != "object" then error("$: expected an object, as Checkly's default template makes it") else . end
| (txt(["alert_type"]) // "") as $type
| (known[$type] // error("$.alert_type: unknown type '\($type)'; expected ALERT_FAILURE, ALERT_DEGRADED, ALERT_RECOVERY or the like")) as $known
| (txt(["check_id"]) // error("$.check_id: expected the check's id")) as $id
| { dedup_key: (if $type == "ALERT_SSL" then "\($id)/ssl" else $id end),
    status: $known[0],
    severity: $known[1],
    summary: ([txt(["event"]) // txt(["check_name"]) // $id, txt(["check_error_message"])] | compact | join(": ")),
    starts_at: (if $known[0] == "firing" then txt(["started_at"]) else null end),
    ends_at: (if $known[0] == "resolved" then txt(["started_at"]) else null end),
    expires_in: (if $type == "ALERT_SSL" then "2d" else null end),
    labels: { check: txt(["check_name"]), group: txt(["group_name"]), check_type: txt(["check_type"]), location: txt(["run_location"]),
              tags: txt(["tags"]), domain: txt(["ssl_check_domain"]) },
    annotations: { alert_type: $type, response_time_ms: txt(["response_time"]), status_code: txt(["api_check_response_status_code"]),
                   days_remaining: txt(["ssl_days_remaining"]) },
    links: [txt(["link"]) | select(. != null)] }
