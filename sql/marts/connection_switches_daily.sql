-- Connections, disconnections and deletions of connections, by whom.
-- grain:  event_date, event_id
-- reads:  int_activity_once
-- scope:  partition
-- files:  month
-- note:   the few rows of activity that outages are made of.

select
    event_id,
    workspace_id,
    connection_id,
    resource_name as connection_name,
    provider,
    change_kind,
    actor_id,
    actor_name,
    actor_email,
    ip_address,
    event_date,
    occurred_at
from int_activity_once
where
    event_date between $from_date and $to_date
    and connection_id is not null
    and event_type in ('connection_connected', 'connection_disconnected', 'connection_deleted')
