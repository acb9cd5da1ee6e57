# axiom: the webhook of a monitor of Axiom.  action says whether it opens or closes.

.body
| if type != "object" then error("$: expected an object, as Axiom's webhook posts it") else . end
| (txt(["event", "monitorID"]) // error("$.event.monitorID: expected the monitor's id")) as $id
| (txt(["action"]) // "") as $action
| ({ open: "firing", opened: "firing", trigger: "firing", triggered: "firing", close: "resolved", closed: "resolved", resolve: "resolved", resolved: "resolved" }[$action | ascii_downcase]
   // error("$.action: unknown action '\($action)'; expected Open or Closed")) as $status
| (txt(["event", "title"]) // "monitor \($id)") as $title
| { dedup_key: ([$id, (at(["event", "groupValues"]) | if type == "array" then map(text // "")[] else text end)] | compact | join("/")),
    status: $status,
    summary: ([$title, txt(["event", "body"])] | compact | join(": ")),
    labels: { monitor: ($title | ltrimstr("Triggered: ") | ltrimstr("Resolved: ")), monitor_id: $id },
    annotations: { description: txt(["event", "description"]), value: txt(["event", "value"]),
                   matched: (at(["event", "matchedEvent"]) | if type == "object" then tojson else null end),
                   query_start: txt(["event", "queryStartTime"]), query_end: txt(["event", "queryEndTime"]) } }
