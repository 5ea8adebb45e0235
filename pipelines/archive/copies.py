"""Copies: the log against what is kept of it elsewhere, so that a tail that was cut off is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry


@dataclass(frozen=True, slots=True)
class Anchor:
    """What somebody else keeps of the log: the digest of one entry, and where that is kept."""

    index: int
    digest: str
    where: str


def anchors_of(objects: Mapping[str, bytes], where: str) -> list[Anchor]:
    """Anchors from copies of entries: the objects of a log, or of a part of it.

    Objects whose name is no entry's are left out: what else somebody keeps there is their affair.
    """
    found = []
    for path, content in sorted(objects.items()):
        name = path.rpartition("/")[2].removesuffix(".json")
        if name.isdecimal():
            found.append(Anchor(int(name), sha256(content).hexdigest(), where))
    return found


def differing(entries: Mapping[int, Entry], anchors: Iterable[Anchor]) -> Iterator[Finding]:
    """Entries that somebody else has a digest of, and that the log lacks or has otherwise."""
    end = max(entries, default=-1)
    for anchor in anchors:
        path, entry = entry_path(anchor.index), entries.get(anchor.index)
        if anchor.index > end:
            last = f"ends with entry {end}" if entries else "is empty"
            detail = f"{anchor.where} has this entry, the log {last}"
            yield Finding("truncated_tail", path, detail)
        elif entry is not None and entry.digest != anchor.digest:
            detail = f"{anchor.where} has {anchor.digest}, the log {entry.digest}"
            yield Finding("rewritten", path, detail)


def lacking(entries: Mapping[int, Entry], mirror: Iterable[Anchor]) -> Iterator[Finding]:
    """A finding if the lake's mirror lacks entries that the archive has."""
    lost = sorted(entries.keys() - {anchor.index for anchor in mirror})
    if lost:
        detail = f"the lake's copy of the log lacks {len(lost)} entries, the first is {lost[0]}"
        yield Finding("missing", entry_path(lost[0]), detail)
