-- Retry families that failed or were run again, with their end: the last run wins, on any day.
-- grain:  workspace_id, recipe_id, family_id
-- reads:  error_families_daily
-- scope:  global
-- note:   a family whose last run succeeded is no failure. A first run that succeeded and was run
--         again within 7 days begins its family; of a later rerun, or where the first run is older
--         than the lake, it is missing.

with counted as (
    select
        workspace_id,
        recipe_id,
        family_id,
        max(environment) as environment,
        sum(run_count) as run_count,
        sum(failed_count) as failed_count,
        count(*) as day_count,
        count(began_date) > 0 as has_first_run,
        min(coalesce(began_date, event_date)) as started_date,
        max(event_date) as ended_date,
        min(first_run_at) as first_run_at,
        min(first_failed_at) as first_failed_at,
        max(last_run_at) as last_run_at
    from error_families_daily
    group by workspace_id, recipe_id, family_id
),

-- a join where a window would sort every family by its days, of which most have one
families as (
    select
        c.*,
        d.recipe_name,
        d.last_job_id,
        d.last_outcome as outcome
    from counted as c
    inner join error_families_daily as d
        on
            c.workspace_id = d.workspace_id
            and c.recipe_id = d.recipe_id
            and c.family_id = d.family_id
            and c.ended_date = d.event_date
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
