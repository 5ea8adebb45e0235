"""Stops: who or what stopped a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.questions.answer import Answer, Span, ask

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def stops(connection: DuckDBPyConnection, recipe_id: str, span: Span, *, top: int = 0) -> Answer:
    """The stops of a recipe in the span, newest first; `top` of them, 0 is all."""
    return ask(
        connection,
        "who_stopped",
        recipe_id=recipe_id,
        from_date=span.first,
        to_date=span.last,
        top=top,
    )
