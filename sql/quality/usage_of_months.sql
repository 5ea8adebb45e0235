-- Jobs, actions and milliseconds of a UTC month in recipe_usage_daily and recipe_usage_monthly.
-- grain:  event_date, workspace_id
-- reads:  recipe_usage_daily, recipe_usage_monthly
-- scope:  month
-- note:   event_date is the first day of the month, on which a month is judged.

with expected as (
    select
        workspace_id,
        sum(job_count) + sum(test_job_count) as job_count,
        sum(action_count) + sum(test_action_count) as action_count,
        sum(cast(round(total_seconds * 1000) as bigint)) as ms,
        cast(date_trunc('month', event_date) as date) as month_date
    from recipe_usage_daily
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) + sum(test_job_count) as job_count,
        sum(action_count) + sum(test_action_count) as action_count,
        sum(cast(round(total_seconds * 1000) as bigint)) as ms,
        month_date
    from recipe_usage_monthly
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    e.action_count as expected_action_count,
    f.action_count as found_action_count,
    e.ms as expected_ms,
    f.ms as found_ms,
    coalesce(e.month_date, f.month_date) as event_date
from expected as e
full outer join found as f on e.month_date = f.month_date and e.workspace_id = f.workspace_id
