"""Leaves: the order of a sealed day's rows, and the hashes of their events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.lake.schemas import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH_ROWS = 131_072
"""Hashes fetched at a time."""
LEAVES = {"rejected": "bytes", "job_steps": "event_id", "loads": "load_id"}
"""The column with an event's canonical bytes, where it is not `raw`. A step's own bytes are part of
its job's, which `jobs` seals; a load is named by the digest of its inputs."""
UNIQUE = {"rejected": ("rejected_id", "load_id")}
"""What is added to a table's order, where that may leave two rows equal."""


def leaf_column(table: str) -> str:
    """The column whose bytes are the leaves of a table's trees."""
    return LEAVES.get(table, "raw")


def row_order(table: str) -> tuple[str, ...]:
    """The columns that a table's sealed rows are sorted by; no two rows are equal in all."""
    return (*TABLES[table].sort, *UNIQUE.get(table, ()))


def leaf_hashes(cursor: DuckDBPyConnection, table: str, rows: str) -> Iterator[bytes]:
    """The leaf hashes of rows, in their order, concatenated in pieces.

    Args:
        cursor: Reads them.
        table: The lake table that they are of.
        rows: What stands after `from`, with an `order by` unless they are in order.
    """
    column = leaf_column(table)
    data = column if table == "rejected" else f"encode({column})"
    hashes = cursor.execute(
        f"select unhex(sha256('\\x00'::blob || coalesce({data}, ''::blob))) as leaf from {rows}"
    )
    for batch in hashes.to_arrow_reader(BATCH_ROWS):
        values = batch.column(0)
        # every value has 32 bytes, so that the buffer of values is what is wanted
        ends = memoryview(values.buffers()[1]).cast("i")
        first, last = ends[values.offset], ends[values.offset + len(values)]
        yield bytes(memoryview(values.buffers()[2])[first:last])
