-- Steps of staged jobs, which have what the steps of a job share.
-- grain:  job_event_id, step_index
-- reads:  jobs
-- scope:  partition
-- note:   element 0 is the trigger; only the last iteration of a loop is in the record.

with parsed as (
    select
        object_index,
        source_offset,
        event_id as job_event_id,
        occurred_at,
        workspace_id,
        environment,
        job_id,
        recipe_id,
        event_date,
        from_json(coalesce(event, raw), '{
            "lines": [{
                "recipe_line_number": "VARCHAR", "adapter_name": "VARCHAR",
                "adapter_operation": "VARCHAR", "error": "VARCHAR",
                "input": {"data": "VARCHAR"}, "output": {"data": "VARCHAR"},
                "line_stat": {
                    "total": "DOUBLE", "details": [{"name": "VARCHAR", "total": "DOUBLE"}]
                }
            }]
        }').lines as lines
    from jobs
    where step_count > 0
),

steps as (
    select
        * exclude (lines),
        unnest(range(len(lines))) as step_index,
        unnest(lines) as line
    from parsed
)

select
    object_index,
    source_offset,
    job_event_id || ':' || step_index as event_id,
    occurred_at,
    workspace_id,
    environment,
    case when line.error is null then 'succeeded' else 'failed' end as outcome,
    job_event_id,
    job_id,
    recipe_id,
    step_index,
    try_cast(line.recipe_line_number as bigint) as recipe_line_number,
    line.adapter_name as adapter_name,
    line.adapter_operation as adapter_operation,
    line.error as error_message,
    coalesce(line.input.data = 'masked' or line.output.data = 'masked', false) as is_masked,
    line.line_stat.total as total_seconds,
    list_filter(line.line_stat.details, lambda phase: phase.name = 'execute')[1].total
        as execute_seconds,
    event_date
from steps
