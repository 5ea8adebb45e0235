"""Query: the command that runs read-only SQL over the catalogue."""

from __future__ import annotations

import json
import math
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, time
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pipelines.cli.context import open_lake, print_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FETCHED_ROWS = 10_000
"""Rows that are held at once while a result is written."""


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def query(
    sql: Annotated[str, typer.Argument(help="One reading statement; - reads standard input.")],
    as_format: Annotated[
        Format, typer.Option("--format", help="table, json (an array of objects), csv, parquet.")
    ] = Format.TABLE,
    out: Annotated[Path | None, typer.Option(help="File to write to; needed for parquet.")] = None,
    limit: Annotated[int, typer.Option(help="Rows of a table; 0 prints all.", min=0)] = 100,
) -> None:
    """Run SQL over the lake's tables and models; nothing can be changed.

    JSON has times as ISO 8601, decimals as text, bytes as Base64. A query reads what you may read,
    local files included.

    Example: trailhouse query "select * from who_stopped('onboarding')"
    """
    from pipelines.models.query import open_catalogue, refused, run_query

    if as_format is Format.PARQUET and out is None:
        raise typer.BadParameter("parquet needs a file: --out rows.parquet", param_hint="--out")
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"{out.parent} is not a folder", param_hint="--out")
    if sql == "-":
        sql = typer.get_text_stream("stdin").read()
    with closing(open_catalogue(open_lake())) as connection, refused():
        result = run_query(connection, sql)
        if as_format is Format.PARQUET and out is not None:
            _write_parquet(result, out)
        elif as_format is Format.TABLE and out is None:
            _print_table(result, limit)
        else:
            write = _write_json if as_format is Format.JSON else _write_csv
            with _opened(out) as stream:
                write(result, stream)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with out.open("w", newline="", encoding="utf-8") as stream:
        yield stream


def _names(result: DuckDBPyConnection) -> list[str]:
    """The names of the columns; a name that comes again is numbered, so that none is lost."""
    names: list[str] = []
    for name, *_ in result.description or ():
        numbered = (f"{name}_{number}" for number in count(1))
        names.append(name if name not in names else next(n for n in numbered if n not in names))
    return names


def _rows(result: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(FETCHED_ROWS):
        yield from rows


def _write_parquet(result: DuckDBPyConnection, out: Path) -> None:
    import pyarrow.parquet as pq

    reader = result.to_arrow_reader(65_536)
    with pq.ParquetWriter(out, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


def _print_table(result: DuckDBPyConnection, limit: int) -> None:
    names = _names(result)
    rows = result.fetchmany(limit + 1) if limit else result.fetchall()
    shown = rows[:limit] if limit else rows
    print_table("", names, shown)
    if len(rows) > len(shown):
        typer.echo(f"The first {limit} rows; --limit 0 prints all.")


def _write_json(result: DuckDBPyConnection, stream: TextIO) -> None:
    names = _names(result)
    before = "["
    for row in _rows(result):
        values = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        stream.write(before + json.dumps(values, ensure_ascii=False, separators=(",", ":")))
        before = ",\n"
    stream.write("[]\n" if before == "[" else "]\n")


def _write_csv(result: DuckDBPyConnection, stream: TextIO) -> None:
    import csv

    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_names(result))
    for row in _rows(result):
        values = (_plain(value) for value in row)
        writer.writerow(
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
            for value in values
        )


def _plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601, bytes as Base64, integers of any size, exact."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> str | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(value).decode()
    return str(value)  # decimals, intervals, UUIDs
