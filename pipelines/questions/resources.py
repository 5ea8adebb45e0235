"""Resources: the recipes, connections and people of a lake, and finding the one that is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from pipelines.errors import TrailhouseError
from pipelines.questions.answer import ask
from pipelines.questions.names import Likeness, Match, Resource, match

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LISTED = 12
"""Candidates that a message lists."""


class NameProblem(TrailhouseError):
    """A name stands for nothing, or for several things; the message lists what it may be."""


def read_resources(
    connection: DuckDBPyConnection, kinds: Sequence[str] = ("recipe", "connection", "person")
) -> list[Resource]:
    """All resources of the kinds, under every name that the lake knows.

    A person is an address, since invitations carry ids that others have too; without an address
    an id that one address alone has is that person's.
    """
    rows = [row for row in ask(connection, "resources").rows if row[0] in kinds]
    addresses: defaultdict[str, set[str]] = defaultdict(set)
    for kind, resource_id, _, email, *_ in rows:
        if kind == "person" and email:
            addresses[resource_id].add(email)
    grouped: defaultdict[tuple[str, str], list[tuple[str, str, str | None, date]]]
    grouped = defaultdict(list)
    for kind, resource_id, name, email, environment, last_seen in rows:
        key = resource_id
        if kind == "person":
            owners = addresses[resource_id]
            key = email or (next(iter(owners)) if len(owners) == 1 else resource_id)
        grouped[kind, key].append((name, resource_id, environment, last_seen))
    return [_resource(kind, key, seen) for (kind, key), seen in grouped.items()]


def _resource(kind: str, key: str, seen: Iterable[tuple[str, str, str | None, date]]) -> Resource:
    names, ids, environments, days = zip(*seen, strict=True)
    return Resource(
        kind=kind,
        resource_id=key,
        names=tuple(dict.fromkeys(names)),
        ids=tuple(sorted(set(ids) - {key})),
        environment=next((e for e in environments if e), None),
        last_seen=max(days),
    )


def find_resource(
    wanted: str, resources: Iterable[Resource], *, environment: str | None = None
) -> tuple[Resource, bool]:
    """The one resource that a name stands for.

    Args:
        wanted: Name or part of it, id or address, as somebody types it.
        resources: What there is.
        environment: Only recipes and connections of this one; people are of all.

    Returns:
        The resource, and whether it was found by its spelling alone (so that it should be said).

    Raises:
        NameProblem: None matches, or several match alike.
    """
    listed = list(resources)
    here = [r for r in listed if environment in (None, r.environment) or r.kind == "person"]
    found = match(wanted, here)
    if len(found.found) == 1:
        return found.found[0], found.likeness is Likeness.MISSPELT
    if found.found:
        raise NameProblem(_ambiguous(wanted, found, environment))
    raise NameProblem(_unknown(wanted, found, match(wanted, listed), environment))


def _ambiguous(wanted: str, found: Match, environment: str | None) -> str:
    several = len({r.environment for r in found.found}) > 1 and environment is None
    way = "give an id" + (", or --environment" if several else "")
    kinds = len({r.kind for r in found.found}) > 1
    rows = [_line(r, with_kind=kinds) for r in found.found[:LISTED]]
    if len(found.found) > LISTED:
        rows.append(f"  … and {len(found.found) - LISTED} more")
    return "\n".join([f"{wanted!r} can be any of {len(found.found)}; {way}:", *rows])


def _unknown(wanted: str, found: Match, elsewhere: Match, environment: str | None) -> str:
    if elsewhere.found:
        rows = [_line(r, with_kind=False) for r in elsewhere.found[:LISTED]]
        return "\n".join([f"{wanted!r} is not in environment {environment}, but:", *rows])
    if not found.nearest:
        return f"nothing is called {wanted!r}: the models hold no such thing at all"
    rows = [_line(r, with_kind=True) for r in found.nearest]
    return "\n".join([f"nothing is called {wanted!r}; the nearest:", *rows])


def _line(resource: Resource, *, with_kind: bool) -> str:
    parts = [f"  {resource.resource_id:<10}", resource.name]
    if len(resource.names) > 1:
        parts.append(f"(also {', '.join(resource.names[1:3])})")
    about = [resource.kind] if with_kind else []
    if resource.kind != "person":
        about.append(resource.environment or "environment unknown")
    about.append(f"last seen {resource.last_seen}")
    return f"{'  '.join(parts)}  [{', '.join(about)}]"


def find_environment(connection: DuckDBPyConnection, wanted: str) -> str:
    """The environment that is meant: `Production` and `prod` are one.

    Raises:
        NameProblem: The lake has no such environment.
    """
    known = [str(row[0]) for row in ask(connection, "environments").rows]
    bare = wanted.strip().casefold()
    like = [e for e in known if bare == e.casefold()] or [
        e
        for e in known
        if bare and (e.casefold().startswith(bare) or bare.startswith(e.casefold()))
    ]
    if len(like) != 1:
        raise NameProblem(f"--environment {wanted!r} is not known; there are: {', '.join(known)}")
    return like[0]
