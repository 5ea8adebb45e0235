"""Selection: which sealed rows are asked for, and how they are told from others, without any I/O.

A person or recipe is named exactly, because evidence must not depend on a guess: names are shared,
change, and come in variants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.errors import TrailhouseError
from pipelines.lake.duck import text_literal
from pipelines.lake.schemas import EVENT_TABLES, LOADED_TABLES, TABLES

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.archive.manifest import Manifest

RECIPE_TYPE, PERSON_TYPE = "Flow", "User"
"""Resource types of recipes and people, in Workato's words; ids of other types may be equal."""


@dataclass(frozen=True, slots=True)
class Term:
    """A column that must have a value; `is_folded` takes no notice of upper and lower case."""

    column: str
    value: str
    is_folded: bool = False

    @property
    def sql(self) -> str:
        """The term as SQL."""
        if self.is_folded:
            return f"lower({self.column}) = {text_literal(self.value.lower())}"
        return f"{self.column} = {text_literal(self.value)}"


Alternative = tuple[Term, ...]
"""Terms that must all hold."""
Condition = tuple[Alternative, ...]
"""Alternatives of which one must hold."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows asked for: between two UTC days, both included, and narrowed in each way given.

    Each way takes several values, any of which will do; none leaves it open. `persons` has e-mail
    addresses and ids, `recipes` has ids.
    """

    first: date
    last: date
    persons: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            TrailhouseError: The days are the wrong way round, a person or recipe is not named
                exactly, a table is unknown, or no table can hold such rows.
        """
        if self.first > self.last:
            raise TrailhouseError(f"--from {self.first} is after --to {self.last}; swap them")
        for person in self.persons:
            if "@" not in person and not _is_id(person):
                raise TrailhouseError(
                    f"--person {person!r} is neither an e-mail address nor an id; evidence names "
                    'people exactly: `trailhouse query "select * from people"` has the addresses'
                )
        for recipe in self.recipes:
            if not _is_id(recipe):
                raise TrailhouseError(
                    f"--recipe {recipe!r} is not an id, such as 5501203; "
                    "`trailhouse timeline` finds the id of a name"
                )
        if unknown := [name for name in self.tables if name not in LOADED_TABLES]:
            raise TrailhouseError(
                f"--table {unknown[0]!r} is no sealed table; allowed: {', '.join(LOADED_TABLES)}"
            )
        if not self.asked_tables:
            raise TrailhouseError(
                "no table has rows that can be asked for in all of these ways; leave one out"
            )

    @property
    def asked_tables(self) -> tuple[str, ...]:
        """The tables whose rows can be told apart in every way that is asked for."""
        named = self.tables or LOADED_TABLES
        return tuple(name for name in LOADED_TABLES if name in named and self._reaches(name))

    def _reaches(self, table: str) -> bool:
        if not (self.persons or self.recipes or self.event_types or self.environments):
            return True
        return table in EVENT_TABLES and all(self.conditions(table))

    def conditions(self, table: str) -> tuple[Condition, ...]:
        """What must hold for a row of a table; an empty condition can never hold."""
        conditions = []
        if self.persons:
            conditions.append(_any(_person(table, person) for person in self.persons))
        if self.recipes:
            conditions.append(_any(_recipe(table, recipe) for recipe in self.recipes))
        if self.event_types:
            conditions.append(tuple((Term("event_type", name),) for name in self.event_types))
        return tuple(conditions)

    def may_hold(self, manifest: Manifest) -> bool:
        """Whether a sealed day can have rows that are asked for, as its manifest says."""
        return self.covers(manifest) and bool(
            manifest.rows
            and (not self.event_types or set(self.event_types) & set(manifest.event_types))
        )

    def covers(self, manifest: Manifest) -> bool:
        """Whether a sealed day is one of those asked for, with or without such rows."""
        return self.asks_for(manifest) and self.first <= manifest.event_date <= self.last

    def asks_for(self, manifest: Manifest) -> bool:
        """Whether a sealed day is of a table and environment asked for, whatever its date."""
        return manifest.table in self.asked_tables and (
            not self.environments or (manifest.environment or "") in self.environments
        )

    def sql(self, table: str) -> str:
        """The query that selects the same rows of a table; for people to read and to run."""
        parts = [f"event_date between date '{self.first}' and date '{self.last}'"]
        if self.environments:
            listed = ", ".join(text_literal(name) for name in self.environments)
            # the empty name asks for rows without an environment, in every command
            column = "coalesce(environment, '')" if "" in self.environments else "environment"
            parts.append(f"{column} in ({listed})")
        parts += [_condition_sql(condition) for condition in self.conditions(table)]
        return f"select * from {table} where {' and '.join(parts)}"

    def as_dict(self) -> dict[str, Any]:
        """The selection as JSON-ready values, the SQL of each table included."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "persons": list(self.persons),
            "recipes": list(self.recipes),
            "event_types": list(self.event_types),
            "environments": list(self.environments),
            "tables": list(self.asked_tables),
            "sql": {name: self.sql(name) for name in self.asked_tables},
        }


