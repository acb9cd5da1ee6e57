# axiom: the webhook of a monitor of Axiom.  action says whether it opens or closes.
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def txt($p): at($p) | text;

.body
| if type != "object" then error("$: expected an object, as Axiom's webhook posts it") else . end
| (txt(["event", "monitorID"]) // error("$.event.monitorID: expected the monitor's id")) as $id
| (txt(["action"]) // "") as $action
| ({ open: "firing", opened: "firing", trigger: "firing", triggered: "firing", close: "resolved", closed: "resolved", resolve: "resolved", resolved: "resolved" }[$action | ascii_downcase]
   // error("$.action: unknown action '\($action)'; expected Open or Closed")) as $status
| (txt(["event", "title"]) // "monitor \($id)") as $title
| { dedup_key: ([$id, (at(["event", "groupValues"]) | if type == "array" then map(text // "")[] else text end)] | map(select(. != null)) | join("/")),
    status: $status,
    summary: ([$title, txt(["event", "body"])] | map(select(. != null)) | join(": ")),
    labels: { monitor: ($title | ltrimstr("Triggered: ") | ltrimstr("Resolved: ")), monitor_id: $id },
    annotations: { description: txt(["event", "description"]), value: txt(["event", "value"]),
                   matched: (at(["event", "matchedEvent"]) | if type == "object" then tojson else null end),
                   query_start: txt(["event", "queryStartTime"]), query_end: txt(["event", "queryEndTime"]) } }
