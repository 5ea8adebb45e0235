-- How late the events of a UTC day arrived, per source, workspace, kind and lag.
-- grain:  event_date, source, workspace_id, event_kind, lag
-- reads:  arrivals_hourly
-- scope:  partition
-- files:  month
-- note:   Workato keeps trying for 7 days; what is later came by hand or from the API.

select
    source,
    workspace_id,
    event_kind,
    lag,
    lag in ('within 7 days', 'after 7 days') as is_late,
    cast(sum(event_count) as bigint) as event_count,
    max(longest_lag_seconds) as longest_lag_seconds,
    event_date,
    max(last_received_at) as last_received_at
from arrivals_hourly
where event_date between $from_date and $to_date
group by all
