-- Failed jobs between two UTC days by type of error, connector or step, the most first.
-- grain:  environment, name, line_number, recipe_id
-- reads:  recipe_errors_daily, recipe_owners
-- scope:  global
-- note:   a step is a line of one recipe; types and connectors are summed over recipes.

with days as (
    select
        e.* exclude (environment),
        coalesce(e.environment, 'unknown') as environment,
        case $by
            when 'type' then e.error_type
            when 'connector' then e.error_adapter
            else e.error_adapter || '.' || e.error_operation
        end as name,
        case when $by = 'step' then e.error_line_number end as line_number,
        case when $by = 'step' then e.recipe_id end as step_recipe_id,
        case when $by = 'step' then coalesce(o.recipe_name, e.recipe_name) end as step_recipe_name
    from recipe_errors_daily as e
    left join recipe_owners as o on e.workspace_id = o.workspace_id and e.recipe_id = o.recipe_id
    where
        e.event_date between $from_date and $to_date
        and e.failed_count > 0
        and ($environment is null or coalesce(e.environment, 'unknown') = $environment)
        and ($recipe_id is null or e.recipe_id = $recipe_id)
),

summed as (
    select
        name,
        environment,
        step_recipe_id,
        step_recipe_name,
        line_number,
        count(distinct recipe_id) as recipe_count,
        sum(failed_count) as failed_count,
        min(first_failed_at) as first_failed_at,
        max(last_failed_at) as last_failed_at,
        max(example_message) as example_message
    from days
    group by all
),

shared as (
    select
        *,
        sum(failed_count) over () as all_failed_count,
        row_number() over (
            order by
                failed_count desc, name asc, environment asc, step_recipe_id asc, line_number asc
        ) as position,
        count(*) over () as total_count
    from summed
)

select
    name,
    step_recipe_id as recipe_id,
    step_recipe_name as recipe_name,
    line_number,
    environment,
    cast(failed_count as bigint) as failed_count,
    cast(failed_count as double) / nullif(all_failed_count, 0) as failed_share,
    cast(recipe_count as bigint) as recipe_count,
    first_failed_at,
    last_failed_at,
    example_message,
    total_count
from shared
where $top = 0 or position <= $top
order by position asc
