# collectd: the notifications of its write_http plugin, and the values that its mqtt plugin publishes.
#
# Notifications look like Alertmanager's, but what is over says so only in its severity, OKAY, and never with an end.
# Values are "time:value:value" and a NUL at PREFIX/HOST/PLUGIN[-INSTANCE]/TYPE[-INSTANCE]: records, for rules.
def text: if type == "string" then . elif type == "number" then tostring else null end;

def named($name): index("-") as $at
  | if $at == null then { ($name): . } else { ($name): .[:$at], "\($name)_instance": .[$at + 1:] } end;
def numbers: explode | map(select(. > 32 and . < 127)) | implode | split(":") | map(if test("^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$") then tonumber else null end);

# "nan" is no value: nothing was measured, or not twice yet.
def values($levels):
  if ($levels | length) < 3 then error("$: expected a topic PREFIX/HOST/PLUGIN/TYPE") else . end
  | (if type == "string" then numbers else [] end) as $n
  | if ($n | length) < 2 or $n[0] == null then error("$: expected time:value, as collectd's mqtt plugin publishes it") else . end
  | ($levels | join("/")) as $name
  | if $n[1] == null then empty else
    { record: true, dedup_key: $name, summary: "\($name) is \($n[1:] | map(tostring) | join(", "))", starts_at: $n[0], expires_in: "15m",
      labels: ({ host: $levels[0] } + ($levels[1] | named("plugin")) + ($levels[2] | named("type")) + { value: $n[1] }
               + ($n[2:] | to_entries | map(select(.value != null) | { key: "value_\(.key + 2)", value: .value })
                  | gather)) } end;

def notifications:
  if type == "array" then . else error("$: expected an array of notifications") end
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
      starts_at: (.startsAt | text) });

.topic as $topic
| .body
| if $topic != null then values($topic | split("/") | .[-3:]) else notifications end
