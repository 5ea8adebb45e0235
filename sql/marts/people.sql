-- People, with their last act and sign-in, and how long they have been dormant.
-- grain:  person_id
-- reads:  resource_days, sign_ins_daily, memberships
-- scope:  global
-- note:   an address is one person, under its newest id. Days are counted to the newest day in
--         the lake. Who was removed everywhere is not dormant; dormant is 30 days or more without
--         an act, or none at all.

with ranked_ids as (
    select
        resource_email,
        resource_id,
        row_number() over (
            partition by resource_email
            order by
                event_date desc, last_seen_at desc, resource_id desc, workspace_id asc,
                resource_name asc
        ) as position
    from resource_days
    where resource_kind = 'person' and resource_id <> resource_email
),

known as (
    select
        resource_email,
        resource_id as person_id
    from ranked_ids
    where position = 1
),

seen as (
    select
        coalesce(k.person_id, d.resource_id) as person_id,
        d.resource_name,
        d.resource_email,
        d.workspace_id,
        d.activity_count,
        d.event_date,
        d.first_seen_at,
        d.last_seen_at,
        row_number() over (
            partition by coalesce(k.person_id, d.resource_id)
            order by
                d.event_date desc, d.last_seen_at desc, d.workspace_id asc, d.resource_name asc,
                d.resource_id asc
        ) as position
    from resource_days as d
    left join known as k on d.resource_email = k.resource_email
    where d.resource_kind = 'person'
),

acts as (
    select
        person_id,
        max(case when position = 1 then resource_name end) as person_name,
        max(case when position = 1 then resource_email end) as person_email,
        sum(activity_count) as activity_count,
        count(distinct case when activity_count > 0 then event_date end) as active_day_count,
        count(distinct workspace_id) as workspace_count,
        min(first_seen_at) as first_seen_at,
        max(case when activity_count > 0 then last_seen_at end) as last_activity_at
    from seen
    group by all
),

sign_ins as (
    select
        coalesce(k.person_id, s.person_id) as person_id,
        sum(s.sign_in_count) as sign_in_count,
        max(s.last_sign_in_at) as last_sign_in_at
    from sign_ins_daily as s
    left join known as k on s.person_email = k.resource_email
    group by all
),

roles as (
    select
        coalesce(k.person_id, m.person_id, m.member_key) as person_id,
        m.role,
        bool_or(m.is_current) over (
            partition by coalesce(k.person_id, m.person_id, m.member_key)
        ) as is_member,
        row_number() over (
            partition by coalesce(k.person_id, m.person_id, m.member_key)
            order by m.valid_to desc, m.valid_from desc, m.workspace_id asc, m.member_key asc
        ) as position
    from memberships as m
    left join known as k on m.person_email = k.resource_email
)

select
    a.person_id,
    a.person_name,
    a.person_email,
    case when r.is_member then r.role end as role,
    cast(a.activity_count as bigint) as activity_count,
    cast(coalesce(s.sign_in_count, 0) as bigint) as sign_in_count,
    cast(a.active_day_count as bigint) as active_day_count,
    cast(a.workspace_count as bigint) as workspace_count,
    cast(date_diff('day', cast(a.last_activity_at as date), $as_of) as bigint)
        as days_since_activity,
    not coalesce(r.is_member, true) as is_removed,
    coalesce(r.is_member, true)
    and (
        a.last_activity_at is null
        or date_diff('day', cast(a.last_activity_at as date), $as_of) >= 30
    ) as is_dormant,
    a.first_seen_at,
    a.last_activity_at,
    s.last_sign_in_at
from acts as a
left join sign_ins as s on a.person_id = s.person_id
left join roles as r on a.person_id = r.person_id and r.position = 1
