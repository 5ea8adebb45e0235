"""Formats: rows written as CSV, JSON Lines or Parquet, a table of them at a time.

Times are UTC in ISO 8601, bytes are Base64, and `raw` is there as it was received, whatever the
format.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, BinaryIO, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive.layout import Format
from pipelines.lake.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

GUARDED = r"^[=+\-@\t\r\n'＝＋－＠]"
"""First characters at which a spreadsheet may run a cell as a formula (OWASP, CSV injection), and
the guard itself, so that whoever reads takes off one guard and has the cell as it was."""
SPLIT = r"([;\r\n][\t']*)([=+\-@＝＋－＠])"
"""The same inside a cell, where a spreadsheet whose lists are separated by `;` begins a new cell or
row (OWASP, CSV injection): there it takes no notice of the quotes round the value."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it Excel takes UTF-8 for the code page of the machine."""


class RowWriter(Protocol):
    """Writes rows to a stream, which it does not close."""

    def write(self, rows: pa.Table) -> None:
        """Write rows; all have the schema of the table."""

    def close(self) -> None:
        """Write what ends the file."""


def open_writer(as_format: Format, table: str, sink: BinaryIO) -> RowWriter:
    """A writer of a lake table's rows in a format."""
    schema = TABLES[table].schema
    if as_format is Format.PARQUET:
        return _ParquetRows(schema, sink)
    return _CsvRows(schema, sink) if as_format is Format.CSV else _JsonRows(sink)


def conform(table: str, rows: pa.Table) -> pa.Table:
    """Rows of any version of a lake table in the columns of this one; what they lack is null."""
    columns = []
    for field in TABLES[table].schema:
        if field.name in rows.column_names:
            columns.append(rows.column(field.name).cast(field.type))
        else:
            columns.append(pa.nulls(rows.num_rows, field.type))
    return pa.table(columns, schema=TABLES[table].schema)


class _ParquetRows:
    def __init__(self, schema: pa.Schema, sink: BinaryIO) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(sink, schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def close(self) -> None:
        self._writer.close()


class _JsonRows:
    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def write(self, rows: pa.Table) -> None:
        lines = [orjson.dumps(row) for row in _plain(rows, lambda column: column).to_pylist()]
        self._sink.write(b"\n".join([*lines, b""]))

    def close(self) -> None:
        pass


class _CsvRows:
    def __init__(self, schema: pa.Schema, sink: BinaryIO) -> None:
        from pyarrow import csv

        sink.write(BYTE_ORDER_MARK)
        plain = _plain(schema.empty_table(), _as_json).schema
        # every value in quotes: what has none is null, what is empty is ""
        options = csv.WriteOptions(quoting_style="all_valid")
        self._writer = csv.CSVWriter(sink, plain, write_options=options)

    def write(self, rows: pa.Table) -> None:
        plain = _plain(rows, _as_json)
        columns = [_guarded(c) if pa.types.is_string(c.type) else c for c in plain.columns]
        self._writer.write_table(pa.table(columns, names=plain.column_names))

    def close(self) -> None:
        self._writer.close()


def _plain(rows: pa.Table, nested: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    """Rows with times and days as text and bytes as Base64."""
    columns = []
    for column in rows.columns:
        kind, plain = column.type, column
        if pa.types.is_timestamp(kind):
            plain = pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_date(kind):
            plain = column.cast(pa.string())
        elif pa.types.is_binary(kind):
            values = [None if v is None else b64encode(v).decode() for v in column.to_pylist()]
            plain = pa.chunked_array([pa.array(values, pa.string())])
        elif pa.types.is_nested(kind):
            plain = nested(column)
        columns.append(plain)
    return pa.table(columns, names=rows.column_names)


def _as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    values = [None if v is None else orjson.dumps(v).decode() for v in column.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.string())])


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells that no spreadsheet runs; NUL, which no CSV reader expects, as its picture.

    A guard inside a cell is the last quote before the character; one at its beginning the first.
    """
    shown = pc.replace_substring(column, "\0", "\N{SYMBOL FOR NULL}")
    shown = pc.replace_substring_regex(shown, SPLIT, r"\1'\2")
    is_guarded = pc.match_substring_regex(shown, GUARDED)
    return pc.if_else(is_guarded, pc.binary_join_element_wise("'", shown, ""), shown)
