-- Job records of one batch, parsed once for jobs and job_steps.
-- grain:  row_id
-- reads:  batch
-- scope:  partition
-- note:   every leaf is read as text, so that a value of another shape is null and never an error;
--         lines is an array, the text that says it was too large, or absent.

with parsed as (
    select
        row_id,
        digest,
        raw,
        from_json(event, '{
            "id": "VARCHAR", "master_job_id": "VARCHAR", "parent_id": "VARCHAR",
            "recipe_id": "VARCHAR", "flow_id": "VARCHAR", "calling_job_id": "VARCHAR",
            "calling_recipe_id": "VARCHAR", "root_job_handle": "VARCHAR", "root_job_id": "VARCHAR",
            "root_recipe_id": "VARCHAR", "title": "VARCHAR", "status": "VARCHAR",
            "is_repeat": "VARCHAR", "repeat_count": "VARCHAR", "is_test": "VARCHAR",
            "is_poll_error": "VARCHAR", "started_at": "VARCHAR", "completed_at": "VARCHAR",
            "action_count": "VARCHAR", "account_id": "VARCHAR", "account_name": "VARCHAR",
            "environment_id": "VARCHAR", "environment_type": "VARCHAR", "error_type": "VARCHAR",
            "error": "VARCHAR", "error_parts": "VARCHAR", "report": "VARCHAR",
            "context": {"user_id": "VARCHAR", "recipe_name": "VARCHAR", "recipe_path": "VARCHAR"},
            "lines": [{
                "recipe_line_number": "VARCHAR", "adapter_name": "VARCHAR",
                "adapter_operation": "VARCHAR", "error": "VARCHAR",
                "input": {"data": "VARCHAR"}, "output": {"data": "VARCHAR"},
                "line_stat": {
                    "total": "DOUBLE", "details": [{"name": "VARCHAR", "total": "DOUBLE"}]
                }
            }]
        }') as e,
        json_type(event, '$.lines') as lines_type
    from batch
)

select
    *,
    utc_instant(e.started_at) as started_at,
    utc_instant(e.completed_at) as completed_at,
    coalesce(utc_instant(e.completed_at), utc_instant(e.started_at)) as occurred_at,
    'job:' || coalesce(e.id, digest) || ':' || coalesce(e.status, 'unknown') as event_id,
    coalesce(e.recipe_id, e.flow_id) as recipe_id,
    coalesce(e.account_id, e.environment_id, e.context.user_id) as workspace_id,
    case e.status
        when 'completed' then 'succeeded'
        else e.status
    end as outcome
from parsed
