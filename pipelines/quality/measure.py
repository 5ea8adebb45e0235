"""Measure: the checks' numbers per UTC day, in one scan a table, and examples of what breaks them.

The SQL is put together from the constants of `checks` only; nothing that a lake holds gets into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from pipelines.lake.duck import list_literal
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import applied_load, partition_files
from pipelines.models.header import MODELS, parse_facts
from pipelines.models.relations import ANY_DAY, columns_of, days_after, empty_query, rows_of_mart
from pipelines.models.sources import lake_tables
from pipelines.models.staleness import read_changes
from pipelines.quality.checks import LOG, RELATIONS, Check

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from pipelines.lake.tables import Lake
    from pipelines.models.staleness import Changes

Measures = dict[date, dict[str, Any]]
"""UTC day → check name → measure; a check without a measure for a day is not judged on it."""

EXAMPLES = 10


def relation_reads(name: str) -> tuple[str, ...]:
    """The tables that a relation of `sql/quality` reads, as its header says."""
    _, facts = parse_facts(f"sql/quality/{name}.sql", RELATIONS[name])
    return tuple(part.strip() for part in facts["reads"].split(","))


def open_tables(lake: Lake, checks: Sequence[Check]) -> dict[str, DeltaTable]:
    """Open what the checks read, at versions that belong together.

    A load adds a job's steps before the job, so jobs are opened first; steps of a load that jobs do
    not have yet are left to the next check.
    """
    names = {check.table for check in checks}
    for check in checks:
        if check.reads in RELATIONS:
            names.update(relation_reads(check.reads))
    tables: dict[str, DeltaTable] = {}
    for name in sorted(names, key=lambda name: name != "jobs"):
        if (table := lake.find(name)) is not None:
            tables[name] = table
    jobs, steps = tables.get("jobs"), tables.get("job_steps")
    if steps is not None and jobs is not None:
        while applied_load(steps) > applied_load(jobs) and steps.version() > 0:
            steps.load_as_version(steps.version() - 1)
    return tables


def days_of_marts(days: Mapping[str, Iterable[date]]) -> dict[str, list[date]]:
    """The days of every mart that depend on the given days of the lake's tables."""
    found: dict[str, list[date]] = {}
    for model in MODELS.values():
        if model.is_stored:
            touched = {day for table in lake_tables(model) for day in days.get(table, ())}
            if touched:
                found[model.name] = days_after(model, touched)
    return found


def days_to_judge(
    lake: Lake, tables: Mapping[str, DeltaTable], table: str, days: Sequence[date]
) -> Sequence[date]:
    """The days whose rows are needed to judge a table on the given days.

    Days on which a mart that is looked at lags behind the lake are left out, and with them all
    that is judged together with them.
    """
    marts = [(MODELS[name], opened) for name, opened in tables.items() if name in MODELS]
    if not marts:
        return days
    changes = read_changes(lake)
    stale = [(model, set(changes.stale(model, opened))) for model, opened in marts]
    if any(model.is_global and late for model, late in stale):
        return []
    dated = [(model, late) for model, late in stale if not model.is_global]
    spans = _judged_together(changes, tables, table, days)
    lags = {d for s in spans for d in s if any(m.partition_of(d) in late for m, late in dated)}
    return [day for span in spans if lags.isdisjoint(span) for day in span]


def _judged_together(
    changes: Changes, tables: Iterable[str], table: str, days: Sequence[date]
) -> list[list[date]]:
    """The days that have one verdict: each, those of a month, or every day for a global mart.

    So the sources of a month are read whole, and a daily mart costs no more than its days.
    """
    model = MODELS.get(table)
    if model is None or not days:
        return [[day] for day in days]
    if not model.is_global:
        return [model.days_of(each) for each in sorted({model.partition_of(day) for day in days})]
    every = set(days)
    for name in set(tables) - {table}:
        source = MODELS.get(name)
        every.update(changes.needed(source) if source else changes.days.get(name, ()))
    return [sorted(every)]


def create_views(
    connection: DuckDBPyConnection,
    lake: Lake,
    tables: Mapping[str, DeltaTable],
    days: Sequence[date],
    relations: Iterable[str] = (),
) -> None:
    """Create a view of the days' rows of each table, and the relations over them."""
    for name, table in tables.items():
        query = _view_of_mart(lake, name, table, days) if name in MODELS else None
        query = query or _view_of_table(connection, name, partition_files(table, days))
        connection.execute(f"create or replace temp view {name} as {query}")
    for relation in relations:
        for name in set(relation_reads(relation)) - tables.keys():
            query = empty_query(lake, name)
            connection.execute(f"create or replace temp view {name} as {query}")
        connection.execute(f"create or replace temp view {relation} as {RELATIONS[relation]}")


