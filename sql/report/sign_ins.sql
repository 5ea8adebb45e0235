-- Sign-ins of the period in all workspaces; switches of workspace are none.
-- grain:  one row
-- reads:  sign_ins_daily
-- scope:  global

select
    cast(coalesce(sum(sign_in_count), 0) as bigint) as sign_in_count,
    cast(coalesce(sum(failed_sign_in_count), 0) as bigint) as failed_sign_in_count,
    cast(count(distinct case when sign_in_count > 0 then person_id end) as bigint) as person_count
from sign_ins_daily
where event_date between $from_date and $to_date
