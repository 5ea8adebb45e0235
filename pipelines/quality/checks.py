"""Checks: what a check is, and what must be true of every UTC day of every lake table, as data.

A check counts or measures something per day and says how much of it is allowed. Conditions are
SQL over one row, written once: the same text counts the rows that break it and finds examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.lake.duck import list_literal
from pipelines.lake.event_types import KNOWN
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import EVENT_TABLES, HOURS_UNTIL_STALE

STEPS_OF_JOBS = "steps_of_jobs"
"""The relation of `sql/quality/steps_of_jobs.sql`: jobs and their steps, side by side."""
RELATIONS = {path.stem: path.read_text() for path in sorted((SQL / "quality").glob("*.sql"))}
"""Relations that checks read besides tables, by name: the files of `sql/quality`."""
VOLUME = "volume"
FRESHNESS = "freshness"
LOG = frozenset({VOLUME, FRESHNESS})
"""No relations: measured from the Delta log alone, without reading a data file."""

REASONS = ("not_json", "not_an_event", "duplicate_key", "too_large", "bad_time", "bad_value")
LINES_STATES = ("sent", "absent", "too_large")
KINDS = {
    "activity": "activity",
    "jobs": "job",
    "job_steps": "job_step",
    "api_requests": "api_request",
    "log_messages": "log_message",
}
UNKNOWN_TYPES_SHARE = 0.1
REJECTED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Check:
    """One rule about each UTC day of one lake table or mart."""

    name: str
    table: str
    description: str
    violation: str = ""
    """SQL condition of a row that breaks the rule; empty where only the whole day can."""
    aggregate: str = ""
    """SQL of the day's measure; without it, the number of rows that break the rule."""
    confirm: str = ""
    """Dearer SQL that replaces a measure above the maximum, where `aggregate` is an estimate."""
    maximum: float = 0
    """The largest measure that passes."""
    blocking: bool = True
    """Whether models and exports of the day must wait; otherwise it is a warning."""
    relation: str = ""
    """What is read, a name of `RELATIONS`; without it, the table."""
    footer_column: str = ""
    """Column that Parquet footers can acquit of nulls and empty texts, so that it is not read."""
    shown: tuple[str, ...] = ("event_id",)
    """Columns of an example."""

    @property
    def measure(self) -> str:
        """SQL of the day's measure."""
        return self.aggregate or f"count(*) filter (where {self.violation})"

    @property
    def reads(self) -> str:
        """The relation that is read, or one of `LOG`."""
        return self.relation or self.table

    @property
    def expectation(self) -> dict[str, Any]:
        """The rule in Great Expectations' words, about the frame of one row a day."""
        return {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": self.name, "max_value": self.maximum},
            "severity": "critical" if self.blocking else "warning",
            "meta": {"check": self.name},
        }


def _unique(table: str, column: str, subject: str, brought_by: str = "load_id") -> Check:
    return Check(
        f"{subject}_are_unique",
        table,
        f"No {column} stands twice in a day of {table}.",
        violation=f"(event_date, {column}) in (select (event_date, {column}) from {table} "
        f"group by event_date, {column} having count(*) > 1)",
        # hashes take an eighth of the memory of texts; two texts may share one, so it is confirmed
        aggregate=f"count({column}) - count(distinct hash({column}))",
        confirm=f"count({column}) - count(distinct {column})",
        shown=(column, brought_by),
    )


def _present(table: str, column: str, subject: str) -> Check:
    return Check(
        f"{subject}_are_present",
        table,
        f"Every row of {table} has its {column}.",
        violation=f"{column} is null",
        shown=("load_id",) if table == "loads" else ("source_uri", "source_offset", "load_id"),
    )


def _events(table: str) -> tuple[Check, ...]:
    """The checks that every table of events shares."""
    return (
        _unique(table, "event_id", f"{table}_event_ids"),
        _present(table, "event_id", f"{table}_event_ids"),
        Check(
            f"{table}_times_are_plausible",
            table,
            f"Every row of {table} occurred between 2012, when Workato began, and a day after "
            "it was loaded.",
            violation="(occurred_at between timestamptz '2012-01-01 00:00:00+00' "
            "and loaded_at + interval 1 day) is not true",
            shown=("event_id", "occurred_at", "loaded_at"),
        ),
        Check(
            f"{table}_days_match_their_times",
            table,
            f"Every row of {table} lies in the partition of the UTC day on which it occurred.",
            # the same as a cast to date, a fifth of the time
            violation="epoch_us(occurred_at) // 86400000000 <> event_date - date '1970-01-01'",
            shown=("event_id", "occurred_at", "event_date"),
        ),
        Check(
            f"{table}_kinds_fit_their_table",
            table,
            f"Every row of {table} is of the kind {KINDS[table]}.",
            violation=f"event_kind is distinct from '{KINDS[table]}'",
            shown=("event_id", "event_kind"),
        ),
    )


