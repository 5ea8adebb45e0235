-- One row per user-activity event, with times in UTC, its class, and switches told apart.
-- grain:  event_date, event_id
-- reads:  activity
-- scope:  partition
-- note:   a workspace switch arrives as a login and a logout; details.activity tells it apart.
--         A type that nobody knows passes through, with change_kind other.

with classed as (
    select
        *,
        coalesce(activity in ('switch_team', 'switch_workspace'), false) as is_workspace_switch,
        coalesce(starts_with(event_type, 'user_login'), false) as is_login,
        coalesce(event_type = 'user_logout', false) as is_logout,
        coalesce(outcome = 'failed', false) as is_failed,
        -- the docs write Flow, their examples flow
        lower(resource_type) as resource_class,
        regexp_extract(event_type, '_([a-z]+)$', 1) as verb
    from activity
)

select
    event_id,
    activity_id,
    event_type,
    coalesce(workspace_id, 'unknown') as workspace_id,
    workspace_name,
    environment,
    actor_id,
    actor_name,
    actor_email,
    resource_type,
    resource_id,
    resource_name,
    resource_email,
    resource_path,
    case when resource_class = 'flow' then resource_id end as recipe_id,
    case when resource_class = 'sharedaccount' then resource_id end as connection_id,
    parent_id,
    member_id,
    member_name,
    member_email,
    role,
    case
        when json_valid(resource_changes)
            then json_extract_string(resource_changes, '$.role.old_value')
    end as old_role,
    old_name,
    provider,
    activity,
    sso_provider,
    outcome,
    stop_reason,
    ip_address,
    user_agent,
    case
        when resource_class = 'flow' then 'recipe'
        when resource_class = 'sharedaccount' then 'connection'
        when resource_class in ('user', 'account', 'auditlogreplicationsettings') then 'account'
        when resource_class in (
            'memberinvitation', 'managedusergrant', 'privilegegroup', 'teamprofile'
        ) then 'team'
        when resource_class = 'folder' then 'folder'
        when resource_class in ('project', 'projectbuild', 'deployment', 'projectproperty')
            then 'project'
        when resource_class in ('exportmanifest', 'package') then 'package'
        when resource_class in (
            'adapter', 'communityadapterpublication', 'organizationadapterpublication'
        ) then 'connector'
        when resource_class = 'lookuptable' then 'lookup_table'
        when resource_class = 'accountproperty' then 'property'
        when resource_class in (
            'apigroup', 'apiendpoint', 'apicustomer', 'apiaccessprofile', 'apipolicy'
        ) then 'api_platform'
        when resource_class in ('apiclient', 'apiprivilegegroup') then 'developer_api'
        else 'other'
    end as event_category,
    case
        when is_workspace_switch then 'workspace_switched'
        when is_login and is_failed then 'sign_in_failed'
        when is_login then 'signed_in'
        when is_logout then 'signed_out'
        when event_type = 'team_invitation_created' then 'invited'
        when event_type in ('team_invitation_accept', 'team_invitation_accepted') then 'joined'
        when starts_with(event_type, 'team_invitation') then 'invitation_changed'
        when event_type = 'team_membership_created' then 'joined'
        when event_type = 'team_membership_updated' then 'role_changed'
        when event_type = 'team_membership_deleted' then 'removed'
        when verb in (
            'created', 'updated', 'renamed', 'moved', 'copied', 'deleted', 'started', 'stopped',
            'connected', 'disconnected', 'exported', 'imported', 'released', 'installed', 'shared',
            'refreshed', 'enabled'
        ) then verb
        else 'other'
    end as change_kind,
    is_workspace_switch,
    is_login and not is_failed and not is_workspace_switch as is_sign_in,
    is_login and is_failed as is_failed_sign_in,
    is_logout and not is_workspace_switch as is_sign_out,
    is_forced,
    is_error,
    is_run_once,
    is_authorized,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at
from classed
