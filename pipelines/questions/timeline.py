"""Timeline: what happened to a recipe, connection or person, changes and jobs in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.questions.answer import Answer, Span, ask
from pipelines.questions.names import Resource

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS = ("recipe", "connection", "person")


def timeline(
    connection: DuckDBPyConnection,
    resource: Resource,
    span: Span,
    *,
    all_jobs: bool = False,
    environment: str | None = None,
    top: int = 0,
) -> Answer:
    """The newest events of a resource in the span, in order of time.

    Args:
        connection: On the catalogue.
        resource: As `find_resource` returns it.
        span: UTC days.
        all_jobs: Every job of a recipe, and every failure of the others, not only the telling.
        environment: Of a person only what was in this one.
        top: How many, counted from the newest; 0 is all.
    """
    every = (resource.resource_id, *resource.ids)
    return ask(
        connection,
        f"timeline_{resource.kind}",
        resource_id=resource.resource_id,
        emails=[i for i in every if "@" in i],
        ids=[i for i in every if "@" not in i],
        all_jobs=all_jobs,
        from_date=span.first,
        to_date=span.last,
        environment=environment,
        top=top,
    )
