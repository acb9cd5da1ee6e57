-- What was accepted and is still to be sent: requests that payloads asked for, and what collectors pass on.
create table outbox (
    id integer primary key,
    kind integer not null,              -- 1 an address to fetch, 2 bytes to pass on
    created_at integer not null,
    collector text not null,
    what text not null,                 -- for people
    url text not null,                  -- kind 1
    body blob not null                  -- kind 2
) strict;
