"""Query: the command that runs read-only SQL over the catalogue."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.context import open_lake, print_json, print_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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

    Example: trailhouse query "select * from who_stopped('onboarding')"
    """
    from pipelines.models.query import open_catalogue, run_query

    if as_format is Format.PARQUET and out is None:
        raise typer.BadParameter("parquet needs a file: --out rows.parquet", param_hint="--out")
    if sql == "-":
        sql = typer.get_text_stream("stdin").read()
    connection = open_catalogue(open_lake())
    try:
        _print(run_query(connection, sql), as_format, out, limit)
    finally:
        connection.close()


def _print(result: DuckDBPyConnection, form: Format, out: Path | None, limit: int) -> None:
    if form is Format.PARQUET and out is not None:
        import pyarrow.parquet as pq

        reader = result.to_arrow_reader(65_536)
        with pq.ParquetWriter(out, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
        return
    names = [column[0] for column in result.description or ()]
    if form is Format.TABLE and out is None:
        rows = result.fetchmany(limit + 1) if limit else result.fetchall()
        shown = rows[:limit] if limit else rows
        print_table("", names, shown)
        if len(rows) > len(shown):
            typer.echo(f"The first {limit} rows; --limit 0 prints all.")
        return
    rows = result.fetchall()
    if form is Format.JSON:
        objects = [dict(zip(names, row, strict=True)) for row in rows]
        if out is None:
            print_json(objects)
        else:
            import orjson

            out.write_bytes(orjson.dumps(objects, default=str))
        return
    import csv
    import sys

    stream = out.open("w", newline="") if out else sys.stdout
    writer = csv.writer(stream)
    writer.writerow(names)
    writer.writerows(rows)
    if out:
        stream.close()
