-- Steps per time that they took, connector and UTC day, of the jobs that sent their steps.
-- grain:  event_date, workspace_id, environment, adapter_name, approximate_seconds
-- reads:  int_usage_jobs, int_usage_steps
-- scope:  partition
-- note:   without test jobs, and steps without a time. Times are within 5 percent, as in
--         job_durations_daily.

select
    s.workspace_id,
    j.environment,
    s.adapter_name,
    count(*) as step_count,
    s.approximate_seconds,
    s.event_date
from int_usage_steps as s
inner join int_usage_jobs as j on s.event_date = j.event_date and s.job_event_id = j.event_id
where
    s.event_date between $from_date and $to_date
    and not j.is_test
    and s.approximate_seconds is not null
group by all
