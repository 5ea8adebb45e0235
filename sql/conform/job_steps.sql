-- Steps of the job records of one batch.
-- grain:  row_id, step_index
-- reads:  batch
-- scope:  partition
-- note:   element 0 is the trigger; only the last iteration of a loop is in the record.

with parsed as (
    select
        row_id,
        object_index,
        source_offset,
        digest,
        from_json(event, '{
            "id": "VARCHAR", "recipe_id": "VARCHAR", "flow_id": "VARCHAR", "status": "VARCHAR",
            "started_at": "VARCHAR", "completed_at": "VARCHAR", "account_id": "VARCHAR",
            "environment_id": "VARCHAR", "environment_type": "VARCHAR",
            "context": {"user_id": "VARCHAR"},
            "lines": [{
                "recipe_line_number": "VARCHAR", "adapter_name": "VARCHAR",
                "adapter_operation": "VARCHAR", "error": "VARCHAR",
                "input": {"data": "VARCHAR"}, "output": {"data": "VARCHAR"},
                "line_stat": {
                    "total": "DOUBLE", "details": [{"name": "VARCHAR", "total": "DOUBLE"}]
                }
            }]
        }') as e
    from batch
),

steps as (
    select
        row_id,
        object_index,
        source_offset,
        'job:' || case when digest = '' then e.id else digest end || ':'
        || coalesce(e.status, 'unknown') as job_event_id,
        coalesce(utc_instant(e.completed_at), utc_instant(e.started_at)) as occurred_at,
        coalesce(e.account_id, e.environment_id, e.context.user_id) as workspace_id,
        coalesce(e.recipe_id, e.flow_id) as recipe_id,
        e.id as job_id,
        e.environment_type as environment,
        unnest(range(len(e.lines))) as step_index,
        unnest(e.lines) as line
    from parsed
    where len(e.lines) > 0
)

select
    row_id,
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
    cast(occurred_at as date) as event_date,
    case when occurred_at is null then 'bad_time: of the job' end as problem
from steps
