-- One row per input that could not be read, with times in UTC and without its bytes.
-- grain:  event_date, rejected_id
-- reads:  rejected
-- scope:  partition
-- note:   the day is that of the load; the time of an unreadable event is not known.

select
    rejected_id,
    load_id,
    reason,
    detail,
    source,
    source_uri,
    source_offset,
    octet_length(bytes) as input_bytes,
    event_date,
    received_at at time zone 'UTC' as received_at,
    loaded_at at time zone 'UTC' as loaded_at
from rejected
