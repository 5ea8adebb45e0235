-- Events of people in the lake and in activity_by_person_hourly, side by side.
-- grain:  event_date, workspace_id
-- reads:  activity, activity_twins_daily, activity_by_person_hourly
-- scope:  partition
-- note:   acts of Workato itself and sign-ins that failed are nobody's. An event that came through
--         API and stream counts once.

with expected as (
    select
        coalesce(a.workspace_id, 'unknown') as workspace_id,
        count(*) as event_count,
        a.event_date
    from activity as a
    left join activity_twins_daily as t on a.event_date = t.event_date and a.event_id = t.event_id
    where
        t.event_id is null
        and (a.actor_id is not null or a.actor_email is not null)
        and not coalesce(starts_with(a.event_type, 'user_login') and a.outcome = 'failed', false)
    group by all
),

found as (
    select
        workspace_id,
        sum(event_count) as event_count,
        event_date
    from activity_by_person_hourly
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    e.event_count as expected_event_count,
    f.event_count as found_event_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date and e.workspace_id = f.workspace_id
