-- Stops of recipes with what the runs of the 28 days before say: last error, last start, rhythm.
-- grain:  event_date, event_id
-- reads:  recipe_switches_daily, recipe_activity_daily
-- scope:  window(-28d,+0d)
-- files:  month
-- note:   what recipe_stops is made of. The day before and the day itself are in the switch, up to
--         its second; older failures and starts than those of 28 days before are not looked for.

with stops as (
    select *
    from recipe_switches_daily
    where event_date between $from_date and $to_date and change_kind = 'stopped'
),

earlier as (
    select
        s.event_id,
        d.last_failed_job_id,
        d.last_error_type,
        d.last_error_message,
        d.last_error_adapter,
        d.last_error_operation,
        d.last_failed_at,
        max(d.last_started_at) over (partition by s.event_id) as last_started_at,
        median(d.median_gap_seconds) over (partition by s.event_id) as usual_gap_seconds,
        row_number() over (
            partition by s.event_id
            order by (case when d.last_failed_at is null then 1 else 0 end) asc, d.event_date desc
        ) as position
    from stops as s
    inner join recipe_activity_daily as d
        on
            s.workspace_id = d.workspace_id
            and s.recipe_id = d.recipe_id
            and s.event_date > d.event_date
            and s.event_date <= d.event_date + 28
)

select
    s.event_id,
    s.workspace_id,
    s.recipe_id,
    case when s.last_failed_at is null then e.last_failed_job_id else s.last_failed_job_id end
        as last_failed_job_id,
    case when s.last_failed_at is null then e.last_error_type else s.last_error_type end
        as last_error_type,
    case when s.last_failed_at is null then e.last_error_message else s.last_error_message end
        as last_error_message,
    case when s.last_failed_at is null then e.last_error_adapter else s.last_error_adapter end
        as last_error_adapter,
    case when s.last_failed_at is null then e.last_error_operation else s.last_error_operation end
        as last_error_operation,
    e.usual_gap_seconds,
    s.event_date,
    coalesce(s.last_started_at, e.last_started_at) as last_started_at,
    coalesce(s.last_failed_at, e.last_failed_at) as last_failed_at
from stops as s
left join earlier as e on s.event_id = e.event_id and e.position = 1
