-- Invitations, memberships and roles that changed in the period, newest first.
-- grain:  event_id
-- reads:  membership_changes_daily, recipe_owners
-- scope:  global

select
    event_id,
    workspace_id,
    person_name,
    person_email,
    change_kind,
    role,
    old_role,
    actor_name,
    ip_address,
    occurred_at
from membership_changes_daily
where
    event_date between $from_date and $to_date
    and (
        cast($environment as varchar) is null
        or workspace_id in (
            select workspace_id
            from recipe_owners
            where environment = $environment
        )
    )
order by occurred_at desc, event_id asc
