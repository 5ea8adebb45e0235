"""Select: the rows of a load (or of a range of time) that are for a sink, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from pipelines.errors import ConfigurationError, LakeError
from pipelines.lake.duck import connect, list_literal, text_literal
from pipelines.lake.history import Loaded, find_load
from pipelines.lake.schemas import KINDS, TABLES
from pipelines.lake.tables import Lake, explained, partition_files
from pipelines.models.relations import sql_type, table_query
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from pipelines.exports.feed import Feed
    from pipelines.sinks.settings import SinkSettings

COLUMNS = {name: kind for table in KINDS.values() for name, kind, _ in TABLES[table].columns}
"""Every column of an event of any kind, with its Arrow type."""
BATCH_ROWS = 4_096
WHOLE = "true"
"""The condition on files that hold nothing else than what a scope is about."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a feed is about: those of one load, or those of a range of time."""

    days: tuple[date, ...]
    condition: str
    load: Loaded | None = None


@dataclass(frozen=True, slots=True)
class After:
    """The last event that is accounted for; selection goes on behind it."""

    occurred_at: datetime
    event_id: str


def scope_of(lake: Lake, feed: Feed) -> Scope:
    """The rows that a feed is about."""
    if feed.replay is not None:
        asked = json.loads(feed.replay)
        return time_scope(*(datetime.fromisoformat(asked[name]) for name in ("from", "to")))
    load = find_load(lake, feed.load_number)
    if load is None:
        raise LakeError(
            f"{lake.url}: load {feed.load_number}, which is due to sink {feed.sink!r}, is not "
            "there; if another lake belongs to the ledger, correct lake_url or ledger_url"
        )
    days = {day for table in KINDS.values() for day in load.partitions.get(table, ())}
    return Scope(tuple(sorted(days)), f"load_id = {text_literal(feed.load_id)}", load)


