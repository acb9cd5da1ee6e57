# logzio: a custom endpoint of Logz.io, and the fields of its Opsgenie endpoint.  Only metrics alerts say when they are
# over (alert_event_type close); log alerts never do.  The endpoint's own token may be in the body: it is left out.
def gather: reduce .[] as $e ({}; . + { ($e.key): $e.value });     # from_entries, a good deal faster
def at($p): reduce $p[] as $k (.; if type == "object" then .[$k] else null end);
def text: if type == "string" and . != "" then . elif type == "number" or type == "boolean" then tostring else null end;
def txt($p): at($p) | text;
def shown: text | if . == null or (startswith("{{") and endswith("}}")) then null else . end;      # {{alert_title}}: not filled in
def first(f): [f | shown | select(. != null)][0];
def samples: if type == "string" then [try fromjson catch null][0] else . end
  | if type == "array" then .[0] else . end | if type == "object" then . else {} end;
def tags: if type == "array" then map(text | select(. != null)) else (shown // "") | split(", ") | join(",") | split(",") | map(select(. != "")) end;

.body
| if type != "object" then error("$: expected an object, as a custom endpoint posts it") else . end
| . as $b
| (first($b.alert_title, $b.title) // error("$.alert_title: expected the title of the alert")) as $title
| first($b.alert_event_type, $b.event_type) as $event
| ({ create: "firing", trigger: "firing", open: "firing", close: "resolved", resolve: "resolved", resolved: "resolved" }[$event // "create" | ascii_downcase]
   // error("$.alert_event_type: unknown type '\($event)'; expected create or close")) as $status
| ($b.alert_event_samples | samples) as $sample
| ($b.alert_tags | tags) as $tags
| { dedup_key: first($b.alert_alias, $b.alert_definition_id, $title),
    status: $status,
    severity: first($b.alert_severity, $b.severity),
    summary: $title,
    expires_in: (if $event == null then "1h" else null end),
    labels: (([$tags[:32][] | select(test("^[^:]+:.")) | split(":")
               | { key: (.[0] | gsub("[^A-Za-z0-9_]+"; "_")), value: (.[1:] | join(":")) }] | gather)
             + ({ alert: $title, account: first($b.account_name, ($b | txt(["alert_details", "Account"]))),
                  host: first(($sample | txt(["host"])), ($sample | txt(["host", "name"])), ($sample | txt(["hostname"]))),
                  service: first(($sample | txt(["service"])), ($sample | txt(["service", "name"]))),
                  type: first($sample | txt(["type"])) } | to_entries | map(select(.value != null)) | gather)),
    annotations: { description: first($b.alert_description, $b.description), tags: ($tags | join(", ")),
                   samples: (first($b.alert_event_samples, ($b | txt(["alert_details", "alert_event_samples"])))
                             // ($b.alert_event_samples | if type == "array" or type == "object" then tojson else null end)) },
    links: [ first($b.alert_view_link), first($b.alert_app_url), first($b.view_link) | select(. != null) ] }
