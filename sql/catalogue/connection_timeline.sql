-- Changes of a connection in order of time, with the jobs that failed on its connector.
-- grain:  connection_id, event_id
-- reads:  int_activity_once, failed_jobs, connection_outages, resource_days
-- scope:  global
-- macro:  connection_timeline(connection, all_jobs := false, since := date '2012-01-01',
--         until := date '2200-01-01')
-- note:   jobs do not name their connection. Matched by outage: it was disconnected. Matched by
--         connector: workspace and connector fit, and another connection of that connector may be
--         meant; of these only those from since to until. The first and the last failed job per
--         recipe and outage, or per recipe and day; all_jobs gives every one. Of activity only the
--         files of days that hold the connection are read, as resource_days says.

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

changes as (
    select *
    from int_activity_once
    where
        event_date in (select event_date from wanted)
        and resource_id in (select resource_id from wanted)
        and connection_id is not null
),

connectors as (
    select
        workspace_id,
        connection_id,
        provider,
        coalesce(
            min(case when change_kind = 'created' then occurred_at end), timestamp '1970-01-01'
        ) as created_at,
        coalesce(
            max(case when change_kind = 'deleted' then occurred_at end), timestamp '2200-01-01'
        ) as deleted_at
    from changes
    where provider is not null
    group by all
),

outages as (
    select
        event_id,
        workspace_id,
        connection_id,
        event_date,
        disconnected_at,
        coalesce(ended_at, timestamp '2200-01-01') as ended_at
    from connection_outages
    where connection_id in (select resource_id from wanted)
),

spans as (
    select
        since as first_date,
        until as last_date
    union all
    select
        event_date as first_date,
        cast(ended_at as date) + 1 as last_date
    from outages
),

matched as (
    select
        f.event_id,
        c.connection_id,
        f.workspace_id,
        f.recipe_id,
        f.recipe_name,
        coalesce(f.error_message, f.error_type) as detail,
        f.job_id,
        o.event_id as outage_id,
        case when o.event_id is null then f.event_date end as failed_date,
        f.occurred_at
    from failed_jobs as f
    inner join connectors as c
        on
            f.workspace_id = c.workspace_id
            and f.error_adapter = c.provider
            and coalesce(f.started_at, f.occurred_at) >= c.created_at
            and coalesce(f.started_at, f.occurred_at) < c.deleted_at
    left join outages as o
        on
            c.workspace_id = o.workspace_id
            and c.connection_id = o.connection_id
            and coalesce(f.started_at, f.occurred_at) >= o.disconnected_at
            and coalesce(f.started_at, f.occurred_at) < o.ended_at
    where
        -- each bound is one value, so that files before and after are not opened
        f.event_date >= (select min(first_date) from spans)
        and f.event_date <= (select max(last_date) from spans)
        and (f.event_date between since and until or o.event_id is not null)
),

failures as (
    select
        *,
        row_number() over (
            partition by connection_id, recipe_id, outage_id, failed_date
            order by occurred_at asc, event_id asc
        ) as failure_number,
        count(*) over (
            partition by connection_id, recipe_id, outage_id, failed_date
        ) as failed_count
    from matched
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
        cast(null as varchar) as matched_by,
        cast(null as varchar) as recipe_id,
        cast(null as varchar) as job_id,
        cast(null as bigint) as failure_number,
        cast(null as bigint) as failed_count,
        workspace_id,
        event_id
    from changes
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
        case when outage_id is null then 'connector' else 'outage' end as matched_by,
        recipe_id,
        job_id,
        failure_number,
        failed_count,
        workspace_id,
        event_id
    from failures
    where all_jobs or failure_number = 1 or failure_number = failed_count
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
    matched_by,
    recipe_id,
    job_id,
    failure_number,
    failed_count,
    workspace_id,
    event_id
from told
order by occurred_at asc, event_kind asc, event_id asc
