-- Jobs and actions in the lake and in recipe_usage_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  jobs, recipe_usage_daily
-- scope:  partition

with expected as (
    select
        coalesce(workspace_id, 'unknown') as workspace_id,
        count(*) as job_count,
        sum(coalesce(action_count, 0)) as action_count,
        event_date
    from jobs
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) + sum(test_job_count) as job_count,
        sum(action_count) + sum(test_action_count) as action_count,
        event_date
    from recipe_usage_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    e.action_count as expected_action_count,
    f.action_count as found_action_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
