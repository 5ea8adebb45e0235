-- Sources that are silent against their own rhythm, as of the newest arrival in the lake.
-- grain:  source, workspace_id, event_kind
-- reads:  silent_sources
-- scope:  global

select
    source,
    workspace_id,
    event_kind,
    usual_gap_seconds,
    silent_seconds,
    last_received_at
from silent_sources
where is_silent
order by silent_seconds desc, source asc, workspace_id asc, event_kind asc
