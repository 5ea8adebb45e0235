-- How long after they occurred the events of a UTC day were received, per kind.
-- grain:  event_date, event_kind
-- reads:  stg_arrivals
-- scope:  partition
-- files:  month
-- note:   received is when the landing object was written. An event of a clock that runs fast was
--         received before it occurred; it counts as received at once. Late data restates its day.

with waited as (
    select
        event_kind,
        greatest(epoch(received_at) - epoch(occurred_at), 0) as late_seconds,
        event_date,
        received_at
    from stg_arrivals
    where event_date between $from_date and $to_date
)

select
    event_kind,
    cast(count(*) as bigint) as event_count,
    cast(count(*) filter (where late_seconds > 86400) as bigint) as day_late_count,
    cast(median(late_seconds) as double) as median_late_seconds,
    cast(quantile_cont(late_seconds, 0.95) as double) as p95_late_seconds,
    cast(quantile_cont(late_seconds, 0.99) as double) as p99_late_seconds,
    cast(max(late_seconds) as double) as longest_late_seconds,
    event_date,
    max(received_at) as last_received_at
from waited
group by all
