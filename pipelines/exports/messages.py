"""Messages: the event's own JSON, out of the record that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.exports.fields import LOG_MESSAGE
from pipelines.lake.judge import event_of
from pipelines.sinks.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa


MESSAGE_COLUMNS = frozenset({"raw", "is_bare"})
"""Columns of the lake that the event's own JSON is made of."""


def log_messages(rows: pa.RecordBatch) -> Sequence[str]:
    """The events themselves as JSON texts of one line, taken out of wrappers, else as received.

    Args:
        rows: Events with `MESSAGE_COLUMNS`.
    """
    raws, bare = Texts(rows.column("raw")), rows.column("is_bare")
    if bare.true_count == len(bare):
        content = raws.content
        if b"\n" not in content and b"\r" not in content:
            return raws
    pairs = zip(raws, bare.to_pylist(), strict=True)
    return [_in_one_line(raw if is_bare else _unwrapped(raw)) for raw, is_bare in pairs]


def columns_of_rows(rows: pa.RecordBatch, *, reads_message: bool) -> dict[str, Sequence[Any]]:
    """The values of events by column; with `log_message` where it is read."""
    columns: dict[str, Sequence[Any]] = {
        name: Texts(rows.column(name)) if name == "raw" else rows.column(name).to_pylist()
        for name in rows.schema.names
    }
    if reads_message:
        columns[LOG_MESSAGE] = log_messages(rows)
    return columns


def _unwrapped(raw: str) -> str:
    return event_of(raw.encode()).decode()


def _in_one_line(event: str) -> str:
    """JSON without line breaks: inside of a text they are escaped, bare ones are white space."""
    if "\n" in event or "\r" in event:
        return event.replace("\r", " ").replace("\n", " ")
    return event
