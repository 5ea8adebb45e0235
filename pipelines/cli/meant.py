"""Meant: which resource an argument of a command stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.cli.answers import Desk, say

if TYPE_CHECKING:
    from pipelines.questions.names import Resource


def meant(desk: Desk, wanted: str, kinds: Sequence[str], environment: str | None) -> Resource:
    """The one resource that is meant; a guess over a misspelling is said on standard error.

    Raises:
        TrailhouseError: None or several are; the message lists them with their ids.
    """
    from pipelines.questions.resources import find_resource, read_resources

    known = read_resources(desk.connection, kinds)
    found, is_guess = find_resource(wanted, known, environment=environment)
    if is_guess:
        say(f"Nothing is called {wanted!r}; taken as {found.name} ({found.resource_id}).")
    return found


def title_of(resource: Resource) -> str:
    """A resource in the title of a table."""
    about = ", ".join(filter(None, (resource.resource_id, resource.environment)))
    return f"{resource.name} ({about})"
