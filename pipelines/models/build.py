"""Build: run a model's SQL over the days that changed, and replace exactly those days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from pipelines.lake.duck import connect, list_literal
from pipelines.lake.history import newest_load
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import APPLICATION, Lake, partition_files
from pipelines.models.header import MODELS, Model

DAYS_AT_ONCE = 31
"""Days built in one commit; bounds memory over a long rebuild."""


def build_model(lake: Lake, name: str, days: Sequence[date]) -> int:
    """Build a mart for the given UTC days; each batch of days is replaced in one commit.

    Args:
        lake: The lake.
        name: A model of the layer marts.
        days: Days to build, in any order; other days are not touched.

    Returns:
        The rows written. Building again writes the same rows.
    """
    wanted = sorted(set(days))
    return sum(
        _build(lake, MODELS[name], wanted[at : at + DAYS_AT_ONCE])
        for at in range(0, len(wanted), DAYS_AT_ONCE)
    )


def _build(lake: Lake, model: Model, days: Sequence[date]) -> int:
    number = newest_load(lake)  # before the lake is read: what comes later stays stale
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        for source in lake_tables(model):
            files = partition_files(lake.find(source), days)
            connection.execute(f"create temp view {source} as {table_query(source, files)}")
        for view in upstream(model):
            connection.execute(f"create temp view {view.name} as {view.sql}")
        bounds = {"from_date": days[0], "to_date": days[-1]}
        rows = connection.execute(model.sql, bounds).to_arrow_table()
    finally:
        connection.close()
    rows = _with_utc(rows)
    listed = ", ".join(f"'{day.isoformat()}'" for day in days)
    write_deltalake(
        _target(lake, model, rows.schema),
        rows,
        mode="overwrite",
        predicate=f"event_date in ({listed})",
        commit_properties=CommitProperties(
            app_transactions=[Transaction(_application(day), number) for day in days]
        ),
    )
    return int(rows.num_rows)


def _with_utc(rows: pa.Table) -> pa.Table:
    """Times of models are UTC without a zone; Delta keeps them as instants."""
    for at, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            column = rows.column(at).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
            rows = rows.set_column(at, field.name, column)
    return rows


def _target(lake: Lake, model: Model, schema: pa.Schema) -> DeltaTable:
    url = lake.table_url(model.name)
    return lake.find(model.name) or DeltaTable.create(
        url,
        schema,
        mode="ignore",
        partition_by=["event_date"],
        name=model.name,
        description=model.description,
        storage_options=lake.storage.delta_options(url),
    )


def _application(day: date) -> str:
    return f"{APPLICATION}:{day.isoformat()}"


def table_query(table: str, files: Sequence[str]) -> str:
    """A query for the given files of a lake table; columns that they lack are null."""
    columns = ", ".join(
        f"cast(null as {_sql_type(kind)}) as {name}" for name, kind, _ in TABLES[table].columns
    )
    empty = f"select {columns} limit 0"
    if not files:
        return empty
    read = (
        f"read_parquet({list_literal(list(files))}, union_by_name = true, "
        "hive_partitioning = true, hive_types = {'event_date': date})"
    )
    return f"({empty}) union all by name select * from {read}"


def _sql_type(kind: pa.DataType) -> str:
    names = {"string": "varchar", "int64": "bigint", "double": "double", "bool": "boolean"}
    names |= {"date32[day]": "date", "timestamp[us, tz=UTC]": "timestamptz", "binary": "blob"}
    return names.get(str(kind), "varchar")


def upstream(model: Model) -> list[Model]:
    """The models that a model reads, directly or not, each after what it reads itself."""
    ordered: dict[str, Model] = {}
    for name in model.reads:
        if name in MODELS:
            ordered |= {m.name: m for m in upstream(MODELS[name])}
            ordered[name] = MODELS[name]
    return list(ordered.values())


def lake_tables(model: Model) -> list[str]:
    """The lake tables that a model reads, directly or through staging."""
    read = {name for part in (*upstream(model), model) for name in part.reads}
    return sorted(read & TABLES.keys())


def stale_days(lake: Lake, name: str) -> list[date]:
    """UTC days that loads changed since the mart was built for them, in order.

    The truth is in the lake alone: the newest load per day against the load number that the mart
    recorded for the day when it was built.
    """
    built = lake.find(name)
    return [
        day
        for day, number in _changed(lake, name)
        if built is None or (built.transaction_version(_application(day)) or 0) < number
    ]


def lake_days(lake: Lake, name: str) -> list[date]:
    """Every UTC day for which the lake has rows that the mart reads, in order."""
    return [day for day, _ in _changed(lake, name)]


def _changed(lake: Lake, name: str) -> list[tuple[date, int]]:
    """Per UTC day the newest load that brought rows which the mart reads."""
    loads = lake.find("loads")
    files = loads.file_uris() if loads is not None else []
    if not files:
        return []
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        return connection.execute(
            """
            select output.event_date, max(load_number)
            from (select load_number, unnest(outputs) as output from read_parquet($files))
            where list_contains($tables, output.table)
            group by all
            order by all
            """,
            {"files": files, "tables": lake_tables(MODELS[name])},
        ).fetchall()
    finally:
        connection.close()


def build_stale(lake: Lake) -> Iterator[tuple[str, list[date], int]]:
    """Build every mart for its stale days; yields name, days and rows as each is done."""
    for model in MODELS.values():
        if model.layer == "marts" and (days := stale_days(lake, model.name)):
            yield model.name, days, build_model(lake, model.name, days)
