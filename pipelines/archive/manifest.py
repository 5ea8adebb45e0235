"""Manifest: what a seal says of a day: its files, their digests, and what the rows are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from pipelines.archive.layout import seal_folder

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry

DAY = timedelta(days=1)
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with a zone; without one it could not be compared."""


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object as it was sealed; times are of the rows, null without any."""

    path: str
    bytes: int
    sha256: str
    rows: int = 0
    min_at: Moment | None = None
    max_at: Moment | None = None


@dataclass(frozen=True, slots=True)
class LoadRows:
    """How many rows of a day one load brought."""

    load_id: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One seal: a UTC day of a table and environment, or a numbered supplement to it."""

    index: int
    recorded_at: Moment
    table: str
    environment: str | None
    event_date: date
    supplement: int
    rows: int
    root: str
    leaf: str
    files: tuple[SealedObject, ...]
    tiles: SealedObject | None
    event_types: dict[str, int]
    loads: tuple[LoadRows, ...]
    schema: tuple[tuple[str, str], ...]
    retain_until: date | None

    @property
    def objects(self) -> tuple[SealedObject, ...]:
        """Every object of the seal: its files, then its tiles."""
        return (*self.files, self.tiles) if self.tiles else self.files

    @property
    def stream(self) -> tuple[str, bool, str]:
        """Table and environment, in a form that can be sorted: one not sent, then an empty one."""
        return self.table, self.environment is not None, self.environment or ""

    @property
    def name(self) -> str:
        """The seal in words, such as `activity of prod, 2026-02-03`."""
        of = f" of {self.environment}" if self.environment else ""
        supplement = f", supplement {self.supplement}" if self.supplement else ""
        return f"{self.table}{of}, {self.event_date}{supplement}"


def read_manifest(entry: Entry) -> Manifest:
    """The manifest that an entry of kind `seal` is.

    Raises:
        ValueError: Something is missing in it or has the wrong type; the message names it.
    """
    try:
        return msgspec.convert(entry.body, Manifest)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def contradictions(manifest: Manifest) -> Iterator[str]:
    """What a manifest says that cannot be true, whatever its files hold."""
    counts = {
        "files": sum(file.rows for file in manifest.files),
        "loads": sum(load.rows for load in manifest.loads),
        "event_types": sum(manifest.event_types.values()),
    }
    if manifest.table == "loads":
        del counts["event_types"]
    for name, count in counts.items():
        if count != manifest.rows:
            yield f"{name} sum up to {count} rows, the seal has {manifest.rows}"
    if bool(manifest.rows) != bool(manifest.tiles):
        yield f"{manifest.rows} rows, and {'tiles' if manifest.tiles else 'no tiles'}"
    for one in manifest.objects:
        if not _is_in_place(manifest, one.path):
            yield f"{one.path} is not a path of this seal"


def _is_in_place(manifest: Manifest, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    own = seal_folder(manifest.table, manifest.environment, manifest.event_date)
    return folder == own and name.startswith(f"{manifest.supplement}-")


def skewed(manifest: Manifest) -> Iterator[str]:
    """How the times of a manifest contradict each other."""
    begin = datetime.combine(manifest.event_date, time(), UTC)
    # differences: the end of the last day that there is cannot be computed
    if manifest.recorded_at - begin < DAY:
        yield f"sealed at {manifest.recorded_at.isoformat()}, before the day was over"
    for file in manifest.files:
        for at in (file.min_at, file.max_at):
            if at is not None and not timedelta() <= at - begin < DAY:
                yield f"{file.path} has a row of {at.isoformat()}, which is not of the day"
        if file.min_at and file.max_at and file.min_at > file.max_at:
            yield f"{file.path} begins at {file.min_at} and ends before, at {file.max_at}"


def by_index(entries: Mapping[int, Entry]) -> tuple[dict[int, Manifest], dict[int, str]]:
    """The manifests of a log by index of their entry, and why others cannot be read."""
    manifests: dict[int, Manifest] = {}
    unreadable: dict[int, str] = {}
    for index, entry in sorted(entries.items()):
        if entry.kind == "seal":
            try:
                manifests[index] = read_manifest(entry)
            except ValueError as error:
                unreadable[index] = str(error)
    return manifests, unreadable
