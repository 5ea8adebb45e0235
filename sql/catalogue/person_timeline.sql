-- What a person did, what was done to them, and what failed in recipes after they changed them.
-- grain:  event_id
-- reads:  int_activity_once, resource_days, failed_jobs, recipe_stops
-- scope:  global
-- macro:  person_timeline(person, all_jobs := false)
-- note:   people are told apart by address, because invitations carry ids that others have too; an
--         id decides where there is no address. Followed: jobs that failed, and stops by Workato,
--         within 24 hours after the person created, edited or started the recipe; it proves
--         nothing. Of the failures of a recipe on a day the first and the last; all_jobs gives
--         every one. Of activity only the files of days that hold the person are read.

with found as (
    select distinct
        resource_id,
        resource_email
    from resource_days
    where
        resource_kind = 'person'
        and (
            resource_id = person
            or contains(lower(resource_name), lower(person))
            or contains(resource_email, lower(person))
        )
),

days as (
    select distinct event_date
    from resource_days
    where
        resource_kind = 'person'
        and (
            resource_email in (select resource_email from found)
            or (resource_email is null and resource_id in (select resource_id from found))
        )
),

held as (
    select
        *,
        case
            when actor_email is null
                then coalesce(actor_id in (select resource_id from found), false)
            else lower(actor_email) in (select resource_email from found)
        end as is_actor
    from int_activity_once
    where event_date in (select event_date from days)
),

acts as (
    select *
    from held
    where
        coalesce(is_actor, false)
        or lower(member_email) in (select resource_email from found)
        or (member_email is null and member_id in (select resource_id from found))
        or (
            lower(resource_type) in ('user', 'memberinvitation')
            and lower(resource_email) in (select resource_email from found)
        )
),

changes as (
    select distinct
        workspace_id,
        recipe_id,
        event_date,
        -- jobs start in whole seconds
        date_trunc('second', occurred_at) as changed_at
    from acts
    where
        is_actor
        and recipe_id is not null
        and outcome = 'succeeded'
        and change_kind not in ('stopped', 'renamed', 'moved', 'deleted')
),

followed as (
    select distinct f.*
    from failed_jobs as f
    inner join changes as c
        on
            f.workspace_id = c.workspace_id
            and f.recipe_id = c.recipe_id
            and coalesce(f.started_at, f.occurred_at) >= c.changed_at
            and epoch(f.occurred_at) - epoch(c.changed_at) < 86400
    where
        f.event_date >= (select min(event_date) from changes)
        and f.event_date <= (select max(event_date) + 1 from changes)
),

failures as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id, event_date
            order by occurred_at asc, event_id asc
        ) as failure_number,
        count(*) over (partition by workspace_id, recipe_id, event_date) as failed_count
    from followed
),

stops as (
    select distinct s.*
    from recipe_stops as s
    inner join changes as c
        on
            s.workspace_id = c.workspace_id
            and s.recipe_id = c.recipe_id
            and s.stopped_at >= c.changed_at
            and epoch(s.stopped_at) - epoch(c.changed_at) < 86400
    where s.stopped_by = 'workato' and s.event_id not in (select event_id from acts)
),

told as (
    select
        occurred_at,
        case when is_actor then 'did' else 'was done to' end as part,
        'activity' as event_kind,
        event_type,
        resource_type,
        resource_id,
        resource_name,
        coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
        member_name,
        role,
        outcome,
        coalesce(activity, stop_reason, 'was named ' || old_name) as detail,
        ip_address,
        cast(null as varchar) as job_id,
        cast(null as bigint) as failure_number,
        cast(null as bigint) as failed_count,
        workspace_id,
        environment,
        event_id
    from acts
    union all
    select
        stopped_at as occurred_at,
        'followed' as part,
        'activity' as event_kind,
        'recipe_stopped' as event_type,
        'Flow' as resource_type,
        recipe_id as resource_id,
        recipe_name as resource_name,
        actor_name,
        null as member_name,
        null as role,
        'succeeded' as outcome,
        stop_reason as detail,
        ip_address,
        null as job_id,
        null as failure_number,
        null as failed_count,
        workspace_id,
        environment,
        event_id
    from stops
    union all
    select
        occurred_at,
        'followed' as part,
        'job' as event_kind,
        'failed' as event_type,
        'Flow' as resource_type,
        recipe_id as resource_id,
        recipe_name as resource_name,
        null as actor_name,
        null as member_name,
        null as role,
        'failed' as outcome,
        coalesce(error_message, error_type) as detail,
        null as ip_address,
        job_id,
        failure_number,
        failed_count,
        workspace_id,
        null as environment,
        event_id
    from failures
    where all_jobs or failure_number = 1 or failure_number = failed_count
)

select
    occurred_at,
    part,
    event_kind,
    event_type,
    resource_type,
    resource_id,
    resource_name,
    actor_name,
    member_name,
    role,
    outcome,
    detail,
    ip_address,
    job_id,
    failure_number,
    failed_count,
    workspace_id,
    environment,
    event_id
from told
order by occurred_at asc, event_kind asc, event_id asc
