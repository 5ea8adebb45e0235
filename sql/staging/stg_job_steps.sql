-- One row per step that came with a job record, with times in UTC.
-- grain:  event_date, event_id
-- reads:  job_steps
-- scope:  partition
-- note:   only the last iteration of a step in a loop is sent.

select
    event_id,
    job_event_id,
    job_id,
    coalesce(workspace_id, 'unknown') as workspace_id,
    coalesce(recipe_id, 'unknown') as recipe_id,
    adapter_name,
    adapter_operation,
    error_message,
    step_index,
    recipe_line_number,
    total_seconds,
    execute_seconds,
    coalesce(recipe_line_number, step_index) = 0 as is_trigger,
    error_message is not null as is_failed,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at
from job_steps
