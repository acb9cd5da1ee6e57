# dynatrace: the payload of a custom integration, written from Dynatrace's placeholders, also inside a CloudEvent.
# Names count without case, blanks and underscores: people write "Problem URL" and "ProblemURL".
def said(p): txt(p; "\\A\\{[A-Za-z]+\\}$");      # {ProblemID}: not filled in
def millis: if type == "number" and . > 0 and . < 1e14 then . else null end;
def tags: if type == "array" then map(text) | compact else (said([]) // "") | split(", ") | join(",") | split(",") end;
def pairs: map(select(test("^[^:]+:.")) | split(":")
               | { key: (.[0] | gsub("[^A-Za-z0-9_]+"; "_") | ltrimstr("_")), value: (.[1:] | join(":")) })[:32] | gather;

.body
| if type != "object" then error("$: expected an object, the payload of a custom integration")
  elif at(["data"]) | type == "object" then ["$.data", .data] else ["$", .] end
| .[0] as $path | (.[1] | if type == "object" then fold(" _") else {} end) as $b
| ($b | said("state") // "") as $state
| ({OPEN: "firing", RESOLVED: "resolved", MERGED: "resolved"}[$state | ascii_upcase]
   // error("\($path).State: unknown state '\($state)'; expected OPEN, RESOLVED or MERGED")) as $status
| ($b | said([["pid"], ["problemid"]]) // error("\($path).PID: expected PID or ProblemID")) as $id
| ([$b.problemdetailsjsonv2, $b.problemdetailsjson, $b.problemdetails] | map(select(type == "object"))[0] // {}) as $details
| ([$b.impactedentities | if type == "array" then .[:50][] else empty end | select(type == "object")]) as $entities
| ((($b | said("problemseverity")) // ($details | txt(["severityLevel"])) // "") | ascii_upcase) as $level
| (($b | said("problemtitle")) // "Dynatrace problem \($id)") as $title
| ($b.tags | tags) as $tags
| { dedup_key: $id,
    status: $status,
    severity: (if $title == "Dynatrace problem notification test run" then "info"
               else { AVAILABILITY: "critical", ERROR: "error", PERFORMANCE: "warning", SLOWDOWN: "warning",
                      RESOURCE_CONTENTION: "warning", RESOURCE: "warning", MONITORING_UNAVAILABLE: "warning", INFO: "info" }[$level] end),
    summary: ([$title, ($b | said("impactedentity")) // ($entities[0] // {} | txt(["name"]))]
              | compact | unique_by(ascii_downcase) | if .[0] == $title then . else reverse end | join(": ")),
    starts_at: ($details | at(["startTime"]) | millis),
    ends_at: (if $status == "resolved" then $details | at(["endTime"]) | millis else null end),
    labels: (($tags | pairs)
             + ({ entity: ($entities[0] // {} | txt(["name"])), entity_type: ($entities[0] // {} | txt(["type"])),
                  host: ([$entities[] | select(.type == "HOST") | txt(["name"])][0]),
                  impact: (($b | said("problemimpact")) // ($details | txt(["impactLevel"]))),
                  problem_severity: (if $level == "" then null else $level end),
                  project: ($b | said("keptnproject")), environment: ($b | said("keptnstage")), service: ($b | said("keptnservice")) }
                | compact)),
    annotations: { problem: ($b | said("problemid")), state: $state,
                   description: (($b | said("problemdetailstext")) // ($b | said("problemdetailsmarkdown"))),
                   entities: ($entities | map(txt(["name"]) // "") | join(", ")),
                   tags: ($tags | join(", ")) },
    links: [ $b | said("problemurl") | select(. != null) | { href: ., text: "problem" } ] }
