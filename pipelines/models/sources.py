"""Sources: what a model reads down to what is stored, and the reference data of `sql/rules`."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING

from pipelines.lake.duck import text_literal
from pipelines.lake.queries import SQL
from pipelines.lake.schemas import TABLES
from pipelines.models.header import MODELS, Model, reached

if TYPE_CHECKING:
    from pipelines.settings import Settings

PARAMETERS = ("from_date", "to_date", "as_of")
"""What a statement may ask for: the first and last day to build, the newest day of the lake."""
AS_OF = ("activity", "jobs")
"""Lake tables whose newest UTC day is `$as_of`."""
MODEL_SETTINGS = "model_settings"
"""The one-row relation of the settings that models read."""
REFERENCES = {path.stem: path for path in sorted((SQL / "rules").glob("*.csv"))}
"""Versioned data that models read, one CSV file each, by name."""


def is_stored(name: str) -> bool:
    """Whether the name is of a lake table or of a mart; all else is a view."""
    return name in TABLES or (name in MODELS and MODELS[name].is_stored)


def stored_sources(model: Model) -> list[str]:
    """The lake tables and marts that a model reads, directly or through views."""
    return sorted(name for name in reached(model.name, is_stored) if is_stored(name))


def views(model: Model) -> list[Model]:
    """The views between a model and what is stored, each after what it reads itself."""
    names = reached(model.name, is_stored)
    return [MODELS[name] for name in names if name in MODELS and not is_stored(name)]


def references(model: Model) -> list[str]:
    """The reference data that a model reads, directly or through views."""
    names = reached(model.name, is_stored)
    return sorted(name for name in names if is_reference(name))


def is_reference(name: str) -> bool:
    """Whether the name is of reference data: a file of `sql/rules`, or the settings."""
    return name in REFERENCES or name == MODEL_SETTINGS


def lake_tables(model: Model) -> list[str]:
    """The lake tables that decide when a mart is built, marts in between included."""
    read = {name for name in reached(model.name, lambda _: False) if name in TABLES}
    return sorted(read | {*AS_OF} if needs_as_of(model) else read)


def needs_as_of(model: Model) -> bool:
    """Whether what a model yields depends on the newest day of the lake."""
    return "as_of" in parameters(model) or model.window != (0, 0)


def parameters(model: Model) -> frozenset[str]:
    """The parameters that a model's statement names."""
    return frozenset(re.findall(rf"\$({'|'.join(PARAMETERS)})\b", without_comments(model.sql)))


def without_comments(sql: str) -> str:
    """A statement without its comments, which stand on lines of their own or after two dashes."""
    return re.sub(r"(?m)--.*$", "", sql)


def reference_query(name: str, settings: Settings) -> str:
    """A query for the rows of a reference, as literals."""
    if name == MODEL_SETTINGS:
        return (
            f"select {text_literal(settings.counting_rule)} as counting_rule, "
            f"cast({settings.billing_cycle_day} as bigint) as billing_cycle_day"
        )
    with REFERENCES[name].open(newline="") as file:
        header, *rows = csv.reader(file)
    columns = [_typed([row[at] for row in rows]) for at in range(len(header))]
    listed = ", ".join(f"({', '.join(row)})" for row in zip(*columns, strict=True))
    return f"select * from (values {listed}) as t ({', '.join(header)})"


def _typed(texts: list[str]) -> list[str]:
    """A column's values as SQL literals of the narrowest kind that all of them have."""
    kinds: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("bigint", int),
        ("double", float),
        ("boolean", {"true": True, "false": False}.__getitem__),
        ("date", date.fromisoformat),
    )
    for kind, convert in kinds:
        try:
            for text in texts:
                if text:
                    convert(text)
        except (ValueError, KeyError):
            continue
        return [f"cast({text_literal(t) if t else 'null'} as {kind})" for t in texts]
    return [text_literal(text) if text else "cast(null as varchar)" for text in texts]


def digest(model: Model, settings: Settings) -> str:
    """A digest of what decides a mart besides the lake: statements, how it is stored, and data."""
    read = sorted(reached(model.name, lambda _: False))
    texts = [MODELS[name].sql for name in (*read, model.name) if name in MODELS]
    texts = [without_comments(text) for text in texts]
    texts += ["files by month"] if model.has_monthly_files else []
    texts += [reference_query(name, settings) for name in read if is_reference(name)]
    return sha256("\0".join(" ".join(text.split()) for text in texts).encode()).hexdigest()[:12]
