-- Jobs, actions and durations per recipe, environment and UTC day; test jobs stand apart.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   action_count is what the stream sends, an upper bound for tasks; children count apart.

with counted as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        count(*) filter (where not is_test) as job_count,
        count(*) filter (where not is_test and is_succeeded) as succeeded_count,
        count(*) filter (where not is_test and is_failed) as failed_count,
        count(*) filter (where not is_test and is_repeat) as repeat_count,
        count(*) filter (where is_test) as test_job_count,
        coalesce(sum(action_count) filter (where not is_test), 0) as action_count,
        coalesce(sum(duration_seconds) filter (where not is_test), 0) as total_seconds,
        quantile_cont(duration_seconds, 0.95) filter (where not is_test) as p95_seconds,
        event_date
    from stg_jobs
    where event_date between $from_date and $to_date
    group by all
),

ranked as (
    select
        workspace_id,
        recipe_id,
        recipe_name,
        recipe_path,
        event_date,
        row_number() over (
            partition by event_date, workspace_id, recipe_id
            order by (case when recipe_name is null then 1 else 0 end) asc, occurred_at desc, event_id asc
        ) as position
    from stg_jobs
    where event_date between $from_date and $to_date
)

select
    c.workspace_id,
    c.recipe_id,
    c.environment,
    r.recipe_name,
    r.recipe_path,
    cast(c.job_count as bigint) as job_count,
    cast(c.succeeded_count as bigint) as succeeded_count,
    cast(c.failed_count as bigint) as failed_count,
    cast(c.repeat_count as bigint) as repeat_count,
    cast(c.test_job_count as bigint) as test_job_count,
    cast(c.action_count as bigint) as action_count,
    cast(c.total_seconds as double) as total_seconds,
    cast(c.p95_seconds as double) as p95_seconds,
    c.event_date
from counted as c
inner join ranked as r
    on
        c.event_date = r.event_date
        and c.workspace_id = r.workspace_id
        and c.recipe_id = r.recipe_id
where r.position = 1
