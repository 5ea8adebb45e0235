-- The columns of `job_steps`, as one writes them for data that is known to be clean.
-- grain:  job record, step_index
-- reads:  parsed

with steps as (
    select
        e,
        filename,
        'job:' || e.id || ':' || e.status as job_event_id,
        coalesce(e.completed_at, e.started_at) as occurred_at,
        unnest(range(len(e.lines))) as step_index,
        unnest(e.lines) as line
    from parsed
)

select
    job_event_id || ':' || step_index as event_id,
    'job_step' as event_kind,
    line.adapter_operation as event_type,
    occurred_at,
    now() as received_at,
    now() as loaded_at,
    e.account_id as workspace_id,
    e.environment_type as environment,
    cast(null as varchar) as actor_id,
    cast(null as varchar) as actor_email,
    'Flow' as resource_type,
    e.recipe_id as resource_id,
    case when line.error is null then 'succeeded' else 'failed' end as outcome,
    'path' as source,
    filename as source_uri,
    0 as source_offset,
    'bare' as load_id,
    job_event_id,
    e.id as job_id,
    e.recipe_id as recipe_id,
    step_index,
    line.recipe_line_number as recipe_line_number,
    line.adapter_name as adapter_name,
    line.adapter_operation as adapter_operation,
    line.error as error_message,
    false as is_masked,
    line.line_stat.total as total_seconds,
    line.line_stat.details[1].total as execute_seconds,
    cast(occurred_at as date) as event_date
from steps
