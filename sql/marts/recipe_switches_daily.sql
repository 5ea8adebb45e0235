-- Starts, stops and deletions of recipes, with the runs of the day before and the day after.
-- grain:  event_date, event_id
-- reads:  int_activity_once, stg_jobs
-- scope:  window(-1d,+1d)
-- files:  month
-- note:   before and after are 24 hours; what ended in the very second of the switch counts on
--         both sides. Test jobs are left out. Triggered is a job that is no rerun and starts more
--         than five minutes after: until then a stopped recipe may work off what waits.

with switches as (
    select
        event_id,
        workspace_id,
        recipe_id,
        resource_name as recipe_name,
        change_kind,
        actor_id,
        actor_name,
        actor_email,
        stop_reason,
        ip_address,
        user_agent,
        is_forced,
        is_error,
        is_run_once,
        event_date,
        occurred_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and recipe_id is not null
        and change_kind in ('started', 'stopped', 'deleted')
),

runs as (
    select
        s.event_id,
        r.event_id as job_event_id,
        r.job_id,
        r.error_type,
        r.error_message,
        r.error_adapter,
        r.error_operation,
        r.is_failed,
        r.is_succeeded or r.is_failed as is_finished,
        r.occurred_at <= s.occurred_at as is_before,
        r.occurred_at <= s.occurred_at
        and epoch(s.occurred_at) - epoch(r.occurred_at) <= 86400 as is_day_before,
        r.occurred_at >= s.occurred_at
        and epoch(r.occurred_at) - epoch(s.occurred_at) < 86400 as is_day_after,
        coalesce(r.started_at, r.occurred_at) as started_at,
        case
            when
                not r.is_repeat
                and epoch(coalesce(r.started_at, r.occurred_at)) - epoch(s.occurred_at) > 300
                then coalesce(r.started_at, r.occurred_at)
        end as triggered_at,
        r.occurred_at
    from switches as s
    cross join (values (-1), (0), (1)) as o (day_offset)
    inner join stg_jobs as r
        on
            s.workspace_id = r.workspace_id
            and s.recipe_id = r.recipe_id
            -- by day, or every switch would meet all runs of its recipe
            and s.event_date + o.day_offset = r.event_date
    where not r.is_test
),

counted as (
    select
        event_id,
        count(*) filter (where is_day_before and is_finished) as job_count_before,
        count(*) filter (where is_day_before and is_failed) as failed_count_before,
        count(*) filter (where is_day_after and is_finished) as job_count_after,
        count(*) filter (where is_day_after and is_failed) as failed_count_after,
        max(started_at) filter (where is_before) as last_started_at,
        min(triggered_at) as first_triggered_at
    from runs
    group by all
),

failures as (
    select
        event_id,
        job_id,
        error_type,
        error_message,
        error_adapter,
        error_operation,
        occurred_at,
        row_number() over (
            partition by event_id
            order by occurred_at desc, job_event_id asc
        ) as position
    from runs
    where is_failed and is_before
)

select
    s.event_id,
    s.workspace_id,
    s.recipe_id,
    s.recipe_name,
    s.change_kind,
    s.actor_id,
    s.actor_name,
    s.actor_email,
    s.stop_reason,
    s.ip_address,
    s.user_agent,
    f.job_id as last_failed_job_id,
    f.error_type as last_error_type,
    f.error_message as last_error_message,
    f.error_adapter as last_error_adapter,
    f.error_operation as last_error_operation,
    cast(coalesce(c.job_count_before, 0) as bigint) as job_count_before,
    cast(coalesce(c.failed_count_before, 0) as bigint) as failed_count_before,
    cast(coalesce(c.job_count_after, 0) as bigint) as job_count_after,
    cast(coalesce(c.failed_count_after, 0) as bigint) as failed_count_after,
    coalesce(s.is_forced, false) as is_forced,
    coalesce(s.is_error, false) as is_error,
    coalesce(s.is_run_once, false) as is_run_once,
    s.event_date,
    s.occurred_at,
    c.last_started_at,
    c.first_triggered_at,
    f.occurred_at as last_failed_at
from switches as s
left join counted as c on s.event_id = c.event_id
left join failures as f on s.event_id = f.event_id and f.position = 1
