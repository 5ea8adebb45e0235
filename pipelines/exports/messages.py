"""Messages: the event's own JSON, out of the record that brought it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.exports.fields import LOG_MESSAGE
from pipelines.lake.judge import event_of
from pipelines.sinks.bodies import have_breaks, with_spaces
from pipelines.sinks.texts import Texts, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


MESSAGE_COLUMNS = frozenset({"raw", "is_bare"})
"""Columns of the lake that the event's own JSON is made of."""


def columns_of_fields(fields: frozenset[str]) -> frozenset[str]:
    """The columns of the lake that the fields of a template are made of."""
    return (fields - {LOG_MESSAGE}) | (MESSAGE_COLUMNS if LOG_MESSAGE in fields else frozenset())


def log_messages(rows: pa.RecordBatch) -> Sequence[str]:
    """The events themselves as JSON texts of one line, taken out of wrappers, else as received.

    Args:
        rows: Events with `MESSAGE_COLUMNS`.
    """
    raws, bare = texts_of(rows.column("raw")), rows.column("is_bare")
    if bare.true_count == len(bare) and not have_breaks(raws):
        return Texts(raws.column, are_lines=True)
    events = (
        raw if is_bare else event_of(raw.encode()).decode()
        for raw, is_bare in zip(raws, bare.to_pylist(), strict=True)
    )
    return [with_spaces(event) for event in events]


class RowColumns(Mapping[str, Sequence[Any]]):
    """The values of events by column, each made when it is first read."""

    def __init__(self, rows: pa.RecordBatch, *, reads_message: bool) -> None:
        """Wrap rows of the lake.

        Args:
            rows: Events, with `MESSAGE_COLUMNS` where the message is read.
            reads_message: Whether `log_message` is one of the columns.
        """
        self._rows = rows
        self._names = [*rows.schema.names, *([LOG_MESSAGE] if reads_message else [])]
        self._made: dict[str, Sequence[Any]] = {}

    def __getitem__(self, name: str) -> Sequence[Any]:
        """The values of one column, in the order of the events."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._names)

    def _make(self, name: str) -> Sequence[Any]:
        if name not in self._names:
            raise KeyError(name)
        if name == LOG_MESSAGE:
            return log_messages(self._rows)
        column = self._rows.column(name)
        return texts_of(column) if name == "raw" else column.to_pylist()
