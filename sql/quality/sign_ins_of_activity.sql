-- Sign-ins, failed ones, switches and sign-outs in the lake and in sign_ins_daily, side by side.
-- grain:  event_date
-- reads:  activity, activity_twins_daily, sign_ins_daily
-- scope:  partition
-- note:   workspace_id is there for the shape of the relation: a person's sign-ins are of all
--         workspaces. An event that came through API and stream counts once.

with sessions as (
    select
        a.event_type,
        coalesce(a.outcome = 'failed', false) as is_failed,
        coalesce(a.activity in ('switch_team', 'switch_workspace'), false) as is_switch,
        a.event_date
    from activity as a
    left join activity_twins_daily as t on a.event_date = t.event_date and a.event_id = t.event_id
    where
        t.event_id is null
        and (starts_with(a.event_type, 'user_login') or a.event_type = 'user_logout')
),

expected as (
    select
        count(*) filter (
            where event_type <> 'user_logout' and not is_failed and not is_switch
        ) as sign_in_count,
        count(*) filter (where event_type <> 'user_logout' and is_failed) as failed_sign_in_count,
        count(*) filter (where event_type = 'user_login' and is_switch) as switch_count,
        count(*) filter (where event_type = 'user_logout' and not is_switch) as sign_out_count,
        event_date
    from sessions
    group by all
),

found as (
    select
        sum(sign_in_count) as sign_in_count,
        sum(failed_sign_in_count) as failed_sign_in_count,
        sum(workspace_switch_count) as switch_count,
        sum(sign_out_count) as sign_out_count,
        event_date
    from sign_ins_daily
    group by all
)

select
    'all' as workspace_id,
    coalesce(e.sign_in_count, 0) as expected_sign_in_count,
    coalesce(f.sign_in_count, 0) as found_sign_in_count,
    coalesce(e.failed_sign_in_count, 0) as expected_failed_sign_in_count,
    coalesce(f.failed_sign_in_count, 0) as found_failed_sign_in_count,
    coalesce(e.switch_count, 0) as expected_switch_count,
    coalesce(f.switch_count, 0) as found_switch_count,
    coalesce(e.sign_out_count, 0) as expected_sign_out_count,
    coalesce(f.sign_out_count, 0) as found_sign_out_count,
    coalesce(e.event_date, f.event_date) as event_date
from expected as e
full outer join found as f on e.event_date = f.event_date
