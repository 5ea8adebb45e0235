-- Retry families that failed or were run again, with their end: the last run wins, on any day.
-- grain:  workspace_id, recipe_id, family_id
-- reads:  error_families_daily, error_families_across_days
-- scope:  global
-- note:   a family whose last run succeeded is no failure. A first run that succeeded and was run
--         again within 7 days begins its family; of a later rerun, or where the first run is older
--         than the lake, it is missing.

with families as (
    select
        d.workspace_id,
        d.recipe_id,
        d.family_id,
        d.environment,
        d.recipe_name,
        d.last_job_id,
        d.last_outcome,
        d.run_count,
        d.failed_count,
        cast(1 as bigint) as day_count,
        d.began_date is not null as has_first_run,
        d.event_date as started_date,
        d.event_date as ended_date,
        d.first_run_at,
        d.first_failed_at,
        d.last_run_at
    from error_families_daily as d
    left join error_families_across_days as a
        on
            d.workspace_id = a.workspace_id
            and d.recipe_id = a.recipe_id
            and d.family_id = a.family_id
    where a.family_id is null
    union all
    select
        workspace_id,
        recipe_id,
        family_id,
        environment,
        recipe_name,
        last_job_id,
        last_outcome,
        run_count,
        failed_count,
        day_count,
        has_first_run,
        started_date,
        ended_date,
        first_run_at,
        first_failed_at,
        last_run_at
    from error_families_across_days
)

select
    workspace_id,
    recipe_id,
    family_id,
    environment,
    recipe_name,
    last_job_id,
    last_outcome as outcome,
    run_count,
    failed_count,
    day_count,
    case
        when last_outcome = 'succeeded' and failed_count > 0
            then cast(epoch(last_run_at) - epoch(first_failed_at) as double)
    end as recovery_seconds,
    has_first_run,
    last_outcome = 'failed' as is_failed,
    last_outcome = 'succeeded' and failed_count > 0 as is_recovered,
    started_date,
    ended_date,
    first_run_at,
    first_failed_at,
    last_run_at
from families
