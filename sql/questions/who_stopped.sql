-- Who or what stopped a recipe between two UTC days, newest first.
-- grain:  event_id
-- reads:  recipe_stops, recipe_events_monthly
-- scope:  global
-- note:   Workato itself is the actor where no person is. Errors before are those of 28 days,
--         tests aside.

with wanted as (
    select
        *,
        row_number() over (order by stopped_at desc, event_id asc) as position,
        count(*) over () as total_count
    from recipe_stops
    where
        recipe_id = $recipe_id
        and event_date between $from_date and $to_date
),

failures as (
    select
        w.event_id,
        e.detail,
        e.occurred_at,
        row_number() over (
            partition by w.event_id order by e.occurred_at desc, e.event_id asc
        ) as position
    from wanted as w
    inner join recipe_events_monthly as e
        on w.workspace_id = e.workspace_id and w.recipe_id = e.recipe_id
    where
        e.recipe_id = $recipe_id
        and e.event_kind = 'job'
        and e.outcome = 'failed'
        and not e.is_test
        and e.occurred_at <= w.stopped_at
        and e.occurred_at > w.stopped_at - interval 28 day
),

earlier as (
    select
        event_id,
        max(case when position = 2 then detail end) as second_last_error_message,
        max(case when position = 2 then occurred_at end) as second_last_failed_at,
        max(case when position = 3 then detail end) as third_last_error_message,
        max(case when position = 3 then occurred_at end) as third_last_failed_at
    from failures
    group by all
)

select
    w.recipe_id,
    w.recipe_name,
    w.stopped_at,
    w.stopped_by,
    w.actor_id,
    w.actor_name,
    w.actor_email,
    w.stop_reason,
    w.ip_address,
    w.user_agent,
    w.is_forced,
    w.is_already_down,
    w.restarted_at,
    w.restarted_by_name,
    w.seen_running_at,
    w.deleted_at,
    w.downtime_seconds,
    w.is_open,
    w.last_started_at,
    w.silent_seconds,
    w.usual_gap_seconds,
    w.last_failed_at,
    w.last_failed_job_id,
    w.last_error_type,
    w.last_error_message,
    e.second_last_error_message,
    e.second_last_failed_at,
    e.third_last_error_message,
    e.third_last_failed_at,
    w.job_count_before,
    w.failed_count_before,
    w.failure_rate_before,
    w.job_count_after,
    w.failed_count_after,
    w.failure_rate_after,
    w.workspace_id,
    w.environment,
    w.event_id,
    w.total_count
from wanted as w
left join earlier as e on w.event_id = e.event_id
where $top = 0 or w.position <= $top
order by w.position asc
