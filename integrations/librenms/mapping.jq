# librenms: the API transport of LibreNMS with all of the alert as JSON.

.body
| if type != "object" then error("$: expected an object, as LibreNMS' transport posts it") else . end
| (txt(["state"]) // "1") as $state
| ({ "0": "resolved", "1": "firing", "2": "firing", "3": "firing", "4": "firing", "5": "firing" }[$state]
   // error("$.state: unknown state '\($state)'; expected 0 to 5")) as $status
| (txt(["hostname"]) // txt(["sysName"])) as $host
| ([(txt(["rule_id"]) // txt(["name"])), (txt(["device_id"]) // $host)] | compact) as $key
| if ($key | length) < 2 then error("$.rule_id: expected the rule and the device") else . end
| { dedup_key: ($key | join("/")),
    status: $status,
    severity: (if $status == "firing" then txt(["severity"]) else null end),
    summary: (txt(["title"]) // txt(["name"]) // ($key | join("/"))),
    labels: { rule: txt(["name"]), host: $host, device: txt(["sysName"]), location: txt(["location"]), os: txt(["os"]), type: txt(["type"]) },
    annotations: { description: txt(["msg"]), faults: (txt(["faults"]) // txt(["string"])), notes: txt(["notes"]), ip: txt(["ip"]),
                   elapsed: txt(["elapsed"]), change: ({ "2": "acknowledged", "3": "worse", "4": "better", "5": "changed" }[$state]) } }