def _view_of_table(connection: DuckDBPyConnection, name: str, files: list[str]) -> str:
    if files:
        # union_by_name: files that are older than a column read it as null
        return (
            f"select * from read_parquet({list_literal(files)}, "
            "hive_partitioning = true, union_by_name = true)"
        )
    connection.register(f"no_{name}", TABLES[name].schema.empty_table())
    return f"select * from no_{name}"


def _view_of_mart(lake: Lake, name: str, table: DeltaTable, days: Sequence[date]) -> str:
    """The days' rows of a mart, or their months', which are judged on their first day.

    All rows of a global one, where it has a day to be judged on.
    """
    model = MODELS[name]
    columns = columns_of(lake, model)
    query = rows_of_mart(lake, model, table, days)
    if "event_date" in columns.names:
        return query
    if model.is_monthly:
        return f"select *, month_date as event_date from ({query})"
    day = max(days, default=ANY_DAY)
    return f"select *, date '{day.isoformat()}' as event_date from ({query})"


def measure(
    connection: DuckDBPyConnection,
    opened: DeltaTable,
    table: str,
    days: Sequence[date],
    checks: Sequence[Check],
) -> tuple[dict[date, int], Measures]:
    """Measure the checks that read rows: one scan for each relation.

    Returns:
        The rows of each day that has any, and the measures of those days.
    """
    footers = [check for check in checks if check.footer_column]
    files = partition_files(opened, days) if footers else []
    spared = {check.name for check in footers if _acquitted(connection, files, check)}
    relations: dict[str, list[Check]] = {table: []}
    for check in checks:
        if check.reads not in LOG and check.name not in spared:
            relations.setdefault(check.reads, []).append(check)
    rows: dict[date, int] = {}
    measures: Measures = {}
    for relation, chosen in relations.items():
        found = _aggregate(connection, relation, [(c.name, c.measure) for c in chosen])
        doubtful = [c for c in chosen if c.confirm and _exceeds(found.values(), c)]
        if doubtful:
            exact = _aggregate(connection, relation, [(c.name, c.confirm) for c in doubtful])
            for day, values in exact.items():
                found[day] |= values
        for day, values in found.items():
            counted = values.pop("row_count")
            if relation == table:
                rows[day] = counted
                measures.setdefault(day, {}).update(dict.fromkeys(spared, 0))
            measures.setdefault(day, {}).update(values)
    # a mart must have what its sources have, on days as well on which it has no rows
    judged = rows if table in TABLES else measures
    return rows, {day: measures[day] for day in sorted(judged)}


def _aggregate(
    connection: DuckDBPyConnection, relation: str, columns: Sequence[tuple[str, str]]
) -> Measures:
    listed = "".join(f", {sql} as {name}" for name, sql in columns)
    found = connection.execute(
        f"select event_date, count(*) as row_count{listed} from {relation} group by event_date"
    )
    names = ["event_date", "row_count", *(name for name, _ in columns)]
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in found.fetchall()}


def _exceeds(measures: Any, check: Check) -> bool:
    return any((values[check.name] or 0) > check.maximum for values in measures)


def _acquitted(connection: DuckDBPyConnection, files: list[str], check: Check) -> bool:
    """Whether the files' footers prove that the column has neither nulls nor empty texts.

    The smallest of some texts is empty exactly when one is. Reading `raw` itself would fetch most
    of a table's bytes.
    """
    if not files:
        return True
    doubtful, filed = connection.execute(
        "select count(*) filter (where num_values > 0 "
        "and (stats_null_count = 0 and stats_min_value <> '') is not true), "
        "count(distinct file_name) from parquet_metadata($files) where path_in_schema = $column",
        {"files": files, "column": check.footer_column},
    ).fetchall()[0]
    # a file that lacks the column is not listed, and all its rows are null
    return bool(doubtful == 0 and filed == len(files))


def find_examples(
    connection: DuckDBPyConnection, check: Check, days: Sequence[date]
) -> list[dict[str, Any]]:
    """Up to ten rows of the given days that break the check, as JSON-ready values."""
    if not check.violation:
        return []
    found = connection.execute(
        f"select {', '.join(check.shown)} from {check.reads} "
        f"where list_contains($days, event_date) and ({check.violation}) limit {EXAMPLES}",
        {"days": list(days)},
    )
    return [
        {name: ready(value) for name, value in zip(check.shown, row, strict=True)}
        for row in found.fetchall()
    ]


def ready(value: Any) -> Any:
    """A value as JSON can hold it: instants as ISO text, NaN and infinities as None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(name): ready(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [ready(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
