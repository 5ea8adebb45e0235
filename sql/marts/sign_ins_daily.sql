-- Sign-ins per person and UTC day; switches of the workspace and failures stand apart.
-- grain:  event_date, person_id
-- reads:  int_activity_once
-- scope:  partition
-- files:  month
-- note:   a switch is counted once, where the person enters; unknown is a sign-in that failed
--         without naming anybody.

with sessions as (
    select
        event_id,
        coalesce(actor_id, resource_id, lower(actor_email), lower(resource_email), 'unknown')
            as person_id,
        case when actor_id is null then resource_name else actor_name end as person_name,
        lower(case when actor_id is null then resource_email else actor_email end) as person_email,
        ip_address,
        is_sign_in,
        is_failed_sign_in,
        is_sign_out,
        is_workspace_switch and event_type = 'user_login' as is_entry,
        activity = 'sso_login' as is_sso,
        event_date,
        occurred_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and (is_sign_in or is_failed_sign_in or is_sign_out or is_workspace_switch)
),

ranked as (
    select
        *,
        row_number() over (
            partition by event_date, person_id
            order by
                (case when person_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position,
        row_number() over (
            partition by event_date, person_id
            order by
                (case when person_email is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as email_position
    from sessions
)

select
    person_id,
    max(case when name_position = 1 then person_name end) as person_name,
    max(case when email_position = 1 then person_email end) as person_email,
    cast(count(*) filter (where is_sign_in) as bigint) as sign_in_count,
    cast(count(*) filter (where is_sign_in and is_sso) as bigint) as sso_sign_in_count,
    cast(count(*) filter (where is_failed_sign_in) as bigint) as failed_sign_in_count,
    cast(count(*) filter (where is_entry) as bigint) as workspace_switch_count,
    cast(count(*) filter (where is_sign_out) as bigint) as sign_out_count,
    cast(count(distinct ip_address) as bigint) as ip_address_count,
    event_date,
    min(occurred_at) filter (where is_sign_in) as first_sign_in_at,
    max(occurred_at) filter (where is_sign_in) as last_sign_in_at
from ranked
group by all
