-- Failed jobs between two UTC days per recipe, the most first, with the most frequent error.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_error_rates_daily, int_error_families_by_recipe, error_fingerprints_daily,
--         recipe_owners
-- scope:  global
-- note:   families are those that began in these days; the last run of each, whenever, decides.

with rates as (
    select
        workspace_id,
        recipe_id,
        coalesce(max(environment), 'unknown') as environment,
        max(recipe_name) as recipe_name,
        sum(job_count) as job_count,
        sum(succeeded_count) as succeeded_count,
        sum(failed_count) as failed_count,
        sum(test_failed_count) as test_failed_count
    from recipe_error_rates_daily
    where
        event_date between $from_date and $to_date
        and ($environment is null or coalesce(environment, 'unknown') = $environment)
        and ($recipe_id is null or recipe_id = $recipe_id)
    group by all
),

families as (
    select
        workspace_id,
        recipe_id,
        sum(family_count) as family_count,
        sum(failed_family_count) as failed_family_count,
        sum(recovered_family_count) as recovered_family_count
    from int_error_families_by_recipe
    where event_date between $from_date and $to_date
    group by all
),

kinds as (
    select
        workspace_id,
        recipe_id,
        fingerprint_id,
        max(error_text) as error_text,
        max(error_type) as error_type,
        sum(failed_count) as failed_count,
        max(last_failed_at) as last_failed_at
    from error_fingerprints_daily
    where event_date between $from_date and $to_date and failed_count > 0
    group by all
),

ranked_kinds as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id
            order by failed_count desc, last_failed_at desc, fingerprint_id asc
        ) as position,
        count(*) over (partition by workspace_id, recipe_id) as fingerprint_count,
        max(last_failed_at) over (partition by workspace_id, recipe_id) as recipe_last_failed_at
    from kinds
),

ranked as (
    select
        *,
        row_number() over (
            order by failed_count desc, try_cast(recipe_id as bigint) asc, workspace_id asc
        ) as position,
        count(*) over () as total_count
    from rates
    where failed_count > 0
)

select
    r.recipe_id,
    coalesce(o.recipe_name, r.recipe_name, r.recipe_id) as recipe_name,
    r.environment,
    r.workspace_id,
    cast(r.job_count as bigint) as job_count,
    cast(r.failed_count as bigint) as failed_count,
    cast(r.failed_count as double) / nullif(r.succeeded_count + r.failed_count, 0) as error_rate,
    cast(coalesce(f.family_count, 0) as bigint) as family_count,
    cast(coalesce(f.failed_family_count, 0) as bigint) as failed_family_count,
    cast(coalesce(f.recovered_family_count, 0) as bigint) as recovered_family_count,
    cast(f.failed_family_count as double) / nullif(f.family_count, 0) as family_error_rate,
    cast(r.test_failed_count as bigint) as test_failed_count,
    cast(k.fingerprint_count as bigint) as fingerprint_count,
    k.fingerprint_id,
    coalesce(k.error_text, k.error_type) as error_text,
    cast(k.failed_count as bigint) as fingerprint_failed_count,
    k.recipe_last_failed_at as last_failed_at,
    r.total_count
from ranked as r
left join families as f on r.workspace_id = f.workspace_id and r.recipe_id = f.recipe_id
left join ranked_kinds as k
    on r.workspace_id = k.workspace_id and r.recipe_id = k.recipe_id and k.position = 1
left join recipe_owners as o on r.workspace_id = o.workspace_id and r.recipe_id = o.recipe_id
where $top = 0 or r.position <= $top
order by r.position asc
