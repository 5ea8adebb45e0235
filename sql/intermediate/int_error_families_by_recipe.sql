-- Error rate by retry family, per recipe and the UTC day on which the families began.
-- grain:  event_date, workspace_id, recipe_id
-- reads:  int_error_families, recipe_error_rates_daily
-- scope:  global
-- note:   the last run of a family wins, even days later, so a rerun restates the day of the first
--         run. A family without its first run begins on the day of its first run that is known.

with ended as (
    select
        workspace_id,
        recipe_id,
        count(*) filter (where not has_first_run) as orphan_count,
        count(*) filter (where is_failed) as failed_family_count,
        count(*) filter (where is_recovered) as recovered_family_count,
        started_date as event_date
    from int_error_families
    group by workspace_id, recipe_id, started_date
),

joined as (
    select
        d.workspace_id,
        d.recipe_id,
        d.environment,
        d.recipe_name,
        d.started_family_count + coalesce(e.orphan_count, 0) as family_count,
        coalesce(e.failed_family_count, 0) as failed_family_count,
        coalesce(e.recovered_family_count, 0) as recovered_family_count,
        d.event_date
    from recipe_error_rates_daily as d
    left join ended as e
        on
            d.event_date = e.event_date
            and d.workspace_id = e.workspace_id
            and d.recipe_id = e.recipe_id
)

select
    workspace_id,
    recipe_id,
    environment,
    recipe_name,
    cast(family_count as bigint) as family_count,
    cast(failed_family_count as bigint) as failed_family_count,
    cast(recovered_family_count as bigint) as recovered_family_count,
    cast(failed_family_count as double) / nullif(family_count, 0) as family_error_rate,
    event_date
from joined
where family_count > 0