def time_scope(start: datetime, end: datetime) -> Scope:
    """The rows that happened from `start` up to but not at `end`, whatever load brought them."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    condition = f"occurred_at >= {_moment_literal(start)} and occurred_at < {_moment_literal(end)}"
    return Scope(days, condition)


def condition_of(sink: SinkSettings) -> str:
    """The filter of a sink as an SQL predicate."""
    listed = {
        "event_kind": sink.kinds,
        "event_type": sink.event_types,
        "resource_type": sink.resource_types,
        "workspace_id": sink.workspaces,
        "environment": sink.environments,
    }
    parts = [
        f"{column} in {list_literal(list(values))}" for column, values in listed.items() if values
    ]
    if sink.failed_jobs_only:
        parts.append("(event_kind <> 'job' or outcome = 'failed')")
    if sink.where is not None:
        parts.append(f"({sink.where}\n)")
    return " and ".join(parts) or "true"


def check_condition(sink: SinkSettings) -> None:
    """Hold a sink's `where` to what it may say.

    Raises:
        ConfigurationError: It is no predicate over columns of the lake.
    """
    import duckdb

    if sink.where is None:
        return
    empty = " union all by name ".join(f"({table_query(name, [])})" for name in KINDS.values())
    connection = duckdb.connect(config={"enable_external_access": False})
    try:
        query = f"select 1 from ({empty}) where ({sink.where}\n)"
        if len(connection.extract_statements(query)) != 1:
            raise ConfigurationError(f"sink {sink.name!r}: setting 'where': found two statements")
        connection.execute(query)
    except duckdb.Error as error:
        raise ConfigurationError(
            f"sink {sink.name!r}: setting 'where': found {sink.where!r}, which is not an SQL "
            f"predicate over the lake's columns: {str(error).splitlines()[0]}"
        ) from error
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a scope in one version of the lake."""

    lake: Lake
    scope: Scope
    tables: Mapping[str, DeltaTable | None]

    def count(self) -> int:
        """How many events there are, before any filter; a load knows what its own files hold."""
        total = 0
        with self._connected() as connection:
            for day, name in product(self.scope.days, KINDS.values()):
                files, condition = self._files(name, day)
                if self.scope.load is not None and condition == WHOLE:
                    total += self.scope.load.partitions.get(name, {}).get(day, 0)
                elif files:
                    query = f"select count(*) from ({table_query(name, files)}) where {condition}"
                    total += connection.execute(query).fetchall()[0][0]
        return total

    def rows(
        self,
        condition: str,
        columns: Collection[str],
        after: After | None = None,
        *,
        beside_sender: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The rows that pass a filter, by `occurred_at` and `event_id`, a UTC day at a time.

        Args:
            condition: An SQL predicate over columns of the lake.
            columns: What is wanted; what a kind lacks is null. `event_id`, `event_kind` and
                `occurred_us`, microseconds since 1970, come as well.
            after: Where to go on.
            beside_sender: Whether a thread of this process sends a day while the next is read.

        Raises:
            LakeError: The lake cannot be read.
            ConfigurationError: An event does not fit the filter, as a text that is no number.
        """
        shown = sorted({*columns, "event_id", "event_kind"} & COLUMNS.keys())
        read = sorted({*shown, "occurred_at", *_named(condition)})
        behind = "true"
        if after is not None:
            behind = key_condition(">", after.occurred_at, after.event_id)
        with self._connected() as connection:
            for day in self.scope.days:
                if after is not None and day < after.occurred_at.astimezone(UTC).date():
                    continue
                query = (
                    f"select {', '.join(shown)}, epoch_us(occurred_at) as occurred_us "
                    f"from ({self._rows(day, read)}) where {condition} and {behind} "
                    "order by occurred_at, event_id"
                )
                with _filter_explained():
                    yield from connection.execute(query).to_arrow_reader(BATCH_ROWS)
                if beside_sender and not self.lake.is_s3:
                    # several threads would ask for Python's lock while they wait for each other,
                    # and delay the sender; where they wait for a network, they are worth it
                    connection.execute("set threads = 1")

    @contextmanager
    def _connected(self) -> Iterator[DuckDBPyConnection]:
        with (
            explained(self.lake.url),
            closing(connect(self.lake.storage, s3=self.lake.is_s3)) as connection,
        ):
            yield connection

    def _rows(self, day: date, columns: Sequence[str]) -> str:
        """Events of all kinds of one day as one relation."""
        parts = []
        for name in KINDS.values():
            files, condition = self._files(name, day)
            listed = ", ".join(_columns_of(name, columns))
            parts.append(f"select {listed} from ({table_query(name, files)}) where {condition}")
        return " union all ".join(parts)

    def _files(self, name: str, day: date) -> tuple[list[str], str]:
        """The files to read, and which of their rows count.

        Those that the load wrote hold nothing else; they are read unless they were compacted away.
        """
        load = self.scope.load
        if load is not None and (name, day) not in load.files:
            return [], WHOLE
        current = partition_files(self.tables[name], [day])
        if load is not None:
            own = {join(self.lake.table_url(name), path) for path in load.files[name, day]}
            if own <= set(current):
                return sorted(own), WHOLE
        return current, self.scope.condition


@contextmanager
def _filter_explained() -> Iterator[None]:
    """All of a query is ours but the filter, so what its values cannot do is the filter's."""
    import duckdb

    try:
        yield
    except (duckdb.DataError, duckdb.ProgrammingError) as error:
        raise ConfigurationError(
            "setting 'where': the filter cannot be used on an event that was loaded: "
            f"{str(error).splitlines()[0][:300]}; use try_cast() where values may not fit"
        ) from error


def select(lake: Lake, scope: Scope) -> Selection:
    """The rows of a scope as the lake has them now."""
    return Selection(lake, scope, {name: lake.find(name) for name in KINDS.values()})


def _columns_of(table: str, columns: Sequence[str]) -> list[str]:
    """The wanted columns as a table has them; null where it lacks one."""
    have = TABLES[table].names
    return [
        name if name in have else f"cast(null as {sql_type(COLUMNS[name])}) as {name}"
        for name in columns
    ]


def _named(condition: str) -> set[str]:
    """The columns that an SQL predicate may name; one too many costs little."""
    return set(re.findall(r"[a-z_]+", condition.lower())) & COLUMNS.keys()


def key_condition(sign: Literal[">", ">=", "<="], occurred_at: datetime, event_id: str) -> str:
    """Where events lie in their order, before or behind one, as an SQL predicate.

    DuckDB takes no pair where it makes a range of two bounds, so it is spelt out.
    """
    # no literal holds a NUL, which an id of the source may
    name = "(" + " || chr(0) || ".join(map(text_literal, event_id.split("\0"))) + ")"
    moment = _moment_literal(occurred_at)
    return (
        f"(occurred_at {sign[0]} {moment} or (occurred_at = {moment} and event_id {sign} {name}))"
    )


def _moment_literal(moment: datetime) -> str:
    return f"timestamptz {text_literal(moment.astimezone(UTC).isoformat())}"
