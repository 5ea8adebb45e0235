"""Run: check some days of a table, and tell what was found in values that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.errors import ConfigurationError, LakeError
from pipelines.lake.duck import connect, text_literal
from pipelines.lake.tables import Lake
from pipelines.quality.checks import LOG, RELATIONS, Check
from pipelines.quality.judge import Verdict, judge
from pipelines.quality.log import Log, explain, measure_log, read_log
from pipelines.quality.marts import CHECKS
from pipelines.quality.measure import (
    Measures,
    create_views,
    days_to_judge,
    find_examples,
    measure,
    open_tables,
    ready,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

SHOWN_DAYS = 31
"""Days listed in a result; what a person reads of a year is its worst."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found on the days that were checked."""

    name: str
    table: str
    passed: bool
    blocking: bool
    metadata: dict[str, Any]
    """JSON-ready: description, expectation, days, rows, observed, failing_days, examples, note."""

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON-ready values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Measured:
    """The numbers of some days of one table."""

    now: datetime
    log: Log
    rows: dict[date, int] = field(default_factory=dict)
    measures: Measures = field(default_factory=dict)


def run_checks(
    lake: Lake,
    table: str,
    days: Sequence[date],
    *,
    clock: Callable[[], datetime],
    names: Iterable[str] | None = None,
) -> list[CheckResult]:
    """Check some UTC days of a lake table or mart.

    Args:
        lake: The lake.
        table: Name of a lake table or mart.
        days: UTC days; for `loads` and `rejected`, days of loading. A mart with a global scope is
            judged as a whole.
        clock: The time now, timezone-aware UTC; freshness is judged by it.
        names: The checks to run; without them, all of the table.

    Returns:
        One result a check, in the order of `CHECKS`. Days without rows are not judged; where none
        has rows, or there is no such table yet, every check passes and says so. A mart's day is
        not judged while it is stale: it is then as it should not be any more.

    Raises:
        ConfigurationError: No such table or check.
        LakeError: The lake cannot be read now.
    """
    checks = choose_checks(table, names)
    with open_days(lake, days, checks) as (connection, tables):
        if table not in tables:
            return [_passed(check, f"there is no table {table} yet") for check in checks]
        measured = measure_days(connection, tables, table, days, checks, clock())
        if not measured.measures:
            return [_passed(check, "no rows on these days") for check in checks]
        verdicts = judge(table, checks, measured.measures)
        return [_result(connection, c, verdicts[c.name], measured) for c in checks]


def choose_checks(table: str, names: Iterable[str] | None = None) -> tuple[Check, ...]:
    """The checks of one table; of those the named ones, where names are given.

    Raises:
        ConfigurationError: No such table or check.
    """
    checks = [check for check in CHECKS if check.table == table]
    if not checks:
        known = ", ".join(sorted({check.table for check in CHECKS}))
        raise ConfigurationError(f"there are no checks of a table named {table!r}; known: {known}")
    if names is None:
        return tuple(checks)
    wanted = frozenset(names)
    if unknown := sorted(wanted - {check.name for check in checks}):
        raise ConfigurationError(f"{table} has no check named {unknown[0]!r}")
    return tuple(check for check in checks if check.name in wanted)


@contextmanager
def open_days(
    lake: Lake, days: Sequence[date], checks: Sequence[Check]
) -> Iterator[tuple[DuckDBPyConnection, dict[str, DeltaTable]]]:
    """A connection with views of the days' rows, and the tables that exist, by name."""
    with TemporaryDirectory(prefix="trailhouse-", dir=lake.storage.settings.work_dir) as folder:
        connection = connect(lake.storage, s3=lake.is_s3)
        try:
            connection.execute(f"set temp_directory = {text_literal(folder)}")
            tables = open_tables(lake, checks)
            judged = days_to_judge(lake, tables, checks[0].table, days)
            relations = {check.reads for check in checks} & RELATIONS.keys()
            create_views(connection, lake, tables, judged, relations)
            yield connection, tables
        except duckdb.Error as error:
            raise LakeError(f"{checks[0].table} cannot be checked: {error}") from error
        finally:
            connection.close()


def measure_days(
    connection: DuckDBPyConnection,
    tables: Mapping[str, DeltaTable],
    table: str,
    days: Sequence[date],
    checks: Sequence[Check],
    now: datetime,
) -> Measured:
    """Every measure of the checks of a table: from its rows, and from the Delta log."""
    log = read_log(tables[table])
    rows, measures = measure(connection, tables[table], table, days, checks)
    for check in checks:
        for day, value in measure_log(check, log, sorted(rows), now).items():
            measures[day][check.name] = value
    return Measured(now, log, rows, measures)


def _passed(check: Check, note: str) -> CheckResult:
    facts = {"days": 0, "rows": 0, "examples": [], "note": note}
    return CheckResult(check.name, check.table, True, check.blocking, _about(check) | facts)


def _about(check: Check) -> dict[str, Any]:
    expectation = check.expectation
    return {
        "description": check.description,
        "expectation": {"type": expectation["type"], "kwargs": expectation["kwargs"]},
    }


def _result(
    connection: DuckDBPyConnection, check: Check, verdict: Verdict, measured: Measured
) -> CheckResult:
    values = [v[check.name] for v in measured.measures.values() if v.get(check.name) is not None]
    worst = sorted(verdict.failing.items(), key=lambda item: -item[1])[:SHOWN_DAYS]
    failing = [date.fromisoformat(day) for day, _ in worst]
    facts: dict[str, Any] = {
        "days": len(measured.rows),
        "rows": sum(measured.rows.values()),
        "observed": {"min": ready(min(values)), "max": ready(max(values))} if values else None,
        "failing_days": dict(sorted(worst)),
        "examples": [],
    }
    if not values:
        facts["note"] = "nothing to compare with yet"
    if verdict.error:
        facts["error"] = verdict.error
    if check.reads in LOG:
        facts |= explain(check, measured.log, failing, measured.now)
    elif failing:
        facts["examples"] = find_examples(connection, check, failing)
    return CheckResult(
        check.name, check.table, verdict.passed, check.blocking, _about(check) | facts
    )
