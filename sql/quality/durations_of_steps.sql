-- Steps with a time in the lake and in step_durations_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  jobs, job_steps, step_durations_daily
-- scope:  partition
-- note:   steps of the jobs that count: each by the record that says how it ended, no test jobs.

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
    where j.position = 1 and not coalesce(j.is_test, false) and s.total_seconds is not null
    group by all
),

found as (
    select
        workspace_id,
        sum(step_count) as step_count,
        event_date
    from step_durations_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.step_count as expected_step_count,
    f.step_count as found_step_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
