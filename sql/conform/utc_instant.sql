-- The instant that a text of one of Workato's time formats names, or null.
-- grain:  moment
-- reads:  moment
-- scope:  partition
-- note:   RFC 3339 with an offset or Z, "... UTC", "... -0800", and epoch seconds, milliseconds
--         (with decimals), microseconds or nanoseconds; a time without a zone is UTC. No zone but
--         UTC and GMT has a name: DuckDB would keep it for the rows after. Years outside 2012 to
--         2100 are no times: Workato began in 2012. The usual forms come first and cost little.

case
    when moment like '2___-__-__T__:__:%-__:__' and moment between '2012' and '2101'
        then try_cast(moment as timestamptz)
    when moment like '2___-__-_____:__%' and moment between '2012' and '2101'
        then coalesce(
            try_cast(
                case
                    when moment like '%Z' or moment like '%+__:__' or moment like '%-__:__'
                        then moment
                    when moment like '% UTC' then left(moment, length(moment) - 4) || '+00'
                end as timestamptz
            ),
            case
                when regexp_full_match(
                    moment, '.{16}(:\d{2}([.]\d+)?)? ?(UTC|GMT|Z|[+-][01]\d(:?[0-5]\d)?)?', 'i'
                )
                    then try_cast(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    regexp_replace(
                                        upper(moment), '^(.{16})([^:]|$)', '\1:00\2'
                                    ),
                                    ' ?(UTC|GMT|Z)$', '+00'
                                ),
                                '^(.{19}[.\d]*)$', '\1+00'
                            ),
                            ' ?([+-]\d{2}):?(\d{2})$', '\1:\2'
                        ) as timestamptz
                    )
            end
        )
    when regexp_full_match(moment, '1\d{9}(\d{3})?(\.\d+)?|1\d{15}|1\d{18}')
        then to_timestamp(
            try_cast(moment as double)
            / power(1000, (strpos(moment || '.', '.') - 1 - 10) // 3)
        )
end
