-- One row per user-activity event, with times in UTC and workspace switches told apart.
-- grain:  event_date, event_id
-- reads:  activity
-- scope:  partition
-- note:   a workspace switch arrives as a login and a logout; details.activity tells it apart.

select
    event_id,
    event_type,
    coalesce(workspace_id, 'unknown') as workspace_id,
    environment,
    actor_id,
    actor_name,
    actor_email,
    resource_type,
    resource_id,
    resource_name,
    member_email,
    role,
    activity,
    outcome,
    stop_reason,
    ip_address,
    coalesce(activity in ('switch_team', 'switch_workspace'), false) as is_workspace_switch,
    event_date,
    cast(occurred_at as timestamp) as occurred_at
from activity
