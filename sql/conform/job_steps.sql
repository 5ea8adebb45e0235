-- Steps of the job records of one batch.
-- grain:  row_id, step_index
-- reads:  parsed_jobs
-- scope:  partition
-- note:   element 0 is the trigger; only the last iteration of a loop is in the record.

with steps as (
    select
        row_id,
        event_id,
        occurred_at,
        workspace_id,
        recipe_id,
        e.id as job_id,
        e.environment_type as environment,
        unnest(range(len(e.lines))) as step_index,
        unnest(e.lines) as line
    from parsed_jobs
    where occurred_at is not null and len(e.lines) > 0
)

select
    row_id,
    event_id || ':' || step_index as event_id,
    'job_step' as event_kind,
    line.adapter_operation as event_type,
    occurred_at,
    workspace_id,
    environment,
    cast(null as varchar) as actor_id,
    cast(null as varchar) as actor_email,
    'Flow' as resource_type,
    recipe_id as resource_id,
    case when line.error is null then 'succeeded' else 'failed' end as outcome,
    event_id as job_event_id,
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
    cast(occurred_at as date) as event_date
from steps
