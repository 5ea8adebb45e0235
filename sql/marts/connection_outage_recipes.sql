-- Recipes whose jobs failed on the connector of a connection while it was disconnected.
-- grain:  event_id, recipe_id
-- reads:  int_connection_outages, failed_jobs
-- scope:  global
-- note:   jobs do not name their connection: they are matched by workspace, connector and time,
--         the time being when they started.

with failures as (
    select
        o.event_id,
        o.workspace_id,
        o.connection_id,
        f.recipe_id,
        f.recipe_name,
        f.error_type,
        f.error_message,
        o.event_date,
        coalesce(f.started_at, f.occurred_at) as started_at,
        row_number() over (
            partition by o.event_id, f.recipe_id
            order by coalesce(f.started_at, f.occurred_at) asc, f.event_id asc
        ) as position,
        row_number() over (
            partition by o.event_id, f.recipe_id
            order by
                (case when f.recipe_name is null then 1 else 0 end) asc,
                coalesce(f.started_at, f.occurred_at) desc, f.event_id asc
        ) as name_position
    from int_connection_outages as o
    inner join failed_jobs as f
        on
            o.workspace_id = f.workspace_id
            and o.provider = f.error_adapter
            and o.disconnected_at <= coalesce(f.started_at, f.occurred_at)
            and (o.ended_at is null or o.ended_at > coalesce(f.started_at, f.occurred_at))
)

select
    event_id,
    workspace_id,
    connection_id,
    recipe_id,
    max(case when name_position = 1 then recipe_name end) as recipe_name,
    -- the error that the outage began with
    max(case when position = 1 then error_type end) as error_type,
    max(case when position = 1 then error_message end) as error_message,
    cast(count(*) as bigint) as failed_count,
    event_date,
    min(started_at) as first_failed_at,
    max(started_at) as last_failed_at
from failures
group by all
