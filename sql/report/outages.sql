-- Connections that were lost in the period; those that made jobs fail come first.
-- grain:  event_id
-- reads:  connection_outages, recipe_owners
-- scope:  global

select
    event_id,
    workspace_id,
    connection_id,
    connection_name,
    provider,
    actor_name,
    ip_address,
    ended_by_name,
    ended_as,
    recipe_count,
    failed_count,
    downtime_seconds,
    is_open,
    disconnected_at,
    ended_at,
    first_failed_at,
    last_failed_at
from connection_outages
where
    event_date between $from_date and $to_date
    and (
        cast($environment as varchar) is null
        or workspace_id in (
            select workspace_id
            from recipe_owners
            where environment = $environment
        )
    )
order by failed_count desc, disconnected_at asc, event_id asc
