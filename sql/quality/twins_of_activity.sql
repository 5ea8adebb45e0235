-- Events that came through API and stream, in the lake and in activity_twins_daily, side by side.
-- grain:  event_date, workspace_id
-- reads:  activity, activity_twins_daily
-- scope:  partition
-- note:   the stream tells whole seconds and no ids: of the events of a type, second, person and
--         resource there are as many twins as the scarcer of the two ways has.

with told as (
    select
        coalesce(workspace_id, 'unknown') as workspace_id,
        event_type,
        actor_id,
        resource_type,
        resource_id,
        count(*) filter (where activity_id is not null) as api_count,
        count(*) filter (where activity_id is null) as streamed_count,
        event_date,
        date_trunc('second', occurred_at) as occurred_second
    from activity
    group by all
),

expected as (
    select
        workspace_id,
        sum(least(api_count, streamed_count)) as twin_count,
        event_date
    from told
    group by all
    having sum(least(api_count, streamed_count)) > 0
),

found as (
    select
        workspace_id,
        count(*) as twin_count,
        event_date
    from activity_twins_daily
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.twin_count as expected_twin_count,
    f.twin_count as found_twin_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
