-- The first schema.  Times are milliseconds since 1970 UTC, 0 where there is none; ids are 16 bytes,
-- x'' where there is none.  What each member means is said in src/core/rows.h.

-- One row an occurrence of an alert: from its first report to its end.  Appended; key has no index, because
-- the daemon knows which occurrence of a key is open.
create table alert (
    id integer primary key,
    key blob not null,
    incident blob not null,
    state integer not null,             -- 1 firing, 2 resolved, 3 dismissed, 4 unknown, 5 dropped
    count integer not null,
    last_at integer not null,
    expires_at integer not null,
    digest integer not null,
    first_at integer not null,
    starts_at integer not null,
    ends_at integer not null,
    severity integer not null,          -- 0 none, 1 info, 2 warning, 3 error, 4 critical
    suppressed integer not null
) strict;
create index alert_open on alert (id) where state in (1, 3, 5);
create index alert_incident on alert (incident) where incident <> x'';
create index alert_orphan on alert (id) where incident = x'';

-- The part of an alert that never or seldom changes, aside: a counter that moves rewrites 40 rows a page, not 5.
create table alert_text (
    id integer primary key,             -- alert.id
    source text not null,
    dedup_key text not null,
    body blob not null                  -- src/core/alert.h
) strict;

create table incident (
    id blob primary key,
    grp blob not null,
    policy blob not null,
    episode integer not null,
    state integer not null,             -- 1 triggered, 2 acknowledged, 3 resolved
    severity integer not null,
    paging integer not null,
    exhausted integer not null,
    routed integer not null,
    step integer not null,
    loop integer not null,
    ver integer not null,
    page integer not null,
    notes integer not null,
    n_total integer not null,
    n_firing_none integer not null,
    n_firing_info integer not null,
    n_firing_warning integer not null,
    n_firing_error integer not null,
    n_firing_critical integer not null,
    n_quiet integer not null,
    opened_at integer not null,
    acked_at integer not null,
    resolved_at integer not null,
    updated_at integer not null,
    snoozed_until integer not null,
    esc_start integer not null,
    paused_at integer not null,
    next_due integer not null,
    group_key text not null,
    summary text not null,
    source text not null,
    policy_name text not null,
    acked_by text not null,
    resolved_by text not null,
    suppressed_by text not null,
    notify text not null
) strict, without rowid;
create index incident_open on incident (id) where state <> 3;
create index incident_group on incident (grp, episode);

create table delivery (
    incident blob not null,
    target text not null,
    told integer not null,              -- enum told
    state integer not null,             -- 0 idle, 1 pending, 2 failing, 3 rejected
    step integer not null,
    want_page integer not null,
    told_page integer not null,
    told_ver integer not null,
    told_notes integer not null,
    refused_change integer not null,
    refused_ver integer not null,
    refused_page integer not null,
    attempts integer not null,
    sends integer not null,
    due_at integer not null,
    failing_since integer not null,
    told_at integer not null,
    last_error text not null,
    vendor_ref text not null,
    primary key (incident, target)
) strict, without rowid;
create index delivery_due on delivery (due_at) where due_at <> 0 or state = 3;

create table event (
    id integer primary key,
    incident blob not null,
    at integer not null,
    kind text not null,
    actor text not null,
    text text not null
) strict;
create index event_incident on event (incident) where incident <> x'';
create index event_orphan on event (id) where incident = x'';

create table policy (
    id blob primary key,
    body text not null
) strict, without rowid;
