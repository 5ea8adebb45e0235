-- What the data cannot show: silence, starts and callers never seen, events that came late.
-- grain:  finding, environment, id, name
-- reads:  recipe_silence, recipe_stops, silent_sources, unseen_callers, late_arrivals_daily,
--         recipe_owners
-- scope:  global
-- note:   silence now is as of the newest day of the lake; the rest is of the days asked for.
--         Trigger errors make no job: a recipe can fail for hours at a perfect rate.

with environments as (
    select
        workspace_id,
        max(environment) as environment
    from recipe_owners
    where environment <> 'unknown'
    group by all
),

silent_recipes as (
    select
        case when is_silent then 1 else 2 end as finding_order,
        case when is_silent then 'silent recipe' else 'never ran' end as finding,
        workspace_id,
        recipe_id as id,
        coalesce(recipe_name, recipe_id) as name,
        case when is_silent then last_started_at else switched_at end as since_at,
        until_at,
        silent_seconds,
        usual_gap_seconds,
        job_count as event_count,
        case
            when is_silent then 'active, but no job against its rhythm'
            else 'started, and no job since'
        end as detail
    from recipe_silence
    where is_silent or is_never_run
),

stopped_silent as (
    select
        3 as finding_order,
        'stopped after silence' as finding,
        workspace_id,
        recipe_id as id,
        recipe_name as name,
        last_started_at as since_at,
        stopped_at as until_at,
        silent_seconds,
        usual_gap_seconds,
        cast(null as bigint) as event_count,
        'Workato stopped it: ' || coalesce(stop_reason, 'no reason sent') as detail
    from recipe_stops
    where
        event_date between $from_date and $to_date
        and stopped_by = 'workato'
        and not is_already_down
        and silent_seconds > greatest(3600, coalesce(1.5e0 * usual_gap_seconds, 0))
),

unseen_starts as (
    select
        4 as finding_order,
        'runs although stopped' as finding,
        workspace_id,
        recipe_id as id,
        recipe_name as name,
        stopped_at as since_at,
        seen_running_at as until_at,
        downtime_seconds as silent_seconds,
        usual_gap_seconds,
        cast(null as bigint) as event_count,
        'it ran again, but its start was never received' as detail
    from recipe_stops
    where event_date between $from_date and $to_date and seen_running_at is not null
),

silent_origins as (
    select
        5 as finding_order,
        'silent source' as finding,
        workspace_id,
        source as id,
        source || ': ' || event_kind as name,
        last_received_at as since_at,
        until_at,
        silent_seconds,
        usual_gap_seconds,
        event_count,
        'nothing arrives against its rhythm' as detail
    from silent_sources
    where is_silent
),

missing_callers as (
    select
        6 as finding_order,
        'unseen ' || u.link as finding,
        u.workspace_id,
        coalesce(u.missing_recipe_id, 'unknown') as id,
        max(coalesce(o.recipe_name, u.missing_recipe_id, 'unknown')) as name,
        min(u.first_named_at) as since_at,
        max(u.last_named_at) as until_at,
        cast(null as double) as silent_seconds,
        cast(null as double) as usual_gap_seconds,
        cast(count(*) as bigint) as event_count,
        count(*) || ' jobs that others name, never received, such as ' || min(u.missing_job_id)
            as detail
    from unseen_callers as u
    left join recipe_owners as o
        on u.workspace_id = o.workspace_id and u.missing_recipe_id = o.recipe_id
    where u.event_date between $from_date and $to_date
    group by u.workspace_id, u.link, u.missing_recipe_id
),

arrived as (
    select
        source,
        workspace_id,
        cast(sum(event_count) as bigint) as event_count,
        cast(coalesce(sum(event_count) filter (where is_late), 0) as bigint) as late_count,
        max(longest_lag_seconds) as longest_lag_seconds,
        min(event_date) filter (where is_late) as first_late_date,
        max(last_received_at) filter (where is_late) as last_received_at
    from late_arrivals_daily
    where event_date between $from_date and $to_date
    group by all
),

late_events as (
    select
        -- most of a source cannot be late: it was loaded after the fact
        case when late_count < 0.5e0 * event_count then 7 else 8 end as finding_order,
        case when late_count < 0.5e0 * event_count then 'late events' else 'loaded later' end
            as finding,
        workspace_id,
        source as id,
        source as name,
        cast(first_late_date as timestamp) as since_at,
        last_received_at as until_at,
        longest_lag_seconds as silent_seconds,
        cast(null as double) as usual_gap_seconds,
        late_count as event_count,
        late_count || ' of ' || event_count || ' events came more than a day late' as detail
    from arrived
    where late_count > 0
),

found as (
    select * from silent_recipes
    union all
    select * from stopped_silent
    union all
    select * from unseen_starts
    union all
    select * from silent_origins
    union all
    select * from missing_callers
    union all
    select * from late_events
),

placed as (
    select
        f.*,
        coalesce(e.environment, 'unknown') as environment
    from found as f
    left join environments as e on f.workspace_id = e.workspace_id
),

ranked as (
    select
        *,
        row_number() over (
            order by
                finding_order asc, silent_seconds / nullif(usual_gap_seconds, 0) desc nulls last,
                silent_seconds desc nulls last, event_count desc nulls last,
                name asc, id asc, workspace_id asc
        ) as position,
        count(*) over () as total_count
    from placed
    where $environment is null or environment = $environment
)

select
    finding,
    id,
    name,
    environment,
    workspace_id,
    since_at,
    until_at,
    silent_seconds,
    usual_gap_seconds,
    event_count,
    detail,
    total_count
from ranked
where $top = 0 or position <= $top
order by position asc
