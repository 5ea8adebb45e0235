"""Days: whether every day was sealed once, and nothing was deleted that had to be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from pipelines.archive.chain import Chain
from pipelines.archive.entry import entry_path
from pipelines.archive.findings import Finding
from pipelines.archive.holds import active
from pipelines.archive.layout import FIRST_DAY
from pipelines.archive.limits import limited_until
from pipelines.archive.manifest import Manifest, Moment

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry

DAY = timedelta(days=1)
IN_ARREARS = timedelta(days=1)
"""How long, by the times of the log, one stream may lag behind another: a sealing takes a while."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """An entry of kind `delete`: the objects of these seals were removed."""

    index: int
    recorded_at: Moment
    seals: tuple[int, ...]
    paths: tuple[str, ...]


def deletions(entries: Mapping[int, Entry], vouched: Collection[int]) -> list[Deletion]:
    """The deletions that are vouched for; any other excuses nothing.

    Raises:
        ValueError: One of them does not say what was deleted; the message names it.
    """
    read: list[Deletion] = []
    for index, entry in sorted(entries.items()):
        if entry.kind == "delete" and index in vouched:
            try:
                read.append(msgspec.convert(entry.body, Deletion))
            except msgspec.ValidationError as error:
                raise ValueError(f"{entry_path(index)}: {error}") from error
    return read


def gaps(manifests: Collection[Manifest]) -> Iterator[Finding]:
    """Days, and numbers of supplements, that a stream skips; streams that stopped before others."""
    streams: dict[tuple[str, bool, str], list[Manifest]] = {}
    for seal in manifests:
        streams.setdefault(seal.stream, []).append(seal)
    for stream in sorted(streams):
        seals = streams[stream]
        yield from _repeated(seals)
        yield from _skipped(seals)
        yield from _arrears(seals, manifests)


def _repeated(seals: Sequence[Manifest]) -> Iterator[Finding]:
    first: dict[tuple[date, int], Manifest] = {}
    for seal in sorted(seals, key=lambda one: one.index):
        before = first.setdefault((seal.event_date, seal.supplement), seal)
        if before is not seal:
            detail = f"{seal.name} was sealed already by {entry_path(before.index)}"
            yield Finding("repeated_seal", entry_path(seal.index), detail)


def _skipped(seals: Sequence[Manifest]) -> Iterator[Finding]:
    days: dict[date, set[int]] = {}
    for seal in seals:
        days.setdefault(seal.event_date, set()).add(seal.supplement)
    of = _of(seals[0])
    ordered = sorted(days)
    for before, after in pairwise(ordered):
        if after - before > DAY and before >= FIRST_DAY:
            detail = f"no seal from {before + DAY} to {after - DAY}"
            yield Finding("gap_of_days", of, detail)
    for day in ordered:
        lacking = set(range(len(days[day]))) - days[day]
        if lacking:
            detail = f"{day} lacks the seal or supplement {min(lacking)}, has {max(days[day])}"
            yield Finding("gap_of_days", of, detail)


def _arrears(seals: Sequence[Manifest], all_seals: Collection[Manifest]) -> Iterator[Finding]:
    last = max(seal.event_date for seal in seals)
    newest = max(seal.recorded_at for seal in all_seals)
    others = [
        seal.event_date
        for seal in all_seals
        if seal.event_date > last and newest - seal.recorded_at > IN_ARREARS
    ]
    if others:
        detail = f"sealed through {last} only, while others are through {max(others)}"
        yield Finding("gap_of_days", _of(seals[0]), detail)


def _of(seal: Manifest) -> str:
    return f"{seal.table}/environment={seal.environment or ''}"


def unlawful(
    chain: Chain, manifests: Mapping[int, Manifest], deleted: Collection[Deletion]
) -> Iterator[Finding]:
    """Deletions before the end of a retention, or of what a legal hold covered at that time.

    A deletion is judged by the objects that it names as well as by the seals: both excuse.
    """
    seal_of = {one.path: seal.index for seal in manifests.values() for one in seal.objects}
    for deletion in deleted:
        path = entry_path(deletion.index)
        indexes = {*deletion.seals, *(seal_of[one] for one in deletion.paths if one in seal_of)}
        seals = [manifests[index] for index in sorted(indexes) if index in manifests]
        earlier = (seal for seal in seals if seal.index < deletion.index)
        if {one.path for seal in earlier for one in seal.objects} != set(deletion.paths):
            detail = "its paths are not those of all objects of seals before it"
            yield Finding("wrong_manifest", path, detail)
        before = [chain.entries[at] for at in sorted(chain.vouched) if at < deletion.index]
        try:
            holds = active(before)
        except (KeyError, TypeError, ValueError) as error:
            yield Finding("wrong_manifest", path, f"a hold before it cannot be read: {error}")
            holds = []
        for seal in seals:
            yield from _early(seal, deletion, before)
            for hold in holds:
                if hold.covers(chain.entries[seal.index].body):
                    detail = f"{seal.name} was under the hold {hold.hold_id}"
                    yield Finding("deleted_while_held", path, detail)


def _early(seal: Manifest, deletion: Deletion, before: Sequence[Entry]) -> Iterator[Finding]:
    """A finding for a seal that was to be kept longer; without an end, but by a limit, for ever."""
    end = seal.retain_until
    if end is None:
        try:
            end = limited_until(before, seal.table, seal.environment, seal.event_date)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            detail = f"a limit before it cannot be read: {error}"
            yield Finding("wrong_manifest", entry_path(deletion.index), detail)
    if seal.objects and (end is None or deletion.recorded_at.date() < end):
        detail = f"{seal.name} was to be kept {f'until {end}' if end else 'for ever'}"
        yield Finding("deleted_early", entry_path(deletion.index), detail)
