-- The newest changes and jobs of a connection between two UTC days, in order of time.
-- grain:  event_id
-- reads:  connection_timeline
-- scope:  global
-- note:   connection_timeline also finds other connections whose names hold the id.

with told as (
    select
        *,
        row_number() over (order by occurred_at desc, event_kind desc, event_id desc) as position,
        count(*) over () as total_count
    from
        connection_timeline(
            $resource_id, all_jobs := $all_jobs, since := $from_date, until := $to_date
        )
    where
        connection_id = $resource_id
        and occurred_at >= $from_date
        and occurred_at < $to_date + 1
)

select
    occurred_at,
    event_kind,
    event_type,
    case when event_kind = 'job' then 'Flow' else 'SharedAccount' end as resource_type,
    coalesce(recipe_id, connection_id) as resource_id,
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
    false as is_test,
    workspace_id,
    event_id,
    total_count
from told
where $top = 0 or position <= $top
order by position desc
