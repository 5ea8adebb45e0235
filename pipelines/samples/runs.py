"""Runs: which recipes run when, drawn as arrays; no text is made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.samples.clock import DAY
from pipelines.samples.draw import Generator
from pipelines.samples.repertoire import Floats, Ints, Repertoire
from pipelines.samples.templates import EMPTY, FIRST_FAILURE, TOO_LONG
from pipelines.samples.workspace import PROD

# How busy each hour of the UTC day is; two offices, in Dublin and in Portland.
_HOURS = (4, 3, 2, 2, 2, 2, 3, 5, 8, 10, 11, 11, 10, 10, 10, 11, 12, 12, 12, 12, 11, 10, 8, 6)
_RERUN_SHARE = 0.5
_LAST_START = DAY - 300  # called recipes start within the same UTC day


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that is told rather than drawn.

    Attributes:
        recipe: Place in the repertoire.
        second: UTC epoch second of its start.
        variant: Variant, counted from the recipe's first.
    """

    recipe: int
    second: int
    variant: int


@dataclass(frozen=True, slots=True)
class Runs:
    """Jobs as columns; `caller`, `root`, `master` are places in these columns, -1 for none."""

    recipe: Ints
    start: Ints  # seconds since the UTC day began
    length: Ints  # seconds
    variant: Ints
    caller: Ints
    root: Ints
    master: Ints


def _starts(draw: Floats, slice_: tuple[float, float]) -> Ints:
    """Spread draws from 0 to 1 over a slice of the day, denser where hours are busy."""
    low, high = slice_
    total = np.concatenate([[0.0], np.cumsum(_HOURS) / sum(_HOURS)])
    return np.interp(low + draw * (high - low), total, np.linspace(0, _LAST_START, 25)).astype(
        np.int64
    )


def _variant(
    generator: Generator, repertoire: Repertoire, recipe: Ints, failed: NDArray[np.bool_]
) -> Ints:
    """Pick the variants of runs, as places among all variants."""
    chance = generator.random(len(recipe))
    long = repertoire.bulk[recipe] & (chance < 0.003)
    succeeded = np.where(long, TOO_LONG, np.where((chance > 0.5) & (chance < 0.504), EMPTY, 0))
    failure = FIRST_FAILURE + (chance * repertoire.failure_count[recipe]).astype(np.int64)
    return repertoire.first_variant[recipe] + np.where(failed, failure, succeeded)


def draw_runs(
    generator: Generator,
    repertoire: Repertoire,
    count: int,
    slice_: tuple[float, float],
    planned: Sequence[Planned],
    day_second: int,
    *,
    sure: bool = False,
) -> Runs:
    """Draw `count` ordinary jobs, with the recipes they call and their reruns, and add the told.

    Args:
        generator: Source of randomness, for this block alone.
        repertoire: The recipes.
        count: Ordinary jobs; called jobs and reruns are among them.
        slice_: Shares of the day's traffic between which runs start, such as `(0.0, 0.5)`.
        planned: Told jobs, added after the ordinary ones.
        day_second: UTC epoch second at which the day begins.
        sure: Have at least one rerun and one chain of calls, if there are 6 jobs or more.

    Returns:
        `count + len(planned)` jobs, in no order of time.
    """
    recipe = np.searchsorted(repertoire.cumulative, generator.random(count), side="right")
    recipe = np.minimum(recipe, len(repertoire.cumulative) - 1).astype(np.int64)
    start = _starts(generator.random(count), slice_)
    length = _lengths(generator, repertoire, recipe)
    failed = generator.random(count) < repertoire.failure_rate[recipe]
    pause = generator.integers(120, 1800, count)
    if sure and count > 5:
        recipe[0], start[0], failed[0] = repertoire.filler, DAY // 4, True
        recipe[1] = int(np.argmax((repertoire.depth == 2) & (repertoire.environment == PROD)))
    rerun = failed & (generator.random(count) < _RERUN_SHARE) & (repertoire.depth[recipe] == 0)
    rerun[0:1] |= sure and count > 5
    rerun &= start + length + pause < _LAST_START
    sizes = 1 + repertoire.depth[recipe] + rerun
    kept = int(np.searchsorted(np.cumsum(sizes), count, side="right"))
    left = count - int(sizes[:kept].sum())
    recipe[kept : kept + left] = repertoire.filler
    rerun[kept : kept + left] = False
    top = kept + left
    recipe, start, length = recipe[:top], start[:top], length[:top]
    failed, rerun, pause = failed[:top], rerun[:top], pause[:top]
    none = np.full(top, -1, dtype=np.int64)
    runs = Runs(
        recipe,
        start,
        length,
        _variant(generator, repertoire, recipe, failed),
        none,
        np.arange(top, dtype=np.int64),
        none,
    )
    parents = np.arange(top, dtype=np.int64)[: top - left]
    for _ in range(2):
        parents = parents[repertoire.calls[runs.recipe[parents]] >= 0]
        runs, parents = _add_called(generator, repertoire, runs, parents)
    runs = _add_reruns(generator, repertoire, runs, np.flatnonzero(rerun), pause)
    return _add_planned(generator, repertoire, runs, planned, day_second)


