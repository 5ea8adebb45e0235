"""Messages: the event's own JSON, out of the record that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.exports.fields import LOG_MESSAGE
from pipelines.lake.judge import event_of
from pipelines.sinks.bodies import have_breaks, with_spaces
from pipelines.sinks.texts import Texts

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
    raws, bare = Texts(rows.column("raw")), rows.column("is_bare")
    if bare.true_count == len(bare) and not have_breaks(raws):
        return raws
    events = (
        raw if is_bare else event_of(raw.encode()).decode()
        for raw, is_bare in zip(raws, bare.to_pylist(), strict=True)
    )
    return [with_spaces(event) for event in events]


def columns_of_rows(rows: pa.RecordBatch, *, reads_message: bool) -> dict[str, Sequence[Any]]:
    """The values of events by column; with `log_message` where it is read."""
    columns: dict[str, Sequence[Any]] = {
        name: Texts(rows.column(name)) if name == "raw" else rows.column(name).to_pylist()
        for name in rows.schema.names
    }
    if reads_message:
        columns[LOG_MESSAGE] = log_messages(rows)
    return columns
