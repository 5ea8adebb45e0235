-- Times without a connection: from its disconnection until it is connected again or deleted.
-- grain:  event_id
-- reads:  connection_switches_daily
-- scope:  global
-- note:   a disconnection of what is disconnected already opens no second outage.

with switches as (
    select
        *,
        case when change_kind = 'disconnected' then 0 else 1 end as later
    from connection_switches_daily
),

ordered as (
    select
        *,
        lag(change_kind) over (
            partition by workspace_id, connection_id
            order by occurred_at asc, later asc, event_id asc
        ) as previous_kind,
        sum(later) over (
            partition by workspace_id, connection_id
            order by occurred_at asc, later asc, event_id asc
            rows between unbounded preceding and current row
        ) as end_number
    from switches
)

select
    s.event_id,
    s.workspace_id,
    s.connection_id,
    s.connection_name,
    s.provider,
    s.actor_id,
    coalesce(s.actor_name, s.actor_email, s.actor_id, 'Workato') as actor_name,
    s.actor_email,
    s.ip_address,
    e.event_id as end_event_id,
    e.actor_id as ended_by_id,
    case
        when e.event_id is not null
            then coalesce(e.actor_name, e.actor_email, e.actor_id, 'Workato')
    end as ended_by_name,
    e.change_kind as ended_as,
    e.event_id is null as is_open,
    s.event_date,
    s.occurred_at as disconnected_at,
    e.occurred_at as ended_at
from ordered as s
left join ordered as e
    on
        s.workspace_id = e.workspace_id
        and s.connection_id = e.connection_id
        and s.end_number + 1 = e.end_number
        and e.later = 1
where s.later = 0 and coalesce(s.previous_kind, '') <> 'disconnected'
