# opensearch: a notification channel of OpenSearch Alerting (or Open Distro), type custom webhook.  The message is a
# template: the default one is text with the names in it, as it is or in {"text": ...}; README.md has one in JSON.
def said(p): txt(p; "\\A\\{\\{");      # {{rule.name}}: not filled in
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;
def find($re): [capture($re) | .v][0];
# 1 is the highest of five.
def grade: if . == null then null else { "1": "critical", "2": "error", "3": "warning", "4": "info", "5": "info" }[.] // . end;

.body
| (if type == "string" then { text: . } elif type == "object" then . else error("$: expected a text, or an object") end) as $b
| ($b | said([["text"], ["message"], ["content"]]) // "") as $text
| if $text | test("^Test message content body for config id") then empty else . end        # the button "Send test message"
| ($b | said([["monitor"], ["monitor_name"], ["monitor", "name"]])) as $m
| (if $m != null then $m else $text | find("Monitor (?<v>.+?) just entered alert status") end) as $monitor
| (($b | said([["trigger"], ["trigger_name"], ["trigger", "name"]]))
   // ($text | find("- Trigger: (?<v>[^\\n]+?) *(- Severity:|\\n|$)"))) as $trigger
| ($text | split("\n")[0] // "") as $line
| (if $monitor == null and $trigger == null and ($line | test("^ *$"))
   then error("$.monitor: expected the name of the monitor, or a text") else . end)
| ($b | said([["state"], ["status"]]) // "ACTIVE") as $state
| ({ active: "firing", new: "firing", firing: "firing", acknowledged: "firing", completed: "resolved", resolved: "resolved",
     deleted: "resolved", error: "unknown" }[$state | ascii_downcase]
   // error("$.state: unknown state '\($state)'; expected ACTIVE, ACKNOWLEDGED, COMPLETED, DELETED or ERROR")) as $status
| ($b | said([["bucket"], ["bucket_keys"], ["host"]])) as $bucket
| { dedup_key: ([$monitor, $trigger, $bucket] | compact | join("/") | if . == "" then $line else . end),
    status: $status,
    severity: (if $status == "unknown" then "info"
               else (($b | said([["severity"], ["trigger", "severity"]])) // ($text | find("Severity: (?<v>[1-5])"))) | grade end),
    summary: (if $monitor == null and $trigger == null then $line
              else [$monitor, $trigger, $bucket, ($b | said("summary"))] | compact | join(": ") end),
    starts_at: (if $status == "resolved" then null else ($b.period_end // ($text | find("Period end: (?<v>[0-9T:.-]+Z)"))) | when end),
    expires_in: (if $status == "firing" then "1h" else null end),
    labels: { monitor: $monitor, trigger: $trigger, bucket: $bucket, host: ($b | said("host")),
              service: ($b | said("service")), environment: ($b | said("environment")) },
    annotations: { description: (if $text == "" then null else $text end), error: ($b | said("error")) },
    links: [ $b | said("link"), said("url") | select(. != null) ] }
