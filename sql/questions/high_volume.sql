-- Recipes against the high-volume threshold in the billing cycle of the newest day, nearest first.
-- grain:  environment, id
-- reads:  recipe_volume
-- scope:  global
-- note:   what recipe_volume says, under one rule.

with counted as (
    select
        *,
        row_number() over (
            order by forecast_most_count desc, workspace_id asc, recipe_id asc
        ) as position,
        count(*) over () as total_count
    from recipe_volume
    where
        counting_rule = $counting_rule
        and ($environment is null or environment = $environment)
)

select
    recipe_id as id,
    coalesce(recipe_name, recipe_id) as name,
    workspace_id,
    environment,
    counting_rule,
    tasks_least_count,
    tasks_most_count,
    forecast_least_count,
    forecast_most_count,
    threshold_count,
    cast(forecast_most_count as double) / nullif(threshold_count, 0) as threshold_share,
    tier,
    forecast_tier,
    is_crossed,
    as_of_date,
    cycle_start_date,
    cycle_end_date,
    pace_start_date,
    earliest_crossing_date,
    latest_crossing_date,
    total_count
from counted
where $top = 0 or position <= $top
order by position asc
