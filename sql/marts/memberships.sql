-- Who held which role in which workspace, from when until when.
-- grain:  workspace_id, member_key, valid_from
-- reads:  membership_changes_daily, recipe_activity_monthly
-- scope:  global
-- note:   valid_from is held, valid_to is not: moment >= valid_from and moment < valid_to. What
--         began before the lake begins in 1970, what lasts ends in 2200. Who was never invited,
--         changed or removed in the lake is not here.

with changes as (
    select
        *,
        case change_kind when 'removed' then 0 else 1 end as later
    from membership_changes_daily
    where change_kind in ('joined', 'role_changed', 'removed')
),

ordered as (
    select
        *,
        row_number() over (
            partition by workspace_id, member_key
            order by occurred_at asc, later asc, event_id asc
        ) as position,
        lead(occurred_at) over (
            partition by workspace_id, member_key
            order by occurred_at asc, later asc, event_id asc
        ) as next_at,
        lead(event_id) over (
            partition by workspace_id, member_key
            order by occurred_at asc, later asc, event_id asc
        ) as next_event_id,
        lead(change_kind) over (
            partition by workspace_id, member_key
            order by occurred_at asc, later asc, event_id asc
        ) as next_kind
    from changes
),

held as (
    select
        workspace_id,
        member_key,
        role,
        event_id as begin_event_id,
        next_event_id as end_event_id,
        change_kind as began_as,
        next_kind as ended_as,
        actor_name as given_by_name,
        occurred_at as valid_from,
        coalesce(next_at, timestamp '2200-01-01 00:00:00') as valid_to
    from ordered
    where change_kind <> 'removed'
    union all
    -- the first that is seen may be a change of, or an end to, what was there before
    select
        workspace_id,
        member_key,
        case change_kind when 'removed' then role else old_role end as role,
        null as begin_event_id,
        event_id as end_event_id,
        null as began_as,
        change_kind as ended_as,
        null as given_by_name,
        timestamp '1970-01-01 00:00:00' as valid_from,
        occurred_at as valid_to
    from ordered
    where position = 1 and change_kind <> 'joined'
),

named as (
    select
        member_key,
        person_id,
        person_name,
        person_email,
        row_number() over (
            partition by member_key
            order by
                (case when person_id is null then 1 else 0 end) asc, occurred_at desc, event_id asc
        ) as position
    from membership_changes_daily
),

environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_activity_monthly
    group by all
)

select
    h.workspace_id,
    e.environment,
    h.member_key,
    n.person_id,
    n.person_name,
    n.person_email,
    coalesce(h.role, 'unknown') as role,
    h.begin_event_id,
    h.end_event_id,
    h.began_as,
    h.ended_as,
    h.given_by_name,
    h.begin_event_id is not null as is_start_known,
    h.end_event_id is null as is_current,
    h.valid_from,
    h.valid_to
from held as h
left join named as n on h.member_key = n.member_key and n.position = 1
left join environments as e on h.workspace_id = e.workspace_id
-- of two changes in one second the later one holds
where h.valid_from < h.valid_to
