"""Listing: which of the objects that were found no load has read, within a bound on memory."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake.duck import list_literal, text_literal
from pipelines.sources.find import LandingObject

if TYPE_CHECKING:
    from pathlib import Path

    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

HELD_OBJECTS = 50_000
"""Objects that are looked up at once, and held until then."""


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
        files = loads.file_uris() if loads is not None else []
        # a literal, not a parameter: DuckDB imports pandas, for a second, to look at a Python list
        inputs = (
            f"select unnest(inputs, recursive := true) from read_parquet({list_literal(files)})"
            if files
            else "select '' as uri, '' as etag limit 0"
        )
        self._connection.execute(
            f"create or replace temp table {self._name} as "
            f"select {self._key} as key from ({inputs})"
        )

    def unread(self, objects: Sequence[LandingObject]) -> list[LandingObject]:
        """Those of the objects that no load has read, in their order."""
        uris, etags = _texts(o.uri for o in objects), _texts(o.etag for o in objects)
        table = pa.Table.from_arrays([uris, etags], ["uri", "etag"])
        with tempfile.NamedTemporaryFile(dir=self._work_dir, suffix=".parquet") as file:
            # through a file: DuckDB imports pandas, for a second, to look at an Arrow table
            pq.write_table(table, file.name, use_dictionary=False, compression="none")
            rows = self._connection.execute(
                f"""
                select file_row_number
                from (
                    select file_row_number, {self._key} as key
                    from read_parquet({text_literal(file.name)}, file_row_number = true)
                )
                anti join {self._name} using (key)
                """
            ).fetchall()
        return [objects[number] for (number,) in sorted(rows)]


def _texts(texts: Iterable[str]) -> pa.StringArray:
    """The texts as an Arrow array; `pa.array` imports pandas, for a second, to look at a list."""
    encoded = [text.encode() for text in texts]
    offsets = array("i", accumulate(map(len, encoded), initial=0))
    content = pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), content)


def grouped(pages: Iterable[list[LandingObject]]) -> Iterable[list[LandingObject]]:
    """The pages joined to lists that are worth a look each."""
    held: list[LandingObject] = []
    for page in pages:
        held += page
        if len(held) >= HELD_OBJECTS:
            yield held
            held = []
    if held:
        yield held
