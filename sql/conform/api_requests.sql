-- API-platform requests of one batch.
-- grain:  row_id
-- reads:  batch
-- scope:  partition
-- note:   Workato documents the fields' meaning, not their keys: several spellings are read.

with parsed as (
    select
        row_id,
        object_index,
        source_offset,
        digest,
        event,
        raw,
        from_json(event, '{
            "timestamp": "VARCHAR", "date": "VARCHAR", "type": "VARCHAR", "code": "VARCHAR",
            "status_code": "VARCHAR", "status": "VARCHAR", "gateway_code": "VARCHAR",
            "status_details": "VARCHAR", "ip": "VARCHAR", "ip_address": "VARCHAR",
            "timing_ms": "VARCHAR", "timing": "VARCHAR", "delay_ms": "VARCHAR",
            "delay": "VARCHAR", "api_collection": "VARCHAR", "endpoint": "VARCHAR",
            "client": "VARCHAR", "job_id": "VARCHAR", "account_id": "VARCHAR",
            "environment_type": "VARCHAR"
        }') as e
    from batch
),

timed as (
    select
        *,
        utc_instant(coalesce(e.timestamp, e.date)) as occurred_at,
        coalesce(
            try_cast(e.code as bigint),
            try_cast(e.status_code as bigint),
            try_cast(e.status as bigint)
        ) as status_code
    from parsed
)

select
    row_id,
    object_index,
    source_offset,
    'api_request:' || digest as event_id,
    occurred_at,
    e.account_id as workspace_id,
    e.environment_type as environment,
    case
        when lower(e.type) = 'error' or status_code >= 400 then 'failed'
        else 'succeeded'
    end as outcome,
    e.type as status_type,
    status_code,
    e.gateway_code as gateway_code,
    e.status_details as status_details,
    coalesce(e.ip, e.ip_address) as ip_address,
    try_cast(coalesce(e.timing_ms, e.timing) as double) as timing_ms,
    try_cast(coalesce(e.delay_ms, e.delay) as double) as delay_ms,
    e.api_collection as api_collection,
    e.endpoint as endpoint,
    e.client as client,
    e.job_id as job_id,
    raw,
    raw = event as is_bare,
    cast(occurred_at as date) as event_date,
    case
        when occurred_at is null
            then
                'bad_time: timestamp is '
                || coalesce('"' || coalesce(e.timestamp, e.date) || '"', 'missing')
    end as problem
from timed
