"""Anchor: tell witnesses of the newest entry, so that nobody can cut it off unseen."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.archive.appending import append
from pipelines.archive.copies import told as told_of
from pipelines.archive.log import open_log
from pipelines.archive.place import open_archive_place, open_place
from pipelines.archive.witnesses import Witness, of_settings
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry, Log
    from pipelines.lake.tables import Lake

KIND = "anchor"


@dataclass(frozen=True, slots=True)
class Anchored:
    """A witness that now keeps the entry of this number and digest; `index` records it."""

    where: str
    entry: int
    digest: str
    index: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts."""
        return {name: getattr(self, name) for name in self.__slots__}


def witnesses(lake: Lake) -> list[Witness]:
    """The witnesses of the settings: other places, mailboxes, an authority."""
    settings = lake.storage.settings.archive
    places = [open_place(url, lake.storage) for url in settings.anchor_urls]
    return list(of_settings(settings, open_archive_place(lake).url, places))


def anchor(
    lake: Lake,
    told: Sequence[Witness] | None = None,
    *,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Iterator[Anchored]:
    """Tell every witness of the newest entry, and record each in the log.

    A witness that knows of the newest entry already is left alone; anchors are not anchored. One
    that cannot be told does not keep the others from it.

    Args:
        lake: The lake.
        told: The witnesses; without them those of the settings.
        clock: The time now, UTC.
        signer: Signs the entries.
        by: Who anchors.

    Yields:
        The witnesses that were told.

    Raises:
        TrailhouseError: There are no witnesses, nothing to anchor, or some could not be told.
    """
    chosen = witnesses(lake) if told is None else told
    if not chosen:
        raise TrailhouseError(
            "no witness is set; set archive.anchor_urls, archive.anchor_email or "
            "archive.timestamp_url"
        )
    log = open_log(lake)
    log.heal()
    entries = log.entries()
    newest = next((entry for entry in reversed(entries) if entry.kind != KIND), None)
    if newest is None:
        raise TrailhouseError("the archive is empty; `trailhouse archive seal` begins it")
    known = told_of(entries)
    failed: list[str] = []
    for witness in chosen:
        if known.get(witness.where, -1) >= newest.index:
            continue
        try:
            yield _tell(witness, newest, log, clock, signer, by)
        except TrailhouseError as error:
            failed.append(str(error))
    if failed:
        raise TrailhouseError("\n".join(failed))


def _tell(
    witness: Witness,
    newest: Entry,
    log: Log,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Anchored:
    kept = witness.tell(newest, _stamp(log.entries(), newest))
    facts = {"entry": newest.index, "digest": newest.digest, "where": witness.where, **kept}
    recorded = append(log, KIND, facts, clock=clock, signer=signer, by=by)
    return Anchored(witness.where, newest.index, newest.digest, recorded.index)


def _stamp(entries: Iterable[Entry], newest: Entry) -> bytes | None:
    """The time stamp on the newest entry, where the log has one."""
    for entry in entries:
        if entry.kind == KIND and entry.body["entry"] == newest.index and "token" in entry.body:
            return b64decode(entry.body["token"])
    return None
