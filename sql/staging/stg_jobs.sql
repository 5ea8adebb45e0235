-- One row per job record, with times in UTC and the flags that usage and errors count by.
-- grain:  event_date, event_id
-- reads:  jobs
-- scope:  partition
-- note:   outcome decides success, never the presence of an error.

select
    event_id,
    job_id,
    coalesce(family_id, event_id) as family_id,
    coalesce(workspace_id, 'unknown') as workspace_id,
    environment,
    coalesce(recipe_id, 'unknown') as recipe_id,
    recipe_name,
    recipe_path,
    root_job_id,
    root_recipe_id,
    calling_job_id,
    calling_recipe_id,
    outcome,
    coalesce(lines_state, 'absent') as lines_state,
    error_type,
    error_message,
    error_inner_message,
    error_adapter,
    error_operation,
    error_line_number,
    error_http_status,
    coalesce(action_count, 0) as action_count,
    duration_seconds,
    action_count is not null as is_counted,
    coalesce(is_test, false) as is_test,
    coalesce(is_repeat, false) as is_repeat,
    outcome = 'succeeded' as is_succeeded,
    outcome = 'failed' as is_failed,
    event_date,
    started_at at time zone 'UTC' as started_at,
    occurred_at at time zone 'UTC' as occurred_at
from jobs
