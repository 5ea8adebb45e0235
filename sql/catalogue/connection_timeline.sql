-- Changes of a connection in order of time, with the jobs that failed for want of it.
-- grain:  event_id
-- reads:  int_activity_once, failed_jobs, connection_outages, resource_days
-- scope:  global
-- macro:  connection_timeline(connection, all_jobs := false)
-- note:   per outage and recipe the first and the last failed job; all_jobs gives every one.
--         resource_days says which days hold the connection, and only their files are read.

with ids as (
    select distinct resource_id
    from resource_days
    where
        resource_kind = 'connection'
        and (resource_id = connection or contains(lower(resource_name), lower(connection)))
),

wanted as (
    select
        resource_id,
        event_date
    from resource_days
    where
        resource_kind = 'connection'
        and resource_id in (select resource_id from ids)
),

outages as (
    select *
    from connection_outages
    where connection_id in (select resource_id from wanted)
),

failures as (
    select
        f.event_id,
        o.connection_id,
        f.workspace_id,
        f.recipe_id,
        f.recipe_name,
        coalesce(f.error_message, f.error_type) as detail,
        f.job_id,
        f.occurred_at,
        row_number() over (
            partition by o.event_id, f.recipe_id
            order by f.occurred_at asc, f.event_id asc
        ) as position,
        count(*) over (partition by o.event_id, f.recipe_id) as failed_count
    from failed_jobs as f
    inner join outages as o
        on
            f.workspace_id = o.workspace_id
            and f.error_adapter = o.provider
            and coalesce(f.started_at, f.occurred_at) >= o.disconnected_at
            and coalesce(f.started_at, f.occurred_at) < coalesce(o.ended_at, timestamp '2200-01-01')
    where
        f.event_date >= (select min(event_date) from outages)
        and f.event_date
        <= (select max(cast(coalesce(ended_at, timestamp '2200-01-01') as date)) + 1 from outages)
),

told as (
    select
        occurred_at,
        'activity' as event_kind,
        event_type,
        connection_id,
        resource_name,
        coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
        outcome,
        coalesce('was named ' || old_name, provider) as detail,
        ip_address,
        cast(null as varchar) as recipe_id,
        cast(null as varchar) as job_id,
        workspace_id,
        event_id
    from int_activity_once
    where
        event_date in (select event_date from wanted)
        and resource_id in (select resource_id from wanted)
        and connection_id is not null
    union all
    select
        occurred_at,
        'job' as event_kind,
        'failed' as event_type,
        connection_id,
        recipe_name as resource_name,
        null as actor_name,
        'failed' as outcome,
        detail,
        null as ip_address,
        recipe_id,
        job_id,
        workspace_id,
        event_id
    from failures
    where all_jobs or position = 1 or position = failed_count
)

select
    occurred_at,
    event_kind,
    event_type,
    connection_id,
    resource_name,
    actor_name,
    outcome,
    detail,
    ip_address,
    recipe_id,
    job_id,
    workspace_id,
    event_id
from told
order by occurred_at asc, event_kind asc, event_id asc
