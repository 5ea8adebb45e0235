-- Activity events of one batch, with the two spellings of Workato made one.
-- grain:  row_id
-- reads:  batch
-- scope:  partition
-- note:   the API says event_type and workspace, the stream says event and team.

with parsed as (
    select
        row_id,
        object_index,
        source_offset,
        digest,
        event,
        raw,
        from_json(event, '{
            "id": "VARCHAR", "event": "VARCHAR", "event_type": "VARCHAR", "timestamp": "VARCHAR",
            "user": {"id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR"},
            "team": {"id": "VARCHAR", "name": "VARCHAR", "environment": "VARCHAR"},
            "workspace": {"id": "VARCHAR", "name": "VARCHAR", "environment": "VARCHAR"},
            "resource": {
                "id": "VARCHAR", "type": "VARCHAR", "name": "VARCHAR", "file_name": "VARCHAR",
                "email": "VARCHAR", "path": "VARCHAR", "folder_path": "VARCHAR",
                "parent_id": "VARCHAR", "role": "VARCHAR", "provider": "VARCHAR",
                "authorized": "VARCHAR",
                "member": {"id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR"}
            },
            "resource_changes": "VARCHAR",
            "details": {
                "activity": "VARCHAR", "sso_provider": "VARCHAR", "stop_reason": "VARCHAR",
                "force": "VARCHAR", "error": "VARCHAR", "run_once": "VARCHAR",
                "request": {"ip_address": "VARCHAR", "user_agent": "VARCHAR"}
            }
        }') as e
    from batch
),

timed as (
    select
        *,
        utc_instant(e.timestamp) as occurred_at,
        coalesce(e.event_type, e.event) as event_type,
        coalesce(e.workspace.environment, e.team.environment) as environment
    from parsed
)

select
    row_id,
    object_index,
    source_offset,
    'activity:' || case when digest = '' then e.id else digest end as event_id,
    event_type,
    occurred_at,
    coalesce(e.workspace.id, e.team.id) as workspace_id,
    case
        when starts_with(environment, '{') and json_valid(environment)
            then coalesce(
                json_extract_string(environment, '$.type'),
                json_extract_string(environment, '$.name'),
                environment
            )
        else environment
    end as environment,
    e.user.id as actor_id,
    e.user.email as actor_email,
    e.resource.type as resource_type,
    e.resource.id as resource_id,
    case when event_type like '%\_failed' escape '\' then 'failed' else 'succeeded' end as outcome,
    e.id as activity_id,
    e.user.name as actor_name,
    coalesce(e.workspace.name, e.team.name) as workspace_name,
    coalesce(e.resource.name, e.resource.file_name, e.resource.member.name) as resource_name,
    e.resource.email as resource_email,
    coalesce(e.resource.path, e.resource.folder_path) as resource_path,
    e.resource.parent_id as parent_id,
    e.resource.member.id as member_id,
    e.resource.member.name as member_name,
    e.resource.member.email as member_email,
    e.resource.role as role,
    e.details.activity as activity,
    e.details.sso_provider as sso_provider,
    e.details.stop_reason as stop_reason,
    try_cast(e.details.force as boolean) as is_forced,
    try_cast(e.details.error as boolean) as is_error,
    try_cast(e.details.run_once as boolean) as is_run_once,
    e.resource.provider as provider,
    try_cast(e.resource.authorized as boolean) as is_authorized,
    case
        when json_valid(e.resource_changes)
            then json_extract_string(e.resource_changes, '$.name.old_value')
    end as old_name,
    e.resource_changes as resource_changes,
    e.details.request.ip_address as ip_address,
    e.details.request.user_agent as user_agent,
    raw,
    raw = event as is_bare,
    cast(occurred_at as date) as event_date,
    case
        when occurred_at is null
            then 'bad_time: timestamp is ' || coalesce('"' || e.timestamp || '"', 'missing')
        when event_type is null then 'not_an_event: the event name is null'
    end as problem
from timed
