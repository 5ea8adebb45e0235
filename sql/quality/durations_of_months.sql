-- Timed jobs of a UTC month in job_durations_daily and job_durations_monthly, side by side.
-- grain:  event_date, workspace_id
-- reads:  job_durations_daily, job_durations_monthly
-- scope:  month
-- note:   event_date is the first day of the month, on which a month is judged.

with expected as (
    select
        workspace_id,
        sum(job_count) as job_count,
        cast(date_trunc('month', event_date) as date) as month_date
    from job_durations_daily
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) as job_count,
        month_date
    from job_durations_monthly
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    coalesce(e.month_date, f.month_date) as event_date
from expected as e
full outer join found as f on e.month_date = f.month_date and e.workspace_id = f.workspace_id
