-- What people did per UTC day and hour: all events, changes among them.
-- grain:  event_date, hour_of_day, workspace_id, person_id
-- reads:  int_activity_once
-- scope:  partition
-- note:   acts of Workato itself are left out; so are sign-ins that failed. Name and address are
--         the newest of the hour.

with acts as (
    select
        event_id,
        workspace_id,
        coalesce(actor_id, lower(actor_email)) as person_id,
        actor_name as person_name,
        lower(actor_email) as person_email,
        event_category,
        cast(extract(hour from occurred_at) as bigint) as hour_of_day,
        not is_sign_in and not is_sign_out and not is_workspace_switch as is_change,
        event_date,
        occurred_at
    from int_activity_once
    where
        event_date between $from_date and $to_date
        and not is_failed_sign_in
        and (actor_id is not null or actor_email is not null)
),

ranked as (
    select
        *,
        row_number() over (
            partition by event_date, hour_of_day, workspace_id, person_id
            order by
                (case when person_name is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as name_position,
        row_number() over (
            partition by event_date, hour_of_day, workspace_id, person_id
            order by
                (case when person_email is null then 1 else 0 end) asc,
                occurred_at desc, event_id asc
        ) as email_position
    from acts
)

select
    workspace_id,
    person_id,
    max(case when name_position = 1 then person_name end) as person_name,
    max(case when email_position = 1 then person_email end) as person_email,
    hour_of_day,
    cast(count(*) as bigint) as event_count,
    cast(count(*) filter (where is_change) as bigint) as change_count,
    cast(count(*) filter (where event_category = 'recipe') as bigint) as recipe_change_count,
    event_date
from ranked
group by all
