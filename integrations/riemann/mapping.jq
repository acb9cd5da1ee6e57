# riemann: events of Riemann as JSON, one or an array; its states are words of the user.

def event($path):
  if type != "object" then error("\($path): expected an event, which is an object") else . end
  | (txt(["service"]) // error("\($path).service: expected the service")) as $service
  | (txt(["state"]) // "" | ascii_downcase) as $state
  | ({ ok: "resolved", expired: "firing", critical: "firing", error: "firing", warning: "firing", warn: "firing", down: "firing", unknown: "unknown" }[$state]
     // error("\($path).state: unknown state '\($state)'; expected ok, warning, error, critical or expired")) as $status
  | { dedup_key: ([txt(["host"]), $service] | compact | join("/")),
      status: $status,
      severity: (if $status != "firing" then null elif $state == "expired" or $state == "down" then "error" else $state end),
      summary: ([([txt(["host"]), $service] | compact | join(" ")) + " is \($state)", txt(["description"])] | compact | join(": ")),
      starts_at: (if $status == "firing" then at(["time"]) | if type == "number" or type == "string" then . else null end else null end),
      labels: ({ host: txt(["host"]), service: $service, tags: (at(["tags"]) | if type == "array" then map(text | select(. != null)) | join(",") else null end) }),
      annotations: { metric: txt(["metric"]), state: $state, description: txt(["description"]) } };

.body
| if type == "array" then to_entries[] | "$[\(.key)]" as $path | .value | event($path) else event("$") end
