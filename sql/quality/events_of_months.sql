-- Acts on recipes and failed jobs of a UTC month in the lake and in recipe_events_monthly.
-- grain:  event_date, workspace_id
-- reads:  activity, activity_twins_daily, recipe_runs_daily, recipe_events_monthly
-- scope:  month
-- note:   event_date is the first day of the month, on which a month is judged. An act that came
--         through API and stream counts once. Of jobs that succeeded the mart keeps some alone.

with acts as (
    select
        coalesce(a.workspace_id, 'unknown') as workspace_id,
        1 as act_count,
        0 as failed_count,
        a.event_date
    from activity as a
    left join activity_twins_daily as t on a.event_date = t.event_date and a.event_id = t.event_id
    where t.event_id is null and lower(a.resource_type) = 'flow' and a.resource_id is not null
),

failures as (
    select
        workspace_id,
        0 as act_count,
        1 as failed_count,
        event_date
    from recipe_runs_daily
    where outcome = 'failed'
),

events as (
    select * from acts
    union all
    select * from failures
),

expected as (
    select
        workspace_id,
        sum(act_count) as act_count,
        sum(failed_count) as failed_count,
        cast(date_trunc('month', event_date) as date) as month_date
    from events
    group by all
),

found as (
    select
        workspace_id,
        count(*) filter (where event_kind = 'activity') as act_count,
        count(*) filter (where event_kind = 'job' and outcome = 'failed') as failed_count,
        month_date
    from recipe_events_monthly
    group by all
)

select
    coalesce(e.workspace_id, f.workspace_id) as workspace_id,
    coalesce(e.act_count, 0) as expected_act_count,
    coalesce(f.act_count, 0) as found_act_count,
    coalesce(e.failed_count, 0) as expected_failed_count,
    coalesce(f.failed_count, 0) as found_failed_count,
    coalesce(e.month_date, f.month_date) as event_date
from expected as e
full outer join found as f on e.month_date = f.month_date and e.workspace_id = f.workspace_id
