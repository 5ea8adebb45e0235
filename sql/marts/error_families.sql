-- Retry families that failed or were run again, with their end: the last run wins, on any day.
-- grain:  workspace_id, recipe_id, family_id
-- reads:  error_families_daily
-- scope:  global
-- note:   a family whose last run succeeded is no failure. The first run may be missing (older than
--         the lake, or a success that was run again on a later day).

with days as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id, family_id order by event_date desc
        ) as position
    from error_families_daily
),

families as (
    select
        workspace_id,
        recipe_id,
        family_id,
        max(environment) as environment,
        max(case when position = 1 then recipe_name end) as recipe_name,
        max(case when position = 1 then last_job_id end) as last_job_id,
        max(case when position = 1 then last_outcome end) as outcome,
        sum(run_count) as run_count,
        sum(failed_count) as failed_count,
        count(*) as day_count,
        max(case when has_first_run then 1 else 0 end) = 1 as has_first_run,
        min(event_date) as started_date,
        max(event_date) as ended_date,
        min(first_run_at) as first_run_at,
        min(first_failed_at) as first_failed_at,
        max(last_run_at) as last_run_at
    from days
    group by workspace_id, recipe_id, family_id
)

select
    workspace_id,
    recipe_id,
    family_id,
    environment,
    recipe_name,
    last_job_id,
    outcome,
    cast(run_count as bigint) as run_count,
    cast(failed_count as bigint) as failed_count,
    cast(day_count as bigint) as day_count,
    case
        when outcome = 'succeeded' and failed_count > 0
            then cast(epoch(last_run_at) - epoch(first_failed_at) as double)
    end as recovery_seconds,
    has_first_run,
    outcome = 'failed' as is_failed,
    outcome = 'succeeded' and failed_count > 0 as is_recovered,
    started_date,
    ended_date,
    first_run_at,
    first_failed_at,
    last_run_at
from families
