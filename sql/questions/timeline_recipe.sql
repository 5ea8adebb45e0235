-- The newest changes and jobs of a recipe between two UTC days, in order of time.
-- grain:  event_id
-- reads:  recipe_timeline
-- scope:  global
-- note:   recipe_timeline also finds other recipes whose names hold the id.

with told as (
    select
        *,
        row_number() over (order by occurred_at desc, event_kind desc, event_id desc) as position,
        count(*) over () as total_count
    from recipe_timeline($resource_id, all_jobs := $all_jobs)
    where
        recipe_id = $resource_id
        and occurred_at >= $from_date
        and occurred_at < $to_date + 1
)

select
    occurred_at,
    event_kind,
    event_type,
    'Flow' as resource_type,
    recipe_id as resource_id,
    recipe_name as resource_name,
    actor_name,
    outcome,
    detail,
    ip_address,
    recipe_id,
    job_id,
    is_test,
    workspace_id,
    event_id,
    total_count
from told
where $top = 0 or position <= $top
order by position desc
