-- One row per event of any kind, with when it happened and when its object was received.
-- grain:  event_date, event_kind, event_id
-- reads:  activity, jobs, api_requests, log_messages
-- scope:  partition
-- note:   steps come with their jobs and are left out.

select
    event_id,
    'activity' as event_kind,
    coalesce(source, 'unknown') as source,
    coalesce(workspace_id, 'unknown') as workspace_id,
    source_uri,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at,
    received_at at time zone 'UTC' as received_at
from activity
union all
select
    event_id,
    'job' as event_kind,
    coalesce(source, 'unknown') as source,
    coalesce(workspace_id, 'unknown') as workspace_id,
    source_uri,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at,
    received_at at time zone 'UTC' as received_at
from jobs
union all
select
    event_id,
    'api_request' as event_kind,
    coalesce(source, 'unknown') as source,
    coalesce(workspace_id, 'unknown') as workspace_id,
    source_uri,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at,
    received_at at time zone 'UTC' as received_at
from api_requests
union all
select
    event_id,
    'log_message' as event_kind,
    coalesce(source, 'unknown') as source,
    coalesce(workspace_id, 'unknown') as workspace_id,
    source_uri,
    event_date,
    occurred_at at time zone 'UTC' as occurred_at,
    received_at at time zone 'UTC' as received_at
from log_messages
