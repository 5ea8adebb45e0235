-- Who changed what in the period; signing in and out is no change.
-- grain:  person_id
-- reads:  int_activity_once, recipe_owners
-- scope:  global

with changes as (
    select
        *,
        coalesce(actor_id, lower(actor_email), 'workato') as person_id
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
),

named as (
    select
        person_id,
        coalesce(actor_name, actor_email) as person_name,
        row_number() over (
            partition by person_id order by occurred_at desc, event_id asc
        ) as position
    from changes
),

summed as (
    select
        person_id,
        count(*) as change_count,
        count(*) filter (where event_category = 'recipe') as recipe_change_count,
        count(distinct case when event_category = 'recipe' then resource_id end) as recipe_count,
        count(*) filter (where event_category = 'connection') as connection_change_count,
        count(*) filter (where event_category = 'team') as team_change_count,
        count(distinct event_date) as day_count,
        max(occurred_at) as last_changed_at
    from changes
    group by all
)

select
    s.person_id,
    case when s.person_id = 'workato' then 'Workato' else n.person_name end as person_name,
    cast(s.change_count as bigint) as change_count,
    cast(s.recipe_change_count as bigint) as recipe_change_count,
    cast(s.recipe_count as bigint) as recipe_count,
    cast(s.connection_change_count as bigint) as connection_change_count,
    cast(s.team_change_count as bigint) as team_change_count,
    cast(
        s.change_count - s.recipe_change_count - s.connection_change_count - s.team_change_count
        as bigint
    ) as other_change_count,
    cast(s.day_count as bigint) as day_count,
    s.last_changed_at
from summed as s
inner join named as n on s.person_id = n.person_id and n.position = 1
order by s.change_count desc, s.person_id asc
limit $top
