-- Retry families on a UTC day, but for those of one run that succeeded: these are only counted.
-- grain:  event_date, workspace_id, recipe_id, family_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   the roll-up that error_families is made of; runs that ended as succeeded or failed, no
--         test jobs.

with runs as (
    select
        *,
        not is_repeat and coalesce(family_id = job_id, true) as is_first_run,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, family_id
            order by occurred_at desc, started_at desc, is_repeat desc, event_id desc
        ) as position
    from stg_jobs
    where
        event_date between $from_date and $to_date
        and (is_failed or is_succeeded) and not is_test
)

select
    workspace_id,
    recipe_id,
    family_id,
    max(environment) as environment,
    max(recipe_name) as recipe_name,
    max(case when position = 1 then job_id end) as last_job_id,
    max(case when position = 1 then outcome end) as last_outcome,
    cast(count(*) as bigint) as run_count,
    cast(count(*) filter (where is_failed) as bigint) as failed_count,
    max(case when is_first_run then 1 else 0 end) = 1 as has_first_run,
    event_date,
    min(occurred_at) as first_run_at,
    max(occurred_at) as last_run_at,
    min(case when is_failed then occurred_at end) as first_failed_at
from runs
group by workspace_id, recipe_id, family_id, event_date
having count(*) filter (where is_failed or not is_first_run) > 0
