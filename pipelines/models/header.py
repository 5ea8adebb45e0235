"""Header: a model's SQL file says its grain, what it reads and its scope; nobody says it twice."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.lake.queries import SQL

LAYERS = ("staging", "marts")
FIELDS = ("grain", "reads", "scope", "note")


@dataclass(frozen=True, slots=True)
class Model:
    """One model: the header of its file, and its statement."""

    name: str
    layer: str
    description: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    scope: str
    note: str | None
    sql: str


def parse_header(name: str, layer: str, sql: str) -> Model:
    """Read the header of a model's file.

    Raises:
        ValueError: The header lacks its sentence, or one of grain, reads and scope.
    """
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    text = "\n".join(lines)
    found = dict(re.findall(rf"^({'|'.join(FIELDS)}):\s*(.+?)(?=\n(?:\w+):|\Z)", text, re.M | re.S))
    if not lines or not {"grain", "reads", "scope"} <= found.keys():
        raise ValueError(
            f"sql/{layer}/{name}.sql: the header needs a sentence, grain, reads, scope"
        )
    facts = {key: " ".join(value.split()) for key, value in found.items()}
    return Model(
        name=name,
        layer=layer,
        description=lines[0],
        grain=tuple(part.strip() for part in facts["grain"].split(",")),
        reads=tuple(part.strip() for part in facts["reads"].split(",")),
        scope=facts["scope"],
        note=facts.get("note"),
        sql=sql,
    )


def _read() -> dict[str, Model]:
    return {
        path.stem: parse_header(path.stem, layer, path.read_text())
        for layer in LAYERS
        for path in sorted((SQL / layer).glob("*.sql"))
    }


MODELS: dict[str, Model] = _read()
"""Every model by name, staging first."""
