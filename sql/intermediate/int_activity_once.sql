-- Activity events, each once: an event that came through API and stream is the API's alone.
-- grain:  event_date, event_id
-- reads:  stg_activity, activity_twins_daily
-- scope:  partition
-- note:   activity_twins_daily says what came twice.

select
    a.event_id,
    a.event_type,
    a.workspace_id,
    a.environment,
    a.actor_id,
    a.actor_name,
    a.actor_email,
    a.resource_type,
    a.resource_id,
    a.resource_name,
    a.resource_email,
    a.resource_path,
    a.recipe_id,
    a.connection_id,
    a.parent_id,
    a.member_id,
    a.member_name,
    a.member_email,
    a.role,
    a.old_role,
    a.old_name,
    a.provider,
    a.activity,
    a.outcome,
    a.stop_reason,
    a.ip_address,
    a.user_agent,
    a.event_category,
    a.change_kind,
    a.is_workspace_switch,
    a.is_sign_in,
    a.is_failed_sign_in,
    a.is_sign_out,
    a.is_forced,
    a.is_error,
    a.is_run_once,
    a.is_authorized,
    a.event_date,
    a.occurred_at
from stg_activity as a
left join activity_twins_daily as t on a.event_date = t.event_date and a.event_id = t.event_id
where t.event_id is null
