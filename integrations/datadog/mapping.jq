# datadog: a webhook of the Webhooks integration.  People write its payload themselves, from variables such as
# $ALERT_TRANSITION, so names count without case and underscores, and a variable that was left as it is counts
# as absent, as does "null", which Datadog puts where there is no value (an event has no transition).  The transition
# is the truth: the title may still say [Triggered] when it is over.
def gather: reduce .[] as $e ({}; . + { ($e.key): $e.value });     # from_entries, a good deal faster
def text: if type == "number" or type == "boolean" then tostring
  elif type == "string" and . != "" and . != "null" and . != "Null" and ((startswith("$") and test("^\\$[A-Z_]+$")) | not) then . else null end;
def first(f): [f | text | select(. != null)][0];
def plain: if test("^[A-Za-z0-9_]+$") then . else gsub("[^A-Za-z0-9_]"; "_") end;
def pairs: if type == "array" then map(text | select(. != null)) else (text // "") | split(", ") | join(",") | split(",") end
  | map(split(":") | select(length > 1 and .[0] != "")
        | { key: (.[0] | plain), value: (.[1:] | join(":")) })[:40] | gather;
def millis: (text // "") | if test("^[0-9]{10,13}$") then tonumber else null end;
def strip: gsub("^\\[[^\\]]*\\] *"; "");

{ "triggered": "firing", "re-triggered": "firing", "retriggered": "firing", "renotify": "firing", "re-notify": "firing",
  "warn": "firing", "re-warn": "firing", "recovered": "resolved", "no data": "unknown", "re-no data": "unknown" } as $words
| .query.no_data as $no_data
| .body
| if type != "object" then error("$: expected an object, the payload of a webhook") else . end
| to_entries | map({ key: (.key | ascii_downcase | split("_") | join("")), value }) | gather as $b
| first($b.alerttitle, $b.title, $b.eventtitle) as $title
| ([$title // "" | capture("^(\\[P[1-5]\\] *)?\\[(?<word>[A-Za-z -]+?)(?<scope> on \\{[^}]*\\})?\\] *(?<rest>.*)$")][0]) as $said
| first($b.alerttransition, $b.transition) as $transition
| (($transition // $said.word // "") | ascii_downcase) as $word
| first($b.alerttype, $b.eventtype | if . == "error" or . == "warning" or . == "success" or . == "info" then . else null end) as $type
| ($words[$word]
   // if $transition != null then error("$.alert_transition: unknown transition '\($transition)'; expected Triggered, Recovered, Warn or No Data")
      else {error: "firing", warning: "firing", success: "resolved", info: "unknown"}[$type // ""] end
   // error("$.alert_transition: expected the transition, as $ALERT_TRANSITION gives it")) as $state
| (if $state == "unknown" and ($word | endswith("no data")) and $no_data == "firing" then "firing" else $state end) as $status
| first($b.alertscope, $b.scope) as $scope
| first($b.alertid, $b.aggregkey, $b.aggregationkey) as $monitor
| ($title // "" | test("\\[TEST\\]")) as $trial
| (first($b.alertpriority) | if . != null and test("^[1-5]$") then "P\(.)" else . end) as $priority
| { dedup_key: (first($b.alertcyclekey)
                // (if $monitor != null then "\($monitor)/\($scope // "")" else null end)
                // (if $title != null then "\($said.rest // $title)\($said.scope // "")" else null end)),
    status: $status,
    severity: (if $trial or $status == "unknown" then "info"
               elif $status == "resolved" then $priority
               elif $word == "warn" or $word == "re-warn" then "warning"
               else $priority // first($b.severity) // (if $type == "success" then null else $type end) end),
    summary: (($title // "alert from Datadog") | sub("^(\\[P[1-5]\\] *)?\\[(Re-)?(Triggered|Recovered|Warn|No Data|Renotify)( on \\{[^}]*\\})?\\] *"; "")),
    starts_at: (if $status == "resolved" then null else $b.date // $b.lastupdated | millis end),
    ends_at: (if $status == "resolved" then $b.lastupdated // $b.date | millis else null end),
    labels: ((($scope | pairs) + ($b.tags | pairs) | if length > 60 then to_entries[:60] | gather else . end)     # of 64
             + ({ monitor: $monitor, metric: first($b.alertmetric), host: first($b.hostname, $b.host) }
                | to_entries | map(select(.value != null)) | gather)),
    annotations: { description: first($b.textonlymsg, $b.eventmsg, $b.body, $b.alertstatus),
                   transition: ($transition // $said.word), query: first($b.alertquery), scope: $scope,
                   tags: first(if $b.tags | type == "array" then $b.tags | map(text // "") | join(",") else $b.tags end),
                   user: first($b.user) },
    links: [ first($b.link), first($b.snapshot) | select(. != null) ] }
