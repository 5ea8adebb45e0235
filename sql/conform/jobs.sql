-- Job records of one batch, their error brought to one shape.
-- grain:  row_id
-- reads:  parsed_jobs
-- scope:  partition
-- note:   an error comes as text, as JSON text inside a string, or as an object; line, connector
--         and operation come from the one line that carries an error.

with errors as (
    select
        row_id,
        case
            when json_valid(e.error) and starts_with(e.error, '{') then from_json(e.error, '{
                "message": "VARCHAR", "inner_message": "VARCHAR", "error_type": "VARCHAR",
                "error_id": "VARCHAR", "line_number": "VARCHAR", "adapter": "VARCHAR",
                "action": "VARCHAR", "http_response": "VARCHAR"
            }')
        end as error,
        case
            when starts_with(e.error_parts, '{') then from_json(e.error_parts, '{
                "message": "VARCHAR", "error_type": "VARCHAR", "error_id": "VARCHAR"
            }')
        end as parts,
        list_filter(e.lines, lambda line: line.error is not null)[1] as line
    from parsed_jobs
    where e.error is not null or e.error_parts is not null or outcome <> 'succeeded'
)

select
    p.row_id,
    p.event_id,
    'job' as event_kind,
    p.e.status as event_type,
    p.occurred_at,
    p.workspace_id,
    p.e.environment_type as environment,
    cast(null as varchar) as actor_id,
    cast(null as varchar) as actor_email,
    'Flow' as resource_type,
    p.recipe_id as resource_id,
    p.outcome,
    p.e.id as job_id,
    coalesce(p.e.master_job_id, p.e.id) as family_id,
    p.e.parent_id as parent_id,
    p.recipe_id,
    p.e.context.recipe_name as recipe_name,
    p.e.context.recipe_path as recipe_path,
    p.e.calling_job_id as calling_job_id,
    p.e.calling_recipe_id as calling_recipe_id,
    coalesce(p.e.root_job_handle, p.e.root_job_id) as root_job_id,
    p.e.root_recipe_id as root_recipe_id,
    p.e.title as title,
    p.e.status as status,
    try_cast(p.e.is_repeat as boolean) as is_repeat,
    try_cast(p.e.repeat_count as bigint) as repeat_count,
    try_cast(p.e.is_test as boolean) as is_test,
    try_cast(p.e.is_poll_error as boolean) as is_poll_error,
    p.started_at,
    p.completed_at,
    epoch(p.completed_at) - epoch(p.started_at) as duration_seconds,
    try_cast(p.e.action_count as bigint) as action_count,
    p.e.account_name as account_name,
    len(p.e.lines) as step_count,
    case p.lines_type
        when 'ARRAY' then 'sent'
        when 'VARCHAR' then 'too_large'
        else 'absent'
    end as lines_state,
    coalesce(p.e.error_type, x.error.error_type, x.parts.error_type) as error_type,
    coalesce(x.error.message, x.parts.message, p.e.error, x.line.error) as error_message,
    nullif(x.error.inner_message, 'nil') as error_inner_message,
    coalesce(x.error.error_id, x.parts.error_id) as error_id,
    coalesce(
        try_cast(x.error.line_number as bigint), try_cast(x.line.recipe_line_number as bigint)
    ) as error_line_number,
    coalesce(x.error.adapter, x.line.adapter_name) as error_adapter,
    coalesce(x.error.action, x.line.adapter_operation) as error_operation,
    case
        when starts_with(x.error.http_response, '{') then coalesce(
            try_cast(json_extract_string(x.error.http_response, '$.status') as bigint),
            try_cast(json_extract_string(x.error.http_response, '$.code') as bigint)
        )
        else try_cast(x.error.http_response as bigint)
    end as error_http_status,
    p.e.error as error_raw,
    p.e.report as report,
    p.raw,
    cast(p.occurred_at as date) as event_date,
    case
        when p.occurred_at is null
            then
                'bad_time: started_at is '
                || coalesce('"' || p.e.started_at || '"', 'missing')
                || ', completed_at is '
                || coalesce('"' || p.e.completed_at || '"', 'missing')
        when p.e.status is null then 'not_an_event: status is null'
        when p.e.action_count is not null and try_cast(p.e.action_count as bigint) is null
            then 'bad_value: action_count is ' || p.e.action_count
        when p.e.repeat_count is not null and try_cast(p.e.repeat_count as bigint) is null
            then 'bad_value: repeat_count is ' || p.e.repeat_count
    end as problem
from parsed_jobs as p
left join errors as x on p.row_id = x.row_id
