-- Steps in the lake and in connector_usage_daily, side by side, and rows without their recipe.
-- grain:  event_date, workspace_id
-- reads:  jobs, job_steps, connector_usage_daily, recipe_usage_daily
-- scope:  partition
-- note:   an orphan is a connector's row whose recipe has no usage on that day.

with counted as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, coalesce(job_id, event_id)
            order by
                (case when outcome in ('succeeded', 'failed') then 0 else 1 end) asc,
                occurred_at desc, event_id asc
        ) as position
    from jobs
    where
        outcome in ('succeeded', 'failed')
        or (coalesce(outcome, 'unknown') <> 'pending' and duration_seconds is not null)
),

expected as (
    select
        coalesce(s.workspace_id, 'unknown') as workspace_id,
        count(*) as step_count,
        s.event_date
    from job_steps as s
    inner join counted as j on s.event_date = j.event_date and s.job_event_id = j.event_id
    where j.position = 1 and not coalesce(j.is_test, false)
    group by all
),

found as (
    select
        c.workspace_id,
        sum(c.step_count) as step_count,
        count(*) filter (where u.recipe_id is null) as orphan_count,
        c.event_date
    from connector_usage_daily as c
    left join recipe_usage_daily as u
        on
            c.event_date = u.event_date
            and c.workspace_id = u.workspace_id
            and c.recipe_id = u.recipe_id
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    coalesce(e.step_count, 0) as expected_step_count,
    coalesce(f.step_count, 0) as found_step_count,
    0 as expected_orphan_count,
    coalesce(f.orphan_count, 0) as found_orphan_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
