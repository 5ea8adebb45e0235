-- Streamed activity events that the API told too, each by the id of its streamed row.
-- grain:  event_date, event_id
-- reads:  stg_activity
-- scope:  partition
-- files:  month
-- note:   the stream has no ids and whole seconds, so twins share type, second, workspace, person
--         and resource; of two edits within a second beside one of the API, one is a twin. A table
--         of its own, so that a timeline leaves twins out without opening other days' files.

with spelled as (
    select
        *,
        activity_id is not null as is_from_api,
        date_trunc('second', occurred_at) as occurred_second
    from stg_activity
    where event_date between $from_date and $to_date
),

ranked as (
    select
        *,
        row_number() over (
            partition by
                event_date, event_type, occurred_second, workspace_id, actor_id, resource_type,
                resource_id, is_from_api
            order by event_id asc
        ) as position,
        sum(case when is_from_api then 1 else 0 end) over (
            partition by
                event_date, event_type, occurred_second, workspace_id, actor_id, resource_type,
                resource_id
        ) as api_count
    from spelled
)

select
    event_id,
    workspace_id,
    event_type,
    event_date,
    occurred_at
from ranked
where not is_from_api and position <= api_count
