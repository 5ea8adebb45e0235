-- Activity events, each once: an event that came through API and stream is the API's alone.
-- grain:  event_date, event_id
-- reads:  stg_activity
-- scope:  partition
-- note:   the stream has no ids and whole seconds, so twins share type, second, workspace, person
--         and resource; two edits within a second stay two.

with spelled as (
    select
        *,
        activity_id is not null as is_from_api,
        date_trunc('second', occurred_at) as occurred_second
    from stg_activity
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                event_date, event_type, occurred_second, workspace_id, actor_id, resource_type,
                resource_id, is_from_api
            order by event_id asc
        ) as position,
        sum(case when is_from_api then 1 else 0 end) over (
            partition by
                event_date, event_type, occurred_second, workspace_id, actor_id, resource_type,
                resource_id
        ) as api_count
    from spelled
)

select
    event_id,
    event_type,
    workspace_id,
    environment,
    actor_id,
    actor_name,
    actor_email,
    resource_type,
    resource_id,
    resource_name,
    resource_email,
    resource_path,
    recipe_id,
    connection_id,
    member_id,
    member_name,
    member_email,
    role,
    old_role,
    old_name,
    provider,
    activity,
    outcome,
    stop_reason,
    ip_address,
    user_agent,
    event_category,
    change_kind,
    is_workspace_switch,
    is_sign_in,
    is_failed_sign_in,
    is_sign_out,
    is_forced,
    is_error,
    is_run_once,
    is_authorized,
    event_date,
    occurred_at
from ranked
where is_from_api or position > api_count
