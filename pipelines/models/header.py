"""Header: a model's SQL file says its grain, what it reads and its scope; nobody says it twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.lake.queries import SQL

LAYERS = ("staging", "intermediate", "marts")
FIELDS = ("grain", "reads", "scope", "files", "macro", "note")
SCOPES = re.compile(r"partition|month|global|window\(-(\d+)d,\s*\+(\d+)d\)")


@dataclass(frozen=True, slots=True)
class Model:
    """One model: the header of its file, and its statement."""

    name: str
    layer: str
    description: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    scope: str
    has_monthly_files: bool
    """Whether days of a month lie in one file, for marts with few rows a day."""
    note: str | None
    sql: str

    @property
    def is_stored(self) -> bool:
        """Whether it is a table; staging and intermediate models are views."""
        return self.layer == "marts"

    @property
    def is_global(self) -> bool:
        """Whether it is rebuilt whole, not day by day."""
        return self.scope == "global"

    @property
    def is_monthly(self) -> bool:
        """Whether a change of a day rebuilds its month, which is one partition."""
        return self.scope == "month"

    @property
    def partition_column(self) -> str | None:
        """The column that tells what is built by itself; a month goes by its first day."""
        return None if self.is_global else "month_date" if self.is_monthly else "event_date"

    @property
    def file_column(self) -> str | None:
        """The column that its table is stored by."""
        return "month_date" if self.has_monthly_files else self.partition_column

    def partition_of(self, day: date) -> date:
        """The partition that has a UTC day's rows: the day, or the first day of its month."""
        return day.replace(day=1) if self.is_monthly else day

    def days_of(self, partition: date) -> list[date]:
        """The UTC days of a partition, in order."""
        if not self.is_monthly:
            return [partition]
        days = [self.partition_of(partition) + timedelta(days=n) for n in range(31)]
        return [day for day in days if day.month == partition.month]

    def files_of(self, days: Iterable[date]) -> list[date]:
        """The values of the file column that have the rows of UTC days, in order."""
        by_month = self.file_column == "month_date"
        return sorted({day.replace(day=1) if by_month else day for day in days})

    @property
    def window(self) -> tuple[int, int]:
        """Days before and after a built day whose rows it needs too; none for a partition."""
        days = SCOPES.fullmatch(self.scope)
        before, after = days.groups("0") if days else ("0", "0")
        return int(before), int(after)


def parse_facts(where: str, sql: str) -> tuple[str, dict[str, str]]:
    """The sentence and the named facts of the comment that a file of `sql/` begins with.

    Raises:
        ValueError: It lacks its sentence, or one of grain, reads and scope.
    """
    lines = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    text = "\n".join(lines)
    found = dict(re.findall(rf"^({'|'.join(FIELDS)}):\s*(.+?)(?=\n(?:\w+):|\Z)", text, re.M | re.S))
    if not lines or not {"grain", "reads", "scope"} <= found.keys():
        raise ValueError(f"{where}: the header needs a sentence, grain, reads, scope")
    return lines[0], {key: " ".join(value.split()) for key, value in found.items()}


def parse_header(name: str, layer: str, sql: str) -> Model:
    """Read the header of a model's file.

    Raises:
        ValueError: The header lacks something, or builds do not know its scope or its files.
    """
    where = f"sql/{layer}/{name}.sql"
    sentence, facts = parse_facts(where, sql)
    if not SCOPES.fullmatch(facts["scope"]):
        raise ValueError(
            f"{where}: scope is {facts['scope']!r}; "
            "allowed: partition, window(-Nd,+Md), month, global"
        )
    files = facts.get("files")
    if files is not None and (files != "month" or facts["scope"] in ("month", "global")):
        raise ValueError(
            f"{where}: files is {files!r} with the scope {facts['scope']}; "
            "allowed: month, with partition or window"
        )
    return Model(
        name=name,
        layer=layer,
        description=sentence,
        grain=tuple(part.strip() for part in facts["grain"].split(",")),
        reads=tuple(part.strip() for part in facts["reads"].split(",")),
        scope=facts["scope"],
        has_monthly_files=files is not None,
        note=facts.get("note"),
        sql=sql,
    )


def in_order(models: Mapping[str, Model]) -> dict[str, Model]:
    """The models, each after all that it reads; by layer and name where that leaves a choice.

    Raises:
        ValueError: Models read each other in a circle.
    """
    done: dict[str, Model] = {}
    chain: list[str] = []

    def add(name: str) -> None:
        if name in done or name not in models:
            return
        if name in chain:
            raise ValueError(f"models read each other: {' reads '.join([*chain, name])}")
        chain.append(name)
        for source in models[name].reads:
            add(source)
        chain.pop()
        done[name] = models[name]

    for model in sorted(models.values(), key=lambda m: (LAYERS.index(m.layer), m.name)):
        add(model.name)
    return done


def _read() -> dict[str, Model]:
    return in_order(
        {
            path.stem: parse_header(path.stem, layer, path.read_text())
            for layer in LAYERS
            for path in sorted((SQL / layer).glob("*.sql"))
        }
    )


MODELS: dict[str, Model] = _read()
"""Every model by name, each after all that it reads."""


def reached(name: str, stop: Callable[[str], bool]) -> list[str]:
    """What a model reads, directly or through what does not `stop`; each after what it reads."""
    found: dict[str, None] = {}
    for source in MODELS[name].reads:
        if source in MODELS and not stop(source):
            found |= dict.fromkeys(reached(source, stop))
        found[source] = None
    return list(found)
