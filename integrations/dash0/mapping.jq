# dash0: the webhook of Dash0's check rules; its labels are a list in the manner of OTLP.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

def value: if type == "object" then (.stringValue // .intValue // .doubleValue // .boolValue | text) else text end;
def pairs: if type == "array" then .[:62] else [] end | map(select(type == "object" and (.key | type) == "string") | { key, value: (.value | value) } | select(.value != null))
  | reduce .[] as $e ({}; . + { ($e.key): $e.value });

.body
| if type != "object" then error("$: expected an object, as Dash0's webhook posts it") else . end
| (txt(["type"]) // "") as $type
| at(["data", "issue"])
| if type != "object" then (if $type == "test" then empty else error("$.data.issue: expected the issue") end) else . end
| . as $i
| (first(txt(["issueIdentifier"]), txt(["id"])) // error("$.data.issue.issueIdentifier: expected the issue's identity")) as $id
| (txt(["status"]) // "" | ascii_downcase) as $word
| (if $type == "alert.resolved" or $word == "resolved" or $word == "closed" then "resolved" else "firing" end) as $status
| (at(["checkrules"]) | if type == "array" then .[0] else null end) as $rule
| { dedup_key: $id,
    status: $status,
    severity: ({ critical: "critical", failed: "critical", degraded: "warning" }[$word]),
    summary: (first(txt(["summary"]), ($rule | txt(["name"]))) // "issue \($id)"),
    starts_at: txt(["start"]),
    ends_at: (if $status == "resolved" then txt(["end"]) else null end),
    labels: ((at(["labels"]) | pairs) + ({ check_rule: ($rule | txt(["name"])), dataset: txt(["dataset"]) } | with_entries(select(.value != null)))),
    annotations: ((at(["annotations"]) | pairs) + ({ description: txt(["description"]), expression: ($rule | txt(["expression"])) } | with_entries(select(.value != null)))),
    links: [ (first($i.url) | select(. != null) | { href: ., text: "failed check" }), (first($rule | txt(["url"])) | select(. != null) | { href: ., text: "check rule" }) ] }
