-- Silences.  What each member means is said in src/core/rows.h.
create table silence (
    id blob primary key,
    phase integer not null,             -- 1 pending, 2 active, 3 expired
    starts_at integer not null,
    ends_at integer not null,
    updated_at integer not null,
    next_due integer not null,
    sweep integer not null,
    matchers text not null,
    created_by text not null,
    comment text not null,
    annotations text not null
) strict, without rowid;

-- alert.suppressed is a set of bits now: 1 a rule holds it (as before), 2 a silence does.
create index alert_silenced on alert (id) where state = 1 and suppressed > 1;
