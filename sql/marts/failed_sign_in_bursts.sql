-- Bursts of failed sign-ins, by person and by address, and what followed within a day.
-- grain:  burst_of, subject, first_failed_at
-- reads:  sign_in_events, membership_changes_daily
-- scope:  global
-- note:   a burst is 5 failures or more with at most 10 minutes between one and the next; by
--         address it is one only where 2 people or more are tried, else it is the person's. What
--         followed is by the person or from an address of the burst, at most 24 hours after it.

with failures as (
    select
        event_id,
        workspace_id,
        person_id,
        person_name,
        person_email,
        ip_address,
        occurred_at
    from sign_in_events
    where is_failed_sign_in
),

told as (
    select
        'person' as burst_of,
        person_id as subject,
        *
    from failures
    union all
    select
        'address' as burst_of,
        ip_address as subject,
        *
    from failures
    where ip_address is not null
),

spaced as (
    select
        *,
        epoch(occurred_at) - epoch(
            lag(occurred_at) over (
                partition by burst_of, subject order by occurred_at asc, event_id asc
            )
        ) as gap_seconds
    from told
),

numbered as (
    select
        *,
        sum(case when gap_seconds <= 600 then 0 else 1 end) over (
            partition by burst_of, subject order by occurred_at asc, event_id asc
            rows between unbounded preceding and current row
        ) as burst_number
    from spaced
),

bursts as (
    select
        burst_of,
        subject,
        burst_number,
        count(*) as failed_count,
        count(distinct person_id) as person_count,
        count(distinct ip_address) as ip_address_count,
        max(person_name) as person_name,
        max(person_email) as person_email,
        min(ip_address) as ip_address,
        min(workspace_id) as workspace_id,
        min(occurred_at) as first_failed_at,
        max(occurred_at) as last_failed_at
    from numbered
    group by all
    having count(*) >= 5 and (burst_of = 'person' or count(distinct person_id) > 1)
),

parties as (
    select distinct
        b.burst_of,
        b.subject,
        b.burst_number,
        b.last_failed_at,
        b.first_failed_at,
        n.person_id,
        n.ip_address
    from bursts as b
    inner join numbered as n
        on
            b.burst_of = n.burst_of
            and b.subject = n.subject
            and b.burst_number = n.burst_number
),

entries as (
    select
        event_id,
        actor_id,
        actor_name,
        ip_address,
        occurred_at
    from sign_in_events
    where not is_failed_sign_in
),

signed_in as (
    select
        p.burst_of,
        p.subject,
        p.burst_number,
        e.actor_id,
        e.actor_name,
        e.ip_address,
        e.occurred_at,
        row_number() over (
            partition by p.burst_of, p.subject, p.burst_number
            order by e.occurred_at asc, e.event_id asc
        ) as position
    from parties as p
    inner join entries as e
        on
            (
                (p.burst_of = 'person' and p.person_id = e.actor_id)
                or p.ip_address = e.ip_address
            )
            and p.last_failed_at < e.occurred_at
            and epoch(e.occurred_at) - epoch(p.last_failed_at) <= 86400
),

role_changed as (
    select
        p.burst_of,
        p.subject,
        p.burst_number,
        c.event_id,
        c.actor_id,
        c.actor_name,
        c.person_id,
        c.person_name,
        c.person_email,
        c.old_role,
        c.role,
        c.occurred_at,
        row_number() over (
            partition by p.burst_of, p.subject, p.burst_number
            order by c.occurred_at asc, c.event_id asc
        ) as position
    from parties as p
    inner join membership_changes_daily as c
        on
            c.change_kind = 'role_changed'
            and (
                (p.burst_of = 'person' and p.person_id in (c.actor_id, c.person_id))
                or p.ip_address = c.ip_address
            )
            and p.first_failed_at <= c.occurred_at
            and epoch(c.occurred_at) - epoch(p.last_failed_at) <= 86400
)

select
    b.burst_of,
    b.subject,
    b.workspace_id,
    case when b.person_count = 1 then b.person_name end as person_name,
    case when b.person_count = 1 then b.person_email end as person_email,
    case when b.ip_address_count = 1 then b.ip_address end as ip_address,
    s.actor_id as signed_in_id,
    s.actor_name as signed_in_name,
    s.ip_address as signed_in_ip_address,
    r.event_id as role_change_event_id,
    r.actor_id as role_changed_by_id,
    r.actor_name as role_changed_by_name,
    r.person_id as member_id,
    r.person_name as member_name,
    r.person_email as member_email,
    r.old_role,
    r.role as new_role,
    cast(b.failed_count as bigint) as failed_count,
    cast(b.person_count as bigint) as person_count,
    cast(b.ip_address_count as bigint) as ip_address_count,
    s.occurred_at is not null as is_followed_by_sign_in,
    r.occurred_at is not null as is_followed_by_role_change,
    cast(b.first_failed_at as date) as event_date,
    b.first_failed_at,
    b.last_failed_at,
    s.occurred_at as signed_in_at,
    r.occurred_at as role_changed_at
from bursts as b
left join signed_in as s
    on
        b.burst_of = s.burst_of
        and b.subject = s.subject
        and b.burst_number = s.burst_number
        and s.position = 1
left join role_changed as r
    on
        b.burst_of = r.burst_of
        and b.subject = r.subject
        and b.burst_number = r.burst_number
        and r.position = 1
