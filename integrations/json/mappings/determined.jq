# Determined AI: the webhook of an experiment that changed its state.
.body
| .event_data.experiment as $e
| { dedup_key: "experiment/\($e.id)",
    status: ({ERROR: "firing", STOPPING_ERROR: "firing", CANCELED: "unknown", COMPLETED: "unknown"}[$e.state] // "unknown"),
    severity: (if $e.state == "ERROR" or $e.state == "STOPPING_ERROR" then "error" else "info" end),
    summary: "experiment \($e.name): \($e.state)",
    starts_at: .timestamp,
    labels: { experiment: $e.id, state: $e.state, resource_pool: $e.resource_pool, workspace: $e.workspace, project: $e.project } }
