-- Failed jobs with the fingerprint of their error: its text without what varies from job to job.
-- grain:  event_date, event_id
-- reads:  stg_jobs
-- scope:  partition
-- note:   failed by outcome; test jobs are in it, flagged. <email>, <time>, <value>, <query> and
--         <n> (any number or id) stand for what was taken out. Conservative: a quoted word without
--         digits stays (it names a field or a type), and so do HTTP statuses, vendors' codes and
--         names of fields, repeated in brackets behind the text. No replacement refers to a group
--         and no pattern looks around, so that RE2 and Java read them alike.

with failed as (
    select
        event_id,
        job_id,
        family_id,
        workspace_id,
        environment,
        recipe_id,
        recipe_name,
        coalesce(error_type, 'unknown') as error_type,
        coalesce(error_adapter, 'unknown') as error_adapter,
        coalesce(error_operation, 'unknown') as error_operation,
        error_message,
        error_inner_message,
        error_line_number,
        error_http_status,
        is_test,
        event_date,
        started_at,
        occurred_at,
        -- pages of HTML come as messages; what tells errors apart stands at the beginning
        left(
            case
                when
                    error_inner_message is null
                    or contains(coalesce(error_message, ''), error_inner_message)
                    then error_message
                else coalesce(error_message || ' | ', '') || error_inner_message
            end,
            4000
        ) as message
    from stg_jobs
    where is_failed
),

kept as (
    select
        *,
        -- "status code: 404", "HTTP/1.1 502", {"code":409}
        regexp_extract(
            message,
            '\b(?:[Ss]tatus|[Cc]ode|HTTP|Http|http|[Ee]rror)(?:[ _-]?[Cc]ode)?(?:/[0-9.]+)?["'']?'
            || '[ :=#(]{1,3}["'']?(4[0-5][0-9]|5[01][0-9])(?:$|[^0-9A-Za-z])',
            1
        ) as named_status,
        regexp_extract(message, '^ *(4[0-5][0-9]|5[01][0-9])(?:$|:| [A-Z])', 1) as first_status,
        regexp_extract(
            message,
            '\b(?:ORA|PLS|TNS|DPY|SQL|SQLSTATE|SQLCODE|AADSTS|MSG|ERR|errno)[ :=_(\[-]{0,2}'
            || '[0-9][0-9A-Z]{2,6}\b',
            0
        ) as vendor_code,
        regexp_extract(error_inner_message, '^[A-Z][A-Z_-]*[0-9]{1,5}$', 0) as inner_code,
        regexp_extract(
            message,
            '\b(?:[Ff]ield|[Cc]olumn|[Tt]able|[Pp]arameter|[Pp]roperty|[Aa]ttribute|[Cc]onstraint'
            || '|[Rr]elation|[Ss]chema|[Hh]eader|[Ff]unction)s?:? '
            || '(["''`][A-Za-z_][^"''`0-9]{0,79}["''`]|["''`]?[A-Za-z][A-Za-z_]*_[0-9]{1,5}\b)',
            1
        ) as named
    from failed
),

spaced as (
    select
        *,
        -- one spelling of JSON, so that its values are told from quoted words
        regexp_replace(
            regexp_replace(message, '[ \t\r\n]+', ' ', 'g'), '" ?: ?"', '":"', 'g'
        ) as without_space
    from kept
),

addressed as (
    select
        *,
        case
            when contains(without_space, '@') or contains(without_space, '?')
                then regexp_replace(
                    regexp_replace(
                        without_space, '[?][\p{L}0-9_.~%+-]+=[^ "''<>)}]*', '?<query>', 'g'
                    ),
                    '[\p{L}0-9._%+-]+(?:''[\p{L}0-9._%+-]+)?@[\p{L}0-9-]+(?:[.][\p{L}0-9-]+)+',
                    '<email>',
                    'g'
                )
            else without_space
        end as without_address
    from spaced
),

quoted as (
    select
        *,
        regexp_replace(
            regexp_replace(
                without_address,
                '(?:^|[ (=\[])(?:"[\p{L}_.-]*[^\p{L}_."-][^"]{0,80}"'
                || '|''[\p{L}_.-]*[^\p{L}_.''-][^'']{0,80}'''
                || '|`[\p{L}_.-]*[^\p{L}_.`-][^`]{0,80}`|“[^”]{1,80}”)',
                ' <value>',
                'g'
            ),
            '=[(][^)]{1,200}[)]',
            '=(<value>)',
            'g'
        ) as without_value
    from addressed
),

timed as (
    select
        *,
        regexp_replace(
            without_value,
            '\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?'
            || '(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\b)?)?'
            || '|\b[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}\b'
            || '|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:[0-9]{1,2} '
            || '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*,? [0-9]{4}'
            || '|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* [0-9]{1,2}\b'
            || '(?:,? [0-9]{4}\b)?)'
            || '|\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp][Mm])?\b',
            '<time>',
            'g'
        ) as without_time
    from quoted
),

identified as (
    select
        *,
        regexp_replace(
            without_time,
            -- UUIDs, exponents, Workato's job ids, hex, IPv6, Salesforce's ids, letters between
            -- digits; the first that fits takes all, so the order is part of the rule
            '(?:\b|_)(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}'
            || '|[0-9]+(?:[.,][0-9]+)*[eE][+-]?[0-9]+\b'
            || '|j-[A-Za-z0-9]{6,}(?:-[A-Za-z0-9]{4,})+\b'
            || '|0x[0-9a-fA-F]+\b|[0-9a-f]{8,}\b|[0-9A-F]{8,}\b'
            || '|(?:[23][0-9a-f]{3}|f[cde][0-9a-f]{2}):(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}'
            || '|(?:0[0-9A-Za-z]|a[0-9])[0-9A-Za-z]{13}(?:[0-9A-Za-z]{3})?\b'
            || '|[A-Za-z]*[0-9]+[A-Za-z]+[0-9][0-9A-Za-z]*\b)',
            '<n>',
            'g'
        ) as without_id
    from timed
),

counted as (
    select
        *,
        regexp_replace(
            regexp_replace(
                regexp_replace(without_id, '\b[0-9]+(?:[.,:][0-9]+)*|[0-9]{3,}', '<n>', 'g'),
                ' [+-]<n>',
                ' <n>',
                'g'
            ),
            -- lists of any length
            '<n>(?:[ ,;]+<n>)+',
            '<n>',
            'g'
        ) as without_number,
        coalesce(nullif(named_status, ''), first_status) as status
    from identified
),

marked as (
    select
        *,
        left(trim(without_number), 500) as text,
        concat_ws(
            ', ',
            nullif(status, ''),
            case when not contains(without_number, vendor_code) then vendor_code end,
            case when not contains(without_number, inner_code) then inner_code end,
            case when not contains(without_number, named) then named end
        ) as kept_code
    from counted
),

normalised as (
    select
        *,
        text || case when kept_code = '' then '' else ' [' || kept_code || ']' end as error_text
    from marked
)

select
    event_id,
    job_id,
    family_id,
    workspace_id,
    environment,
    recipe_id,
    recipe_name,
    left(
        sha256(
            error_type || chr(10) || error_adapter || chr(10) || error_operation || chr(10)
            || coalesce(error_text, '')
        ),
        16
    ) as fingerprint_id,
    error_type,
    error_adapter,
    error_operation,
    error_text,
    error_message,
    error_inner_message,
    error_line_number,
    error_http_status,
    is_test,
    event_date,
    started_at,
    occurred_at
from normalised
