-- First failures of a recipe by a fingerprint after 7 days without, and what could explain each.
-- grain:  event_date, workspace_id, recipe_id, fingerprint_id
-- reads:  error_fingerprints_daily, int_error_changes
-- scope:  window(-7d,+0d)
-- files:  month
-- note:   ranks: the lowest wins, then the nearest. 1 the recipe edited, or a connection of the
--         failing connector lost and not yet back, within a day; 2 other changes of these or of
--         the connector, within a day; 3 changes of the workspace, connections that were connected
--         again, and connections where the connector is unknown, within 6 hours; 4 roles, within 6 hours; 5 and 6 are 1 and 2
--         within 7 days. A change of a recipe counts only for jobs that began after it. Without
--         such a change the cause is null. In the first days of a lake a failure may be no start:
--         error_causes tells.

with days as (
    select
        *,
        lag(event_date) over (
            partition by workspace_id, recipe_id, fingerprint_id order by event_date asc
        ) as previous_date
    from error_fingerprints_daily
    where failed_count > 0
),

starts as (
    select
        workspace_id,
        recipe_id,
        fingerprint_id,
        recipe_name,
        error_type,
        error_adapter,
        error_operation,
        error_text,
        -- generated names of custom connectors hold the connector's id
        nullif(regexp_extract(error_adapter, '_connector_([0-9]+)', 1), '') as connector_id,
        event_date,
        coalesce(first_started_at, first_failed_at) as job_started_at,
        first_failed_at as started_at
    from days
    where
        event_date between $from_date and $to_date
        and (previous_date is null or date_diff('day', previous_date, event_date) > 7)
),

changes as (
    select
        *,
        floor(epoch(changed_at) / 3600) as changed_hour,
        row_number() over (
            partition by event_date, workspace_id, reach, provider
            order by changed_at desc, event_id asc
        ) = 1 as is_last_of_day,
        -- for a lost connection, when it was connected again
        case
            when reach = 'connection' and is_breaking
                then min(case when change_kind = 'connected' then changed_at end) over (
                    partition by workspace_id, reach, resource_id
                    order by occurred_at asc, event_id asc
                    rows between 1 following and unbounded following
                )
        end as undone_at
    from int_error_changes
),

start_days as (
    select
        s.*,
        back.days_before,
        cast(s.started_at as date) - back.days_before as changed_date
    from starts as s
    cross join (values (0), (1), (2), (3), (4), (5), (6), (7)) as back (days_before)
),

start_hours as (
    select
        s.*,
        floor(epoch(s.started_at) / 3600) - back.hours_before as changed_hour
    from starts as s
    cross join (values (0), (1), (2), (3), (4), (5), (6)) as back (hours_before)
),

-- every branch joins on the day or the hour too: there are far too many changes to try them all
candidates as (
    select
        s.workspace_id,
        s.recipe_id,
        s.fingerprint_id,
        s.event_date,
        s.started_at,
        c.event_id,
        c.changed_at,
        case when c.is_breaking then 1 else 2 end as closeness
    from start_days as s
    inner join changes as c
        on
            s.workspace_id = c.workspace_id
            and s.changed_date = c.event_date
            and s.recipe_id = c.resource_id
    where c.reach = 'recipe' and c.changed_at <= s.job_started_at
    union all
    select
        s.workspace_id,
        s.recipe_id,
        s.fingerprint_id,
        s.event_date,
        s.started_at,
        c.event_id,
        c.changed_at,
        case
            when c.is_breaking and coalesce(c.undone_at >= s.started_at, true) then 1
            -- to make a connection good again seldom breaks anything
            when c.change_kind = 'connected' then 3
            else 2
        end as closeness
    from start_days as s
    inner join changes as c
        on
            s.workspace_id = c.workspace_id
            and s.changed_date = c.event_date
            and s.error_adapter = c.provider
    where
        c.reach = 'connection'
        and c.changed_at <= s.started_at
        -- of what is no loss, the last of an earlier day is nearer than the others
        and (s.days_before = 0 or c.is_breaking or c.is_last_of_day)
    union all
    select
        s.workspace_id,
        s.recipe_id,
        s.fingerprint_id,
        s.event_date,
        s.started_at,
        c.event_id,
        c.changed_at,
        2 as closeness
    from start_days as s
    inner join changes as c
        on
            s.workspace_id = c.workspace_id
            and s.changed_date = c.event_date
            and s.connector_id = c.resource_id
    where c.reach = 'connector' and c.changed_at <= s.started_at
    union all
    select
        s.workspace_id,
        s.recipe_id,
        s.fingerprint_id,
        s.event_date,
        s.started_at,
        c.event_id,
        c.changed_at,
        case when c.reach = 'people' then 4 else 3 end as closeness
    from start_hours as s
    inner join changes as c
        on s.workspace_id = c.workspace_id and s.changed_hour = c.changed_hour
    where
        c.changed_at <= s.started_at
        and (
            c.reach in ('workspace', 'people')
            or (c.reach = 'connection' and s.error_adapter = 'unknown')
        )
),

aged as (
    select
        *,
        epoch(started_at) - epoch(changed_at) as seconds_before
    from candidates
),

graded as (
    select
        *,
        case when seconds_before > 86400 then closeness + 4 else closeness end as cause_rank
    from aged
    where seconds_before <= case when closeness <= 2 then 604800 else 21600 end
),

ranked as (
    select
        *,
        row_number() over (
            partition by event_date, workspace_id, recipe_id, fingerprint_id
            order by cause_rank asc, changed_at desc, event_id asc
        ) as position
    from graded
)

select
    s.workspace_id,
    s.recipe_id,
    s.fingerprint_id,
    s.recipe_name,
    s.error_type,
    s.error_adapter,
    s.error_operation,
    s.error_text,
    c.event_id as cause_event_id,
    c.event_type as cause_event_type,
    c.reach as cause_reach,
    c.resource_type as cause_resource_type,
    c.resource_id as cause_resource_id,
    c.resource_name as cause_resource_name,
    c.actor_id,
    c.actor_name,
    c.actor_email,
    c.ip_address,
    cast(r.cause_rank as bigint) as cause_rank,
    cast(r.seconds_before as double) as seconds_before,
    s.event_date,
    s.started_at,
    c.changed_at
from starts as s
left join ranked as r
    on
        s.event_date = r.event_date
        and s.workspace_id = r.workspace_id
        and s.recipe_id = r.recipe_id
        and s.fingerprint_id = r.fingerprint_id
        and r.position = 1
left join changes as c
    on r.workspace_id = c.workspace_id and r.event_id = c.event_id
