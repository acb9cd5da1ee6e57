# graylog: the HTTP notification of Graylog 3 and later (an event and its definition), and the alarm callback of
# Graylog 2 (a stream and the condition that triggered).  Neither is told when it is over.
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;
def scalars($max): if type == "object" then to_entries[:$max] else [] end
  | map({ key: (.key | gsub("[^A-Za-z0-9_]+"; "_")), value: (.value | text) } | select(.value != null and .key != "")) | gather;
def messages: if type == "array" then map(txt(["message"]) | select(. != null)) | .[:5] | join("\n") else null end;

def event:
  .event as $e
  | (txt(["event_definition_id"]) // ($e | txt(["event_definition_id"]))
     // error("$.event_definition_id: expected the id of the event's definition")) as $id
  | (($id | test("^EventDefinitionTest")) or ($e | txt(["id"]) // "" | test("^TEST_NOTIFICATION"))) as $trial
  | (txt(["event_definition_title"]) // ($e | txt(["message"])) // $id) as $title
  | (($e | at(["fields"]) | scalars(24)) + ($e | at(["group_by_fields"]) | scalars(24))) as $fields
  | ($e | if (txt(["key"])) != null then txt(["key"])
          else at(["group_by_fields"]) | scalars(24) | to_entries | map(.value) | join("|") | if . == "" then null else . end end) as $key
  | if $trial then empty
    else { dedup_key: ([$id, $key] | compact | join("/")),
           status: (if $e.alert == false then "unknown" else "firing" end),
           severity: (if $e.alert == false then "info"
                      else { "1": "info", "2": "warning", "3": "error", "4": "critical" }[$e | txt(["priority"]) // ""] end),
           summary: ([$title, ($e | txt(["message"])), $key] | compact | reduce .[] as $t ([]; if index($t) then . else . + [$t] end) | join(": ")),
           starts_at: ($e | at(["timestamp"]) | when),
           expires_in: (if $e.alert == false then null else "1h" end),
           labels: ($fields + { definition: $title, definition_type: txt(["event_definition_type"]) }),
           annotations: { description: txt(["event_definition_description"]), graylog: ($e | txt(["source"])),
                          query: ($e | txt(["replay_info", "query"])), messages: (at(["backlog"]) | messages) },
           links: [] }
    end;

def callback:
  .check_result as $c
  | ($c | txt(["triggered_condition", "id"]) // error("$.check_result.triggered_condition.id: expected the id of the condition")) as $id
  | (if $c.triggered == false then "resolved" else "firing" end) as $status
  | { dedup_key: $id,
      status: $status,
      summary: ([txt(["stream", "title"]), ($c | txt(["result_description"]))] | compact | join(": ") | if . == "" then "condition \($id)" else . end),
      starts_at: (if $status == "firing" then $c | at(["triggered_at"]) | when else null end),
      ends_at: (if $status == "resolved" then $c | at(["triggered_at"]) | when else null end),
      expires_in: (if $status == "firing" then "1h" else null end),
      labels: { stream: txt(["stream", "title"]), condition: ($c | txt(["triggered_condition", "title"])),
                condition_type: ($c | txt(["triggered_condition", "type"])),
                host: ($c | at(["matching_messages"]) | if type == "array" then .[0] else null end | txt(["source"])) },
      annotations: { description: txt(["stream", "description"]), condition: ($c | txt(["triggered_condition", "description"])),
                     messages: ($c | at(["matching_messages"]) | messages) } };

.body
| if type != "object" then error("$: expected an object, as Graylog's HTTP notification posts it")
  elif at(["check_result"]) | type == "object" then callback
  elif at(["event"]) | type == "object" then event
  else error("$.event: expected an event, or check_result of Graylog 2") end
