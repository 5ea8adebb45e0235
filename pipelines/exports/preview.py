"""Preview: what a template would send: of the newest events, and against another template."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.errors import LakeError
from pipelines.exports.fields import LOG_MESSAGE
from pipelines.exports.messages import RowColumns, columns_of_fields
from pipelines.exports.render import load_renderer
from pipelines.exports.select import condition_of, select, time_scope
from pipelines.exports.template import Template, load_template
from pipelines.lake.duck import connect
from pipelines.lake.schemas import KINDS
from pipelines.lake.tables import Lake, explained, file_actions, partition_files
from pipelines.models.relations import table_query

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

    from pipelines.sinks.settings import SinkSettings

EVERYTHING = "true"


@dataclass(frozen=True, slots=True)
class Previewed:
    """One event as it would be sent."""

    event_id: str
    event_kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One event that would be sent otherwise."""

    event_id: str
    event_kind: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What another template does to the events of a UTC day; examples of each kind."""

    day: date
    events: int = 0
    changed: int = 0
    examples: tuple[Changed, ...] = ()


class Renders(Protocol):
    """What makes messages of rows of the lake: a sink's renderer, or one template."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the lake that it reads."""

    def render(
        self, rows: pa.RecordBatch, *, now: datetime
    ) -> tuple[Sequence[str], Mapping[str, Sequence[Any]]]:
        """Messages for events in their order, and the columns that may leave."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """One template, without a sink: for all kinds of events, and nothing hidden."""

    template: Template

    @property
    def columns(self) -> frozenset[str]:
        return columns_of_fields(self.template.fields)

    def render(
        self, rows: pa.RecordBatch, *, now: datetime
    ) -> tuple[Sequence[str], Mapping[str, Sequence[Any]]]:
        columns = RowColumns(rows, reads_message=LOG_MESSAGE in self.template.fields)
        return self.template.render(columns, now=now), columns


def renderer_of(template: str, sink: SinkSettings | None = None) -> Renders:
    """What renders with one template, for all kinds of events, or as a sink would with it.

    Raises:
        TemplateError: It cannot be used; the error has file, line and field.
    """
    if sink is not None:
        return load_renderer(sink.model_copy(update={"template": template, "template_by_kind": {}}))
    return _Plain(load_template(template, kinds=()))


def filter_of(sink: SinkSettings | None) -> str:
    """The filter of a sink as an SQL predicate; without a sink every event passes."""
    return EVERYTHING if sink is None else condition_of(sink)


def preview(
    lake: Lake, renderer: Renders, *, condition: str = EVERYTHING, limit: int, now: datetime
) -> list[Previewed]:
    """The newest events as they would be sent, the newest first.

    Raises:
        TemplateError: An event does not fit the template.
        LakeError: The lake cannot be read.
    """
    found: list[Previewed] = []
    for rows in _newest(lake, condition, renderer.columns, limit):
        messages, _ = renderer.render(rows, now=now)
        found += [Previewed(*fact) for fact in zip(*_names(rows), messages, strict=True)]
    return found


def differ(
    lake: Lake,
    old: Renders,
    new: Renders,
    *,
    day: date,
    condition: str = EVERYTHING,
    examples: int,
    now: datetime,
) -> Difference:
    """What a new template would do to the events of a day; memory stays bounded.

    Args:
        lake: The lake.
        old: What renders today.
        new: What shall render.
        day: UTC day on which the events happened.
        condition: Which events, as an SQL predicate.
        examples: How many changed events of each kind are told.
        now: The time that both tell.

    Raises:
        TemplateError: An event does not fit one of them.
        LakeError: The lake cannot be read.
    """
    start = datetime.combine(day, time(), UTC)
    selection = select(lake, time_scope(start, start + timedelta(days=1)))
    found = Difference(day)
    told: dict[str, int] = {}
    for batch in selection.rows(condition, old.columns | new.columns):
        pairs = _changes(batch, old, new, now)
        shown = []
        for change in pairs:
            told[change.event_kind] = told.get(change.event_kind, 0) + 1
            if told[change.event_kind] <= examples:
                shown.append(change)
        found = replace(
            found,
            events=found.events + batch.num_rows,
            changed=found.changed + len(pairs),
            examples=(*found.examples, *shown),
        )
    return found


def _changes(rows: pa.RecordBatch, old: Renders, new: Renders, now: datetime) -> list[Changed]:
    before, _ = old.render(rows, now=now)
    after, _ = new.render(rows, now=now)
    facts = zip(*_names(rows), before, after, strict=True)
    return [Changed(*fact) for fact in facts if fact[2] != fact[3]]


def _names(rows: pa.RecordBatch) -> tuple[list[str], list[str]]:
    """Ids and kinds of events."""
    return rows.column("event_id").to_pylist(), rows.column("event_kind").to_pylist()


def newest_day(lake: Lake) -> date | None:
    """The newest UTC day that has events of any kind."""
    days = _days({name: lake.find(name) for name in KINDS.values()})
    return days[0] if days else None


def _newest(
    lake: Lake, condition: str, columns: Collection[str], limit: int
) -> Iterator[pa.RecordBatch]:
    """The newest events, a UTC day at a time from the newest on, until there are enough."""
    shown = ", ".join(sorted({*columns, "event_id", "event_kind"}))
    with (
        explained(lake.url),
        closing(connect(lake.storage, s3=lake.is_s3)) as connection,
    ):
        tables = {name: lake.find(name) for name in KINDS.values()}
        for day in _days(tables):
            rows = " union all by name ".join(
                f"({table_query(name, partition_files(table, [day]))})"
                for name, table in tables.items()
            )
            batch = connection.execute(
                f"select {shown} from ({rows}) where {condition} "
                f"order by occurred_at desc, event_id desc limit {limit:d}"
            ).to_arrow_table()
            yield from batch.to_batches()
            limit -= batch.num_rows
            if not limit:
                return


def _days(tables: Mapping[str, DeltaTable | None]) -> list[date]:
    """The days that have events, the newest first."""
    found: set[date] = set()
    for table in tables.values():
        if table is not None and table.file_uris():
            found |= set(file_actions(table).column("partition.event_date").to_pylist())
    return sorted(found, reverse=True)


def day_of(lake: Lake, day: date | None, today: date) -> date:
    """The day to compare, yesterday unless another is named.

    Raises:
        LakeError: The lake has no events of that day; the error names the newest that it has.
    """
    wanted = day or today - timedelta(days=1)
    newest = newest_day(lake)
    if newest is None:
        raise LakeError(f"{lake.url}: the lake has no events yet; load some first")
    if day is None and wanted > newest:
        raise LakeError(
            f"{lake.url}: there are no events of {wanted}; the newest are of {newest}: name it "
            f"with --day {newest}"
        )
    return wanted
