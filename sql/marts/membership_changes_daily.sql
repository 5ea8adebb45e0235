-- Invitations, memberships and roles as they change, each with the person concerned.
-- grain:  event_date, event_id
-- reads:  int_activity_once
-- scope:  partition
-- files:  month
-- note:   whoever accepts an invitation is the actor; else the person concerned is the member.
--         The address names a person before and after an id is known, so it comes first.

with changes as (
    select
        *,
        case
            when member_id is not null then member_id
            when event_type in ('team_invitation_accept', 'team_invitation_accepted') then actor_id
        end as person_id,
        lower(coalesce(member_email, resource_email)) as person_email,
        coalesce(member_name, resource_name) as person_name
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and change_kind in ('invited', 'invitation_changed', 'joined', 'role_changed', 'removed')
)

select
    event_id,
    workspace_id,
    coalesce(person_email, person_id, 'unknown') as member_key,
    person_id,
    person_name,
    person_email,
    change_kind,
    role,
    old_role,
    actor_id,
    actor_name,
    actor_email,
    ip_address,
    event_date,
    occurred_at
from changes
