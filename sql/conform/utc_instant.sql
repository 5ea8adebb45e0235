-- The instant that a text of one of Workato's time formats names, or null.
-- grain:  moment
-- reads:  moment
-- scope:  partition
-- note:   ISO with an offset or Z, "... UTC", "... -0800", and epoch seconds, milliseconds (with
--         decimals), microseconds or nanoseconds; a time without a zone is UTC. Years outside 2012
--         to 2100 are no times: Workato began in 2012.

case
    when moment like '2___-__-_____:__%' and moment between '2012' and '2101'
        then coalesce(
            try_cast(moment as timestamptz),
            try_cast(regexp_replace(moment, ' ?([+-]\d{2})(\d{2})$', '\1:\2') as timestamptz)
        )
    when regexp_full_match(moment, '1\d{9}(\d{3})?(\.\d+)?|1\d{15}|1\d{18}')
        then to_timestamp(
            try_cast(moment as double)
            / power(1000, (strpos(moment || '.', '.') - 1 - 10) // 3)
        )
end
