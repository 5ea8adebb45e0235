-- Messages of Workato's logging service of one batch.
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
            "timestamp": "VARCHAR", "time": "VARCHAR", "log_type": "VARCHAR", "level": "VARCHAR",
            "message": "VARCHAR", "recipe_id": "VARCHAR", "job_id": "VARCHAR",
            "account_id": "VARCHAR", "environment_type": "VARCHAR"
        }') as e
    from batch
),

timed as (
    select
        *,
        utc_instant(coalesce(e.timestamp, e.time)) as occurred_at
    from parsed
)

select
    row_id,
    object_index,
    source_offset,
    'log_message:' || digest as event_id,
    occurred_at,
    e.account_id as workspace_id,
    e.environment_type as environment,
    case when lower(e.level) in ('error', 'fatal') then 'failed' else 'succeeded' end as outcome,
    e.log_type as log_type,
    e.level as level,
    e.message as message,
    e.recipe_id as recipe_id,
    e.job_id as job_id,
    raw,
    raw = event as is_bare,
    cast(occurred_at as date) as event_date,
    case
        when occurred_at is null
            then
                'bad_time: timestamp is '
                || coalesce('"' || coalesce(e.timestamp, e.time) || '"', 'missing')
    end as problem
from timed
