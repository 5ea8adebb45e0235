-- Recipes that failed most in the period, by job and by retry family, with their commonest error.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_error_rates_daily, int_error_families_by_recipe, error_fingerprints_daily,
--         recipe_owners
-- scope:  global

with jobs_of as (
    select
        workspace_id,
        recipe_id,
        max(environment) as environment,
        sum(failed_count) as failed_count,
        sum(succeeded_count + failed_count) as finished_count
    from recipe_error_rates_daily
    where
        event_date between $from_date and $to_date
        and (cast($environment as varchar) is null or environment = $environment)
    group by all
    having sum(failed_count) > 0
),

families as (
    select
        workspace_id,
        recipe_id,
        sum(family_count) as family_count,
        sum(failed_family_count) as failed_family_count
    from int_error_families_by_recipe
    where event_date between $from_date and $to_date
    group by all
),

errors as (
    select
        workspace_id,
        recipe_id,
        max(coalesce(error_text, error_type)) as error_text,
        sum(failed_count) as failed_count,
        row_number() over (
            partition by workspace_id, recipe_id
            order by sum(failed_count) desc, fingerprint_id asc
        ) as position
    from error_fingerprints_daily
    where event_date between $from_date and $to_date and failed_count > 0
    group by workspace_id, recipe_id, fingerprint_id
)

select
    j.workspace_id,
    j.recipe_id,
    j.environment,
    o.recipe_name,
    o.owner_name,
    e.error_text,
    cast(e.failed_count as bigint) as error_failed_count,
    cast(j.failed_count as bigint) as failed_count,
    cast(j.finished_count as bigint) as finished_count,
    cast(coalesce(f.family_count, 0) as bigint) as family_count,
    cast(coalesce(f.failed_family_count, 0) as bigint) as failed_family_count
from jobs_of as j
left join families as f on j.workspace_id = f.workspace_id and j.recipe_id = f.recipe_id
left join errors as e
    on j.workspace_id = e.workspace_id and j.recipe_id = e.recipe_id and e.position = 1
left join recipe_owners as o on j.workspace_id = o.workspace_id and j.recipe_id = o.recipe_id
order by j.failed_count desc, j.workspace_id asc, j.recipe_id asc
limit $top
