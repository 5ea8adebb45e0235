"""Templates: every shape of a job record as text with slots, made once for each recipe.

A record is `template % slots`, where slots are a dictionary of texts. So no nested dictionary is
built or serialised for each event; a run of millions of jobs stays cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.samples.connectors import (
    FAILURES,
    STEPS,
    TOLD_FAILURES,
    TRIGGERS,
    ErrorShape,
    Failure,
    Json,
    StepShape,
)
from pipelines.samples.recipes import CALLED
from pipelines.samples.workspace import DEV, ENVIRONMENTS, Recipe

OK, TOO_LONG, EMPTY, FIRST_FAILURE = 0, 1, 2, 3

TOO_LONG_TEXT = "Log lines exceed size limit"

_MASK = {"data": "masked"}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a run of a recipe can look.

    Attributes:
        template: The record as text, for `%` with a dictionary of slots.
        status: `succeeded`, `failed` or, in old records, `completed`.
        step_count: Elements of `lines`, the trigger included; 0 where `lines` is no list.
        action_count: Steps run after the trigger, the failed one included; None where the
            number is drawn.
    """

    template: str
    status: str
    step_count: int
    action_count: int | None


def bare(slot: str) -> str:
    """Mark a slot that stands for a bare JSON value: a number, `null`, `true` or a quoted text."""
    return f"<<%({slot})s>>"


def _text(record: Json) -> str:
    return orjson.dumps(record).decode().replace('"<<', "").replace('>>"', "")


def _line(recipe: Recipe, number: int, step: StepShape, failure: Failure | None) -> Json:
    blueprint = recipe.blueprint
    line: Json = {
        "recipe_line_number": number,
        "adapter_name": step.adapter,
        "adapter_operation": step.operation,
    }
    if blueprint.stored and step.input:
        line["input"] = _MASK if blueprint.masked else dict(step.input)
    if failure is not None:
        line["error"] = failure.message
    elif blueprint.stored:
        line["output"] = _MASK if blueprint.masked else dict(step.output)
    if number and recipe.recipe_id % 7 == 5:
        phase = {"name": "execute", "count": 1, "total": bare("wait"), "average": bare("wait")}
        line["line_stat"] = {"total": bare("wait"), "details": [phase]}
    return line


def _error(recipe: Recipe, failure: Failure, step: StepShape, number: int) -> Json:
    """Return the keys that tell of a failure, in the shape of this one."""
    error_id = "9e%(n)s-4b7d-4c1e-8f02-%(n)s5d07c1"
    keys: Json = {"error_type": failure.error_type, "error": failure.message}
    if failure.shape == "null":
        keys["error"] = None
    elif failure.shape == "json_text":
        parts = {"message": failure.message, "inner_message": failure.inner}
        keys["error"] = orjson.dumps(parts).decode()
    elif failure.shape == "parts":
        keys["is_error"] = True
        keys["error_parts"] = {
            "message": failure.message,
            "error_type": failure.error_type,
            "error_id": error_id,
        }
    elif failure.shape == "object":
        keys["error"] = {
            "error_id": error_id,
            "error_type": failure.error_type,
            "adapter": step.adapter,
            "action": step.operation,
            "line_number": number,
            "message": failure.message,
            "inner_message": failure.inner,
            "http_response": failure.http_status,
        }
    return keys


def _report(recipe: Recipe) -> Json | None:
    labels = recipe.blueprint.report
    values = ("REF-%(n)s", "%(party)s")
    if not labels:
        return None
    keys = labels if recipe.blueprint.labelled else ("custom_column_0", "custom_column_1")
    return dict(zip(keys, values, strict=True))


def _record(recipe: Recipe, status: str, error: Json, tail: Json) -> Json:
    environment = ENVIRONMENTS[recipe.environment]
    project = recipe.blueprint.project
    called = recipe.blueprint in CALLED
    chain: Json = {}
    if called:
        chain = {"root_job_handle": bare("root"), "root_recipe_id": bare("root_recipe")}
    return {
        "id": "%(id)s",
        "master_job_id": bare("master"),
        "parent_id": bare("parent"),
        "recipe_id": recipe.recipe_id,
        "flow_id": recipe.recipe_id,
        "calling_job_id": bare("caller"),
        "calling_recipe_id": bare("calling_recipe"),
        **chain,
        "title": recipe.blueprint.title,
        "status": status,
        "is_repeat": bare("is_repeat"),
        "repeat_count": bare("repeat_count"),
        "is_test": bare("is_test"),
        "started_at": "%(started)s",
        "completed_at": "%(completed)s",
        "action_count": bare("actions"),
        "error_type": None,
        "error": None,
        **error,
        "is_poll_error": False,
        "account_id": environment.account_id,
        "account_name": environment.name,
        "environment_type": environment.kind,
        "environment_id": environment.account_id,
        "context": {
            "user_id": environment.account_id,
            "user_name": environment.name,
            "user_email": environment.email,
            "recipe_id": recipe.recipe_id,
            "recipe_url": f"https://app.workato.com/recipes/{recipe.recipe_id}",
            "recipe_name": recipe.name,
            "recipe_path": f"Home/{project}",
            "job_id": "%(id)s",
            "master_job_id": bare("master"),
            **({"calling_recipe_id": bare("calling_recipe")} if called else {}),
        },
        **tail,
    }


