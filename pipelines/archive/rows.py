"""Rows: whether sealed files hold what their manifest says: every count, time, and the tree's root.

The digests of the files prove that nothing changed since the seal; this proves that the seal told
the truth. It reads the Parquet with another engine than the one that wrote it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.archive import merkle
from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding
from pipelines.archive.manifest import Manifest, SealedObject
from pipelines.archive.tiles import HEIGHT, TILE_BYTES, tile_path, tile_widths
from pipelines.errors import ArchiveError

if TYPE_CHECKING:
    from pipelines.archive.place import Place

BATCH_ROWS = 16_384
UNSOUND = (
    *(pa.ArrowException, BadZipFile, zlib.error, OSError, EOFError, RuntimeError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)
"""What reading objects raises that are no Parquet, no ZIP, or not of the form expected."""


@dataclass
class _Told:
    """What the rows of one seal are, added up."""

    leaves: bytearray = field(default_factory=bytearray)
    event_types: Counter[str] = field(default_factory=Counter)
    loads: Counter[str] = field(default_factory=Counter)


def check_rows(place: Place, seal: Manifest) -> list[Finding]:
    """Read every row of a seal, and hold the manifest and the tiles against them.

    Args:
        place: The archive.
        seal: A seal whose objects are all there, with the bytes that were sealed.

    Returns:
        Findings named `wrong_manifest`; none if the manifest is true. One that is `missing` or
        `unreadable` if an object went, or the store failed, since the bytes were hashed.
    """
    path = entry_path(seal.index)
    try:
        findings = list(_differences(place, seal))
    except FileNotFoundError as error:  # deleted since its bytes were read
        return [Finding("missing", path, f"{seal.name}: {error}"[:500])]
    except ArchiveError as error:
        return [Finding("unreadable", path, f"{seal.name}: {error}"[:500])]
    except UNSOUND as error:
        findings = [f"its objects cannot be read: {type(error).__name__}: {error}"]
    return [Finding("wrong_manifest", path, f"{seal.name}: {text}"[:500]) for text in findings]


def _differences(place: Place, seal: Manifest) -> Iterator[str]:
    told = _Told()
    for file in seal.files:
        yield from _read(place, seal, file, told)
    rows, levels = len(told.leaves) // merkle.HASH_BYTES, merkle.tree_levels(bytes(told.leaves))
    types = dict(told.event_types) if _types_column(seal) else {}
    loads = {load.load_id: load.rows for load in seal.loads}
    for what, says, are in (
        ("rows", seal.rows, rows),
        ("root", seal.root, merkle.root_of(levels, rows).hex()),
        ("event_types", seal.event_types, types),
        ("loads", loads, dict(told.loads)),
    ):
        if says != are:
            yield f"{what}: the manifest says {says}, the files hold {are}"
    if seal.tiles and not _is_tree(place, seal.tiles.path, levels, rows):
        yield f"{seal.tiles.path} is not the tree over the rows"


def _is_tree(place: Place, path: str, levels: Sequence[bytes], rows: int) -> bool:
    """Whether every tile of the tree is there, and none besides."""
    with place.open(path) as reader, ZipFile(reader) as tiles:
        names = set(tiles.namelist())
        for level, hashes in enumerate(levels[::HEIGHT]):
            for number, width in tile_widths(level, rows):
                name = tile_path(level, number, width)
                begin = number * TILE_BYTES
                due = hashes[begin : begin + width * merkle.HASH_BYTES]
                if name not in names or tiles.read(name) != due:
                    return False
                names.remove(name)
    return not names


def _read(place: Place, seal: Manifest, file: SealedObject, told: _Told) -> Iterator[str]:
    """Add one file up; yields how it differs from what the manifest says of it."""
    at, kind = _time_column(seal), _types_column(seal)
    wanted = dict.fromkeys(
        name for name in (seal.leaf, "load_id", at, kind, "event_date", "environment") if name
    )
    rows, moments = 0, list[datetime]()
    with place.open(file.path) as reader:
        parquet = pq.ParquetFile(pa.PythonFile(reader, mode="r"))
        schema = parquet.schema_arrow
        if list(schema.names) != [name for name, _ in seal.schema]:
            yield f"{file.path} has the columns {', '.join(schema.names)}"
            return
        columns = [name for name in wanted if name in schema.names]
        for batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
            rows += batch.num_rows
            told.leaves += b"".join(map(merkle.leaf_hash, _bytes(batch.column(seal.leaf))))
            told.loads.update(_counted(batch.column("load_id")))
            if kind:
                told.event_types.update(_counted(batch.column(kind)))
            bounds = pc.min_max(batch.column(at)).as_py()
            moments += [moment for moment in bounds.values() if moment is not None]
            yield from _elsewhere(batch, seal, file)
    first, last = min(moments, default=None), max(moments, default=None)
    if (rows, _utc(first), _utc(last)) != (file.rows, _utc(file.min_at), _utc(file.max_at)):
        says = f"{file.rows} rows from {file.min_at} to {file.max_at}"
        yield f"{file.path}: the manifest says {says}, it holds {rows} from {first} to {last}"


def _elsewhere(batch: pa.RecordBatch, seal: Manifest, file: SealedObject) -> Iterator[str]:
    """Rows that belong to another day or environment than the seal's."""
    own = {"event_date": seal.event_date, "environment": seal.environment}
    for name, value in own.items():
        if name in batch.schema.names:
            others = [one for one in pc.unique(batch.column(name)).to_pylist() if one != value]
            if others:
                yield f"{file.path} has rows whose {name} is {others[0]}"


def _time_column(seal: Manifest) -> str:
    return "occurred_at" if any(name == "occurred_at" for name, _ in seal.schema) else "loaded_at"


def _types_column(seal: Manifest) -> str | None:
    names = {name for name, _ in seal.schema}
    return next((name for name in ("event_type", "reason") if name in names), None)


def _bytes(column: Any) -> list[bytes]:
    """The canonical bytes of events; a null is hashed as no bytes."""
    return [value or b"" for value in column.cast(pa.binary()).to_pylist()]


def _counted(column: Any) -> dict[str, int]:
    return {pair["values"] or "": pair["counts"] for pair in pc.value_counts(column).to_pylist()}


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
