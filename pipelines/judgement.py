"""Judgement: quality checks, run on days and put into Dagster's words.

A check has one verdict for all its table. So that a good day never hides a bad one, a blocking
check that failed judges the failing days again, together with the new ones, until it passes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as Status,
)

from pipelines.lake.tables import Lake
from pipelines.models.header import reached
from pipelines.quality import CHECKS
from pipelines.quality.run import SHOWN_DAYS
from pipelines.resources import now

JUDGED = {Status.SUCCEEDED, Status.FAILED}
JUDGED_DAYS = "judged_days"
"""Metadata that holds the judged UTC days."""
FAILING_DAYS = "failing_days"
"""Metadata that holds the days that broke the rule; of very many only the worst."""


def _failing_days(verdict: dg.AssetCheckEvaluation | None) -> set[date]:
    """The days for which a verdict is that they do not pass."""
    if verdict is None or verdict.passed:
        return set()
    failing, judged = (
        getattr(verdict.metadata.get(name), "value", None) or ()
        for name in (FAILING_DAYS, JUDGED_DAYS)
    )
    listed: Any = judged if not failing or len(failing) >= SHOWN_DAYS else failing
    return {date.fromisoformat(str(day)) for day in listed}


def failing_checks(instance: dg.DagsterInstance, tables: Iterable[str]) -> list[str]:
    """Names of the blocking checks of the tables whose newest verdict is a failure."""
    wanted = set(tables)
    asked = [_key(c.table, c.name) for c in CHECKS if c.blocking and c.table in wanted]
    return sorted(k.name for k, verdict in _newest(instance, asked).items() if not verdict.passed)


def is_held_back(instance: dg.DagsterInstance, mart: str) -> bool:
    """Whether a blocking check of a table or mart that a mart reads keeps it as it is."""
    return bool(failing_checks(instance, reached(mart, lambda _: False)))


def judge_days(
    lake: Lake,
    instance: dg.DagsterInstance,
    days_of: Mapping[str, Iterable[date]],
    names: frozenset[str] | None = None,
) -> Iterator[dg.AssetCheckEvaluation]:
    """Run the checks of the tables on the given days and on those that failed before.

    Args:
        lake: The lake.
        instance: Where the newest verdicts stand.
        days_of: UTC days to judge, per table.
        names: Checks to run; without it all of the tables.

    Yields:
        One evaluation per check, with the days, the observed values and failing examples.
    """
    for table, given in sorted(days_of.items()):
        chosen = [c for c in CHECKS if c.table == table and (names is None or c.name in names)]
        verdicts = _newest(instance, [_key(table, c.name) for c in chosen if c.blocking])
        groups: dict[tuple[date, ...], list[str]] = {}
        for check in chosen:
            days = set(given) | _failing_days(verdicts.get(_key(table, check.name)))
            if days:
                groups.setdefault(tuple(sorted(days)), []).append(check.name)
        for judged, together in groups.items():
            yield from _judge(lake, table, judged, together)


def _judge(
    lake: Lake, table: str, days: tuple[date, ...], names: list[str]
) -> Iterator[dg.AssetCheckEvaluation]:
    from pipelines.quality import run_checks

    for result in run_checks(lake, table, days, clock=now, names=names):
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(table),
            check_name=result.name,
            passed=result.passed,
            severity=severity(result.blocking),
            blocking=result.blocking,
            metadata={
                JUDGED_DAYS: dg.MetadataValue.json([day.isoformat() for day in days]),
                **{key: _value(value) for key, value in result.metadata.items()},
            },
        )


def check_specs(table: str) -> list[dg.AssetCheckSpec]:
    """The checks of one table or mart, as Dagster shows them."""
    return [
        dg.AssetCheckSpec(
            check.name, asset=table, blocking=check.blocking, description=check.description
        )
        for check in CHECKS
        if check.table == table
    ]


def as_result(verdict: dg.AssetCheckEvaluation) -> dg.AssetCheckResult:
    """A verdict in the words of an asset or check that returns it."""
    return dg.AssetCheckResult(
        asset_key=verdict.asset_key,
        check_name=verdict.check_name,
        passed=verdict.passed,
        severity=verdict.severity,
        metadata=verdict.metadata,
    )


def as_evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """A result in the words of an op that judges what it does not build; it blocks nothing."""
    assert result.asset_key is not None  # noqa: S101
    assert result.check_name is not None  # noqa: S101
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        blocking=False,
        metadata=result.metadata,
    )


def severity(blocking: bool) -> dg.AssetCheckSeverity:
    """A check that blocks is an error; Dagster never blocks on a warning."""
    return dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN


def _value(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else dg.MetadataValue.json(value)


def _key(table: str, check: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(table), check)


def _newest(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """The newest verdicts; executions that are planned or died without one are passed over."""
    storage = instance.event_log_storage
    # one look at all checks: a look at each takes longer than building a small mart
    newest = dict(storage.get_latest_asset_check_execution_by_key(keys))
    for key, record in newest.items():
        if record.status not in JUDGED:
            before = storage.get_asset_check_execution_history(key, limit=1, status=JUDGED)
            newest[key] = before[0] if before else record
    return {
        key: record.evaluation
        for key, record in newest.items()
        if record.status in JUDGED and record.evaluation is not None
    }
