-- Sources by workspace and kind of event, with their rhythm of arrivals and their silence.
-- grain:  source, workspace_id, event_kind
-- reads:  arrivals_hourly
-- scope:  global
-- note:   silent is longer without an object than 1.5 times the gap that 95 of 100 gaps between
--         hours with arrivals stay below, 2 hours at least, after 5 hours with arrivals; up to the
--         newest arrival from anywhere, so that a clock must tell where nothing arrives at all.

with hours as (
    select
        source,
        workspace_id,
        event_kind,
        sum(event_count) as event_count,
        received_hour_at,
        max(last_received_at) as last_received_at
    from arrivals_hourly
    group by all
),

spaced as (
    select
        *,
        epoch(received_hour_at) - epoch(
            lag(received_hour_at) over (
                partition by source, workspace_id, event_kind order by received_hour_at asc
            )
        ) as gap_seconds
    from hours
),

newest as (
    select max(last_received_at) as until_at
    from hours
),

rhythms as (
    select
        source,
        workspace_id,
        event_kind,
        sum(event_count) as event_count,
        count(*) as hour_count,
        median(gap_seconds) as usual_gap_seconds,
        quantile_cont(gap_seconds, 0.95) as long_gap_seconds,
        min(received_hour_at) as first_received_hour_at,
        max(last_received_at) as last_received_at
    from spaced
    group by all
)

select
    r.source,
    r.workspace_id,
    r.event_kind,
    cast(r.event_count as bigint) as event_count,
    cast(r.hour_count as bigint) as hour_count,
    cast(r.usual_gap_seconds as double) as usual_gap_seconds,
    cast(r.long_gap_seconds as double) as long_gap_seconds,
    round(epoch(n.until_at) - epoch(r.last_received_at), 3) as silent_seconds,
    r.hour_count >= 5
    and epoch(n.until_at) - epoch(r.last_received_at) > greatest(7200, 1.5e0 * r.long_gap_seconds)
        as is_silent,
    r.first_received_hour_at,
    r.last_received_at,
    n.until_at
from rhythms as r
cross join newest as n
