"""Listing: which of the objects that were found no load has read, within a bound on memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake.duck import list_literal, text_literal
from pipelines.lake.tables import data_files
from pipelines.sources.find import SUFFIXES, LandingObject, Listing

if TYPE_CHECKING:
    from pathlib import Path

    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

LOADABLE = " or ".join(f"ends_with(path, '{suffix}')" for suffix in SUFFIXES)
COPY = "digest[:2] || '/' || digest || '-' || regexp_extract(listed, '[^/]*$')"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Known:
    """What loads have read, as a table of digests in DuckDB: there may be tens of millions.

    An object takes 16 bytes there, and DuckDB writes to disk what its memory does not hold.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        loads: DeltaTable | None,
        work_dir: Path | None,
        *,
        by_uri: bool = False,
    ) -> None:
        """Note what the loads have read; `by_uri`, whatever the ETag was."""
        self._connection, self._work_dir = connection, work_dir
        self._name = "known_uris" if by_uri else "known"
        self._key = "md5_number(uri)" if by_uri else "md5_number(uri || chr(10) || etag)"
        files = data_files(loads)
        # literals, no parameters: DuckDB imports pandas, for a second, to look at one
        inputs = (
            f"select unnest(inputs, recursive := true) from read_parquet({list_literal(files)})"
            if files
            else "select '' as uri, '' as etag limit 0"
        )
        self._connection.execute(
            f"create or replace temp table {self._name} as "
            f"select {self._key} as key from ({inputs})"
        )

    def unread(self, listing: Listing, *, copies: str | None = None) -> list[LandingObject]:
        """Those of the loadable objects that no load has read, in no order.

        With `copies`, the copies of the objects, which lie or will lie under that URL. A copy's
        name holds a digest of the original's URI and ETag: every version of an object is kept, and
        the same version has the same name.
        """
        with tempfile.NamedTemporaryFile(dir=self._work_dir, suffix=".parquet") as file:
            if not _write(listing.pages, file.name):
                return []
            rows = self._connection.execute(
                f"""
                select uri, etag, size, epoch_us(last_modified), origin
                from (
                    select
                        *,
                        {text_literal(listing.root)} || path as listed,
                        coalesce(e_tag, '') as etag,
                        sha256(listed || chr(0) || etag)[:16] as digest,
                        {f"{text_literal(copies)} || '/' || {COPY}" if copies else "listed"} as uri,
                        {"listed" if copies else "null"} as origin,
                        {self._key} as key
                    from read_parquet({text_literal(file.name)})
                    where {"true" if listing.any_name else LOADABLE}
                )
                anti join {self._name} using (key)
                """,
            ).fetchall()
        return [
            LandingObject(
                listing.source, uri, etag, size, EPOCH + timedelta(microseconds=micros), origin
            )
            for uri, etag, size, micros, origin in rows
        ]


def _write(pages: Iterator[pa.RecordBatch], path: str) -> bool:
    """Write the pages as Parquet: DuckDB imports pandas, for a second, to look at Arrow."""
    first = next(pages, None)
    if first is None:
        return False
    with pq.ParquetWriter(path, first.schema, use_dictionary=False, compression="none") as writer:
        for page in chain([first], pages):
            writer.write_batch(page)
    return True