def _is_id(text: str) -> bool:
    """Ids of Workato are numbers; others have no blanks either."""
    return bool(text) and text.isascii() and any(c.isdigit() for c in text) and " " not in text


def _any(conditions: Iterable[Condition]) -> Condition:
    return tuple(alternative for condition in conditions for alternative in condition)


def _person(table: str, person: str) -> Condition:
    if table != "activity":
        return ()  # nobody acts in the others
    if "@" in person:
        columns = ("actor_email", "member_email", "resource_email")
        return tuple((Term(column, person, is_folded=True),) for column in columns)
    of_a_person = (Term("resource_type", PERSON_TYPE), Term("resource_id", person))
    return ((Term("actor_id", person),), (Term("member_id", person),), of_a_person)


def _recipe(table: str, recipe: str) -> Condition:
    if table == "activity":
        itself = (Term("resource_type", RECIPE_TYPE), Term("resource_id", recipe))
        return (itself, (Term("parent_id", recipe),))
    return ((Term("recipe_id", recipe),),) if "recipe_id" in TABLES[table].names else ()


def _condition_sql(condition: Condition) -> str:
    alternatives = (" and ".join(term.sql for term in alternative) for alternative in condition)
    return "(" + " or ".join(f"({alternative})" for alternative in alternatives) + ")"


def columns_of(conditions: Sequence[Condition]) -> list[str]:
    """The columns that conditions look at, each once."""
    terms = (term for condition in conditions for alternative in condition for term in alternative)
    return list(dict.fromkeys(term.column for term in terms))


def may_match(
    conditions: Sequence[Condition], bounds: Mapping[str, tuple[str, str] | None]
) -> bool:
    """Whether rows whose columns lie between these bounds can fulfil the conditions.

    Args:
        conditions: All must be fulfilled.
        bounds: Smallest and greatest value per column; None where it holds no value at all. A
            column without an entry may hold anything.
    """

    def possible(term: Term) -> bool:
        if term.column not in bounds:
            return True
        held = bounds[term.column]
        return held is not None and (term.is_folded or held[0] <= term.value <= held[1])

    return all(
        any(all(map(possible, alternative)) for alternative in condition)
        for condition in conditions
    )


def matching(conditions: Sequence[Condition], rows: pa.Table) -> pa.ChunkedArray:
    """Which rows fulfil the conditions, as booleans; null counts as no."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def holds(term: Term) -> pa.ChunkedArray:
        column = rows.column(term.column)
        if term.is_folded:
            found = pc.equal(pc.utf8_lower(column), term.value.lower())
        else:
            found = pc.equal(column, term.value)
        return pc.fill_null(found, False)

    chosen = pa.chunked_array([pa.array([True] * rows.num_rows, pa.bool_())])
    for condition in conditions:
        fulfilled = pa.chunked_array([pa.array([False] * rows.num_rows, pa.bool_())])
        for alternative in condition:
            together = holds(alternative[0])
            for term in alternative[1:]:
                together = pc.and_(together, holds(term))
            fulfilled = pc.or_(fulfilled, together)
        chosen = pc.and_(chosen, fulfilled)
    return chosen
