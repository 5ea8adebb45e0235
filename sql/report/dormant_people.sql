-- People without an act for 30 days or more, as of the lake's newest day.
-- grain:  person_id
-- reads:  people
-- scope:  global

select
    person_id,
    person_name,
    person_email,
    role,
    days_since_activity,
    last_activity_at
from people
where is_dormant
order by days_since_activity desc nulls first, person_id asc
