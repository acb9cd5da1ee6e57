# logzio: a custom endpoint of Logz.io, and the fields of its Opsgenie endpoint.  Only metrics alerts say when they are
# over (alert_event_type close); log alerts never do.  The endpoint's own token may be in the body: it is left out.
def said(p): txt(p; "\\A\\{\\{[^\\0]*\\}\\}\\z");      # {{alert_title}}: not filled in
def samples: if type == "string" then [try fromjson catch null][0] else . end
  | if type == "array" then .[0] else . end | if type == "object" then . else {} end;
def tags: if type == "array" then map(text) | compact else (said([]) // "") | split(", ") | join(",") | split(",") | map(select(. != "")) end;

.body
| if type != "object" then error("$: expected an object, as a custom endpoint posts it") else . end
| . as $b
| (said([["alert_title"], ["title"]]) // error("$.alert_title: expected the title of the alert")) as $title
| said([["alert_event_type"], ["event_type"]]) as $event
| ({ create: "firing", trigger: "firing", open: "firing", close: "resolved", resolve: "resolved", resolved: "resolved" }[$event // "create" | ascii_downcase]
   // error("$.alert_event_type: unknown type '\($event)'; expected create or close")) as $status
| ($b.alert_event_samples | samples) as $sample
| ($b.alert_tags | tags) as $tags
| { dedup_key: (said([["alert_alias"], ["alert_definition_id"]]) // $title),
    status: $status,
    severity: said([["alert_severity"], ["severity"]]),
    summary: $title,
    expires_in: (if $event == null then "1h" else null end),
    labels: (([$tags[:32][] | select(test("^[^:]+:.")) | split(":")
               | { key: (.[0] | gsub("[^A-Za-z0-9_]+"; "_")), value: (.[1:] | join(":")) }] | gather)
             + ({ alert: $title, account: said([["account_name"], ["alert_details", "Account"]]),
                  host: ($sample | said([["host"], ["host", "name"], ["hostname"]])),
                  service: ($sample | said([["service"], ["service", "name"]])),
                  type: ($sample | said("type")) } | compact)),
    annotations: { description: said([["alert_description"], ["description"]]), tags: ($tags | join(", ")),
                   samples: (said([["alert_event_samples"], ["alert_details", "alert_event_samples"]])
                             // ($b.alert_event_samples | if type == "array" or type == "object" then tojson else null end)) },
    links: ([ said("alert_view_link"), said("alert_app_url"), said("view_link") ] | compact) }
