"""Verdicts: what checks found becomes rows of the lake's table `checks`, each verdict once.

Dagster's history has the verdicts; here they are mirrored for those who ask in SQL. A lake whose
Dagster home was lost keeps those that it has, and goes on with those of the new one.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import orjson

from pipelines.errors import LakeError
from pipelines.judgement import FAILING_DAYS, JUDGED_DAYS
from pipelines.lake.append import TRIES, append_rows
from pipelines.lake.duck import connect, list_literal
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import APPLICATION, Lake, evolve, explained, file_actions
from pipelines.resources import now, unique
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable

NAME = "checks"
SKEW = timedelta(minutes=1)
"""How far the clocks of machines that share an instance may be apart."""
FIRST = timedelta(days=7)
"""How old the runs may be that a lake looks at which has nothing of this instance yet."""
MANY = 20
"""Runs without a new verdict after which it is noted that they were looked at."""
UNDER_WAY = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
ELSEWHERE = {JUDGED_DAYS, FAILING_DAYS, "days", "rows", "observed", "description", "expectation"}
"""Metadata that other columns have, or that are the same every time."""
LONGEST_TEXT, MOST_ITEMS = 200, 10
"""What is kept of a text and of a list in `detail`."""


def keep_verdicts(lake: Lake, instance: dg.DagsterInstance, warn: Callable[[str], None]) -> None:
    """Add the verdicts that the lake lacks to `checks`, for whoever has just judged.

    What was judged is done, whether it can be told here or not: where the lake cannot be written
    it is only warned of, and the next call adds the rows.
    """
    try:
        mirror_verdicts(lake, instance, clock=now, unique=unique)
    except LakeError as error:
        warn(f"the verdicts are not in the table {NAME} yet, the next run adds them: {error}")


def mirror_verdicts(
    lake: Lake,
    instance: dg.DagsterInstance,
    *,
    clock: Callable[[], datetime],
    unique: Callable[[], str],
) -> int:
    """Add the verdicts that the lake does not have yet, in one commit.

    A run stores verdicts only while it is under way. So it is enough to look at the runs that are,
    and at those that changed since the last look began, which the commit says; ids that the lake
    has are left out. Of two that do it at once, one is refused and looks again.

    Returns:
        The number of rows added.

    Raises:
        LakeError: The lake cannot be written; the rows come with the next call.
    """
    storage: Any = instance.run_storage  # every one that runs are kept in has an id
    application = f"{APPLICATION}:{NAME}:{storage.get_run_storage_id()}"
    with explained(lake.url):
        for _ in range(TRIES):
            table = lake.open(NAME)
            evolve(table, TABLES[NAME].schema)
            began, looked = clock(), table.transaction_version(application) or 0
            runs = _runs_since(instance, looked, began)
            verdicts = {row["check_id"]: row for run in runs for row in _verdicts(instance, run)}
            rows = _lacking(lake, table, verdicts)
            if not rows and len(runs) < MANY:
                return 0
            at = max(looked + 1, _milliseconds(began))
            # a home that is new may give itself two ids, if it is asked by two at once
            newest = {application: at, f"{APPLICATION}:{NAME}": at}
            if append_rows(lake, NAME, table, rows, newest, unique):
                return len(rows)
    raise LakeError(f"{NAME}: {TRIES} other commits came first; the next run adds the rows")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _runs_since(instance: dg.DagsterInstance, looked: int, began: datetime) -> Sequence[str]:
    """Ids of the runs that may have stored a verdict since the last look began."""
    since = datetime.fromtimestamp(looked / 1000, UTC) - SKEW if looked else began - FIRST
    changed = instance.get_run_ids(dg.RunsFilter(updated_after=since))
    open_ones = instance.get_run_ids(dg.RunsFilter(statuses=list(UNDER_WAY)))
    return list(dict.fromkeys((*changed, *open_ones)))


def _verdicts(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """The verdicts that a run has stored, as rows."""
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [
        _row(entry.run_id, entry.job_name, datetime.fromtimestamp(entry.timestamp, UTC), verdict)
        for entry in logs
        if (event := entry.dagster_event) and (verdict := event.asset_check_evaluation_data)
    ]


def _row(
    run_id: str, job_name: str | None, at: datetime, verdict: dg.AssetCheckEvaluation
) -> dict[str, Any]:
    table = verdict.asset_key.to_user_string()
    facts = {name: value.value for name, value in verdict.metadata.items()}
    judged, failing = (_days(facts.get(name)) for name in (JUDGED_DAYS, FAILING_DAYS))
    return {
        "check_id": f"{run_id}:{table}:{verdict.check_name}",
        "table_name": table,
        "check_name": verdict.check_name,
        "is_passed": verdict.passed,
        "is_blocking": bool(verdict.blocking),
        "checked_at": at,
        "run_id": run_id,
        "job_name": job_name,
        "judged_day_count": None if judged is None else len(judged),
        "first_judged_date": min(judged, default=None) if judged else None,
        "last_judged_date": max(judged, default=None) if judged else None,
        "failing_days": failing,
        "row_count": rows if isinstance(rows := facts.get("rows"), int) else None,
        "observed_max": _largest(facts.get("observed")),
        "detail": _detail(facts),
        "event_date": at.date(),
    }


def _days(listed: Any) -> list[date] | None:
    """The days of a list, or of the keys of a dict, as metadata has them."""
    return None if listed is None else [date.fromisoformat(str(day)) for day in listed]


def _largest(observed: Any) -> float | None:
    return None if not observed or observed["max"] is None else float(observed["max"])


def _detail(facts: Mapping[str, Any]) -> str | None:
    kept = {
        name: _short(value)
        for name, value in facts.items()
        if name not in ELSEWHERE and value not in (None, "", [], {})
    }
    return orjson.dumps(kept, default=str).decode() if kept else None


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, Mapping):
        return {str(name): _short(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_short(inner) for inner in value[:MOST_ITEMS]]
    return value


def _lacking(
    lake: Lake, table: "DeltaTable", verdicts: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The verdicts whose ids the lake lacks; only files can have one that are younger than it."""
    if not verdicts:
        return []
    days = {row["event_date"] for row in verdicts.values()}
    oldest = _milliseconds(min(row["checked_at"] for row in verdicts.values()) - SKEW)
    files = [
        join(lake.table_url(NAME), action["path"])
        for action in file_actions(table).to_pylist()
        if action["partition.event_date"] in days and _modified(action) >= oldest
    ]
    known: set[str] = set()
    if files:
        with closing(connect(lake.storage, s3=lake.is_s3)) as connection:
            query = f"select check_id from read_parquet({list_literal(files)})"
            known = {check_id for (check_id,) in connection.execute(query).fetchall()}
    return [row for check_id, row in verdicts.items() if check_id not in known]


def _modified(action: Mapping[str, Any]) -> int:
    """When a file was written, in milliseconds; the log has these, or a UTC time without zone."""
    at: Any = action["modification_time"]
    return at if isinstance(at, int) else _milliseconds(at.replace(tzinfo=UTC))
