-- Changes of the period by what was changed and how.
-- grain:  event_category, change_kind
-- reads:  int_activity_once, recipe_owners
-- scope:  global

select
    event_category,
    change_kind,
    cast(count(*) as bigint) as change_count
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
order by change_count desc, event_category asc, change_kind asc
