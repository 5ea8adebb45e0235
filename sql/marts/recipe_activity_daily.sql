-- Runs of a recipe per UTC day: how many, from when to when, how far apart, and the last failure.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   the roll-up that questions over all days read instead of jobs; test jobs stand apart.

with runs as (
    select
        event_id,
        job_id,
        workspace_id,
        recipe_id,
        environment,
        recipe_name,
        error_type,
        error_message,
        error_adapter,
        error_operation,
        is_failed,
        is_succeeded,
        is_test,
        is_repeat,
        event_date,
        coalesce(started_at, occurred_at) as started_at,
        occurred_at,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by
                (case when recipe_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position
    from stg_jobs
    where event_date between $from_date and $to_date
),

real_runs as (
    select
        *,
        epoch(started_at) - epoch(
            lag(started_at) over (
                partition by event_date, workspace_id, recipe_id
                order by started_at asc, event_id asc
            )
        ) as gap_seconds,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by
                (case when is_failed then 0 else 1 end) asc, occurred_at desc, event_id asc
        ) as position
    from runs
    where not is_test
),

counted as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        max(case when name_position = 1 then recipe_name end) as recipe_name,
        count(*) filter (where not is_test) as job_count,
        count(*) filter (where not is_test and is_succeeded) as succeeded_count,
        count(*) filter (where not is_test and is_failed) as failed_count,
        count(*) filter (where is_test) as test_job_count,
        event_date,
        min(started_at) filter (where not is_test) as first_started_at,
        max(started_at) filter (where not is_test) as last_started_at,
        min(started_at) filter (where not is_test and not is_repeat) as first_triggered_at,
        max(started_at) filter (where not is_test and not is_repeat) as last_triggered_at
    from runs
    group by all
),

gaps as (
    select
        workspace_id,
        recipe_id,
        median(gap_seconds) as median_gap_seconds,
        max(gap_seconds) as longest_gap_seconds,
        event_date
    from real_runs
    group by all
)

select
    c.workspace_id,
    c.recipe_id,
    c.environment,
    c.recipe_name,
    f.job_id as last_failed_job_id,
    f.error_type as last_error_type,
    f.error_message as last_error_message,
    f.error_adapter as last_error_adapter,
    f.error_operation as last_error_operation,
    cast(c.job_count as bigint) as job_count,
    cast(c.succeeded_count as bigint) as succeeded_count,
    cast(c.failed_count as bigint) as failed_count,
    cast(c.test_job_count as bigint) as test_job_count,
    cast(g.median_gap_seconds as double) as median_gap_seconds,
    cast(g.longest_gap_seconds as double) as longest_gap_seconds,
    c.event_date,
    c.first_started_at,
    c.last_started_at,
    c.first_triggered_at,
    c.last_triggered_at,
    f.occurred_at as last_failed_at
from counted as c
left join gaps as g
    on
        c.event_date = g.event_date
        and c.workspace_id = g.workspace_id
        and c.recipe_id = g.recipe_id
left join real_runs as f
    on
        c.event_date = f.event_date
        and c.workspace_id = f.workspace_id
        and c.recipe_id = f.recipe_id
        and f.position = 1
        and f.is_failed
