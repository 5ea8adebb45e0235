"""Copies: the log against what is kept of it elsewhere, so that a tail that was cut off is seen."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding
from pipelines.archive.timestamp import check_answer, stamped

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry
    from pipelines.archive.place import Place


KEPT = re.compile(r"([0-9]{8})\.(json|tsr)")
"""The name of a copy of an entry, or of a time stamp on it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What somebody else keeps of the log: the digest of one entry, and where that is kept."""

    index: int
    digest: str
    where: str


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a place out of the writer's reach keeps of the log; `problem` says why that is unknown.

    `place` is there to look again: entries are put there while a verification runs.
    """

    where: str
    anchors: tuple[Anchor, ...] = ()
    place: Place | None = None
    problem: str | None = None


def anchors_of(objects: Mapping[str, bytes | None], where: str) -> list[Anchor]:
    """Anchors from copies of entries and from time stamps: the objects of a log, or of a part.

    Objects whose name is no entry's are left out: what else somebody keeps there is their affair.
    """
    found = []
    for path, content in sorted(objects.items()):
        named = KEPT.fullmatch(path.rpartition("/")[2])
        if content is None or not named:
            continue
        if named[2] == "json":
            found.append(Anchor(int(named[1]), sha256(content).hexdigest(), where))
            continue
        with suppress(ValueError, IndexError):  # no stamp, whatever its name
            found.append(Anchor(int(named[1]), stamped(content).hex(), f"{where}/{path}"))
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


def told(entries: Iterable[Entry]) -> dict[str, int]:
    """The newest entry that each witness was told of, as the entries of kind `anchor` say."""
    newest: dict[str, int] = {}
    for entry in entries:
        where, number = entry.body.get("where"), entry.body.get("entry")
        if entry.kind == "anchor" and isinstance(where, str) and isinstance(number, int):
            newest[where] = max(newest.get(where, -1), number)
    return newest


def forgotten(newest: Mapping[str, int], witnesses: Iterable[Witnessed]) -> Iterator[Finding]:
    """Witnesses that no longer have the newest entry that the log says they were told of."""
    for one in witnesses:
        index = newest.get(one.where)
        if one.place is None or index is None or index in {anchor.index for anchor in one.anchors}:
            continue
        if not one.place.exists(entry_path(index)):
            detail = "the log says that this witness was told of it"
            yield Finding("missing", f"{one.where}/{entry_path(index)}", detail)


def not_compared(newest: Mapping[str, int], witnesses: Iterable[Witnessed]) -> dict[str, str]:
    """The witnesses of the settings and of the log that keep nothing to compare, each with why."""
    asked = {one.where: one for one in witnesses}
    why = dict.fromkeys(newest, "the log names it; compare what it keeps with --anchor")
    for where, one in asked.items():
        why[where] = one.problem or "no entries are kept there"
    return {
        where: why[where] for where in sorted(why) if where not in asked or not asked[where].anchors
    }


def noted(entries: Mapping[int, Entry]) -> Iterator[Finding]:
    """Entries of kind `anchor` that name another entry than the log has, or whose stamp does.

    Who signed a time stamp is for `openssl ts -verify`, which knows whom to trust.
    """
    for index, entry in sorted(entries.items()):
        if entry.kind != "anchor":
            continue
        number, digest, token = (entry.body.get(name) for name in ("entry", "digest", "token"))
        named = entries.get(number) if isinstance(number, int) else None
        path = entry_path(index)
        if named is None or named.digest != digest:
            detail = f"was told of entry {number} as {digest}, the log has another"
            yield Finding("rewritten", path, detail)
        elif token is not None and not _is_stamped(token, named.digest):
            yield Finding("wrong_manifest", path, "its time stamp is not on the entry it names")


def _is_stamped(token: object, digest: str) -> bool:
    try:
        check_answer(b64decode(str(token), validate=True), bytes.fromhex(digest))
    except (ValueError, IndexError):
        return False
    return True
