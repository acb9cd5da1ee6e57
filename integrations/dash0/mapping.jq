# dash0: the webhook of Dash0's check rules; its labels are a list in the manner of OTLP.

def value: if type == "object" then (.stringValue // .intValue // .doubleValue // .boolValue | text) else text end;
def pairs: if type == "array" then .[:62] else [] end | map(select(type == "object" and (.key | type) == "string") | { key, value: (.value | value) } | select(.value != null))
  | gather;

.body
| if type != "object" then error("$: expected an object, as Dash0's webhook posts it") else . end
| (txt(["type"]) // "") as $type
| at(["data", "issue"])
| if type != "object" then (if $type == "test" then empty else error("$.data.issue: expected the issue") end) else . end
| . as $i
| (txt([["issueIdentifier"], ["id"]]) // error("$.data.issue.issueIdentifier: expected the issue's identity")) as $id
| (txt(["status"]) // "" | ascii_downcase) as $word
| (if $type == "alert.resolved" or $word == "resolved" or $word == "closed" then "resolved" else "firing" end) as $status
| (at(["checkrules"]) | if type == "array" then .[0] else null end) as $rule
| { dedup_key: $id,
    status: $status,
    severity: ({ critical: "critical", failed: "critical", degraded: "warning" }[$word]),
    summary: (txt("summary") // ($rule | txt("name")) // "issue \($id)"),
    starts_at: txt(["start"]),
    ends_at: (if $status == "resolved" then txt(["end"]) else null end),
    labels: ((at(["labels"]) | pairs) + ({ check_rule: ($rule | txt(["name"])), dataset: txt(["dataset"]) } | with_entries(select(.value != null)))),
    annotations: ((at(["annotations"]) | pairs) + ({ description: txt(["description"]), expression: ($rule | txt(["expression"])) } | with_entries(select(.value != null)))),
    links: [ ($i | txt("url") | select(. != null) | { href: ., text: "failed check" }), ($rule | txt("url") | select(. != null) | { href: ., text: "check rule" }) ] }
