"""Begun: the seals that are being written, noted in the lake until their entries are in the log.

A sealing that is cut off leaves files that no entry names. Who seals next may not be allowed to see
them, and has other rows to seal where some came since: by the note it makes the same seal first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from pipelines.archive.layout import seal_folder
from pipelines.archive.place import open_place
from pipelines.archive.streams import Planned, Stream, sealed_days
from pipelines.sources.find import join

if TYPE_CHECKING:
    from pipelines.archive.entry import Entry
    from pipelines.archive.place import Place
    from pipelines.lake.tables import Lake

FOLDER = "archive_begun"


class Begun:
    """The notes, in `archive_begun/` of the lake."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.met = 0
        """Seals that were begun before with other rows, so that there is more to plan."""

    def begin(self, planned: Planned, *, is_last: bool) -> Planned | None:
        """Note a seal before its files are written.

        Args:
            planned: The seal.
            is_last: Whether this is the last try, after a fresh look at the lake.

        Returns:
            The seal to make: that with the rows which were noted first, where it was begun before;
            nothing if it was begun with rows that were not planned, until the last try.
        """
        if not planned.rows:
            return planned
        facts = {
            "table": planned.stream.table,
            "environment": planned.stream.environment,
            "event_date": planned.event_date.isoformat(),
            "supplement": planned.supplement,
            "loads": dict(planned.loads),
        }
        if self._place.put_new(_name(planned), orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)):
            return planned
        noted = self._facts(_name(planned)).get("loads", {})
        if not noted or noted == planned.loads:
            return planned
        self.met += 1
        if noted.items() <= planned.loads.items():
            return replace(planned, loads=noted)
        return planned if is_last else None

    def end(self, planned: Planned) -> None:
        """Forget a seal whose entry is in the log."""
        if planned.rows:
            self._place.delete(_name(planned))

    def sweep(self, entries: Iterable[Entry]) -> None:
        """Forget what was cut off between an entry and its `end`."""
        names = [name for name, _ in self._place.list()]
        sealed = sealed_days(entries) if names else {}
        for name in names:
            facts = self._facts(name)
            if not facts:
                self._place.delete(name)
                continue
            days = sealed.get(Stream(facts["table"], facts["environment"]), {})
            day = days.get(date.fromisoformat(facts["event_date"]))
            if day is not None and day.supplement >= facts["supplement"]:
                self._place.delete(name)

    def _facts(self, name: str) -> dict[str, Any]:
        try:
            facts = orjson.loads(self._place.get(name))
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}
        return facts if isinstance(facts, dict) else {}


def open_begun(lake: Lake) -> Begun:
    """The notes of the archive that is sealed from a lake."""
    return Begun(open_place(join(lake.url, FOLDER), lake.storage))


def _name(planned: Planned) -> str:
    return f"{seal_folder(*planned.stream, planned.event_date)}/{planned.supplement}.json"
