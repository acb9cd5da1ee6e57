# aws-cloudwatch-lambda: what a CloudWatch alarm gives the Lambda function that is its action, passed on as it is.
# The state is alarmData.state.value; the ARN is the identity, the first metric names the subject.
def object: if type == "object" then . else {} end;
def when: text | if . != null and test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$") then . else null end;

.body
| if at(["alarmData"]) | type != "object" then error("$.alarmData: expected an object") else . end
| .alarmData as $alarm
| ($alarm | at(["configuration"]) | object) as $conf
| ($conf.metrics | if type == "array" then map(select(type == "object")) else [] end) as $metrics
| ([$metrics[] | at(["metricStat", "metric"]) | select(type == "object")][0] // {}) as $metric
| ($alarm | txt(["alarmName"]) // error("$.alarmData.alarmName: expected the name of the alarm")) as $name
| ($alarm | txt(["state", "value"])) as $state
| ({ALARM: "firing", OK: "resolved", INSUFFICIENT_DATA: "unknown"}[$state // ""]
   // error("$.alarmData.state.value: unknown state '\($state // "")'; expected ALARM, OK or INSUFFICIENT_DATA")) as $status
| (($alarm | at(["state", "timestamp"]) | when) // (.time | when)) as $when
| (txt(["region"]) // "") as $region
| (txt(["alarmArn"]) // "alarm:\(txt(["accountId"]) // ""):\($region):\($name)") as $arn
| { dedup_key: $arn,
    status: $status,
    summary: $name,
    starts_at: (if $status == "resolved" then null else $when end),
    ends_at: (if $status == "resolved" then $when else null end),
    labels: ({ alarm: $name, region: $region, account: txt(["accountId"]),
               namespace: ($metric | txt(["namespace"])), metric: ($metric | txt(["name"])) }
             + ($metric.dimensions | object | to_entries[:32]
                | map({ key: "dimension_\(.key)", value: (.value | text) }) | gather)),
    annotations: { alarm_arn: txt(["alarmArn"]),
                   description: ($conf | txt(["description"])),
                   reason: ($alarm | txt(["state", "reason"])),
                   rule: ($conf | txt(["alarmRule"])),
                   expression: ([$metrics[] | txt(["expression"]) | select(. != null)] | join("; ")),
                   old_state: ($alarm | txt(["previousState", "value"])) },
    links: [ if $region | test("^[a-z0-9-]+$")
             then { text: "CloudWatch",
                    href: ("https://\($region)."
                           + (if $region | startswith("cn-") then "console.amazonaws.cn"
                              elif $region | startswith("us-gov-") then "console.amazonaws-us-gov.com"
                              else "console.aws.amazon.com" end)
                           + "/cloudwatch/home?region=\($region)#alarmsV2:alarm/\($name | @uri)") }
             else empty end ] }
