"""Pull: the rows asked for become an evidence pack that proves itself, and the pull an entry."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pipelines.archive.appending import append
from pipelines.archive.coverage import Coverage, Days, coverage_of
from pipelines.archive.entry import entry_path
from pipelines.archive.layout import Format
from pipelines.archive.log import open_log
from pipelines.archive.pack import PackWriter, write_pack
from pipelines.archive.packed_rows import PackedRows, PackedTable, Progress
from pipelines.archive.place import open_archive_place
from pipelines.archive.vouched import is_deleted, read_vouched
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.ledger import Ledger
    from pipelines.archive.log import Entry
    from pipelines.archive.manifest import Manifest
    from pipelines.archive.scan import Reads
    from pipelines.archive.selection import Selection
    from pipelines.lake.tables import Lake

EVIDENCE = Path(__file__).parent / "evidence"


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pack that was made: its rows per table, the manifests in it, and what was read for it.

    `index` is the entry of the log. `sealed_through` is the newest sealed day of what was asked
    for; later days are not in the pack, and `not_sealed` has them per stream. `skewed` are entries
    whose times contradict each other.
    """

    out: Path
    tables: dict[str, int]
    manifests: int
    reads: Reads
    sealed_through: date
    not_sealed: tuple[Days, ...]
    index: int
    bytes: int
    skewed: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        return {
            "out": str(self.out),
            "rows": self.rows,
            "tables": self.tables,
            "manifests": self.manifests,
            "sealed_through": self.sealed_through.isoformat(),
            "not_sealed": [days.as_dict() for days in self.not_sealed],
            "entry": self.index,
            "bytes": self.bytes,
            "clock_skew": list(self.skewed),
            "read": self.reads.as_dict(),
        }


def pull(
    lake: Lake,
    selection: Selection,
    out: Path,
    *,
    as_format: Format,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
    progress: Progress = lambda what, added, total: None,
) -> Pulled:
    """Pull sealed rows into an evidence pack, and record it in the log.

    That it was begun is recorded before the first row is written, so that no row leaves the
    archive without an entry, wherever the pull ends. Every row is proved against the signed root
    of its day before it is written. Memory is bounded by a row group, whatever the number of rows.

    Args:
        lake: The lake whose archive is read; its tables are not.
        selection: The rows asked for.
        out: The pack, a zip file; replaced if it is there.
        as_format: How the rows are written.
        clock: The time now, UTC.
        signer: Signs the entry of the pull.
        by: Who pulls, for the chain of custody.
        progress: Told what was done, and of how much.

    Raises:
        TrailhouseError: Nothing of what was asked for is sealed; the log is not sound; or a row
            does not fit its proof. No pack is made.
    """
    archive, settings = open_archive_place(lake), lake.storage.settings
    ledger = read_vouched(archive, settings.archive.trusted_keys or [signer.public.key_id])
    seals = [seal for _, seal in sorted(ledger.manifests.items()) if selection.covers(seal)]
    if not seals:
        raise TrailhouseError(_nothing(selection, ledger))
    coverage = coverage_of(selection, ledger.manifests.values())
    entries, made_at = _entries(ledger, seals), clock().astimezone(UTC)
    log, asked = open_log(lake), {"query": selection.as_dict(), "format": str(as_format)}
    begun = append(log, "pull_begun", asked, clock=clock, signer=signer, by=by)
    with write_pack(out, made_at) as pack:
        ahead = settings.fetch_concurrency if lake.is_s3 else settings.threads
        rows = PackedRows(archive, selection, as_format, pack, ahead, progress)
        tables = _write_rows(
            rows, [seal for seal in seals if not is_deleted(ledger, seal)], settings.work_dir
        )
        pack.add("verify.py", (EVIDENCE / "verify.py").read_bytes())
        readme = _readme(by, made_at, selection, as_format, tables, entries, coverage)
        pack.add("README.txt", readme.encode())
        facts = {
            **asked,
            **coverage.as_dict(),
            "begun": begun.index,
            "rows": sum(table.rows for table in tables),
            "tables": [table.as_dict() for table in tables],
            "files": [file.as_dict() for file in pack.files],
            "seals": [seal.index for seal in seals],
            "log_sha256": sha256("".join(e.digest for e in entries).encode()).hexdigest(),
        }
        _add_log(pack, entries, ledger)
        entry = append(log, "pull", facts, clock=clock, signer=signer, by=by)
        pack.add(entry_path(entry.index), entry.content)
    return Pulled(
        out,
        {table.table: table.rows for table in tables},
        len(seals),
        rows.reads,
        max(seal.event_date for seal in seals),
        coverage.not_sealed,
        entry.index,
        out.stat().st_size,
        tuple(one.where for one in ledger.skews),
    )


def _write_rows(
    rows: PackedRows, seals: Sequence[Manifest], work_dir: Path | None
) -> list[PackedTable]:
    """Write the rows and, after them, the proofs, which wait in a file of their own till then."""
    with tempfile.TemporaryDirectory(prefix="trailhouse-pull-", dir=work_dir) as folder:
        spool = Path(folder) / "proofs.jsonl.gz"
        with gzip.open(spool, "wb", compresslevel=1) as proofs:
            tables = list(rows.write_tables(seals, cast(BinaryIO, proofs)))
        with gzip.open(spool, "rb") as written, rows.pack.member("proofs.jsonl") as stream:
            shutil.copyfileobj(written, stream, 2**20)
    return tables


def _nothing(selection: Selection, ledger: Ledger) -> str:
    sealed = [s for s in ledger.manifests.values() if s.table in selection.asked_tables]
    if not sealed:
        return f"nothing of {', '.join(selection.asked_tables)} is sealed; nothing was pulled"
    days = [seal.event_date for seal in sealed]
    environments = sorted({seal.environment for seal in sealed if seal.environment})
    return (
        f"nothing is sealed from {selection.first} to {selection.last}"
        f"{' of ' + ', '.join(selection.environments) if selection.environments else ''}; sealed "
        f"are {min(days)} to {max(days)}, environments {', '.join(environments) or 'none'}"
    )


def _readme(
    by: str,
    made_at: datetime,
    selection: Selection,
    as_format: Format,
    tables: Sequence[PackedTable],
    entries: Sequence[Entry],
    coverage: Coverage,
) -> str:
    """What the auditor reads first."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 plain text
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    texts = {Format.CSV: "CSV", Format.JSONL: "JSON Lines", Format.PARQUET: "Parquet"}
    return environment.from_string((EVIDENCE / "README.txt.j2").read_text()).render(
        by=by,
        made_at=made_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        query=selection.as_dict(),
        as_format=str(as_format),
        format_text=texts[as_format],
        tables=tables,
        coverage=coverage,
        manifests=sum(entry.kind == "seal" for entry in entries),
        deletions=sum(entry.kind == "delete" for entry in entries),
    )


def _entries(ledger: Ledger, seals: Sequence[Manifest]) -> list[Entry]:
    """Every key, the manifests asked for, and the deletions among them, in the log's order."""
    wanted = {seal.index for seal in seals}
    return [
        entry
        for index, entry in sorted(ledger.chain.entries.items())
        if entry.kind == "key"
        or index in wanted
        or (entry.kind == "delete" and wanted & set(entry.body["seals"]))
    ]


def _add_log(pack: PackWriter, entries: Sequence[Entry], ledger: Ledger) -> None:
    for entry in entries:
        pack.add(entry_path(entry.index), entry.content)
    for key in ledger.chain.keys:
        pack.add(f"keys/{key.key_id}.pem", key.pem.encode())
