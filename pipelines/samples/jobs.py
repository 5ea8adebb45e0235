"""Jobs: drawn runs written as job records, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.samples.clock import pacific_text, stamp
from pipelines.samples.delivery import Batch
from pipelines.samples.draw import Generator, job_ids
from pipelines.samples.repertoire import Ints, Repertoire
from pipelines.samples.runs import Runs
from pipelines.samples.workspace import ENVIRONMENTS, PARTIES

_SLOTS = (
    "id",
    "master",
    "parent",
    "caller",
    "calling_recipe",
    "root",
    "root_recipe",
    "is_repeat",
    "repeat_count",
    "is_test",
    "started",
    "completed",
    "actions",
    "n",
    "party",
    "amount",
    "wait",
)
_LEGACY_IDS = 40_000_000  # fewer digits than any id of today


@dataclass(frozen=True, slots=True)
class Block:
    """Written jobs of one block, as columns in the order of their completion.

    Attributes:
        texts: One JSON record each.
        recipe: Places in the repertoire.
        variant: Places among the variants.
        second: UTC epoch seconds of the starts.
        length: Seconds from start to completion.
        actions: What `action_count` says.
        is_test: Test jobs.
        ids: Job ids; digits alone for jobs of the old edition.
        number, party: Values of the slots of the same names.
    """

    texts: list[str]
    recipe: Ints
    variant: Ints
    second: Ints
    length: Ints
    actions: Ints
    is_test: NDArray[np.bool_]
    ids: list[str]
    number: list[int]
    party: list[str]


def _rename(
    repertoire: Repertoire, recipe: Ints, variant: Ints, changed: NDArray[np.bool_]
) -> Ints:
    """Move variants of the renamed recipe, where `changed`, to those of its new name."""
    old, new = repertoire.renamed
    shift = repertoire.first_variant[new] - repertoire.first_variant[old]
    return variant + np.where(changed & (recipe == old), shift, 0)


def write_block(
    generator: Generator,
    repertoire: Repertoire,
    runs: Runs,
    day_second: int,
    first: int,
    renamed_at: int,
) -> Block:
    """Write the records of one block of runs.

    Args:
        generator: Source of randomness, for this block alone.
        repertoire: The recipes.
        runs: What ran.
        day_second: UTC epoch second at which the day begins.
        first: How many jobs the day had before this block.
        renamed_at: UTC epoch second from which the renamed recipe has its new name.

    Returns:
        The block; `len(texts)` equals the number of runs.
    """
    count = len(runs.recipe)
    second = runs.start + day_second
    variant = _rename(repertoire, runs.recipe, runs.variant, second >= renamed_at)
    ids = job_ids(second, first).tolist()
    for place in np.flatnonzero(runs.recipe == repertoire.legacy).tolist():
        ids[place] = str(_LEGACY_IDS + (day_second // 86_400 - 18_000) * 1_000 + place % 1_000)
    quoted = [f'"{job_id}"' for job_id in ids] + ["null"]
    flags = generator.random(count) < repertoire.test_rate[runs.recipe]
    is_test = flags[np.where(runs.master >= 0, runs.master, runs.root)]
    repeated = runs.master >= 0
    actions = repertoire.actions[variant]
    many = generator.integers(400, 2_000, count)
    actions = np.where(actions < 0, many, actions)
    number = generator.integers(100_000, 1_000_000, count).tolist()
    offsets = generator.integers(0, len(PARTIES) // 2, count) + repertoire.party[runs.recipe]
    party = [PARTIES[place] for place in offsets.tolist()]
    cents = generator.integers(900, 900_000, count).tolist()
    own = np.where(repeated, runs.master, np.arange(count))
    recipe_ids = [str(recipe_id) for recipe_id in repertoire.recipe_id.tolist()] + ["null"]
    calling = np.where(runs.caller >= 0, runs.recipe[runs.caller], len(recipe_ids) - 1)
    flag = ("false", "true")
    columns = (
        ids,
        [quoted[place] for place in own.tolist()],
        [quoted[place] for place in runs.master.tolist()],
        [quoted[place] for place in runs.caller.tolist()],
        [recipe_ids[place] for place in calling.tolist()],
        [quoted[place] for place in runs.root.tolist()],
        [recipe_ids[place] for place in runs.recipe[runs.root].tolist()],
        [flag[value] for value in repeated.tolist()],
        repeated.astype(np.int64).tolist(),
        [flag[value] for value in is_test.tolist()],
        pacific_text(second),
        pacific_text(second + runs.length),
        actions.tolist(),
        number,
        party,
        [f"{value / 100:.2f}" for value in cents],
        [f"0.{value % 997:03d}" for value in cents],
    )
    templates = [repertoire.variants[place].template for place in variant.tolist()]
    rows = map(dict, map(zip, [_SLOTS] * count, zip(*columns, strict=True)))
    texts = [template % row for template, row in zip(templates, rows, strict=True)]
    order = np.argsort(second + runs.length, kind="stable")
    places = order.tolist()
    return Block(
        texts=[texts[place] for place in places],
        recipe=runs.recipe[order],
        variant=variant[order],
        second=second[order],
        length=runs.length[order],
        actions=actions[order],
        is_test=is_test[order],
        ids=[ids[place] for place in places],
        number=[number[place] for place in places],
        party=[party[place] for place in places],
    )


def _directory(job_id: str) -> str:
    """Return the folder of a job: its id, or an integer id padded and cut into seven parts."""
    if not job_id.isdigit():
        return job_id
    padded = job_id.rjust(21, "0")
    return "/".join(padded[place : place + 3] for place in range(0, 21, 3))


def batches(block: Block, repertoire: Repertoire) -> list[Batch]:
    """Cut a block by environment, ready to be delivered."""
    made = []
    for index, environment in enumerate(ENVIRONMENTS):
        places = np.flatnonzero(repertoire.environment[block.recipe] == index).tolist()

        def key(
            place: int,
            second: int,
            places: list[int] = places,
            account: int = environment.account_id,
        ) -> str:
            at = places[place]
            digits, job_id = stamp(second), block.ids[at]
            recipe_id = repertoire.recipes[block.recipe[at]].recipe_id
            status = repertoire.variants[block.variant[at]].status
            return (
                f"{account}/jobs/{recipe_id}/{digits[:8]}/{_directory(job_id)}/"
                f"{account}-{recipe_id}-{job_id}-{digits}-{status}.json"
            )

        made.append(
            Batch(
                "jobs",
                environment.account_id,
                [block.texts[place] for place in places],
                block.second[places].tolist(),
                key,
            )
        )
    return made
