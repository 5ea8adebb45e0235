"""Turns: which stale marts can be built together, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pipelines.models.header import MODELS
from pipelines.models.sources import stored_sources


def in_turns(
    stale: Mapping[str, Sequence[date]],
) -> list[tuple[tuple[date, ...], list[str]]]:
    """Marts that can be built together, of one scope and with the same days, in order.

    Args:
        stale: The days to build, by mart; marts in an order in which they can be built.

    Returns:
        Days and marts; no mart comes before one that it reads.
    """
    turns: list[tuple[tuple[date, ...], list[str]]] = []
    turn_of: dict[str, int] = {}
    for name, days in stale.items():
        model = MODELS[name]
        earliest = max((turn_of.get(s, 0) for s in stored_sources(model)), default=0)
        for at in range(earliest, len(turns) + 1):
            if at == len(turns):
                turns.append((tuple(days), []))
            chosen, names = turns[at]
            alike = all(MODELS[n].is_global == model.is_global for n in names)
            if chosen == tuple(days) and alike:
                names.append(name)
                turn_of[name] = at
                break
    return turns
