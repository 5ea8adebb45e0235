-- The counting rule of the settings, in words.
-- grain:  counting_rule
-- reads:  counting_rules, model_settings
-- scope:  global

select
    r.counting_rule,
    r.title
from counting_rules as r
inner join model_settings as m on r.counting_rule = m.counting_rule
