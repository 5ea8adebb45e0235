-- What people did per UTC day and hour: all events, changes among them.
-- grain:  event_date, hour_of_day, workspace_id, person_id
-- reads:  int_activity_once
-- scope:  partition
-- note:   acts of Workato itself are left out; so are sign-ins that failed.

select
    workspace_id,
    coalesce(actor_id, lower(actor_email)) as person_id,
    max(actor_name) as person_name,
    max(lower(actor_email)) as person_email,
    cast(extract(hour from occurred_at) as bigint) as hour_of_day,
    cast(count(*) as bigint) as event_count,
    cast(
        count(*) filter (where not is_sign_in and not is_sign_out and not is_workspace_switch)
        as bigint
    ) as change_count,
    cast(count(*) filter (where event_category = 'recipe') as bigint) as recipe_change_count,
    event_date
from int_activity_once
where
    event_date between $from_date and $to_date
    and not is_failed_sign_in
    and (actor_id is not null or actor_email is not null)
group by all