def _raw(table: str) -> Check:
    return Check(
        f"{table}_raw_is_kept",
        table,
        f"Every row of {table} has the record as it was received.",
        violation="raw is null or raw = ''",
        footer_column="raw",
        shown=("event_id", "source_uri", "source_offset"),
    )


def _volume(table: str) -> Check:
    return Check(
        f"{table}_volume_is_usual",
        table,
        f"A day has a number of {table} that is neither below a tenth nor above ten times the "
        "median of the 28 days before, nor far outside anything seen in them.",
        maximum=1,
        blocking=False,
        relation=VOLUME,
    )


def _freshness(table: str, hours: int) -> Check:
    return Check(
        f"{table}_newest_event_is_recent",
        table,
        f"The newest row of {table} occurred within {hours} hours.",
        maximum=hours,
        blocking=False,
        relation=FRESHNESS,
    )


LAKE_CHECKS: tuple[Check, ...] = (
    *(check for table in EVENT_TABLES for check in _events(table)),
    *(_raw(table) for table in EVENT_TABLES if table != "job_steps"),
    Check(
        "jobs_outcomes_are_present",
        "jobs",
        "Every job has an outcome.",
        violation="outcome is null",
    ),
    Check(
        "jobs_lines_states_are_known",
        "jobs",
        "Every job says whether its steps were sent, absent, or too large to be sent.",
        violation="lines_state is null or "
        f"not list_contains({list_literal(list(LINES_STATES))}, lines_state)",
        shown=("event_id", "lines_state"),
    ),
    Check(
        "jobs_have_the_steps_they_count",
        "jobs",
        "Every job has as many rows in job_steps, on its day, as steps came with it.",
        violation="event_id is not null and coalesce(step_count, 0) <> coalesce(kept_count, 0)",
        relation=STEPS_OF_JOBS,
        shown=("event_id", "step_count", "kept_count"),
    ),
    Check(
        "job_steps_belong_to_a_job",
        "job_steps",
        "Every step has its job in jobs, on the same day.",
        violation="event_id is null and kept_count > 0",
        relation=STEPS_OF_JOBS,
        shown=("job_event_id", "kept_count"),
    ),
    _unique("rejected", "rejected_id", "rejected_ids"),
    _present("rejected", "rejected_id", "rejected_ids"),
    Check(
        "rejected_reasons_are_known",
        "rejected",
        f"Every rejected input has one of the reasons {', '.join(REASONS)}.",
        violation=f"reason is null or not list_contains({list_literal(list(REASONS))}, reason)",
        shown=("rejected_id", "reason", "detail"),
    ),
    Check(
        "rejected_bytes_are_kept",
        "rejected",
        "Every rejected input has its bytes; an empty object has none, but not null.",
        violation="bytes is null",
        shown=("rejected_id", "source_uri", "source_offset"),
    ),
    _unique("loads", "load_number", "load_numbers"),
    _present("loads", "load_number", "load_numbers"),
    Check(
        "loads_account_for_every_record",
        "loads",
        "Every load's received records are its accepted, duplicate and rejected ones.",
        violation="(received = accepted + duplicate + rejected) is not true",
        shown=("load_id", "received", "accepted", "duplicate", "rejected"),
    ),
    _unique("deliveries", "delivery_id", "delivery_ids"),
    _unique("checks", "check_id", "check_ids", brought_by="run_id"),
    Check(
        "loads_reject_few_records",
        "loads",
        f"At most {REJECTED_SHARE:.0%} of the records that a day's loads received were rejected.",
        violation="rejected > 0",
        aggregate="sum(rejected) / nullif(sum(received), 0)",
        maximum=REJECTED_SHARE,
        blocking=False,
        shown=("load_id", "received", "rejected", "rejected_by_reason"),
    ),
    Check(
        "activity_event_types_are_known",
        "activity",
        f"At most {UNKNOWN_TYPES_SHARE:.0%} of a day's activity has an event type that is not "
        "known; such events are kept like any other.",
        violation=f"not list_contains({list_literal(sorted(KNOWN))}, event_type)",
        aggregate="avg(cast(coalesce("
        f"not list_contains({list_literal(sorted(KNOWN))}, event_type), false) as integer))",
        maximum=UNKNOWN_TYPES_SHARE,
        blocking=False,
        shown=("event_type", "event_id"),
    ),
    *(_volume(table) for table in EVENT_TABLES),
    *(_freshness(table, hours) for table, hours in HOURS_UNTIL_STALE.items()),
)
"""The checks of the lake's tables."""
