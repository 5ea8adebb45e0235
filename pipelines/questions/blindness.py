"""Blindness: what the data cannot show, so that a quiet table is not taken for a healthy one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.questions.answer import Answer, Span, ask

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def blindness(
    connection: DuckDBPyConnection, span: Span, *, environment: str | None = None, top: int = 0
) -> Answer:
    """Findings, the gravest first: silence now, and gaps and late events of the span.

    Args:
        connection: On the catalogue.
        span: UTC days; silence now is as of the lake's newest day, whatever the span.
        environment: Only findings of this one.
        top: How many rows; 0 is all.
    """
    return ask(
        connection,
        "blind",
        from_date=span.first,
        to_date=span.last,
        environment=environment,
        top=top,
    )
