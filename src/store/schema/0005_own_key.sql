-- The keys by which senders know alerts that a rule gave another key.  Alerts that are open when this arrives were not
-- reported with theirs: the first resolve under their key ends them, as before (own_mode 2).
alter table alert add column own_mode integer not null default 0;    -- 0 none, 1 over when all are, 2 when any is
alter table alert add column n_own integer not null default 0;       -- own keys that fire
update alert set own_mode = 2 where state in (1, 3, 5);

create table alert_own (
    own blob not null,
    alert integer not null,             -- alert.id
    firing integer not null,            -- 0: its sender, or the alert, said that it is over
    starts_at integer not null,
    digest integer not null,
    severity integer not null,
    made_by integer not null,           -- own_row.by
    primary key (own, alert)
) strict, without rowid;
create index alert_own_alert on alert_own (alert);
create index alert_own_open on alert_own (alert) where firing = 1;
