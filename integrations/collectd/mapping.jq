# collectd: the notifications of its write_http plugin.  They look like Alertmanager's, but what is over says so only
# in its severity, OKAY, and never with an end.
def text: if type == "string" then . elif type == "number" then tostring else null end;

.body
| if type == "array" then . else error("$: expected an array of notifications") end
| to_entries
| map(.key as $i | .value
  | if type != "object" or (.labels | type) != "object" then error("$[\($i)].labels: expected an object") else . end
  | (.labels.severity | text // "" | ascii_upcase) as $word
  | (.labels | to_entries | map(select(.key != "severity" and (.value | text) != null and .value != ""))
     | reduce .[] as $e ({}; . + { ($e.key): ($e.value | text) })) as $labels
  | { dedup_key: ($labels | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(",")),
      status: (if $word == "OKAY" then "resolved" elif $word == "FAILURE" or $word == "WARNING" then "firing"
               else error("$[\($i)].labels.severity: expected FAILURE, WARNING or OKAY") end),
      severity: (if $word == "FAILURE" then "error" elif $word == "WARNING" then "warning" else null end),
      summary: (.annotations | if type == "object" then .summary | text else null end),
      labels: ($labels + { host: ($labels.instance // "") }),
      annotations: (.annotations | if type == "object" then
                      to_entries | map(select(.key != "summary" and (.value | text) != null and .value != "nan"))
                      | reduce .[] as $e ({}; . + { ($e.key): ($e.value | text) }) else {} end),
      starts_at: (.startsAt | text) })
