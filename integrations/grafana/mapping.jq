# grafana: the webhook of Grafana's alerting since 8 ("unified": an Alertmanager's document with more links), and
# that of the alerting before it ("legacy": one rule and its state), told by the array of alerts.
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$")
    and (startswith("0001-") | not) then . else null end;
def link($p; $name): txt($p) | select(. != null) | { href: ., text: $name };

def unified($frame; $i):
  if type != "object" then error("$.alerts[\($i)]: expected an alert, which is an object") else . end
  | (txt(["status"]) // ($frame | txt(["status"])) // "") as $status
  | if $status == "firing" or $status == "resolved" then .
    else error("$.alerts[\($i)].status: unknown status '\($status)'; expected firing or resolved") end
  | (at(["labels"]) | texts(60)) as $labels
  | (at(["annotations"]) | texts(48)) as $notes
  | ($labels.alertname == "TestAlert" and $labels.instance == "Grafana") as $trial
  | { dedup_key: txt(["fingerprint"]),
      status: $status,
      severity: (if $trial then "info" else $labels.severity end),
      summary: ($notes.summary // $notes.title // $notes.message // $notes.description
                // ([$labels.alertname, $labels.instance] | compact | join(" on "))
                | if . == "" then $frame | txt(["title"]) else . end),
      group: (if $trial then null else $frame | txt(["groupKey"]) end),
      starts_at: (at(["startsAt"]) | when),
      ends_at: (if $status == "resolved" then at(["endsAt"]) | when else null end),
      labels: $labels,
      annotations: ($notes + { value: txt(["valueString"]) }),
      links: [ link(["generatorURL"]; "rule"), link(["dashboardURL"]; "dashboard"), link(["panelURL"]; "panel"),
               link(["imageURL"]; "image"), link(["silenceURL"]; "silence"),
               ($notes.runbook_url | select(. != null) | { href: ., text: "runbook" }),
               ($frame | link(["externalURL"]; "Grafana")) ] };

def legacy:
  (txt(["state"]) // "") as $state
  | ({alerting: "firing", ok: "resolved", no_data: "unknown", unknown: "unknown", pending: "unknown", paused: "unknown"}[$state]
     // error("$.state: unknown state '\($state)'; expected alerting, ok, no_data, pending or paused")) as $status
  | ([txt(["ruleId"]), txt(["ruleName"])] | compact[0]
     // error("$.ruleId: expected the id of the rule")) as $id
  | (at(["evalMatches"]) | if type == "array" then map(select(type == "object")) else [] end) as $matches
  | { dedup_key: "rule/\($id)",
      status: $status,
      severity: (if txt(["ruleName"]) == "Test notification" then "info" else txt(["tags", "severity"]) end),
      summary: ((txt(["title"]) // txt(["ruleName"]) // "rule \($id)") | sub("^\\[[A-Za-z ]+\\] *"; "")),
      labels: (($matches[0] // {} | at(["tags"]) | texts(24)) + (at(["tags"]) | texts(24))
               + { rule: txt(["ruleName"]), metric: ($matches[0] // {} | txt(["metric"])) }),
      annotations: { description: txt(["message"]),
                     state: $state,
                     value: ([$matches[:10][] | "\(txt(["metric"]) // "?")=\(txt(["value"]) // "null")"] | join(", ")) },
      links: [ link(["ruleUrl"]; "rule"), link(["imageUrl"]; "image") ] };

.body
| if type != "object" then error("$: expected an object of Grafana's webhook")
  elif at(["alerts"]) | type == "array"
  then . as $frame | [range(.alerts | length) as $i | $frame.alerts[$i] | unified($frame; $i)]
  elif at(["alerts"]) != null then error("$.alerts: expected an array of alerts")
  elif has("state") or has("ruleId") then legacy
  else error("$.alerts: expected an array of alerts, or 'state' and 'ruleId' of the alerting before Grafana 8") end
