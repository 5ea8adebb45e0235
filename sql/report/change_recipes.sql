-- Recipes that were changed most in the period, and by whom last; starts and stops are no change.
-- grain:  workspace_id, recipe_id
-- reads:  int_activity_once, recipe_owners
-- scope:  global

with changes as (
    select
        *,
        coalesce(recipe_id, resource_id) as changed_id
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and event_category = 'recipe'
        and change_kind not in ('started', 'stopped')
        and (
            cast($environment as varchar) is null
            or workspace_id in (
                select workspace_id
                from recipe_owners
                where environment = $environment
            )
        )
),

ranked as (
    select
        workspace_id,
        changed_id as recipe_id,
        resource_name,
        change_kind,
        actor_name,
        occurred_at,
        count(*) over (partition by workspace_id, changed_id) as change_count,
        row_number() over (
            partition by workspace_id, changed_id order by occurred_at desc, event_id asc
        ) as position
    from changes
)

select
    r.workspace_id,
    r.recipe_id,
    o.environment,
    coalesce(o.recipe_name, r.resource_name) as recipe_name,
    r.change_kind,
    r.actor_name,
    cast(r.change_count as bigint) as change_count,
    r.occurred_at
from ranked as r
left join recipe_owners as o on r.workspace_id = o.workspace_id and r.recipe_id = o.recipe_id
where r.position = 1
order by r.change_count desc, r.occurred_at desc, r.workspace_id asc, r.recipe_id asc
limit $top
