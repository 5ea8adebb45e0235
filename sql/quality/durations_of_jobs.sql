-- Jobs with a run time in the lake and in job_durations_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  jobs, job_durations_daily
-- scope:  partition
-- note:   a job counts once a day, by the record that says how it ended; test jobs do not.

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
        coalesce(workspace_id, 'unknown') as workspace_id,
        count(*) as job_count,
        event_date
    from counted
    where position = 1 and not coalesce(is_test, false) and duration_seconds is not null
    group by all
),

found as (
    select
        workspace_id,
        sum(job_count) as job_count,
        event_date
    from job_durations_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.job_count as expected_job_count,
    f.job_count as found_job_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
