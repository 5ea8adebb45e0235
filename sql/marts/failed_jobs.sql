-- One row per failed job with its error; what outages and investigations read instead of jobs.
-- grain:  event_date, event_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   failed by outcome; test jobs are left out.

select
    event_id,
    job_id,
    workspace_id,
    recipe_id,
    recipe_name,
    error_type,
    error_message,
    error_adapter,
    error_operation,
    event_date,
    started_at,
    occurred_at
from stg_jobs
where event_date between $from_date and $to_date and is_failed and not is_test
