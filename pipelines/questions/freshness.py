"""Freshness: whether the models that a question reads are there, and as new as the loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.errors import TrailhouseError
from pipelines.lake.queries import SQL
from pipelines.lake.tables import Lake
from pipelines.models.edition import find_shown, read_edition
from pipelines.models.header import MODELS, parse_facts, reached
from pipelines.models.sources import is_stored
from pipelines.models.staleness import read_changes


class NoModelsError(TrailhouseError):
    """The lake holds nothing that a question could be asked of; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How the models stand to the loads.

    Attributes:
        newest: The newest UTC day of the lake's jobs and activity.
        stale: Days that loads changed since, by model; only models that lag.
    """

    newest: date
    stale: Mapping[str, int]

    @property
    def warning(self) -> str | None:
        """One line that says what lags and what to do; nothing where all is up to date."""
        if not self.stale:
            return None
        listed = ", ".join(sorted(self.stale)[:3]) + (", …" if len(self.stale) > 3 else "")
        return (
            f"The models are older than the loads ({listed}), so figures may lack events: "
            "`trailhouse build` brings them up to date."
        )


def check_models(lake: Lake, statements: Iterable[str]) -> Freshness:
    """Look at the models that statements of `sql/questions` read, and at those behind them.

    Raises:
        NoModelsError: The lake has no loads, or none of the models was built.
    """
    changes = read_changes(lake)
    if not changes.days:
        raise NoModelsError(
            f"nothing is loaded into {lake.url} yet: `trailhouse load LANDING` loads, "
            "`trailhouse build` builds the models"
        )
    stale, built = {}, False
    edition = read_edition(lake)
    for name in marts_of(statements):
        table = find_shown(lake, name, edition)
        days = changes.stale(MODELS[name], table)
        if days:
            stale[name] = len(days)
        built = built or (table is not None and bool(table.file_uris()))
    if stale and not built:  # tables without files: the catalogue makes them
        raise NoModelsError(
            f"the models of {lake.url} were not built yet: `trailhouse build` builds them"
        )
    return Freshness(changes.as_of, stale)


def marts_of(statements: Iterable[str]) -> list[str]:
    """The marts that statements read, through macros and views too, by name."""
    found: set[str] = set()
    for statement in statements:
        found |= _marts(f"questions/{statement}")
    return sorted(found)


def _marts(file: str) -> set[str]:
    _, facts = parse_facts(f"sql/{file}.sql", (SQL / f"{file}.sql").read_text())
    found: set[str] = set()
    for name in (part.strip() for part in facts["reads"].split(",")):
        if name in MODELS:
            behind = {name, *reached(name, lambda _: False)}
            found |= {n for n in behind if n in MODELS and is_stored(n)}
        elif (SQL / f"catalogue/{name}.sql").is_file():
            found |= _marts(f"catalogue/{name}")
    return found
