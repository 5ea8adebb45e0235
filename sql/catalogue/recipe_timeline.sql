-- Changes and jobs of a recipe in order of time, found by id or by a part of any of its names.
-- grain:  event_id
-- reads:  recipe_events_monthly, jobs, resource_names
-- scope:  global
-- macro:  recipe_timeline(recipe, all_jobs := false)
-- note:   jobs are those that failed and the first that did not after one that did; all_jobs gives
--         every job. Without it no file of activity and jobs is opened: the months' roll-ups are
--         sorted by recipe, and of them only the row groups that can hold it are read.

with ids as (
    select distinct resource_id
    from resource_names
    where
        resource_kind = 'recipe'
        and (resource_id = recipe or contains(lower(resource_name), lower(recipe)))
),

events as (
    select
        *,
        lag(outcome) over (
            partition by event_kind, workspace_id, recipe_id, is_test
            order by occurred_at asc, event_id asc
        ) as outcome_before
    from recipe_events_monthly
    where recipe_id in (select resource_id from ids)
),

told as (
    select
        event_id,
        event_kind,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        event_type,
        actor_name,
        outcome,
        detail,
        ip_address,
        job_id,
        is_test,
        occurred_at
    from events
    where
        event_kind = 'activity'
        or (not all_jobs and (outcome = 'failed' or outcome_before = 'failed'))
    union all
    select
        event_id,
        'job' as event_kind,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        outcome as event_type,
        cast(null as varchar) as actor_name,
        outcome,
        case when outcome = 'failed' then coalesce(error_message, error_type) end as detail,
        cast(null as varchar) as ip_address,
        job_id,
        coalesce(is_test, false) as is_test,
        occurred_at at time zone 'UTC' as occurred_at
    from jobs
    where
        all_jobs
        and recipe_id in (select resource_id from ids)
)

select
    occurred_at,
    event_kind,
    event_type,
    recipe_id,
    recipe_name,
    actor_name,
    outcome,
    detail,
    ip_address,
    job_id,
    workspace_id,
    environment,
    is_test,
    event_id
from told
order by occurred_at asc, event_kind asc, event_id asc
