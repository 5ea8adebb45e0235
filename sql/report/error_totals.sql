-- Retry families that began in the period, and in the one before it, and how they ended.
-- grain:  is_current
-- reads:  int_error_families_by_recipe
-- scope:  global

select
    cast(sum(family_count) as bigint) as family_count,
    cast(sum(failed_family_count) as bigint) as failed_family_count,
    cast(sum(recovered_family_count) as bigint) as recovered_family_count,
    event_date >= $from_date as is_current
from int_error_families_by_recipe
where
    event_date between $before_date and $to_date
    and (cast($environment as varchar) is null or environment = $environment)
group by all
order by is_current asc
