-- Changes and jobs of a recipe in order of time, found by id or by a part of any of its names.
-- grain:  event_id
-- reads:  activity, jobs, resource_days
-- scope:  global
-- macro:  recipe_timeline(recipe, all_jobs := false)
-- note:   jobs are those that failed and the first that did not after one that did; all_jobs gives
--         every job. resource_days says which days hold the recipe, and only their files are read.

with ids as (
    select distinct resource_id
    from resource_days
    where
        resource_kind = 'recipe'
        and (resource_id = recipe or contains(lower(resource_name), lower(recipe)))
),

wanted as (
    select
        workspace_id,
        resource_id,
        event_date,
        activity_count,
        job_count,
        failed_count
    from resource_days
    where
        resource_kind = 'recipe'
        and resource_id in (select resource_id from ids)
),

run_days as (
    select
        workspace_id,
        resource_id,
        event_date,
        sum(failed_count) as failed_count
    from wanted
    where job_count > 0
    group by all
),

job_days as (
    select
        event_date,
        failed_count,
        lag(failed_count) over (
            partition by workspace_id, resource_id
            order by event_date asc
        ) as failed_count_before
    from run_days
),

change_days as (
    select distinct event_date
    from wanted
    where activity_count > 0
),

changes as (
    select
        event_id,
        'activity' as event_kind,
        workspace_id,
        environment,
        resource_id as recipe_id,
        resource_name as recipe_name,
        event_type,
        coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
        outcome,
        coalesce(stop_reason, 'was named ' || old_name, 'copy of ' || parent_id) as detail,
        ip_address,
        cast(null as varchar) as job_id,
        false as is_test,
        cast(occurred_at as timestamp) as occurred_at
    from activity
    where
        event_date in (select event_date from change_days)
        and resource_id in (select resource_id from wanted)
        and lower(resource_type) = 'flow'
),

runs as (
    select
        event_id,
        'job' as event_kind,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        status as event_type,
        cast(null as varchar) as actor_name,
        outcome,
        case when outcome = 'failed' then coalesce(error_message, error_type) end as detail,
        cast(null as varchar) as ip_address,
        job_id,
        coalesce(is_test, false) as is_test,
        cast(occurred_at as timestamp) as occurred_at,
        lag(outcome) over (
            partition by workspace_id, recipe_id, coalesce(is_test, false)
            order by occurred_at asc, event_id asc
        ) as outcome_before
    from jobs
    where
        event_date in (
            select event_date
            from job_days
            where all_jobs or failed_count > 0 or failed_count_before > 0
        )
        and recipe_id in (select resource_id from wanted)
),

told as (
    select * from changes
    union all
    select * exclude (outcome_before) from runs
    where all_jobs or outcome = 'failed' or outcome_before = 'failed'
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
