# The flat JSON of a home-grown agent or device: {"device", "status", "severity", "metric", "value", "msg"}.
# The identity is the device and the metric; a clear often has neither severity nor text.
def first_of(f): [f | select(. != null and . != "")] | first;
def known: ["device", "host", "device_id", "hostname", "ts", "time", "timestamp", "status", "state", "severity", "level",
            "metric", "check", "sensor", "msg", "message", "text", "value", "threshold", "unit"];
def statuses: { alert: "firing", alarm: "firing", error: "firing", fail: "firing", critical: "firing", warning: "firing",
                on: "firing", raised: "firing", offline: "firing", ok: "resolved", clear: "resolved", off: "resolved",
                good: "resolved", online: "resolved" };

.topic_labels as $where
| .query as $query
| (.topic // "" | split("/") | last) as $level
| .body
| (if type == "array" then .[] else . end)
| (if type == "object" then . else {status: type} end) as $d
| first_of($where.device, $where.host, $d.device, $d.host, $d.device_id, $d.hostname, $query.device, $level) as $device
| first_of($d.metric, $d.check, $d.sensor) as $metric
| first_of($d.status, $d.state) as $status
| first_of($d.msg, $d.message, $d.text) as $text
| (if ($status | type) == "string" then statuses[$status | ascii_downcase] // $status else $status end) as $known
| { dedup_key: ([$device, $metric] | map(select(. != null) | tostring) | join("/")),
    status: $known,
    severity: first_of($d.severity, $d.level),
    summary: ([$device, ($text // (if $metric == null or $d.value == null then $status else "\($metric) = \($d.value)" end))]
              | map(select(. != null) | tostring) | join(": ")),
    labels: ($where + { device: $device, metric: $metric }),
    annotations: ({ value: $d.value, threshold: $d.threshold, unit: $d.unit }
                  + ($d | with_entries(select((.key as $k | known | index($k)) == null
                                              and (.value | type) != "object" and (.value | type) != "array")))) }
  + (first_of($d.ts, $d.time, $d.timestamp) as $t | {(if $known == "resolved" then "ends_at" else "starts_at" end): $t})
