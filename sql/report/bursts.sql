-- Bursts of failed sign-ins that began in the period, in all workspaces.
-- grain:  burst_of, subject, first_failed_at
-- reads:  failed_sign_in_bursts
-- scope:  global

select
    burst_of,
    subject,
    person_name,
    person_email,
    ip_address,
    signed_in_name,
    signed_in_ip_address,
    role_changed_by_name,
    member_name,
    member_email,
    old_role,
    new_role,
    failed_count,
    person_count,
    ip_address_count,
    is_followed_by_sign_in,
    is_followed_by_role_change,
    first_failed_at,
    last_failed_at,
    signed_in_at,
    role_changed_at
from failed_sign_in_bursts
where event_date between $from_date and $to_date
order by first_failed_at asc, burst_of asc, subject asc
