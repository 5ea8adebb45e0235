-- What a person did and what was done to them, in order of time; found by id, name or address.
-- grain:  event_id
-- reads:  int_activity_once, resource_days
-- scope:  global
-- macro:  person_timeline(person)
-- note:   people are told apart by address, because invitations carry ids that others have too; an
--         id decides where there is no address. Only the files of days that hold them are read.

with found as (
    select distinct
        resource_id,
        resource_email
    from resource_days
    where
        resource_kind = 'person'
        and (
            resource_id = person
            or contains(lower(resource_name), lower(person))
            or contains(resource_email, lower(person))
        )
),

days as (
    select distinct event_date
    from resource_days
    where
        resource_kind = 'person'
        and (
            resource_email in (select resource_email from found)
            or (resource_email is null and resource_id in (select resource_id from found))
        )
),

held as (
    select
        *,
        case
            when actor_email is null
                then coalesce(actor_id in (select resource_id from found), false)
            else lower(actor_email) in (select resource_email from found)
        end as is_actor
    from int_activity_once
    where event_date in (select event_date from days)
)

select
    occurred_at,
    case when is_actor then 'did' else 'was done to' end as part,
    event_type,
    resource_type,
    resource_id,
    resource_name,
    coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
    member_name,
    role,
    outcome,
    coalesce(activity, stop_reason, 'was named ' || old_name) as detail,
    ip_address,
    workspace_id,
    environment,
    event_id
from held
where
    coalesce(is_actor, false)
    or lower(member_email) in (select resource_email from found)
    or (member_email is null and member_id in (select resource_id from found))
    or (
        lower(resource_type) in ('user', 'memberinvitation')
        and lower(resource_email) in (select resource_email from found)
    )
order by occurred_at asc, event_id asc
