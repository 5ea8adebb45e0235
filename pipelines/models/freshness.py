"""Freshness: the catalogue's view of how new every lake table and mart is, and what lags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.lake.duck import list_literal, text_literal
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import HOURS_UNTIL_STALE, TABLES
from pipelines.lake.tables import Lake, file_actions
from pipelines.models.edition import Edition, Held, find_shown
from pipelines.models.header import MODELS, Model, parse_facts, reached
from pipelines.models.macros import HEADER
from pipelines.models.sources import digest, lake_tables
from pipelines.models.staleness import NEVER, Changes, Stamps, read_changes

VIEW = "freshness"
FILE = SQL / "health" / f"{VIEW}.sql"
DESCRIPTION, _ = parse_facts(f"sql/health/{VIEW}.sql", FILE.read_text())


def freshness_query(lake: Lake, edition: Edition, held: Held) -> str:
    """The query of the view: the marts as the edition shows them, the loads as they are later.

    A mart that was up to date when it was shown is stale once a load came for what it reads, so
    the view tells it without being written again.
    """
    changes = read_changes(lake)
    tables = [
        (text_literal(name), _number(HOURS_UNTIL_STALE.get(name), "bigint")) for name in TABLES
    ]
    marts = [
        _mart(lake, model, find_shown(lake, model.name, edition, held), changes)
        for model in MODELS.values()
        if model.is_stored
    ]
    named: dict[str, Sequence[Sequence[str]]] = {
        "lake_tables (table_name, hours_until_stale)": tables,
        "mart_builds (table_name, load_number, is_stale, newest_event_date, refreshed_at, "
        "as_of_date, lake_tables)": marts,
    }
    listed = ",\n".join(f"{name} as ({_values(rows)})" for name, rows in named.items())
    return f"with {listed},\n{HEADER.sub('', FILE.read_text()).removeprefix('with ')}"


def _values(rows: Iterable[Sequence[str]]) -> str:
    return f"values {', '.join('(' + ', '.join(row) + ')' for row in rows)}"


def _mart(lake: Lake, model: Model, shown: DeltaTable | None, changes: Changes) -> tuple[str, ...]:
    """One row of `mart_builds`, as literals."""
    read = {model.name, *reached(model.name, lambda _: False)}
    windows = {MODELS[name].window for name in read & MODELS.keys()}
    has_window = not model.is_global and windows != {(0, 0)}
    is_stale = bool(changes.stale(model, shown))
    newest, written = _newest_of(lake, model, shown)
    return (
        text_literal(model.name),
        _number(None if is_stale else changes.number, "bigint"),
        str(is_stale).lower(),
        _moment(newest, "date"),
        _moment(written, "timestamp"),
        _moment(changes.as_of if has_window else None, "date"),
        list_literal(lake_tables(model) if model.is_global else sorted(read & TABLES.keys())),
    )


def _newest_of(
    lake: Lake, model: Model, shown: DeltaTable | None
) -> tuple[date | None, datetime | None]:
    """The newest day of a mart, and when its newest data file was written, UTC.

    A mart that is rebuilt whole has the newest day of the lake that it was built from.
    """
    if shown is None or not (files := file_actions(shown)).num_rows:
        return None, None
    written = _newest(files, "modification_time")
    if model.is_global:
        until = Stamps(model, digest(model, lake.storage.settings), shown).complete_until
        return None if until == NEVER else until, _utc(written)
    by_day = f"partition.{model.partition_column}"
    column = by_day if by_day in files.column_names else f"max.{model.partition_column}"
    return _newest(files, column), _utc(written)


def _newest(files: pa.Table, column: str) -> Any:
    return max(files.column(column).unique().to_pylist())


def _utc(moment: Any) -> datetime:
    """A modification time, which the log has in milliseconds or as an instant."""
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment / 1000, UTC)
    return moment.replace(tzinfo=None)  # type: ignore[no-any-return]


def _number(value: int | None, kind: str) -> str:
    return f"cast({'null' if value is None else value} as {kind})"


def _moment(value: date | None, kind: str) -> str:
    return f"cast({'null' if value is None else text_literal(value.isoformat())} as {kind})"
