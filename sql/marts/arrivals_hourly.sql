-- Events and objects per source, workspace, kind, hour of arrival and lag behind the event.
-- grain:  event_date, source, workspace_id, event_kind, received_hour_at, lag
-- reads:  stg_arrivals
-- scope:  partition
-- files:  month
-- note:   the day is that of the events, the hour that of the arrival.

with lagged as (
    select
        source,
        workspace_id,
        event_kind,
        source_uri,
        epoch(received_at) - epoch(occurred_at) as lag_seconds,
        event_date,
        date_trunc('hour', received_at) as received_hour_at,
        received_at
    from stg_arrivals
    where event_date between $from_date and $to_date and received_at is not null
)

select
    source,
    workspace_id,
    event_kind,
    case
        when lag_seconds < 0 then 'before the event'
        when lag_seconds <= 3600 then 'within an hour'
        when lag_seconds <= 86400 then 'within a day'
        when lag_seconds <= 604800 then 'within 7 days'
        else 'after 7 days'
    end as lag,
    cast(count(*) as bigint) as event_count,
    cast(count(distinct source_uri) as bigint) as object_count,
    cast(max(lag_seconds) as double) as longest_lag_seconds,
    event_date,
    received_hour_at,
    max(received_at) as last_received_at
from lagged
group by all
