-- Recipes nearest to the high-volume threshold in the billing cycle of the lake's newest day.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_volume, recipe_owners, model_settings
-- scope:  global

select
    v.workspace_id,
    v.recipe_id,
    v.environment,
    coalesce(o.recipe_name, v.recipe_name) as recipe_name,
    v.tasks_least_count,
    v.tasks_most_count,
    v.forecast_least_count,
    v.forecast_most_count,
    v.threshold_count,
    v.forecast_tier,
    v.is_crossed,
    v.as_of_date,
    v.cycle_start_date,
    v.cycle_end_date,
    v.earliest_crossing_date,
    v.latest_crossing_date
from recipe_volume as v
inner join model_settings as m on v.counting_rule = m.counting_rule
left join recipe_owners as o on v.workspace_id = o.workspace_id and v.recipe_id = o.recipe_id
where cast($environment as varchar) is null or v.environment = $environment
order by v.forecast_most_count desc, v.workspace_id asc, v.recipe_id asc
limit $top
