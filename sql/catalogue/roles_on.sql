-- Roles that people held on a UTC day, each that they held at any moment of it.
-- grain:  workspace_id, member_key, valid_from
-- reads:  memberships
-- scope:  global
-- macro:  roles_on(day)
-- note:   is_at_end_of_day tells the role that was left when the day was over.

select
    person_name,
    person_email,
    role,
    workspace_id,
    environment,
    valid_from,
    valid_to,
    is_start_known,
    valid_to > cast(day as date) + interval 1 day as is_at_end_of_day,
    person_id,
    member_key
from memberships
where valid_from < cast(day as date) + interval 1 day and valid_to > cast(day as date)
order by person_name asc, workspace_id asc, valid_from asc
