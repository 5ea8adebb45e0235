-- Recipes with their rhythm of runs, their state and their silence; trigger errors make no job.
-- grain:  workspace_id, recipe_id
-- reads:  recipe_activity_daily, recipe_activity_monthly, recipe_switches_daily
-- scope:  global
-- note:   silent is a recipe that is not stopped and has not run for longer than 1.5 times the
--         gap that 95 of 100 of its days stay below, an hour at least, after 5 runs or more. A
--         day's gap is the longest before a run of that day; the last 28 days with runs count, of
--         the newest 90. Where these have no gap, the gaps from month to month stand for them. A stop that
--         jobs follow, which are no reruns, does not hold any more: its start was lost.

with days as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id order by event_date desc
        ) as position,
        epoch(first_started_at) - epoch(
            lead(last_started_at) over (
                partition by workspace_id, recipe_id order by event_date desc
            )
        ) as night_gap_seconds
    from recipe_activity_daily
    where job_count > 0 and event_date > cast($as_of as date) - 90
),

gaps as (
    select
        workspace_id,
        recipe_id,
        median(coalesce(median_gap_seconds, night_gap_seconds)) as usual_gap_seconds,
        quantile_cont(
            greatest(
                coalesce(longest_gap_seconds, night_gap_seconds),
                coalesce(night_gap_seconds, longest_gap_seconds)
            ),
            0.95
        ) as long_gap_seconds
    from days
    where position <= 28
    group by all
),

months as (
    select
        *,
        row_number() over (
            partition by workspace_id, recipe_id order by month_date desc
        ) as position,
        epoch(first_started_at) - epoch(
            lead(last_started_at) over (
                partition by workspace_id, recipe_id order by month_date desc
            )
        ) as month_gap_seconds
    from recipe_activity_monthly
    where job_count > 0
),

runs as (
    select
        workspace_id,
        recipe_id,
        sum(job_count) as job_count,
        max(case when position = 1 then recipe_name end) as recipe_name,
        max(case when position = 1 then last_environment end) as environment,
        median(month_gap_seconds) as usual_gap_seconds,
        max(month_gap_seconds) as long_gap_seconds,
        min(first_started_at) as first_started_at,
        max(last_started_at) as last_started_at,
        max(last_triggered_at) as last_triggered_at
    from months
    group by all
),

rhythms as (
    select
        r.workspace_id,
        r.recipe_id,
        r.job_count,
        r.recipe_name,
        r.environment,
        coalesce(g.usual_gap_seconds, r.usual_gap_seconds) as usual_gap_seconds,
        coalesce(g.long_gap_seconds, r.long_gap_seconds) as long_gap_seconds,
        r.first_started_at,
        r.last_started_at,
        r.last_triggered_at
    from runs as r
    left join gaps as g on r.workspace_id = g.workspace_id and r.recipe_id = g.recipe_id
),

switches as (
    select
        workspace_id,
        recipe_id,
        recipe_name,
        change_kind,
        occurred_at,
        row_number() over (
            partition by workspace_id, recipe_id
            order by
                occurred_at desc,
                (case when change_kind = 'stopped' then 0 else 1 end) desc,
                event_id desc
        ) as position
    from recipe_switches_daily
    where change_kind <> 'started' or not is_run_once
),

last_switches as (
    select *
    from switches
    where position = 1
),

single_runs as (
    select
        workspace_id,
        recipe_id,
        max(occurred_at) as single_run_at
    from recipe_switches_daily
    where change_kind = 'started' and is_run_once
    group by all
),

newest as (
    select
        greatest(
            max(last_started_at), cast($as_of as timestamp)
        ) as until_at
    from recipe_activity_monthly
),

joined as (
    select
        coalesce(r.workspace_id, s.workspace_id) as workspace_id,
        coalesce(r.recipe_id, s.recipe_id) as recipe_id,
        coalesce(r.recipe_name, s.recipe_name) as recipe_name,
        r.environment,
        -- without a switch in the lake, runs show that it is active
        case
            when s.change_kind is null then 'started'
            -- within five minutes a stopped recipe may work off what waits
            when
                s.change_kind = 'stopped'
                and epoch(r.last_triggered_at) - epoch(s.occurred_at) > 300
                and coalesce(o.single_run_at < s.occurred_at, true)
                then 'started'
            else s.change_kind
        end as state,
        coalesce(r.job_count, 0) as job_count,
        r.usual_gap_seconds,
        r.long_gap_seconds,
        r.first_started_at,
        r.last_started_at,
        s.occurred_at as switched_at,
        case
            when s.change_kind = 'started' and s.occurred_at > r.last_started_at then s.occurred_at
            else coalesce(r.last_started_at, s.occurred_at)
        end as quiet_since_at
    from rhythms as r
    full join last_switches as s
        on r.workspace_id = s.workspace_id and r.recipe_id = s.recipe_id
    left join single_runs as o
        on r.workspace_id = o.workspace_id and r.recipe_id = o.recipe_id
),

timed as (
    select
        j.*,
        case
            when j.state = 'started' then epoch(n.until_at) - epoch(j.quiet_since_at)
        end as silent_seconds,
        n.until_at
    from joined as j
    cross join newest as n
)

select
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    state,
    cast(job_count as bigint) as job_count,
    cast(usual_gap_seconds as double) as usual_gap_seconds,
    cast(long_gap_seconds as double) as long_gap_seconds,
    round(silent_seconds, 3) as silent_seconds,
    coalesce(
        job_count >= 5 and silent_seconds > greatest(3600, 1.5e0 * long_gap_seconds), false
    ) as is_silent,
    state = 'started' and job_count = 0 as is_never_run,
    first_started_at,
    last_started_at,
    switched_at,
    until_at
from timed
