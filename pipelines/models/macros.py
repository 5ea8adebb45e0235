"""Macros: the files of `sql/catalogue`, as table macros that any reader can call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.lake.queries import SQL
from pipelines.models.header import MODELS, parse_facts, reached
from pipelines.models.sources import is_stored

HEADER = re.compile(r"\A(?:--[^\n]*\n|\s)*")


@dataclass(frozen=True, slots=True)
class Macro:
    """A table macro of the catalogue: a file of `sql/catalogue`."""

    name: str
    call: str
    """Name and parameters, as the file's header declares them under `macro:`."""
    description: str
    reads: tuple[str, ...]
    sql: str


def read_macros() -> list[Macro]:
    """The macros, by name.

    Raises:
        ValueError: A file does not declare itself as a macro of its own name.
    """
    macros = []
    for path in sorted((SQL / "catalogue").glob("*.sql")):
        where, sql = f"sql/catalogue/{path.name}", path.read_text()
        description, facts = parse_facts(where, sql)
        if not re.fullmatch(rf"{path.stem}\([\w\s,:='.-]*\)", facts.get("macro", "")):
            raise ValueError(f"{where}: the header needs macro: {path.stem}(parameter, …)")
        reads = tuple(part.strip() for part in facts["reads"].split(","))
        macros.append(Macro(path.stem, facts["macro"], description, reads, sql))
    return macros


def self_contained(macro: Macro, queries: Mapping[str, str]) -> str:
    """The macro's statement, with the queries of the views that it reads.

    DuckDB looks for what a view reads in the view's own file, but for what a macro reads in the
    search path of whoever calls it, and there the catalogue is only after `use`.

    Args:
        macro: The macro.
        queries: The query of every view, by name, each after those that it reads itself.
    """
    read = views_of(macro)
    # a view that is read twice must not be computed whole first, for its files are skipped then
    listed = ",\n".join(
        f"{name} as not materialized (\n{query}\n)"
        for name, query in queries.items()
        if name in read
    )
    statement = HEADER.sub("", macro.sql)
    if statement.startswith("with "):
        return f"with {listed},\n{statement.removeprefix('with ')}"
    return f"with {listed}\n{statement}"


def views_of(macro: Macro) -> set[str]:
    """The views that a macro reads, directly or through others."""
    found = set(macro.reads)
    for name in macro.reads:
        if name in MODELS and not is_stored(name):
            found |= {*reached(name, is_stored)}
    return found
