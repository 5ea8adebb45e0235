-- The newest acts of a person, and acts upon them, between two UTC days, in order of time.
-- grain:  event_id
-- reads:  int_activity_once, resource_days, recipe_owners
-- scope:  global
-- note:   people are told apart by address, because invitations carry ids that others have too; an
--         id decides where there is no address. Only the files of days that hold them are read.

with days as (
    select distinct event_date
    from resource_days
    where
        resource_kind = 'person'
        and event_date between $from_date and $to_date
        and (list_contains($ids, resource_id) or list_contains($emails, resource_email))
),

environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_owners
    where environment <> 'unknown'
    group by all
),

held as (
    select
        a.*,
        n.environment as workspace_environment,
        case
            when a.actor_email is null then coalesce(list_contains($ids, a.actor_id), false)
            else list_contains($emails, lower(a.actor_email))
        end as is_actor
    from int_activity_once as a
    left join environments as n on a.workspace_id = n.workspace_id
    where a.event_date in (select event_date from days)
),

told as (
    select
        *,
        row_number() over (order by occurred_at desc, event_id desc) as position,
        count(*) over () as total_count
    from held
    where
        (
            is_actor
            or list_contains($emails, lower(member_email))
            or (member_email is null and list_contains($ids, member_id))
            or (
                lower(resource_type) in ('user', 'memberinvitation')
                and list_contains($emails, lower(resource_email))
            )
        )
        and ($environment is null or workspace_environment = $environment)
)

select
    occurred_at,
    'activity' as event_kind,
    event_type,
    resource_type,
    resource_id,
    coalesce(member_name, resource_name, resource_path) as resource_name,
    coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
    outcome,
    coalesce(
        role || coalesce(' (was ' || old_role || ')', ''),
        activity,
        stop_reason,
        'was named ' || old_name
    ) as detail,
    ip_address,
    case when lower(resource_type) = 'flow' then resource_id end as recipe_id,
    cast(null as varchar) as job_id,
    false as is_test,
    workspace_id,
    event_id,
    is_actor,
    workspace_environment as environment,
    total_count
from told
where $top = 0 or position <= $top
order by position desc
