-- The rules by which tasks can be counted.
-- grain:  counting_rule
-- reads:  counting_rules
-- scope:  global

select
    counting_rule,
    title
from counting_rules
order by counting_rule asc
