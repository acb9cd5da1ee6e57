# datadog: a webhook of the Webhooks integration.  People write its payload themselves, from variables such as
# $ALERT_TRANSITION, so names count without case and underscores, and a variable that was left as it is counts
# as absent, as does "null", which Datadog puts where there is no value (an event has no transition).  The transition
# is the truth: the title may still say [Triggered] when it is over.
def said(p): txt(p; "\\A(\\$[A-Z_]+$|(null|Null)\\z)");
def plain: if test("^[A-Za-z0-9_]+$") then . else gsub("[^A-Za-z0-9_]"; "_") end;
def pairs: if type == "array" then map(said([])) | compact else (said([]) // "") | split(", ") | join(",") | split(",") end
  | map(split(":") | select(length > 1 and .[0] != "")
        | { key: (.[0] | plain), value: (.[1:] | join(":")) })[:40] | gather;
def millis: (said([]) // "") | if test("^[0-9]{10,13}$") then tonumber else null end;
def strip: gsub("^\\[[^\\]]*\\] *"; "");

{ "triggered": "firing", "re-triggered": "firing", "retriggered": "firing", "renotify": "firing", "re-notify": "firing",
  "warn": "firing", "re-warn": "firing", "recovered": "resolved", "no data": "unknown", "re-no data": "unknown" } as $words
| .query.no_data as $no_data
| .body
| if type != "object" then error("$: expected an object, the payload of a webhook") else . end
| fold("_")
| . as $b
| said([["alerttitle"], ["title"], ["eventtitle"]]) as $title
| ([$title // "" | capture("^(\\[P[1-5]\\] *)?\\[(?<word>[A-Za-z -]+?)(?<scope> on \\{[^}]*\\})?\\] *(?<rest>.*)$")][0]) as $said
| said([["alerttransition"], ["transition"]]) as $transition
| (($transition // $said.word // "") | ascii_downcase) as $word
| ([$b.alerttype, $b.eventtype | if . == "error" or . == "warning" or . == "success" or . == "info" then . else null end] | compact[0]) as $type
| ($words[$word]
   // if $transition != null then error("$.alert_transition: unknown transition '\($transition)'; expected Triggered, Recovered, Warn or No Data")
      else {error: "firing", warning: "firing", success: "resolved", info: "unknown"}[$type // ""] end
   // error("$.alert_transition: expected the transition, as $ALERT_TRANSITION gives it")) as $state
| (if $state == "unknown" and ($word | endswith("no data")) and $no_data == "firing" then "firing" else $state end) as $status
| said([["alertscope"], ["scope"]]) as $scope
| said([["alertid"], ["aggregkey"], ["aggregationkey"]]) as $monitor
| ($title // "" | test("\\[TEST\\]")) as $trial
| (said("alertpriority") | if . != null and test("^[1-5]$") then "P\(.)" else . end) as $priority
| { dedup_key: (said("alertcyclekey")
                // (if $monitor != null then "\($monitor)/\($scope // "")" else null end)
                // (if $title != null then "\($said.rest // $title)\($said.scope // "")" else null end)),
    status: $status,
    severity: (if $trial or $status == "unknown" then "info"
               elif $status == "resolved" then $priority
               elif $word == "warn" or $word == "re-warn" then "warning"
               else $priority // said("severity") // (if $type == "success" then null else $type end) end),
    summary: (($title // "alert from Datadog") | sub("^(\\[P[1-5]\\] *)?\\[(Re-)?(Triggered|Recovered|Warn|No Data|Renotify)( on \\{[^}]*\\})?\\] *"; "")),
    starts_at: (if $status == "resolved" then null else $b.date // $b.lastupdated | millis end),
    ends_at: (if $status == "resolved" then $b.lastupdated // $b.date | millis else null end),
    labels: ((($scope | pairs) + ($b.tags | pairs) | if length > 60 then to_entries[:60] | gather else . end)     # of 64
             + ({ monitor: $monitor, metric: said("alertmetric"), host: said([["hostname"], ["host"]]) }
                | compact)),
    annotations: { description: said([["textonlymsg"], ["eventmsg"], ["body"], ["alertstatus"]]),
                   transition: ($transition // $said.word), query: said("alertquery"), scope: $scope,
                   tags: (if $b.tags | type == "array" then $b.tags | map(said([]) // "") | join(",") else $b.tags end | said([])),
                   user: said("user") },
    links: ([ said("link"), said("snapshot") ] | compact) }
