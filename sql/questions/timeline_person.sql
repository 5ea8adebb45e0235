-- The newest acts of a person, acts upon them, and failures after them, between two UTC days.
-- grain:  event_id
-- reads:  int_activity_once, resource_days, recipe_owners, failed_jobs, recipe_stops
-- scope:  global
-- note:   people are told apart by address, because invitations carry ids that others have too; an
--         id decides where there is no address. Followed: jobs that failed, and stops by Workato,
--         within 24 hours after the person created, edited or started the recipe. Of activity only
--         the files of days that hold the person are read.

with days as (
    select distinct event_date
    from resource_days
    where
        resource_kind = 'person'
        -- what failed on the first day may follow a change of the day before
        and event_date between $from_date - 1 and $to_date
        and (list_contains($ids, resource_id) or list_contains($emails, resource_email))
),

environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_owners
    where environment <> 'unknown'
    group by all
),

held as (
    select
        *,
        case
            when actor_email is null then coalesce(list_contains($ids, actor_id), false)
            else list_contains($emails, lower(actor_email))
        end as is_actor
    from int_activity_once
    where event_date in (select event_date from days)
),

acts as (
    select *
    from held
    where
        is_actor
        or list_contains($emails, lower(member_email))
        or (member_email is null and list_contains($ids, member_id))
        or (
            lower(resource_type) in ('user', 'memberinvitation')
            and list_contains($emails, lower(resource_email))
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
        f.event_date between $from_date and $to_date
        and f.event_date >= (select min(event_date) from changes)
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

events as (
    select
        occurred_at,
        case when is_actor then 'did' else 'was done to' end as part,
        'activity' as event_kind,
        event_type,
        resource_type,
        resource_id,
        coalesce(member_name, resource_name, resource_path) as resource_name,
        coalesce(actor_name, actor_email, actor_id, 'Workato') as actor_name,
        outcome,
        coalesce(
            role || coalesce(' (was ' || old_role || ')', ''),
            activity,
            stop_reason,
            'was named ' || old_name
        ) as detail,
        ip_address,
        case when lower(resource_type) = 'flow' then resource_id end as recipe_id,
        cast(null as varchar) as job_id,
        cast(null as bigint) as failure_number,
        cast(null as bigint) as failed_count,
        workspace_id,
        event_id,
        is_actor
    from acts
    where occurred_at >= $from_date
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
        'succeeded' as outcome,
        stop_reason as detail,
        ip_address,
        recipe_id,
        null as job_id,
        null as failure_number,
        null as failed_count,
        workspace_id,
        event_id,
        false as is_actor
    from stops
    where stopped_at >= $from_date and stopped_at < $to_date + 1
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
        'failed' as outcome,
        coalesce(error_message, error_type) as detail,
        null as ip_address,
        recipe_id,
        job_id,
        failure_number,
        failed_count,
        workspace_id,
        event_id,
        false as is_actor
    from failures
    where $all_jobs or failure_number = 1 or failure_number = failed_count
),

told as (
    select
        e.*,
        n.environment,
        row_number() over (
            order by e.occurred_at desc, e.event_kind desc, e.event_id desc
        ) as position,
        count(*) over () as total_count
    from events as e
    left join environments as n on e.workspace_id = n.workspace_id
    where $environment is null or n.environment = $environment
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
    outcome,
    detail,
    ip_address,
    recipe_id,
    job_id,
    failure_number,
    failed_count,
    false as is_test,
    workspace_id,
    event_id,
    is_actor,
    environment,
    total_count
from told
where $top = 0 or position <= $top
order by position desc
