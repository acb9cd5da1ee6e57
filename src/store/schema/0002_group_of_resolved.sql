-- How many incidents a group had is asked when a new one opens.  The open one of a group is in memory, so the index
-- holds the resolved ones alone: a new incident writes no page at a random place of it.
drop index incident_group;
create index incident_group on incident (grp, episode) where state = 3;
