"""Drain: what waits in the cache is sent again, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipelines.exports.ahead import ahead
from pipelines.exports.batches import Outgoing
from pipelines.exports.courier import Courier, stored_batch
from pipelines.exports.outbox import origin_of, waiting_rows

if TYPE_CHECKING:
    import sqlalchemy as sa

    from pipelines.exports.cache import Cache

WINDOW_BYTES = 16 * 2**20
"""Bytes of a window; what is read ahead, sent and settled at once is a few of them."""
PARALLEL = 8


def drain(courier: Courier, progress: Callable[[int], None]) -> None:
    """Send what waits, in order, until all of it is delivered or the sink fails."""
    while not courier.is_blocked:
        with courier.ledger.read() as connection:
            rows = waiting_rows(
                connection, courier.cache.sink, limit=1 if courier.window == 1 else None
            )
        if not rows:
            break
        for window in ahead(_windows(courier.cache, rows)):
            if courier.is_blocked:
                break
            courier.redeliver(window)
            progress(sum(len(outgoing.batch) for outgoing in window))
    courier.tidy()


def _windows(cache: Cache, rows: Sequence[sa.RowMapping]) -> Iterator[list[Outgoing]]:
    with ThreadPoolExecutor(PARALLEL) as pool:
        for part in _parts(rows):
            yield list(pool.map(lambda row: _read(cache, row), part))


def _parts(rows: Sequence[sa.RowMapping]) -> Iterator[list[sa.RowMapping]]:
    part: list[sa.RowMapping] = []
    size = 0
    for row in rows:
        part.append(row)
        size += row["bytes"]
        if size >= WINDOW_BYTES or len(part) >= 256:
            yield part
            part, size = [], 0
    if part:
        yield part


def _read(cache: Cache, row: sa.RowMapping) -> Outgoing:
    return Outgoing(
        origin_of(row),
        row["ordinal"],
        stored_batch(cache.read(row["cached_path"]), row),
        row["bytes"],
        position=row["position"],
        parent_id=row["parent_id"],
        attempt_count=row["attempt_count"],
        first_failed_at=row["first_failed_at"],
        cached_path=row["cached_path"],
    )
