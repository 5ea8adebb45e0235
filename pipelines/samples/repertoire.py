"""Repertoire: the recipes as arrays, so that a block of runs is drawn in one stroke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.samples.connectors import TOLD_FAILURES
from pipelines.samples.recipes import LEGACY, RENAMED
from pipelines.samples.templates import (
    FIRST_FAILURE,
    Variant,
    build_legacy_variants,
    build_variants,
)
from pipelines.samples.workspace import (
    COMPANIES,
    DEV,
    PROD,
    RECIPES,
    TEST,
    Recipe,
    recipe_index,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Repertoire:
    """Columns over the recipes, in the order of `RECIPES`, and over their variants.

    Attributes:
        recipes: The recipes.
        variants: Every variant of every recipe; a recipe's stand together.
        first_variant: Place in `variants` of a recipe's first.
        failure_count: How many ordinary failures a recipe has.
        cumulative: Cumulative share of the ordinary runs; ends at 1.
        failure_rate: Share of failures.
        seconds: Mean run time.
        calls: The recipe that it calls, or -1.
        depth: How many calls deep its chain goes; 0 for none.
        environment: Index into the environments.
        bulk: Whether step lines may exceed the size limit.
        test_rate: Share of test jobs among the ordinary runs.
        party: Where its parties begin: 0 for companies, else people.
        recipe_id: The recipe ids.
        filler: A recipe without calls, for what is left over.
        renamed: Old and new place of the renamed recipe.
        onward: Place to count a recipe under; only the new name's differs from its own.
        legacy: The recipe whose jobs are of the old edition.
        failed, steps, actions: Columns over `variants`; `actions` is -1 where drawn.
    """

    recipes: Sequence[Recipe]
    variants: Sequence[Variant]
    first_variant: Ints
    failure_count: Ints
    cumulative: Floats
    failure_rate: Floats
    seconds: Floats
    calls: Ints
    depth: Ints
    environment: Ints
    bulk: NDArray[np.bool_]
    test_rate: Floats
    party: Ints
    recipe_id: Ints
    filler: int
    renamed: tuple[int, int]
    onward: Ints
    legacy: int
    failed: NDArray[np.bool_]
    steps: Ints
    actions: Ints


def _variants(recipe: Recipe) -> Sequence[Variant]:
    if recipe.blueprint is LEGACY:
        return build_legacy_variants(recipe)
    return build_variants(recipe)


def _column(values: Sequence[Any]) -> Ints:
    return np.array(values, dtype=np.int64)


def build_repertoire() -> Repertoire:
    """Return the repertoire of the sample workspace; the same each time."""
    families = [_variants(recipe) for recipe in RECIPES]
    variants = [variant for family in families for variant in family]
    sizes = _column([len(family) for family in families])
    told = _column([recipe.blueprint.name in TOLD_FAILURES for recipe in RECIPES])
    prints = [recipe.blueprint for recipe in RECIPES]
    calls = [
        recipe_index(recipe.blueprint.calls, recipe.environment) if recipe.blueprint.calls else -1
        for recipe in RECIPES
    ]
    depth = [0 if callee < 0 else 1 + (calls[callee] >= 0) for callee in calls]
    weights = np.array([recipe.weight for recipe in RECIPES], dtype=np.float64)
    renamed = (recipe_index(RENAMED[0]), recipe_index(RENAMED[1]))
    onward = np.arange(len(RECIPES), dtype=np.int64)
    onward[renamed[1]] = renamed[0]
    test_rates = {DEV: 0.05, TEST: 0.15, PROD: 0.004}
    actions = [-1 if v.action_count is None else v.action_count for v in variants]
    return Repertoire(
        recipes=RECIPES,
        variants=variants,
        first_variant=np.cumsum(sizes) - sizes,
        failure_count=sizes - FIRST_FAILURE - told,
        cumulative=np.cumsum(weights) / weights.sum(),
        failure_rate=np.array([p.failure_rate for p in prints]),
        seconds=np.array([p.seconds for p in prints]),
        calls=_column(calls),
        depth=_column(depth),
        environment=_column([recipe.environment for recipe in RECIPES]),
        bulk=np.array(["load" in p.steps for p in prints]),
        test_rate=np.array([test_rates[r.environment] * (r.weight > 0) for r in RECIPES]),
        party=_column([len(COMPANIES) * (p.project in ("People", "IT")) for p in prints]),
        recipe_id=_column([recipe.recipe_id for recipe in RECIPES]),
        filler=recipe_index("Orders to ledger"),
        renamed=renamed,
        onward=onward,
        legacy=recipe_index(LEGACY),
        failed=np.array([v.status == "failed" for v in variants]),
        steps=_column([v.step_count for v in variants]),
        actions=_column(actions),
    )