def _lengths(generator: Generator, repertoire: Repertoire, recipe: Ints) -> Ints:
    draws = generator.exponential(repertoire.seconds[recipe])
    return np.minimum(draws, 3600.0).astype(np.int64)


def _extend(runs: Runs, more: Runs) -> Runs:
    pairs = zip(
        (runs.recipe, runs.start, runs.length, runs.variant, runs.caller, runs.root, runs.master),
        (more.recipe, more.start, more.length, more.variant, more.caller, more.root, more.master),
        strict=True,
    )
    return Runs(*(np.concatenate(pair) for pair in pairs))


def _add_called(
    generator: Generator, repertoire: Repertoire, runs: Runs, parents: Ints
) -> tuple[Runs, Ints]:
    """Add the runs that `parents` call; return the places of what was added."""
    recipe = repertoire.calls[runs.recipe[parents]]
    failed = generator.random(len(parents)) < repertoire.failure_rate[recipe]
    more = Runs(
        recipe,
        runs.start[parents] + np.minimum(1, runs.length[parents]),
        np.minimum(_lengths(generator, repertoire, recipe), runs.length[parents]),
        _variant(generator, repertoire, recipe, failed),
        parents,
        runs.root[parents],
        np.full(len(parents), -1, dtype=np.int64),
    )
    first = len(runs.recipe)
    return _extend(runs, more), np.arange(first, first + len(parents), dtype=np.int64)


def _add_reruns(
    generator: Generator, repertoire: Repertoire, runs: Runs, failed: Ints, pause: Ints
) -> Runs:
    """Add one rerun for each place in `failed`: a new job of the same family."""
    recipe = runs.recipe[failed]
    again = generator.random(len(failed)) < 0.25
    first = len(runs.recipe)
    more = Runs(
        recipe,
        runs.start[failed] + runs.length[failed] + pause[failed],
        _lengths(generator, repertoire, recipe),
        _variant(generator, repertoire, recipe, again),
        np.full(len(failed), -1, dtype=np.int64),
        np.arange(first, first + len(failed), dtype=np.int64),
        failed,
    )
    return _extend(runs, more)


def _add_planned(
    generator: Generator,
    repertoire: Repertoire,
    runs: Runs,
    planned: Sequence[Planned],
    day_second: int,
) -> Runs:
    recipe = np.array([job.recipe for job in planned], dtype=np.int64)
    variant = np.array([job.variant for job in planned], dtype=np.int64)
    second = np.array([job.second for job in planned], dtype=np.int64)
    first = len(runs.recipe)
    more = Runs(
        recipe,
        second - day_second,
        _lengths(generator, repertoire, recipe),
        repertoire.first_variant[recipe] + variant,
        np.full(len(planned), -1, dtype=np.int64),
        np.arange(first, first + len(planned), dtype=np.int64),
        np.full(len(planned), -1, dtype=np.int64),
    )
    return _extend(runs, more)
