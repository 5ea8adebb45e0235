-- UTC days with the week, month and billing cycle that each belongs to.
-- grain:  event_date, period
-- reads:  recipe_usage_daily, model_settings
-- scope:  global
-- note:   a week begins on Monday; a billing cycle on the day of the month that the settings name.

with days as (
    select distinct
        u.event_date,
        cast(m.billing_cycle_day as integer) as cycle_day
    from recipe_usage_daily as u
    cross join model_settings as m
)

select
    'day' as period,
    event_date as period_start_date,
    event_date
from days
union all
select
    'week' as period,
    cast(date_trunc('week', event_date) as date) as period_start_date,
    event_date
from days
union all
select
    'month' as period,
    cast(date_trunc('month', event_date) as date) as period_start_date,
    event_date
from days
union all
select
    'billing_cycle' as period,
    cast(date_trunc('month', event_date - (cycle_day - 1)) as date) + (cycle_day - 1) as period_start_date,
    event_date
from days
