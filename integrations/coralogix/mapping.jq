# coralogix: the generic outgoing webhook of Coralogix, whose fields are a list of names and values.
def said(p): txt(p; "\\A(\\$|null\\z)");      # $METRIC_KEY: not filled in

.body
| if type != "object" then error("$: expected an object, as Coralogix' webhook posts it") else . end
| (reduce ((at(["fields"]) | if type == "array" then .[:200][] else empty end) | select(type == "object")) as $f
     ({}; if ($f.key | type) == "string" then . + { ($f.key): $f.value } else . end)) as $f
| (txt(["name"]) // error("$.name: expected the name of the alert")) as $name
| (txt(["alert_action"]) // "trigger") as $action
| ({ trigger: "firing", triggered: "firing", resolve: "resolved", resolved: "resolved" }[$action | ascii_downcase]
   // error("$.alert_action: unknown action '\($action)'; expected trigger or resolve")) as $status
| ($f | said("timestampISO")) as $at
| { dedup_key: (($f | said("dedupKey"))
                // ([txt(["alert_id"]) // $name, ($f | said("Group-by Value1")), ($f | said("Group-by Value2"))] | compact | join("/"))),
    status: $status,
    severity: ($f | said([["severity"], ["priority"], ["opsgeniePriority"]])),
    summary: $name,
    starts_at: (if $status == "firing" then $at else null end),
    ends_at: (if $status == "resolved" then $at else null end),
    labels: { alert: $name, application: ($f | said("application")), subsystem: ($f | said("subsystem")), team: ($f | said("team")),
              host: ($f | said("computer")), group_value_1: ($f | said("Group-by Value1")), group_value_2: ($f | said("Group-by Value2")) },
    annotations: { description: txt(["description"]), text: ($f | said("text")), hits: ($f | said("hitCount")), threshold: said("threshold"),
                   query: ($f | said("queryText")), meta_labels: ($f | said("metaLabels")) },
    links: ([ txt("alert_url"), txt("log_url") ] | compact) }
