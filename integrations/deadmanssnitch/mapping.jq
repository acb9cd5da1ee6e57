# deadmanssnitch: the webhook of Dead Man's Snitch.  The status of the snitch counts: deliveries may come out of order,
# but each says what is so when it was made.

.body
| if type != "object" then error("$: expected an object, as Dead Man's Snitch posts it") else . end
| (txt(["timestamp"])) as $at
| (txt(["type"]) // "") as $type
| (at(["data", "snitch"]) // {})
| (txt(["token"]) // error("$.data.snitch.token: expected the snitch's token")) as $token
| ({ "snitch.missing": "firing", "snitch.errored": "firing", "snitch.reporting": "resolved", "snitch.paused": "resolved" }[$type]
   // error("$.type: unknown type '\($type)'; expected snitch.missing, snitch.errored, snitch.reporting or snitch.paused")) as $status
| (txt(["name"]) // $token) as $name
| { dedup_key: $token,
    status: $status,
    severity: (if $status == "firing" then "error" else null end),
    summary: ({ "snitch.missing": "\($name) did not check in", "snitch.errored": "\($name) reported an error",
                "snitch.reporting": "\($name) checks in again", "snitch.paused": "\($name) is paused" }[$type]),
    starts_at: (if $status == "firing" then $at else null end),
    ends_at: (if $status == "resolved" then $at else null end),
    labels: { snitch: $name, tags: (at(["tags"]) | if type == "array" then map(text | select(. != null)) | join(",") else null end) },
    annotations: { notes: txt(["notes"]), previous_status: txt(["previous_status"]) } }
