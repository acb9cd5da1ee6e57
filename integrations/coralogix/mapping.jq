# coralogix: the generic outgoing webhook of Coralogix, whose fields are a list of names and values.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;
def first(f): [f | text | select(. != null)][0];

def shown: text | if . == null or startswith("$") or . == "null" then null else . end;      # $METRIC_KEY: not filled in

.body
| if type != "object" then error("$: expected an object, as Coralogix' webhook posts it") else . end
| . as $b
| (reduce ((at(["fields"]) | if type == "array" then .[:200][] else empty end) | select(type == "object")) as $f
     ({}; if ($f.key | type) == "string" then . + { ($f.key): $f.value } else . end)) as $f
| (txt(["name"]) // error("$.name: expected the name of the alert")) as $name
| (txt(["alert_action"]) // "trigger") as $action
| ({ trigger: "firing", triggered: "firing", resolve: "resolved", resolved: "resolved" }[$action | ascii_downcase]
   // error("$.alert_action: unknown action '\($action)'; expected trigger or resolve")) as $status
| ($f.timestampISO | shown) as $at
| { dedup_key: (($f.dedupKey | shown)
                // ([txt(["alert_id"]) // $name, ($f["Group-by Value1"] | shown), ($f["Group-by Value2"] | shown)] | map(select(. != null)) | join("/"))),
    status: $status,
    severity: (($f.severity | shown) // ($f.priority | shown) // ($f.opsgeniePriority | shown)),
    summary: $name,
    starts_at: (if $status == "firing" then $at else null end),
    ends_at: (if $status == "resolved" then $at else null end),
    labels: { alert: $name, application: ($f.application | shown), subsystem: ($f.subsystem | shown), team: ($f.team | shown),
              host: ($f.computer | shown), group_value_1: ($f["Group-by Value1"] | shown), group_value_2: ($f["Group-by Value2"] | shown) },
    annotations: { description: txt(["description"]), text: ($f.text | shown), hits: ($f.hitCount | shown), threshold: (at(["threshold"]) | shown),
                   query: ($f.queryText | shown), meta_labels: ($f.metaLabels | shown) },
    links: [ first($b.alert_url), first($b.log_url) | select(. != null) ] }
