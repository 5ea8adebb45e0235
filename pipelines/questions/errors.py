"""Errors: failed jobs per recipe, fingerprint, type, connector or step."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pipelines.questions.answer import Answer, Span, ask

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class ErrorsBy(StrEnum):
    """What errors are counted by; a fingerprint is a message without its variable parts."""

    RECIPE = "recipe"
    FINGERPRINT = "fingerprint"
    TYPE = "type"
    CONNECTOR = "connector"
    STEP = "step"


_STATEMENTS = {
    ErrorsBy.RECIPE: "errors_by_recipe",
    ErrorsBy.FINGERPRINT: "errors_by_fingerprint",
}


def statement_of(by: ErrorsBy) -> str:
    """The file of `sql/questions` that answers."""
    return _STATEMENTS.get(by, "errors_by_kind")


def errors(
    connection: DuckDBPyConnection,
    span: Span,
    *,
    by: ErrorsBy,
    recipe_id: str | None = None,
    environment: str | None = None,
    top: int = 0,
) -> Answer:
    """Failed jobs in the span, tests aside, the most first.

    Args:
        connection: On the catalogue.
        span: UTC days.
        by: What to count by.
        recipe_id: Only this recipe.
        environment: Only jobs of this one.
        top: How many rows; 0 is all.
    """
    return ask(
        connection,
        statement_of(by),
        by=str(by),
        from_date=span.first,
        to_date=span.last,
        recipe_id=recipe_id,
        environment=environment,
        top=top,
    )
