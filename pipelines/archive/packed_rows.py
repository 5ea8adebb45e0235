"""Packed rows: the rows of a selection and their proofs, from sealed files into a pack."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from pipelines.archive.formats import RowWriter, conform, open_writer
from pipelines.archive.layout import Format
from pipelines.archive.pack import PackWriter
from pipelines.archive.prove import Prover
from pipelines.archive.scan import Found, Reads, find_rows, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.archive.manifest import Manifest, SealedObject
    from pipelines.archive.place import Place
    from pipelines.archive.selection import Selection

IDS = {"rejected": "rejected_id", "loads": "load_id"}
"""The column that names a row, where it is not `event_id`."""

Progress = Callable[[str, int, int], None]
"""Called with what is counted (files searched), how many were added, and the total."""


@dataclass(frozen=True, slots=True)
class PackedTable:
    """The rows of a table in a pack: its file, how many, and which columns name and prove them."""

    table: str
    path: str
    rows: int
    leaf: str

    @property
    def id(self) -> str:
        """The column that names a row."""
        return IDS.get(self.table, "event_id")

    @property
    def is_binary(self) -> bool:
        """Whether the proved column holds bytes rather than text."""
        return self.table == "rejected"

    def as_dict(self) -> dict[str, Any]:
        """The file as the entry of the pull names it."""
        return {"table": self.table, "path": self.path, "rows": self.rows}


@dataclass(slots=True)
class PackedRows:
    """Writes the rows of a selection, table by table, and their proofs.

    `ahead` files are searched side by side before their rows are read, one row group at a time.
    """

    archive: Place
    selection: Selection
    as_format: Format
    pack: PackWriter
    ahead: int
    progress: Progress
    reads: Reads = field(default_factory=Reads)

    def write_tables(self, seals: Sequence[Manifest], proofs: BinaryIO) -> Iterator[PackedTable]:
        """Write the rows of every table that has any; yields what was written of each."""
        files = sum(len(seal.files) for seal in seals if self.selection.may_hold(seal))
        for name in self.selection.asked_tables:
            of_table = [seal for seal in seals if seal.table == name]
            self.reads.files_of += sum(len(seal.files) for seal in of_table)
            skipped = [seal for seal in of_table if not self.selection.may_hold(seal)]
            self.reads.bytes_of += sum(file.bytes for seal in skipped for file in seal.files)
            chosen = [seal for seal in of_table if self.selection.may_hold(seal)]
            with self._sink(name) as sink:
                for seal, number, found in self._found(name, chosen):
                    self._write(seal, number, found, sink, proofs)
                    self.reads.add(found.reads)
                    self.progress("files searched", 1, files)
            if sink.rows:
                yield PackedTable(name, sink.path, sink.rows, chosen[0].leaf)

    @contextmanager
    def _sink(self, table: str) -> Iterator[_Sink]:
        with ExitStack() as stack:
            path = f"{table}.{self.as_format}"
            sink = _Sink(table, path, self.as_format, self.pack, stack)
            yield sink
            if sink.writer is not None:
                sink.writer.close()

    def _found(
        self, table: str, seals: Sequence[Manifest]
    ) -> Iterator[tuple[Manifest, int, Found]]:
        """Search files side by side; yields them in order, each with its seal and first leaf."""
        conditions = self.selection.conditions(table)
        pending: deque[tuple[Manifest, int, Future[Found]]] = deque()
        with ThreadPoolExecutor(self.ahead, thread_name_prefix="pull") as pool:
            for seal, number, file in _numbered(seals):
                job = pool.submit(find_rows, self.archive, file, conditions)
                pending.append((seal, number, job))
                if len(pending) > self.ahead:
                    first = pending.popleft()
                    yield first[0], first[1], first[2].result()
            for last in pending:
                yield last[0], last[1], last[2].result()

    def _write(
        self, seal: Manifest, first_leaf: int, found: Found, sink: _Sink, proofs: BinaryIO
    ) -> None:
        if not found.groups:
            return
        with Prover(self.archive, seal) as prover:
            for positions, rows in read_rows(self.archive, found):
                conformed = conform(seal.table, rows)
                ids = conformed.column(IDS.get(seal.table, "event_id")).to_pylist()
                leaves = conformed.column(seal.leaf).to_pylist()
                lines = []
                for position, row_id, leaf in zip(positions.tolist(), ids, leaves, strict=True):
                    index = first_leaf + position
                    proof = prover.prove(index, _content(leaf))
                    lines.append(orjson.dumps(_line(seal, row_id, index, leaf, proof)))
                proofs.write(b"\n".join([*lines, b""]))
                sink.write(conformed)


@dataclass(slots=True)
class _Sink:
    """The file of a table in the pack; it begins with the first rows."""

    table: str
    path: str
    as_format: Format
    pack: PackWriter
    stack: ExitStack
    writer: RowWriter | None = None
    rows: int = 0

    def write(self, rows: pa.Table) -> None:
        if self.writer is None:
            packed = self.as_format is Format.PARQUET
            stream = self.stack.enter_context(self.pack.member(self.path, is_compressed=packed))
            self.writer = open_writer(self.as_format, self.table, stream)
        self.writer.write(rows)
        self.rows += rows.num_rows


def _numbered(seals: Sequence[Manifest]) -> Iterator[tuple[Manifest, int, SealedObject]]:
    """The files of seals, each with the number of its first leaf."""
    for seal in seals:
        first = 0
        for file in seal.files:
            yield seal, first, file
            first += file.rows


def _content(leaf: str | bytes | None) -> bytes:
    return leaf.encode() if isinstance(leaf, str) else leaf or b""


def _line(
    seal: Manifest, row_id: str, index: int, leaf: str | bytes | None, proof: Sequence[bytes]
) -> dict[str, Any]:
    told = {"leaf_base64": b64encode(leaf).decode()} if isinstance(leaf, bytes) else {"leaf": leaf}
    return {
        "table": seal.table,
        "id": row_id,
        "seal": seal.index,
        "leaf_index": index,
        "tree_size": seal.rows,
        **told,
        "proof": [node.hex() for node in proof],
    }
