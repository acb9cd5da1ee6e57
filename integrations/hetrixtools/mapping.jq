# hetrixtools: uptime monitors (an object) and blacklist monitors (an array) of HetrixTools.

def uptime:
  (txt(["monitor_id"]) // error("$.monitor_id: expected the monitor's id")) as $id
  | (txt(["monitor_status"]) // "") as $word
  | ({ offline: "firing", online: "resolved", maintenance: "unknown" }[$word | ascii_downcase]
     // error("$.monitor_status: unknown status '\($word)'; expected offline or online")) as $status
  | { dedup_key: $id,
      status: $status,
      severity: (if $status == "firing" then "error" else null end),
      summary: "\(txt(["monitor_name"]) // $id) is \($word)",
      starts_at: (if $status == "firing" then at(["timestamp"]) else null end),
      ends_at: (if $status == "resolved" then at(["timestamp"]) else null end),
      labels: { monitor: txt(["monitor_name"]), target: txt(["monitor_target"]), type: txt(["monitor_type"]), category: txt(["monitor_category"]) },
      annotations: { errors: (at(["monitor_errors"]) | if type == "object" then to_entries[:32] | map("\(.key): \(.value)") | join("\n") else null end) } };

def blacklist($i):
  if type != "object" then error("$[\($i)]: expected a monitor of blacklists") else . end
  | (txt(["monitor"]) // error("$[\($i)].monitor: expected the address")) as $address
  | (txt(["blacklisted_now"]) // error("$[\($i)].blacklisted_now: expected a number")) as $now
  | (if txt(["label"]) != null then "\(txt(["label"])) (\($address))" else $address end) as $name
  | { dedup_key: "blacklist/\($address)",
      status: (if $now == "0" then "resolved" else "firing" end),
      severity: (if $now == "0" then null else "warning" end),
      summary: (if $now == "0" then "\($name) is on no blacklist" else "\($name) is on \($now) blacklists" end),
      labels: { address: $address, label: txt(["label"]) },
      annotations: { before: txt(["blacklisted_before"]),
                     lists: (at(["blacklisted_on"]) | if type == "array" then .[:64] | map(txt(["rbl"]) | select(. != null)) | join(", ") else null end) },
      links: [txt(["links", "report_link"]) | select(. != null)] };

.body
| if type == "array" then to_entries[] | .key as $i | .value | blacklist($i)
  elif type != "object" then error("$: expected an object, or an array of blacklist monitors")
  elif has("monitor_id") then uptime
  elif has("blacklisted_now") then [.] | to_entries[] | .key as $i | .value | blacklist($i)
  else error("$.monitor_id: expected an uptime monitor, or blacklisted_now of a blacklist monitor") end
