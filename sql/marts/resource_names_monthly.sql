-- The names that recipes, connections and people went by in a UTC month.
-- grain:  month_date, resource_kind, workspace_id, resource_id, resource_name
-- reads:  resource_activity_daily
-- scope:  month
-- note:   what resource_names is made of.

select
    resource_kind,
    workspace_id,
    resource_id,
    resource_name,
    max(resource_email) as resource_email,
    cast(date_trunc('month', event_date) as date) as month_date,
    max(event_date) as last_seen_date,
    max(last_seen_at) as last_seen_at
from resource_activity_daily
where event_date between $from_date and $to_date
group by all
