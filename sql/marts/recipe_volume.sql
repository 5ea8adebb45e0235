-- Recipes against the high-volume threshold in the billing cycle of the newest day, with a forecast.
-- grain:  workspace_id, recipe_id, counting_rule
-- reads:  int_usage_tasks, recipe_owners, volume_tiers, model_settings
-- scope:  global
-- note:   the forecast is linear: the cycle's tasks so far, by the days of the cycle on which the
--         recipe was there, the newest included although it may not be over. Names are today's. Bounds of tasks give bounds of the
--         day: the earliest by the most tasks, the latest by the least. A day in the past is the
--         one on which the threshold was crossed; null is not in this cycle.

with newest as (
    select
        cast($as_of as date) as as_of_date,
        cast(billing_cycle_day as integer) - 1 as offset_days
    from model_settings
),

cycle as (
    select
        as_of_date,
        cast(date_trunc('month', as_of_date - offset_days) as date) + offset_days
            as cycle_start_date,
        -- 31 days after the first of a month it is the next month, whatever its length
        cast(
            date_trunc(
                'month', cast(date_trunc('month', as_of_date - offset_days) as date) + 31
            ) as date
        ) + offset_days - 1 as cycle_end_date
    from newest
),

threshold as (
    select min(from_tasks) as threshold_tasks
    from volume_tiers
),

daily as (
    select
        u.workspace_id,
        u.recipe_id,
        u.environment,
        u.counting_rule,
        u.tasks_least_count,
        u.tasks_most_count,
        sum(u.tasks_least_count) over (
            partition by u.workspace_id, u.recipe_id, u.counting_rule order by u.event_date
        ) as least_so_far,
        sum(u.tasks_most_count) over (
            partition by u.workspace_id, u.recipe_id, u.counting_rule order by u.event_date
        ) as most_so_far,
        u.event_date
    from int_usage_tasks as u
    cross join cycle as c
    where u.event_date between c.cycle_start_date and c.as_of_date
),

summed as (
    select
        d.workspace_id,
        d.recipe_id,
        d.counting_rule,
        max(d.environment) as environment,
        sum(d.tasks_least_count) as tasks_least_count,
        sum(d.tasks_most_count) as tasks_most_count,
        min(case when d.least_so_far >= t.threshold_tasks then d.event_date end)
            as least_crossed_date,
        min(case when d.most_so_far >= t.threshold_tasks then d.event_date end)
            as most_crossed_date
    from daily as d
    cross join threshold as t
    group by all
),

-- a recipe that is new in the cycle has had fewer days
started as (
    select
        s.*,
        o.recipe_name,
        greatest(c.cycle_start_date, coalesce(o.first_seen_date, c.cycle_start_date))
            as pace_start_date
    from summed as s
    cross join cycle as c
    left join recipe_owners as o
        on s.workspace_id = o.workspace_id and s.recipe_id = o.recipe_id
),

paced as (
    select
        s.*,
        t.threshold_tasks,
        c.as_of_date,
        c.cycle_start_date,
        c.cycle_end_date,
        c.as_of_date - s.pace_start_date + 1 as elapsed_days,
        c.cycle_end_date - s.pace_start_date + 1 as pace_days
    from started as s
    cross join cycle as c
    cross join threshold as t
),

forecast as (
    select
        *,
        cast(tasks_least_count as double) / nullif(elapsed_days, 0) as daily_least_tasks,
        cast(tasks_most_count as double) / nullif(elapsed_days, 0) as daily_most_tasks,
        -- days after which the pace so far reaches the threshold, rounded up
        -floor(-(threshold_tasks * elapsed_days) / nullif(cast(tasks_least_count as double), 0))
            as least_days,
        -floor(-(threshold_tasks * elapsed_days) / nullif(cast(tasks_most_count as double), 0))
            as most_days
    from paced
)

select
    f.workspace_id,
    f.recipe_id,
    f.environment,
    f.recipe_name,
    f.counting_rule,
    cast(f.tasks_least_count as bigint) as tasks_least_count,
    cast(f.tasks_most_count as bigint) as tasks_most_count,
    cast(round(f.daily_least_tasks * f.pace_days) as bigint) as forecast_least_count,
    cast(round(f.daily_most_tasks * f.pace_days) as bigint) as forecast_most_count,
    cast(f.threshold_tasks as bigint) as threshold_count,
    cast(coalesce(max(n.tier), 0) as bigint) as tier,
    cast(coalesce(max(e.tier), 0) as bigint) as forecast_tier,
    f.daily_most_tasks,
    f.least_crossed_date is not null as is_crossed,
    f.as_of_date,
    f.cycle_start_date,
    f.cycle_end_date,
    f.pace_start_date,
    case
        when f.most_crossed_date is not null then f.most_crossed_date
        when f.most_days <= f.pace_days
            then f.pace_start_date + cast(f.most_days as integer) - 1
    end as earliest_crossing_date,
    case
        when f.least_crossed_date is not null then f.least_crossed_date
        when f.least_days <= f.pace_days
            then f.pace_start_date + cast(f.least_days as integer) - 1
    end as latest_crossing_date
from forecast as f
left join volume_tiers as n on f.tasks_most_count >= n.from_tasks
left join volume_tiers as e
    on round(f.daily_most_tasks * f.pace_days) >= e.from_tasks
group by all
