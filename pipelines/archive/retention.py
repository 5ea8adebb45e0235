"""Retention: how long sealed days are kept, which are due to go, and their deletion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.archive.appending import append
from pipelines.archive.holds import Hold, active
from pipelines.archive.layout import after_years, is_meant
from pipelines.archive.limits import ANY, limited_until
from pipelines.archive.log import open_log
from pipelines.archive.place import open_archive_place
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from pipelines.archive.keys import Signer
    from pipelines.archive.log import Entry
    from pipelines.archive.place import Place
    from pipelines.lake.tables import Lake
    from pipelines.settings import Settings

DELETIONS = 16
"""Objects deleted at the same time; a store takes several requests for each."""


def years_of(settings: Settings, table: str, environment: str | None) -> int | None:
    """Years to keep the days of a stream, by its most specific rule; null for ever.

    A rule for the table beats one for the environment, which beats one for everything.
    """
    best: tuple[int, int] | None = None
    for rule in settings.archive.retention:
        is_of = rule.environment == ANY or is_meant(rule.environment, environment)
        if rule.table in (ANY, table) and is_of:
            exact = 2 * (rule.table != ANY) + (rule.environment != ANY)
            if best is None or exact > best[0]:
                best = exact, rule.years
    return best[1] if best else None


def retain_until(settings: Settings, table: str, environment: str | None, day: date) -> date | None:
    """The day on which a sealed day is due: so many years after it; null for never."""
    years = years_of(settings, table, environment)
    return None if years is None else after_years(day, years)


@dataclass(frozen=True, slots=True)
class Due:
    """A seal whose retention has passed, and the holds that keep it none the less."""

    index: int
    table: str
    environment: str | None
    event_date: date
    supplement: int
    rows: int
    bytes: int
    retain_until: date
    paths: tuple[str, ...]
    holds: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready facts, days as ISO dates."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return facts | {
            name: value.isoformat() for name, value in facts.items() if isinstance(value, date)
        }


def due(entries: Iterable[Entry], today: date, settings: Settings | None = None) -> list[Due]:
    """The seals whose retention has passed and that are not deleted, those under a hold included.

    Args:
        entries: The whole log.
        today: The UTC day now.
        settings: Where the rules of today count too: a seal is due when both the day that it was
            sealed with and that of the rule have passed.

    Returns:
        They are in the order of the log; `holds` names what keeps them. A day that was sealed
        without an end is due only by a limit of the log. An empty day is never due: its manifest
        is all there is of it, and manifests stay.
    """
    listed = list(entries)
    gone = deleted(listed)
    standing = active(listed)
    found = (
        _due(entry, listed, standing, settings)
        for entry in listed
        if entry.kind == "seal" and entry.index not in gone
    )
    return [one for one in found if one is not None and one.retain_until <= today]


def deleted(entries: Iterable[Entry]) -> set[int]:
    """The indexes of the seals whose files were deleted."""
    return {index for e in entries if e.kind == "delete" for index in e.body["seals"]}


def _due(
    entry: Entry, entries: Sequence[Entry], standing: Sequence[Hold], settings: Settings | None
) -> Due | None:
    body = entry.body
    of, day = (body["table"], body["environment"]), date.fromisoformat(body["event_date"])
    sealed_with = body["retain_until"]
    end = date.fromisoformat(sealed_with) if sealed_with else limited_until(entries, *of, day)
    ruled = retain_until(settings, *of, day) if settings is not None else None
    objects = [*body["files"], *([body["tiles"]] if body["tiles"] else [])]
    if end is None or not objects:
        return None
    return Due(
        entry.index,
        body["table"],
        body["environment"],
        day,
        body["supplement"],
        body["rows"],
        sum(item["bytes"] for item in objects),
        max(end, ruled or end),
        tuple(item["path"] for item in objects),
        tuple(hold.hold_id for hold in standing if hold.covers(body)),
    )


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did: the entry that records it, its seals, the objects that went."""

    index: int | None
    seals: tuple[int, ...]
    paths: tuple[str, ...]


def delete(
    lake: Lake,
    seals: Collection[int],
    *,
    reason: str,
    clock: Callable[[], datetime],
    signer: Signer,
    by: str,
) -> Deleted:
    """Delete the files of seals that are due; their manifests stay in the log for ever.

    The entry that says so is written before anything is removed. Run again after a crash, it
    removes what an earlier deletion left behind; without seals it does that alone.

    Args:
        lake: The lake.
        seals: Indexes of the seals, as `due` lists them.
        reason: Why; it is kept in the log.
        clock: The time now, UTC.
        signer: Signs the entry.
        by: Who deletes.

    Raises:
        TrailhouseError: The reason is empty; or a seal is not due, or under a legal hold. Nothing
            was deleted.
    """
    if not reason.strip():
        raise TrailhouseError("a deletion needs a reason; it is kept in the archive's log")
    place, log = open_archive_place(lake), open_log(lake)
    log.heal()
    entries = log.entries()
    finish_deletions(place, entries)
    wanted = sorted(set(seals) - deleted(entries))
    if not wanted:
        return Deleted(None, (), ())

    def chosen() -> list[Due]:
        return _chosen(log.entries(), wanted, clock().date(), lake.storage.settings)

    paths = [path for one in chosen() for path in one.paths]
    facts = {"reason": reason, "seals": wanted, "paths": paths}

    def recheck() -> None:
        chosen()

    entry = append(log, "delete", facts, clock=clock, signer=signer, by=by, recheck=recheck)
    _remove(place, paths)
    return Deleted(entry.index, tuple(wanted), tuple(paths))


def _chosen(
    entries: Sequence[Entry], wanted: Sequence[int], today: date, settings: Settings
) -> list[Due]:
    found = {one.index: one for one in due(entries, today, settings)}
    for index in wanted:
        if index not in found:
            raise TrailhouseError(
                f"entry {index} is no seal that is due on {today}; nothing was deleted. "
                "`trailhouse archive due` lists what is"
            )
        if found[index].holds:
            raise TrailhouseError(
                f"entry {index} ({found[index].table} of {found[index].event_date}) is under the "
                f"legal hold {', '.join(found[index].holds)}; nothing was deleted. "
                "`trailhouse archive hold list` shows the holds"
            )
    return [found[index] for index in wanted]


def finish_deletions(place: Place, entries: Iterable[Entry]) -> None:
    """Remove what recorded deletions left behind when they were cut off."""
    named = {path for e in entries if e.kind == "delete" for path in e.body["paths"]}
    if named:
        _remove(place, [path for path, _ in place.list() if path in named])


def _remove(place: Place, paths: Iterable[str]) -> None:
    with ThreadPoolExecutor(DELETIONS) as pool:
        for _ in pool.map(place.delete, paths):
            pass
