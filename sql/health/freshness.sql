-- How new each lake table and each mart is as readers see it, and whether it lags.
-- grain:  table_name
-- reads:  loads, deliveries, checks, lake_tables, mart_builds
-- scope:  global
-- note:   the catalogue says what a mart held when it was shown; the loads say what came since.

with outputs as (
    select
        load_number,
        committed_at,
        unnest(outputs) as output
    from loads
),

brought as (
    select
        output.table as table_name,
        output.event_date as event_date,
        load_number,
        committed_at at time zone 'UTC' as refreshed_at
    from outputs
    union all
    select
        'loads' as table_name,
        event_date,
        load_number,
        committed_at at time zone 'UTC' as refreshed_at
    from loads
    union all
    select
        'deliveries' as table_name,
        event_date,
        null as load_number,
        attempted_at at time zone 'UTC' as refreshed_at
    from deliveries
    union all
    select
        'checks' as table_name,
        event_date,
        null as load_number,
        checked_at at time zone 'UTC' as refreshed_at
    from checks
),

newest as (
    select
        table_name,
        max(load_number) as load_number,
        max(event_date) as newest_event_date,
        max(refreshed_at) as refreshed_at
    from brought
    group by all
),

of_lake as (
    select
        l.table_name,
        'lake' as table_kind,
        n.load_number,
        (current_timestamp at time zone 'UTC')
        > n.newest_event_date + to_hours(24 + l.hours_until_stale) as is_stale,
        n.newest_event_date,
        n.refreshed_at
    from lake_tables as l
    left join newest as n on l.table_name = n.table_name
),

of_marts as (
    select
        m.table_name,
        'mart' as table_kind,
        m.load_number,
        bool_or(m.is_stale or n.table_name is not null) as is_stale,
        m.newest_event_date,
        m.refreshed_at
    from mart_builds as m
    left join newest as n
        on
            (m.load_number < n.load_number and list_contains(m.lake_tables, n.table_name))
            -- a window ends on the newest day of the lake
            or (m.as_of_date < n.newest_event_date and n.table_name in ('activity', 'jobs'))
    group by all
)

select
    table_name,
    table_kind,
    load_number,
    is_stale,
    newest_event_date,
    refreshed_at
from of_lake
union all
select
    table_name,
    table_kind,
    load_number,
    is_stale,
    newest_event_date,
    refreshed_at
from of_marts
