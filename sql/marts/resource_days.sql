-- The UTC days on which a recipe, connection or person is seen, in one file a month.
-- grain:  event_date, resource_kind, workspace_id, resource_id, resource_name
-- reads:  resource_activity_daily
-- scope:  month
-- note:   the timelines of connections and people look here first, and then open only the files of
--         those days.

select
    resource_kind,
    workspace_id,
    resource_id,
    resource_name,
    resource_email,
    activity_count,
    mention_count,
    job_count,
    failed_count,
    event_date,
    cast(date_trunc('month', event_date) as date) as month_date,
    first_seen_at,
    last_seen_at
from resource_activity_daily
order by
    resource_kind asc, workspace_id asc, resource_id asc, event_date asc, resource_name asc
