-- Retry families that ran on more days than one, with their end: the last run wins, on any day.
-- grain:  workspace_id, recipe_id, family_id
-- reads:  error_families_daily
-- scope:  global
-- note:   a family of one day is as error_families_daily has it; int_error_families has both. The
--         day of a first run that succeeded counts as one of the family's.

-- only these are added up: most families have one day
with chosen as (
    select
        workspace_id,
        recipe_id,
        family_id
    from error_families_daily
    group by workspace_id, recipe_id, family_id
    having count(*) > 1 or min(began_date) < min(event_date)
),

days as (
    select d.*
    from error_families_daily as d
    inner join chosen as c
        on
            d.workspace_id = c.workspace_id
            and d.recipe_id = c.recipe_id
            and d.family_id = c.family_id
),

counted as (
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
    from days
    group by workspace_id, recipe_id, family_id
)

select
    c.workspace_id,
    c.recipe_id,
    c.family_id,
    c.environment,
    d.recipe_name,
    d.last_job_id,
    d.last_outcome,
    cast(c.run_count as bigint) as run_count,
    cast(c.failed_count as bigint) as failed_count,
    cast(c.day_count as bigint) as day_count,
    c.has_first_run,
    c.started_date,
    c.ended_date,
    c.first_run_at,
    c.first_failed_at,
    c.last_run_at
from counted as c
inner join days as d
    on
        c.workspace_id = d.workspace_id
        and c.recipe_id = d.recipe_id
        and c.family_id = d.family_id
        and c.ended_date = d.event_date
