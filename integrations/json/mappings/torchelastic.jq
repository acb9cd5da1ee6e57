# torchelastic: the error file of a worker ({"message": {"message", "extraInfo"}}), posted by a wrapper
# of the job or published under a topic that names cluster, job and rank.
.topic_labels as $where
| .body.message
| (if type == "object" then . else {message: tostring} end)
| { status: "firing",
    summary: (.message | split("\n")[0]),
    labels: ($where + {error: (.message | split(":")[0])}),
    annotations: { callstack: .extraInfo.py_callstack },
    starts_at: (.extraInfo.timestamp | if . == null then null else tonumber end) }
