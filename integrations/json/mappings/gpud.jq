# gpud: one component of GET /v1/states, posted by a timer on the node.  The topic, or the query
# (?host=train-07), says which node it is.  A healthy state names no PCI address, so that is a label
# and not part of the identity.
(.topic_labels + .query) as $where
| .body.component as $component
| .body.states[]
| (.reason // "" | capture("PCI:(?<pci>[0-9A-Fa-f:.]+)") // {pci: null}) as $at
| { dedup_key: ([$where.host, $component, .name] | map(select(. != null)) | join("/")),
    status: ({Healthy: "resolved", Unhealthy: "firing", Degraded: "firing"}[.health] // "unknown"),
    severity: ({Unhealthy: "critical", Degraded: "warning"}[.health]),
    summary: (.reason // "\($component) is \(.health)"),
    starts_at: .time,
    labels: ($where + { component: $component, state: .name, pci: $at.pci }),
    annotations: { actions: ((.suggested_actions.repair_actions // []) | join(", ")) } }
