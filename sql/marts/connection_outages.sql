-- Times without a connection: who ended and who restored it, how long it took, what failed.
-- grain:  event_id
-- reads:  int_connection_outages, connection_outage_recipes
-- scope:  global
-- note:   a deletion ends an outage without a length.

with failures as (
    select
        event_id,
        count(*) as recipe_count,
        sum(failed_count) as failed_count,
        min(first_failed_at) as first_failed_at,
        max(last_failed_at) as last_failed_at
    from connection_outage_recipes
    group by all
)

select
    o.event_id,
    o.workspace_id,
    o.connection_id,
    o.connection_name,
    o.provider,
    o.actor_id,
    o.actor_name,
    o.actor_email,
    o.ip_address,
    o.end_event_id,
    o.ended_by_id,
    o.ended_by_name,
    o.ended_as,
    cast(coalesce(f.recipe_count, 0) as bigint) as recipe_count,
    cast(coalesce(f.failed_count, 0) as bigint) as failed_count,
    case
        when o.ended_as = 'connected'
            then round(epoch(o.ended_at) - epoch(o.disconnected_at), 3)
    end as downtime_seconds,
    o.is_open,
    o.event_date,
    o.disconnected_at,
    o.ended_at,
    f.first_failed_at,
    f.last_failed_at
from int_connection_outages as o
left join failures as f on o.event_id = f.event_id
