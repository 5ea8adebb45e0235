-- Job records of one batch, their error brought to one shape.
-- grain:  row_id
-- reads:  batch
-- scope:  partition
-- note:   every leaf is read as text, so that a value of another shape is null and never an error;
--         lines is an array, the text that says it was too large, or absent; an error comes as
--         text, as JSON text inside a string, or as an object; line, connector and operation come
--         from the one line that carries an error; the day is taken by way of microseconds, which
--         needs no calendar of time zones for each of a million jobs.

with parsed as (
    select
        row_id,
        object_index,
        source_offset,
        digest,
        event,
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
                "adapter_operation": "VARCHAR", "error": "VARCHAR"
            }]
        }') as e
    from batch
),

shaped as (
    select
        *,
        utc_instant(e.started_at) as started_at,
        utc_instant(e.completed_at) as completed_at,
        coalesce(e.recipe_id, e.flow_id) as recipe_id,
        try_cast(e.action_count as bigint) as action_count,
        try_cast(e.repeat_count as bigint) as repeat_count,
        case e.status when 'completed' then 'succeeded' else e.status end as outcome,
        case
            when starts_with(e.error, '{') and json_valid(e.error) then from_json(e.error, '{
                "message": "VARCHAR", "inner_message": "VARCHAR", "error_type": "VARCHAR",
                "error_id": "VARCHAR", "line_number": "VARCHAR", "adapter": "VARCHAR",
                "action": "VARCHAR", "http_response": "VARCHAR"
            }')
        end as error,
        case
            when starts_with(e.error_parts, '{') and json_valid(e.error_parts)
                then from_json(e.error_parts, '{
                    "message": "VARCHAR", "error_type": "VARCHAR", "error_id": "VARCHAR"
                }')
        end as parts,
        case
            when e.error is not null or e.status = 'failed'
                then list_filter(e.lines, lambda line: line.error is not null)[1]
        end as line
    from parsed
)

select
    row_id,
    object_index,
    source_offset,
    'job:' || case when digest = '' then e.id else digest end || ':'
    || coalesce(e.status, 'unknown') as event_id,
    coalesce(completed_at, started_at) as occurred_at,
    coalesce(e.account_id, e.environment_id, e.context.user_id) as workspace_id,
    e.environment_type as environment,
    outcome,
    e.id as job_id,
    coalesce(e.master_job_id, e.id) as family_id,
    e.parent_id as parent_id,
    recipe_id,
    e.context.recipe_name as recipe_name,
    e.context.recipe_path as recipe_path,
    e.calling_job_id as calling_job_id,
    e.calling_recipe_id as calling_recipe_id,
    coalesce(e.root_job_handle, e.root_job_id) as root_job_id,
    e.root_recipe_id as root_recipe_id,
    e.title as title,
    e.status as status,
    try_cast(e.is_repeat as boolean) as is_repeat,
    repeat_count,
    try_cast(e.is_test as boolean) as is_test,
    try_cast(e.is_poll_error as boolean) as is_poll_error,
    started_at,
    completed_at,
    epoch(completed_at) - epoch(started_at) as duration_seconds,
    action_count,
    e.account_name as account_name,
    len(e.lines) as step_count,
    case
        when e.lines is not null then 'sent'
        when json_type(event, '$.lines') = 'VARCHAR' then 'too_large'
        else 'absent'
    end as lines_state,
    coalesce(e.error_type, error.error_type, parts.error_type) as error_type,
    coalesce(error.message, parts.message, e.error, line.error) as error_message,
    nullif(error.inner_message, 'nil') as error_inner_message,
    coalesce(error.error_id, parts.error_id) as error_id,
    coalesce(
        try_cast(error.line_number as bigint), try_cast(line.recipe_line_number as bigint)
    ) as error_line_number,
    coalesce(error.adapter, line.adapter_name) as error_adapter,
    coalesce(error.action, line.adapter_operation) as error_operation,
    case
        when starts_with(error.http_response, '{') and json_valid(error.http_response)
            then coalesce(
                try_cast(json_extract_string(error.http_response, '$.status') as bigint),
                try_cast(json_extract_string(error.http_response, '$.code') as bigint)
            )
        else try_cast(error.http_response as bigint)
    end as error_http_status,
    e.error as error_raw,
    e.report as report,
    raw,
    raw = event as is_bare,
    nullif(event, raw) as event,
    cast(make_timestamp(epoch_us(coalesce(completed_at, started_at))) as date) as event_date,
    case
        when completed_at is null and started_at is null
            then
                'bad_time: started_at is '
                || coalesce('"' || e.started_at || '"', 'missing')
                || ', completed_at is '
                || coalesce('"' || e.completed_at || '"', 'missing')
        when e.status is null then 'not_an_event: status is null'
        when e.action_count is not null and action_count is null
            then 'bad_value: action_count is ' || e.action_count
        when e.repeat_count is not null and repeat_count is null
            then 'bad_value: repeat_count is ' || e.repeat_count
    end as problem
from shaped
