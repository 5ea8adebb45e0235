-- One row per load, with times in UTC.
-- grain:  event_date, load_number
-- reads:  loads
-- scope:  partition
-- note:   the day is that on which the load began.

select
    load_id,
    load_number,
    objects as object_count,
    received as received_count,
    accepted as accepted_count,
    duplicate as duplicate_count,
    rejected as rejected_count,
    bytes as landing_bytes,
    seconds as load_seconds,
    event_date,
    loaded_at at time zone 'UTC' as loaded_at,
    committed_at at time zone 'UTC' as committed_at
from loads
