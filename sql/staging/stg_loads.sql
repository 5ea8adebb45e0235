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
    cast(loaded_at as timestamp) as loaded_at,
    cast(committed_at as timestamp) as committed_at
from loads
