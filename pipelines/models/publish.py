"""Publish: when readers are shown what was built: all marts of one build, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.lake.history import loads_after, newest_load
from pipelines.lake.tables import Lake
from pipelines.models.build import build_days, open_database
from pipelines.models.catalogue import (
    current_edition,
    definitions_digest,
    hold_edition,
    write_catalogue,
)
from pipelines.models.edition import NONE_HELD, Edition, Held, read_edition
from pipelines.models.header import MODELS
from pipelines.models.staleness import read_changes, read_settled_changes
from pipelines.models.store import open_mart

if TYPE_CHECKING:
    from deltalake import DeltaTable

PATIENCE = timedelta(hours=1)
"""How long readers are kept from a load because a mart is not up to date: a mart that fails, or
loads that never pause, must not hide what is known."""


def build_stale(lake: Lake, *, everything: bool = False) -> Iterator[tuple[str, list[date], int]]:
    """Build every stale mart, each after those that it reads, and then show them to readers.

    All marts are built from the same loads; what comes meanwhile is left to the next build. A mart
    is committed as a whole before the next begins, so that a build that is cut off leaves every
    mart as it was or as it should be; the next one goes on from there. Until the end readers see
    what they saw before.

    Args:
        lake: The lake.
        everything: Build every day of the lake, not only those that changed.

    Yields:
        Name, days and rows of each mart that was built.
    """
    hold_edition(lake)
    changes = read_settled_changes(lake)
    held = dict(changes.tables)  # marts as well, once built, for those that read them
    changes = replace(changes, tables=held)
    with closing(open_database(lake)) as database:
        for model in MODELS.values():
            if not model.is_stored:
                continue
            table = held[model.name] = open_mart(lake, model)
            days = list(changes.needed(model)) if everything else changes.stale(model, table)
            if days:
                rows = build_days(lake, table, model, days, changes, database)
                yield model.name, days, rows
    publish(lake, held)


def publish(lake: Lake, held: Held = NONE_HELD) -> None:
    """Show readers the marts as they are now, or as a build holds them.

    Nothing is written where they see them already.
    """
    edition = current_edition(lake, held)
    if read_edition(lake) != edition:
        write_catalogue(lake, edition, held)


def publish_when_whole(
    lake: Lake,
    *,
    clock: Callable[[], datetime],
    is_held_back: Callable[[str], bool] = lambda _: False,
) -> bool:
    """Show readers the marts if all of them hold the newest load, for where each is built alone.

    They are shown as they are as well where a load has been kept from readers for an hour.

    Args:
        lake: The lake.
        clock: The time now, UTC.
        is_held_back: Whether a mart stays as it is for now; such a one is not waited for.

    Returns:
        Whether readers see the marts as they are.
    """
    if (whole := _whole_edition(lake, is_held_back)) is not None:
        edition, held = whole
        if edition != read_edition(lake):
            write_catalogue(lake, edition, held)
        return True
    if _is_overdue(lake, clock()):
        publish(lake)
        return True
    return False


def _whole_edition(lake: Lake, is_held_back: Callable[[str], bool]) -> tuple[Edition, Held] | None:
    """The marts as they are, open; None where one waits to be built, or a load came meanwhile."""
    held: dict[str, DeltaTable] = {}
    number = newest_load(lake)
    changes = read_changes(lake)
    # the last marts are built last: the first look mostly tells
    for model in reversed([model for model in MODELS.values() if model.is_stored]):
        table = held[model.name] = open_mart(lake, model)
        if changes.stale(model, table) and not is_held_back(model.name):
            return None
    # a mart of a later load would have been built after that load
    if newest_load(lake) != number:
        return None
    versions = {name: table.version() for name, table in held.items()}
    return Edition(definitions_digest(lake), number, versions), held


def _is_overdue(lake: Lake, now: datetime) -> bool:
    edition = read_edition(lake)
    unseen = loads_after(lake, edition.load_number) if edition else []
    return bool(unseen) and unseen[0].loaded_at < now - PATIENCE
