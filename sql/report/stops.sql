-- Recipes that were stopped in the period: by Workato first, then those that stayed down longest.
-- grain:  event_id
-- reads:  recipe_stops
-- scope:  global
-- note:   a stop of a recipe that is down already is left out.

select
    event_id,
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    stopped_by,
    actor_name,
    stop_reason,
    ip_address,
    restarted_by_name,
    last_error_message,
    job_count_before,
    failed_count_before,
    job_count_after,
    failed_count_after,
    downtime_seconds,
    is_open,
    stopped_at,
    restarted_at,
    seen_running_at,
    deleted_at
from recipe_stops
where
    event_date between $from_date and $to_date
    and not is_already_down
    and (cast($environment as varchar) is null or environment = $environment)
order by
    (stopped_by = 'workato') desc, is_open desc, coalesce(downtime_seconds, 0) desc, stopped_at desc,
    event_id asc