def _variant(
    recipe: Recipe,
    steps: Sequence[StepShape],
    failure: Failure | None = None,
    lines: Any = None,
) -> Variant:
    """Make one variant; `steps` end with the failed one; `lines` replaces the list of steps."""
    last = len(steps)
    status = "failed" if failure else "succeeded"
    trigger = TRIGGERS[recipe.blueprint.trigger]
    listed: Any = lines
    if lines is None:
        listed = [_line(recipe, 0, trigger, None)]
        for number, step in enumerate(steps, start=1):
            listed.append(_line(recipe, number, step, failure if number == last else None))
    error = _error(recipe, failure, steps[-1], last) if failure else {}
    tail: Json = {}
    report = _report(recipe)
    if report or recipe.recipe_id % 5 == 1:
        tail["report"] = report
    if recipe.environment != DEV:  # its stream is set to job status only
        tail["lines"] = listed
    counted = len(listed) if isinstance(tail.get("lines"), list) else 0
    drawn = None if lines == TOO_LONG_TEXT else last
    return Variant(_text(_record(recipe, status, error, tail)), status, counted, drawn)


def failure_variant(recipe: Recipe, shape: ErrorShape) -> int | None:
    """Return the place of a recipe's first failure of a shape, `OK` being 0, or None."""
    steps = [STEPS[key] for key in recipe.blueprint.steps]
    shapes = [failure.shape for step in steps for failure in FAILURES.get(step.adapter, ())]
    return FIRST_FAILURE + shapes.index(shape) if shape in shapes else None


def build_variants(recipe: Recipe) -> tuple[Variant, ...]:
    """Return the variants of a recipe: `OK`, `TOO_LONG`, `EMPTY`, then its failures.

    A told failure, where the recipe has one, comes last.
    """
    steps = [STEPS[key] for key in recipe.blueprint.steps]
    made = [
        _variant(recipe, steps),
        _variant(recipe, steps, lines=TOO_LONG_TEXT),
        _variant(recipe, steps, lines=[]),
    ]
    for number, step in enumerate(steps, start=1):
        made += [_variant(recipe, steps[:number], f) for f in FAILURES.get(step.adapter, ())]
    told = TOLD_FAILURES.get(recipe.blueprint.name)
    if told:
        adapters = [step.adapter for step in steps]
        place = next(i for i, name in enumerate(adapters, 1) if name not in ("lookup_table",))
        made.append(_variant(recipe, steps[:place], told))
    return tuple(made)


def build_legacy_variants(recipe: Recipe) -> tuple[Variant, Variant]:
    """Return the variants of a job of the old edition, completed and failed.

    It has an integer id, `flow_id` alone, a report keyed by label and no account or context.
    """
    steps = [TRIGGERS[recipe.blueprint.trigger], STEPS["insert"]]
    failure = Failure("Database adapter error", "connection to server was lost", "json_text")
    made = []
    for status, found in (("completed", None), ("failed", failure)):
        last = {**_line(recipe, 1, steps[1], found), "mask_data": False}
        error = _error(recipe, found, steps[1], 1) if found else {"error": None}
        record: Json = {
            "id": bare("id"),
            "flow_id": recipe.recipe_id,
            "title": recipe.blueprint.title,
            "status": status,
            "is_repeat": False,
            "started_at": "%(started)s",
            "completed_at": "%(completed)s",
            "action_count": bare("actions"),
            **error,
            "report": {"Batch": "B-%(n)s", "Site": "Dock 4"},
            "lines": [{**_line(recipe, 0, steps[0], None), "mask_data": False}, last],
        }
        made.append(Variant(_text(record), status, 2, 1))
    return made[0], made[1]
