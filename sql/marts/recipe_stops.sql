-- Stops of recipes: by whom or what, why, how long the recipe stayed down, its errors before.
-- grain:  event_id
-- reads:  recipe_switches_daily, recipe_stops_daily, recipe_stop_runs_monthly,
--         recipe_activity_monthly
-- scope:  global
-- note:   stop_reason user is a person, any other reason is Workato. Down time counts once, with
--         the stop that began it: a stop of a recipe that is down already has 0 seconds. A start
--         for a single run brings nothing back; a deletion ends the down time without a length.
--         Its last error and last start are those of the 28 days before it, null where none is.
--         Where no start follows, but jobs that are no reruns do, the start was lost: the recipe
--         was down until the first of them at most.

with switches as (
    select
        *,
        -- its jobs do not show that the recipe was started for good
        min(
            case when change_kind = 'started' and is_run_once then occurred_at end
        ) over (
            partition by workspace_id, recipe_id
            order by
                occurred_at asc,
                (case when change_kind = 'stopped' then 0 else 1 end) asc,
                event_id asc
            rows between 1 following and unbounded following
        ) as single_run_at
    from recipe_switches_daily
),

ordered as (
    select
        *,
        sum(case when change_kind = 'stopped' then 0 else 1 end) over (
            partition by workspace_id, recipe_id
            order by
                occurred_at asc,
                -- a stop and a start in one second are a restart
                (case when change_kind = 'stopped' then 0 else 1 end) asc,
                event_id asc
            rows between unbounded preceding and current row
        ) as end_number,
        lead(change_kind) over (
            partition by workspace_id, recipe_id
            order by
                occurred_at asc,
                (case when change_kind = 'stopped' then 0 else 1 end) asc,
                event_id asc
        ) as next_kind,
        lead(occurred_at) over (
            partition by workspace_id, recipe_id
            order by
                occurred_at asc,
                (case when change_kind = 'stopped' then 0 else 1 end) asc,
                event_id asc
        ) as next_at
    from switches
    where change_kind <> 'started' or not is_run_once
),

later_months as (
    select
        s.event_id,
        min(m.first_triggered_at) as first_triggered_at
    from ordered as s
    inner join recipe_activity_monthly as m
        on
            s.workspace_id = m.workspace_id
            and s.recipe_id = m.recipe_id
            and s.event_date < m.month_date
    where s.change_kind = 'stopped' and epoch(m.first_triggered_at) - epoch(s.occurred_at) > 300
    group by all
),

followed as (
    select
        s.*,
        least(s.first_triggered_at, r.first_triggered_at, m.first_triggered_at) as triggered_at
    from ordered as s
    left join recipe_stop_runs_monthly as r on s.event_id = r.event_id
    left join later_months as m on s.event_id = m.event_id
),

seen as (
    select
        *,
        case
            when
                change_kind = 'stopped'
                and coalesce(next_kind, 'stopped') = 'stopped'
                and triggered_at < coalesce(next_at, timestamp '2200-01-01')
                and triggered_at < coalesce(single_run_at, timestamp '2200-01-01')
                then triggered_at
        end as seen_running_at
    from followed
),

marked as (
    select
        *,
        coalesce(
            lag(change_kind) over (
                partition by workspace_id, recipe_id
                order by
                    occurred_at asc,
                    (case when change_kind = 'stopped' then 0 else 1 end) asc,
                    event_id asc
            ) = 'stopped'
            and lag(seen_running_at) over (
                partition by workspace_id, recipe_id
                order by
                    occurred_at asc,
                    (case when change_kind = 'stopped' then 0 else 1 end) asc,
                    event_id asc
            ) is null,
            false
        ) as is_already_down
    from seen
),

stops as (
    select
        *,
        -- a condition on one side in the join would compare every stop with every end
        case when seen_running_at is null then end_number + 1 end as awaited_number
    from marked
    where change_kind = 'stopped'
),

ends as (
    select *
    from ordered
    where change_kind <> 'stopped'
),

environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_activity_monthly
    group by all
),

told as (
    select
        s.event_id,
        s.workspace_id,
        n.environment,
        s.recipe_id,
        s.recipe_name,
        case
            when s.stop_reason = 'user' then 'person'
            when s.stop_reason is null and s.actor_id is not null then 'person'
            else 'workato'
        end as stopped_by,
        s.actor_id,
        s.actor_name,
        s.actor_email,
        s.stop_reason,
        s.ip_address,
        s.user_agent,
        b.event_id as restart_event_id,
        b.actor_id as restarted_by_id,
        b.actor_name as restarted_by_name,
        e.last_failed_job_id,
        e.last_error_type,
        e.last_error_message,
        e.last_error_adapter,
        e.last_error_operation,
        s.job_count_before,
        s.failed_count_before,
        b.job_count_after,
        b.failed_count_after,
        e.usual_gap_seconds,
        s.is_forced,
        s.is_error,
        s.is_already_down,
        d.event_id is null and s.seen_running_at is null as is_open,
        s.event_date,
        s.occurred_at as stopped_at,
        b.occurred_at as restarted_at,
        s.seen_running_at,
        case when d.change_kind = 'deleted' then d.occurred_at end as deleted_at,
        e.last_started_at,
        e.last_failed_at
    from stops as s
    left join ends as d
        on
            s.workspace_id = d.workspace_id
            and s.recipe_id = d.recipe_id
            and s.awaited_number = d.end_number
    left join ends as b on d.event_id = b.event_id and b.change_kind = 'started'
    left join recipe_stops_daily as e
        on s.event_date = e.event_date and s.event_id = e.event_id
    left join environments as n on s.workspace_id = n.workspace_id
)

select
    event_id,
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    stopped_by,
    actor_id,
    case when stopped_by = 'workato' then 'Workato' else actor_name end as actor_name,
    actor_email,
    stop_reason,
    ip_address,
    user_agent,
    restart_event_id,
    restarted_by_id,
    restarted_by_name,
    last_failed_job_id,
    last_error_type,
    last_error_message,
    last_error_adapter,
    last_error_operation,
    job_count_before,
    failed_count_before,
    job_count_after,
    failed_count_after,
    cast(failed_count_before as double) / nullif(job_count_before, 0) as failure_rate_before,
    cast(failed_count_after as double) / nullif(job_count_after, 0) as failure_rate_after,
    case
        when restarted_at is null and seen_running_at is null then null
        when is_already_down then cast(0 as double)
        else round(epoch(coalesce(restarted_at, seen_running_at)) - epoch(stopped_at), 3)
    end as downtime_seconds,
    round(epoch(stopped_at) - epoch(last_started_at), 3) as silent_seconds,
    usual_gap_seconds,
    is_forced,
    is_error,
    is_already_down,
    is_open,
    event_date,
    stopped_at,
    restarted_at,
    seen_running_at,
    deleted_at,
    last_started_at,
    last_failed_at
from told
order by recipe_id asc, stopped_at asc, event_id asc
