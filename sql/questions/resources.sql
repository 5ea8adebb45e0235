-- What a name can stand for: recipes, connections and people, under each name they went by.
-- grain:  resource_kind, resource_id, resource_name, resource_email
-- reads:  resource_names, recipe_owners
-- scope:  global
-- note:   jobs of old editions have no workspace; the environment is that of the workspace's jobs.

with environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_owners
    where environment <> 'unknown'
    group by all
),

named as (
    select
        resource_kind,
        resource_id,
        resource_name,
        resource_email,
        max(case when workspace_id <> 'unknown' then workspace_id end) as workspace_id,
        max(last_seen_date) as last_seen_date,
        max(last_seen_at) as last_seen_at
    from resource_names
    group by all
)

select
    n.resource_kind,
    n.resource_id,
    n.resource_name,
    n.resource_email,
    case when n.resource_kind <> 'person' then e.environment end as environment,
    n.last_seen_date
from named as n
left join environments as e on n.workspace_id = e.workspace_id
order by n.last_seen_at desc, n.resource_kind asc, n.resource_id asc, n.resource_name asc
