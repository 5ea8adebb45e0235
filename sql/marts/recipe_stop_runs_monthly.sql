-- Stops of recipes with the first job that a trigger brought on a later day of the same UTC month.
-- grain:  month_date, event_id
-- reads:  recipe_switches_daily, recipe_activity_daily
-- scope:  month
-- note:   what recipe_stops tells a start by that was never seen. The day itself and the day after
--         are in the switch, later months in recipe_activity_monthly. Reruns are left out.

with stops as (
    select *
    from recipe_switches_daily
    where event_date between $from_date and $to_date and change_kind = 'stopped'
)

select
    s.event_id,
    s.workspace_id,
    s.recipe_id,
    cast(date_trunc('month', s.event_date) as date) as month_date,
    min(d.first_triggered_at) as first_triggered_at
from stops as s
inner join recipe_activity_daily as d
    on
        s.workspace_id = d.workspace_id
        and s.recipe_id = d.recipe_id
        and s.event_date < d.event_date
where
    d.event_date <= $to_date
    and epoch(d.first_triggered_at) - epoch(s.occurred_at) > 300
group by all
