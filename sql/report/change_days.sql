-- Changes per UTC day of the period: all that people or Workato did but signing in and out.
-- grain:  event_date
-- reads:  int_activity_once, recipe_owners
-- scope:  global

select
    cast(count(*) as bigint) as change_count,
    event_date
from int_activity_once
where
    event_date between $from_date and $to_date
    and event_category <> 'account'
    and (
        cast($environment as varchar) is null
        or workspace_id in (
            select workspace_id
            from recipe_owners
            where environment = $environment
        )
    )
group by all
order by event_date asc
