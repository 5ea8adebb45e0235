-- What people did and what jobs did, interleaved; filter by day and resource, then order by time.
-- grain:  event_date, event_id
-- reads:  int_activity_once, stg_jobs
-- scope:  partition
-- note:   for one recipe, person or connection the macros read far less.

select
    event_id,
    'activity' as event_kind,
    workspace_id,
    resource_type,
    resource_id,
    resource_name,
    actor_id,
    actor_name,
    actor_email,
    change_kind,
    event_type,
    outcome,
    coalesce(stop_reason, role, old_name, activity, resource_path) as detail,
    ip_address,
    cast(null as varchar) as job_id,
    false as is_test,
    event_date,
    occurred_at
from int_activity_once
union all
select
    event_id,
    'job' as event_kind,
    workspace_id,
    'Flow' as resource_type,
    recipe_id as resource_id,
    recipe_name as resource_name,
    cast(null as varchar) as actor_id,
    cast(null as varchar) as actor_name,
    cast(null as varchar) as actor_email,
    'job' as change_kind,
    outcome as event_type,
    outcome,
    case when is_failed then coalesce(error_message, error_type) end as detail,
    cast(null as varchar) as ip_address,
    job_id,
    is_test,
    event_date,
    occurred_at
from stg_jobs
