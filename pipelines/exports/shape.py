"""Shape: what leaves of an event for one sink: its level of detail, its fields masked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Literal, Protocol

from pipelines.errors import ConfigurationError
from pipelines.exports.detail import STATUS_NULLS, status_only
from pipelines.exports.fields import LOG_MESSAGE, columns_of, near
from pipelines.exports.masking import Action, Rule, mask_event
from pipelines.exports.origins import IDENTITY, IDENTITY_KEYS, WORD_KEYS, WORDS, origins, related
from pipelines.lake.event_types import FIELDS
from pipelines.lake.schemas import KINDS

Detail = Literal["status", "full"]
CLOSED = ("user", "team", "workspace")
"""Objects of an event whose keys are all known, so that a misspelt one is noticed."""


class Mask(Protocol):
    """One entry of a sink's setting `mask`."""

    @property
    def field(self) -> str:
        """A column of the lake, or a path into the event's own JSON such as `user.email`."""

    @property
    def action(self) -> Action:
        """What becomes of it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What leaves of an event, decided once for a sink.

    Attributes:
        fields: Columns that are read besides those of the template, `log_message` among them.
        digest: Changes when, and only when, what leaves may change; empty for all of it.
    """

    detail: Detail
    rules: Mapping[str, tuple[Rule, ...]]
    fields: frozenset[str]
    digest: str

    def apply(self, columns: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """The columns without what must not leave; templates and sinks get these and no others.

        Args:
            columns: Values of the events by column, `event_kind` and `fields` among them.

        Returns:
            As many values a column, in the same order. What identifies an event stays: its
            `event_id`, kind, times and load. `raw` holds the event's own JSON, masked as well.
        """
        if not self.fields:
            return columns
        made = {name: list(values) for name, values in columns.items()}
        kinds = columns["event_kind"]
        if self.detail == "status":
            _tell_status_only(made, [at for at, kind in enumerate(kinds) if kind == "job"])
        if any(self.rules.values()):
            names = [name for name in made if name not in (LOG_MESSAGE, "raw")]
            for at, kind in enumerate(kinds):
                if rules := self.rules[kind]:
                    values = {name: made[name][at] for name in names}
                    made[LOG_MESSAGE][at], values = mask_event(made[LOG_MESSAGE][at], values, rules)
                    for name, value in values.items():
                        made[name][at] = value
        if "raw" in made:
            made["raw"] = made[LOG_MESSAGE]
        return made


def _tell_status_only(columns: Mapping[str, list[Any]], jobs: Iterable[int]) -> None:
    nulls = [columns[name] for name in STATUS_NULLS & columns.keys()]
    messages = columns[LOG_MESSAGE]
    for at in jobs:
        messages[at] = status_only(messages[at])
        for values in nulls:
            values[at] = None


def load_shape(
    *, detail: Detail = "full", mask: Sequence[Mask] = (), kinds: Collection[str] = ()
) -> Shape:
    """Check a sink's settings `detail` and `mask`.

    Args:
        detail: How much of a job leaves.
        mask: What to hide, each a column or a path; a path whose first key Workato does not
            document begins with a dot (`.client_ip`).
        kinds: Kinds of the events; none means all.

    Raises:
        ConfigurationError: A field is unknown to every kind, named twice, or cannot be hidden.
    """
    asked = tuple(kinds) or tuple(KINDS)
    names = [one.field for one in mask]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"mask: field {repeated[0]!r} is named twice; name it once")
    for one in mask:
        _check(one, asked)
    rules = {
        kind: tuple(rule for one in mask if (rule := _rule(one, kind)) is not None)
        for kind in KINDS
    }
    told = [detail, *sorted(f"{one.field}={one.action}" for one in mask)]
    if told == ["full"]:
        return Shape(detail, rules, frozenset(), "")
    digest = sha256("\0".join(told).encode()).hexdigest()
    return Shape(detail, rules, frozenset({"event_kind", LOG_MESSAGE}), digest)


def _check(one: Mask, kinds: Collection[str]) -> None:
    path = _path(one.field)
    if one.field in IDENTITY or path in IDENTITY_KEYS:
        raise ConfigurationError(
            f"mask: field {one.field!r} identifies or orders events and cannot be hidden; filter "
            "the events out instead"
        )
    if one.field in (LOG_MESSAGE, "raw"):
        raise ConfigurationError(
            f"mask: field {one.field!r} is the whole event; use a template that does not name it"
        )
    if not any(_rule(one, kind) for kind in kinds):
        known = _known(tuple(sorted(kinds)))
        raise ConfigurationError(
            f"mask: field {one.field!r} is neither a column nor a key of these events"
            f"{near(one.field, known)}; a key that Workato does not document begins with a dot: "
            f"'.{one.field}'"
        )


@cache
def _known(kinds: tuple[str, ...]) -> frozenset[str]:
    paths = {".".join(p) for kind in kinds for found in origins(kind).values() for p in found}
    return frozenset().union(paths, *(columns_of(kind) | FIELDS[kind] for kind in kinds))


def _path(field: str) -> tuple[str, ...]:
    return tuple(field.removeprefix(".").split("."))


def _may_have(kind: str, path: tuple[str, ...]) -> bool:
    """Whether events of a kind can have a path, as far as Workato documents them."""
    if path[0] in CLOSED and len(path) > 1:
        return path in {found for paths in origins(kind).values() for found in paths} | {
            (path[0], "email")
        }
    return path[0] in FIELDS[kind]


def _rule(one: Mask, kind: str) -> Rule | None:
    """What a mask means for events of a kind; None where they do not have its field."""
    known, path = origins(kind), _path(one.field)
    if one.field in columns_of(kind):
        paths = known.get(one.field, ())
    elif one.field.startswith(".") or _may_have(kind, path):
        paths = (path,)
    else:
        return None
    columns = {
        name
        for name, found in known.items()
        if all(any(related(own, masked) for masked in paths) for own in found)
    }
    if one.field in columns_of(kind):
        columns.add(one.field)
    words = WORD_KEYS | {path for name in WORDS & known.keys() for path in known[name]}
    is_word = one.field in WORDS or words.issuperset(paths or [()])
    return Rule(one.action, frozenset(columns - IDENTITY), paths, is_word)
