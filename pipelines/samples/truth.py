"""Truth: what is known to be in a sample, and the answers to the questions asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from pipelines.samples.connectors import Json
from pipelines.samples.delivery import KINDS, Kind
from pipelines.samples.jobs import Block
from pipelines.samples.repertoire import Repertoire
from pipelines.samples.workspace import ENVIRONMENTS, PROD


@dataclass(frozen=True, slots=True)
class Truth:
    """What a sample holds.

    Attributes:
        seed, days, jobs, end: As they were asked for.
        window: First and last UTC day, `YYYY-MM-DD`, under `from` and `to`.
        counts: `objects`; `received` (event records in all objects, and one for each unreadable
            object); `unique` by kind, with `job_steps` counted apart; `duplicate`; `rejected`
            by reason. `received` is the sum of the unique activity, jobs, requests and
            messages, of duplicates and of rejects.
        questions: Each with its `id`, `question` and `answer`; times in UTC with `Z`.
        byte_count: Bytes written below `landing/`; not part of the file.
    """

    seed: int
    days: int
    jobs: int
    end: date
    window: Mapping[str, str]
    counts: Mapping[str, Any]
    questions: tuple[Mapping[str, Any], ...]
    byte_count: int

    def as_dict(self) -> Json:
        """Return the content of `truth.json`."""
        return {
            "seed": self.seed,
            "days": self.days,
            "jobs": self.jobs,
            "end": self.end.isoformat(),
            "window": dict(self.window),
            "counts": dict(self.counts),
            "questions": [dict(question) for question in self.questions],
        }


@dataclass(slots=True)
class Tally:
    """Running counts of a sample while it is written; its size does not grow with the sample."""

    repertoire: Repertoire
    unique: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    steps: int = 0
    duplicate: int = 0
    rejected: int = 0
    usage: Any = None  # rows: jobs, actions, failures; columns: recipes; no test jobs

    def __post_init__(self) -> None:
        self.usage = np.zeros((3, len(self.repertoire.recipes)), dtype=np.int64)

    def add_jobs(self, block: Block) -> None:
        """Count a block's jobs by recipe, and its steps."""
        self.steps += int(self.repertoire.steps[block.variant].sum())
        real = ~block.is_test
        recipe = self.repertoire.onward[block.recipe[real]]
        failed = self.repertoire.failed[block.variant[real]]
        size = len(self.repertoire.recipes)
        self.usage[0] += np.bincount(recipe, minlength=size)
        actions = np.bincount(recipe, weights=block.actions[real], minlength=size)
        self.usage[1] += actions.astype(np.int64)
        self.usage[2] += np.bincount(recipe[failed], minlength=size)

    def counts(self, objects: int) -> Json:
        """Return the `counts` of the truth."""
        accepted = sum(self.unique.values())
        return {
            "objects": objects,
            "received": accepted + self.duplicate + self.rejected,
            "unique": {
                "activity": self.unique["activity"],
                "jobs": self.unique["jobs"],
                "job_steps": self.steps,
                "api_requests": self.unique["api_requests"],
                "log_messages": self.unique["log_messages"],
            },
            "duplicate": self.duplicate,
            "rejected": {"not_json": self.rejected},
        }

    def rankings(self, names: Mapping[int, str]) -> tuple[Json, Json]:
        """Return the two questions about the busiest and the most failing recipes.

        Args:
            names: Latest name by place in the repertoire, where it is not the first.
        """
        recipes = self.repertoire.recipes

        def top(row: int, environment: int | None) -> list[int]:
            places = [
                place
                for place, recipe in enumerate(recipes)
                if self.usage[row, place] and environment in (None, recipe.environment)
            ]
            places.sort(key=lambda place: (-self.usage[row, place], recipes[place].recipe_id))
            return places[:5]

        def named(place: int) -> Json:
            recipe = recipes[place]
            return {
                "recipe_id": recipe.recipe_id,
                "recipe_name": names.get(place, recipe.name),
                "account_id": ENVIRONMENTS[recipe.environment].account_id,
            }

        usage = {
            "id": "most_usage",
            "question": "Which five production recipes ran most, test jobs aside?",
            "answer": {
                "recipes": [
                    {
                        **named(place),
                        "job_count": int(self.usage[0, place]),
                        "action_count": int(self.usage[1, place]),
                    }
                    for place in top(0, PROD)
                ]
            },
        }
        errors = {
            "id": "most_errors",
            "question": "Which five recipes failed most in all environments, test jobs aside?",
            "answer": {
                "recipes": [
                    {**named(place), "failed_count": int(self.usage[2, place])}
                    for place in top(2, None)
                ]
            },
        }
        return usage, errors
