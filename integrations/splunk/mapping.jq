# splunk: the webhook alert action of Splunk Enterprise and Cloud (a search's first result; never a resolve), and the
# webhook of Splunk Observability's detectors (SignalFx).
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;
def seconds: (text // "") | if test("^[0-9]{9,10}(\\.[0-9]+)?$") then tonumber else null end;
def link($name): text | select(. != null) | { href: ., text: $name };

# Splunk's own words in title and text win: a detector that was cleared by hand, or whose rule was edited, may still say
# "anomalous".  Only in the places where Splunk writes them, for the rest is the user's.
def over($title; $body):
  (($title // "") | test("^(manually resolved|back to normal|cleared|stopped): "; "i"))
  or (($body // "") | test("^Rule \"[^\"]*\" in detector \"[^\"]*\" (was )?(cleared|stopped|manually resolved)( at|\\.|$)"; "i"));

def detector:
  ((txt(["statusExtended"]) // txt(["status"]) // "") | ascii_downcase) as $word
  | txt([["messageTitle"], ["inputs", "messageTitle"]]) as $title
  | (if over($title; txt(["messageBody"])) then "resolved"
     else { anomalous: "firing", ok: "resolved", stopped: "resolved", "manually resolved": "resolved",
            "auto resolved": "resolved", "auto_resolved": "resolved" }[$word]
          // error("$.statusExtended: unknown status '\($word)'; expected anomalous, ok, stopped or manually resolved") end) as $status
  | (txt(["incidentId"]) // error("$.incidentId: expected the id of the incident")) as $id
  | txt([["rule"], ["inputs", "rule"], ["detectorRule"]]) as $rule
  | { dedup_key: $id,
      status: $status,
      severity: txt(["severity"]),
      summary: ($title // txt([["description"], ["inputs", "description"]]) // $rule // "incident \($id)"),
      starts_at: (if $status == "resolved" then null else at(["timestamp"]) | when end),
      ends_at: (if $status == "resolved" then at(["timestamp"]) | when else null end),
      labels: ((at(["dimensions"]) | texts(32))
               + ({ detector: txt(["detector"]), rule: $rule, metric: txt(["originatingMetric"]) } | compact)),
      annotations: { description: txt(["messageBody"]), condition: txt(["detectOnCondition"]), tip: txt(["tip"]), status: $word },
      links: [ (at(["detectorUrl"]) | link("detector")), (txt([["runbookUrl"], ["inputs", "runbookUrl"]]) | link("runbook")),
               (at(["imageUrl"]) | link("image")) ] };

def search:
  (at(["result"]) | texts(48)) as $result
  | (txt(["search_name"]) // error("$.search_name: expected the name of the saved search")) as $name
  | (if $result.alert_status != null
     then { firing: "firing", problem: "firing", resolved: "resolved", ok: "resolved" }[$result.alert_status | ascii_downcase]
          // error("$.result.alert_status: unknown status '\($result.alert_status)'; expected firing or resolved")
     else "firing" end) as $status
  | { dedup_key: ($result.dedup_key // "\(txt(["app"]) // "search")/\($name)"),
      status: $status,
      severity: ($result.severity // $result.urgency // $result.priority),
      summary: ([$name, $result.summary // $result.message] | compact | join(": ")),
      starts_at: ($result._time | if $status == "firing" then seconds else null end),
      expires_in: (if $status == "firing" then "1h" else null end),
      labels: { search: $name, app: txt(["app"]), owner: txt(["owner"]), host: $result.host, service: $result.service,
                environment: $result.environment, index: $result.index, sourcetype: $result.sourcetype },
      annotations: ($result + { sid: txt(["sid"]) }),
      links: [ at(["results_link"]) | link("results") ] };

.body
| if type != "object" then error("$: expected an object, as Splunk's webhook posts it")
  elif has("incidentId") or has("detectOnCondition") or has("statusExtended") then detector
  elif has("search_name") or has("sid") or has("result") then search
  else error("$.search_name: expected a search, or incidentId of a detector") end
