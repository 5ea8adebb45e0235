-- Jobs and failures in the lake and in recipe_activity_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  jobs, recipe_activity_daily
-- scope:  partition
-- note:   test jobs stand apart: of them alone their number is known.

with expected as (
    select
        coalesce(workspace_id, 'unknown') as workspace_id,
        count(*) as job_count,
        count(*) filter (where outcome = 'failed' and not coalesce(is_test, false)) as failed_count,
        event_date
    from jobs
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) + sum(test_job_count) as job_count,
        sum(failed_count) as failed_count,
        event_date
    from recipe_activity_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    e.failed_count as expected_failed_count,
    f.failed_count as found_failed_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
