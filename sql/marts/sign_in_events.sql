-- Sign-ins and failed sign-ins, one row each, with the person who signed in or was tried.
-- grain:  event_date, event_id
-- reads:  int_activity_once
-- scope:  partition
-- note:   the few rows of activity that bursts of failures are found in; switches of the workspace
--         are no sign-ins.

select
    event_id,
    workspace_id,
    coalesce(actor_id, resource_id, lower(actor_email), lower(resource_email), 'unknown')
        as person_id,
    case when actor_id is null then resource_name else actor_name end as person_name,
    lower(case when actor_id is null then resource_email else actor_email end) as person_email,
    actor_id,
    actor_name,
    ip_address,
    is_failed_sign_in,
    event_date,
    occurred_at
from int_activity_once
where event_date between $from_date and $to_date and (is_sign_in or is_failed_sign_in)
