-- Failed jobs in the lake and in recipe_runs_daily, test jobs included, side by side.
-- grain:  event_date, workspace_id
-- reads:  jobs, recipe_runs_daily
-- scope:  partition

with expected as (
    select
        coalesce(workspace_id, 'unknown') as workspace_id,
        count(*) as failed_count,
        event_date
    from jobs
    where outcome = 'failed'
    group by all
),

found as (
    select
        workspace_id,
        count(*) as failed_count,
        event_date
    from recipe_runs_daily
    where outcome = 'failed'
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.failed_count as expected_failed_count,
    f.failed_count as found_failed_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
