-- How late the events of the period arrived, per kind.
-- grain:  event_kind
-- reads:  lateness_daily
-- scope:  global

select
    event_kind,
    cast(sum(event_count) as bigint) as event_count,
    cast(sum(day_late_count) as bigint) as day_late_count,
    median(median_late_seconds) as usual_late_seconds,
    max(p95_late_seconds) as greatest_daily_p95_seconds,
    max(event_date) as last_event_date,
    max(last_received_at) as last_received_at
from lateness_daily
where event_date between $from_date and $to_date
group by all
order by event_kind asc
