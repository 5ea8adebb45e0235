"""Mirror: attempts of the ledger become rows of the lake's table `deliveries`, each once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pipelines.errors import LakeError
from pipelines.exports import schema
from pipelines.exports.faults import Fault, no_fault
from pipelines.exports.states import find_state
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import (
    APPLICATION,
    DataFile,
    Lake,
    add_action,
    describe_file,
    evolve,
    explained,
)
from pipelines.lake.write import put_file
from pipelines.sources.find import join

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from pipelines.exports.ledger import Ledger

NAME = "deliveries"
ATTEMPTS = schema.attempts
TRIES = 20
"""Commits tried when others keep committing first."""
MOST = 100_000
"""Rows of one commit."""


def mirror(
    lake: Lake,
    ledger: Ledger,
    sinks: Sequence[str],
    *,
    unique: Callable[[], str],
    fault: Fault = no_fault,
) -> int:
    """Add the attempts that the lake does not have yet, in one commit.

    The commit says, per sink, which attempt was the last, so that no attempt comes twice,
    whenever this ends and however many do it at once. An attempt is added once its outcome is
    known.

    Returns:
        The number of rows added.

    Raises:
        LakeError: The lake cannot be written; the rows come with the next call.
    """
    names = _applications(ledger, sinks)
    with explained(lake.url):
        for _ in range(TRIES):
            table = lake.open(NAME)
            evolve(table, TABLES[NAME].schema)
            known = {sink: table.transaction_version(name) or 0 for sink, name in names.items()}
            rows = [row for sink in names for row in _attempts(ledger, sink, known[sink])]
            if not rows or _commit(lake, table, rows, names, unique):
                fault("mirrored")
                return len(rows)
    raise LakeError(f"{NAME}: {TRIES} other commits came first; the next delivery adds the rows")


def _applications(ledger: Ledger, sinks: Sequence[str]) -> dict[str, str]:
    """What numbers the attempts of each sink: they begin anew in a ledger that is made anew."""
    with ledger.read() as connection:
        states = [find_state(connection, sink) for sink in sinks]
    return {
        state.sink: f"{APPLICATION}:{NAME}:{state.sink}:{state.first_seen_at.isoformat()}"
        for state in states
        if state is not None
    }


def _attempts(ledger: Ledger, sink: str, after: int) -> list[sa.RowMapping]:
    """Attempts behind a number, up to the first whose outcome is not known."""
    mine = (ATTEMPTS.c.sink == sink) & (ATTEMPTS.c.id > after)
    open_ones = sa.select(sa.func.min(ATTEMPTS.c.id)).where(mine, ATTEMPTS.c.outcome.is_(None))
    with ledger.read() as connection:
        first_open = connection.scalar(open_ones)
        known = mine if first_open is None else mine & (ATTEMPTS.c.id < first_open)
        query = sa.select(ATTEMPTS).where(known).order_by(ATTEMPTS.c.id).limit(MOST)
        return list(connection.execute(query).mappings())


def _commit(
    lake: Lake,
    table: DeltaTable,
    rows: Sequence[sa.RowMapping],
    names: Mapping[str, str],
    unique: Callable[[], str],
) -> bool:
    """Whether the rows were added; not, where somebody else committed first."""
    from deltalake import CommitProperties, Transaction
    from deltalake.exceptions import CommitFailedError

    newest: dict[str, int] = {}
    days: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        newest[row["sink"]] = max(newest.get(row["sink"], 0), row["id"])
        day = row["attempted_at"].astimezone(UTC).date()
        days.setdefault(day, []).append(_row(row))
    files = [_write(lake, day, held, unique()) for day, held in sorted(days.items())]
    version = table.version()
    try:
        table.create_write_transaction(
            [add_action(file) for file in files],
            mode="append",
            schema=TABLES[NAME].schema,
            partition_by=["event_date"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(names[s], n) for s, n in newest.items()]
            ),
        )
    except CommitFailedError:
        table.update_incremental()
        if table.version() == version:
            raise
        return False
    return True


def _row(row: sa.RowMapping) -> dict[str, Any]:
    return {"delivery_id": f"{row['batch_id']}:{row['attempt_number']}", **row}


def _write(lake: Lake, day: date, rows: Sequence[dict[str, Any]], unique: str) -> DataFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    described = TABLES[NAME].schema
    described = described.remove(described.get_field_index("event_date"))
    values = [{name: row[name] for name in described.names} for row in rows]
    path = f"event_date={day.isoformat()}/{unique}.parquet"
    with tempfile.TemporaryDirectory(dir=lake.storage.settings.work_dir) as folder:
        local = Path(folder) / "deliveries.parquet"
        pq.write_table(pa.Table.from_pylist(values, described), local, compression="zstd")
        file = describe_file(NAME, path, day, local)
        put_file(lake, local, join(lake.table_url(NAME), path))
    return file
