-- Retry families on a UTC day, but for those of one run that succeeded: these are only counted.
-- grain:  event_date, workspace_id, recipe_id, family_id
-- reads:  stg_jobs
-- scope:  window(-7d,+0d)
-- files:  month
-- note:   what int_error_families is made of; runs that ended as succeeded or failed, no
--         test jobs. Of a rerun, the day of its first run is looked for in the 7 days before.

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
),

families as (
    select
        workspace_id,
        recipe_id,
        family_id,
        max(environment) as environment,
        max(case when position = 1 then recipe_name end) as recipe_name,
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
),

begun as (
    select
        f.workspace_id,
        f.recipe_id,
        f.family_id,
        f.event_date,
        min(j.event_date) as began_date
    from families as f
    inner join stg_jobs as j
        on
            f.workspace_id = j.workspace_id
            and f.recipe_id = j.recipe_id
            and f.family_id = j.job_id
            and f.event_date > j.event_date
            and f.event_date <= j.event_date + 7
    where
        not f.has_first_run
        and (j.is_failed or j.is_succeeded) and not j.is_test and not j.is_repeat
    group by all
)

select
    f.workspace_id,
    f.recipe_id,
    f.family_id,
    f.environment,
    f.recipe_name,
    f.last_job_id,
    f.last_outcome,
    f.run_count,
    f.failed_count,
    f.has_first_run,
    f.event_date,
    case when f.has_first_run then f.event_date else b.began_date end as began_date,
    f.first_run_at,
    f.last_run_at,
    f.first_failed_at
from families as f
left join begun as b
    on
        f.event_date = b.event_date
        and f.workspace_id = b.workspace_id
        and f.recipe_id = b.recipe_id
        and f.family_id = b.family_id
