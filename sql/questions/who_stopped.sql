-- Who or what stopped a recipe between two UTC days, newest first.
-- grain:  event_id
-- reads:  recipe_stops
-- scope:  global
-- note:   Workato itself is the actor where no person is.

with wanted as (
    select
        *,
        row_number() over (order by stopped_at desc, event_id asc) as position,
        count(*) over () as total_count
    from recipe_stops
    where
        recipe_id = $recipe_id
        and event_date between $from_date and $to_date
)

select
    recipe_id,
    recipe_name,
    stopped_at,
    stopped_by,
    actor_id,
    actor_name,
    actor_email,
    stop_reason,
    ip_address,
    user_agent,
    is_forced,
    is_already_down,
    restarted_at,
    restarted_by_name,
    seen_running_at,
    deleted_at,
    downtime_seconds,
    is_open,
    last_started_at,
    silent_seconds,
    usual_gap_seconds,
    last_failed_at,
    last_failed_job_id,
    last_error_type,
    last_error_message,
    job_count_before,
    failed_count_before,
    failure_rate_before,
    job_count_after,
    failed_count_after,
    failure_rate_after,
    workspace_id,
    environment,
    event_id,
    total_count
from wanted
where $top = 0 or position <= $top
order by position asc
