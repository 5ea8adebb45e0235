-- Changes that can make a recipe fail, with how far each reaches.
-- grain:  event_date, event_id
-- reads:  int_activity_once
-- scope:  partition
-- note:   reach: recipe (itself), connection and connector (recipes whose failing step uses that
--         connector), workspace (packages, deployments, properties, lookup tables: nothing says for
--         which recipe), people (roles). Breaking: new code or a connection lost. Other changes
--         (started, renamed, connected again, …) explain less. changed_at is in whole seconds, as
--         the times of jobs are.

with reaching as (
    select
        *,
        case
            when event_category in ('recipe', 'connection', 'connector') then event_category
            when
                event_category in ('project', 'package', 'property', 'lookup_table')
                and change_kind <> 'exported' and lower(resource_type) <> 'exportmanifest'
                then 'workspace'
            when event_category = 'team' and change_kind in ('role_changed', 'removed')
                then 'people'
            when lower(resource_type) = 'privilegegroup' then 'people'
        end as reach
    from int_activity_once
    where outcome = 'succeeded'
)

select
    event_id,
    event_type,
    workspace_id,
    actor_id,
    actor_name,
    actor_email,
    resource_type,
    resource_id,
    resource_name,
    provider,
    ip_address,
    change_kind,
    reach,
    coalesce(
        (
            reach = 'recipe'
            and change_kind not in ('started', 'stopped', 'renamed', 'moved', 'deleted')
        )
        or (reach = 'connection' and change_kind in ('disconnected', 'deleted')),
        false
    ) as is_breaking,
    event_date,
    date_trunc('second', occurred_at) as changed_at,
    occurred_at
from reaching
where reach is not null
