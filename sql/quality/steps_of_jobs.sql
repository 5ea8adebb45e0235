-- Job records and the steps that are kept of them, side by side; either may lack the other.
-- grain:  event_date, event_id, job_event_id
-- reads:  jobs, job_steps
-- scope:  partition

with kept as (
    select
        job_event_id,
        count(*) as kept_count,
        event_date
    from job_steps
    group by all
)

select
    jobs.event_id,
    kept.job_event_id,
    jobs.step_count,
    kept.kept_count,
    coalesce(jobs.event_date, kept.event_date) as event_date
from jobs
full outer join kept on jobs.event_id = kept.job_event_id and jobs.event_date = kept.event_date
