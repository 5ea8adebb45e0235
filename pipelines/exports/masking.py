"""Masking: fields that leave only dropped, hashed or masked, wherever an event holds their values.

A field is hidden where it stands, in the columns and in the event's own JSON; then whatever else
of the event repeats its value (a title with the name in it, an error with the address) is cleaned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import loads
from typing import Any, Literal

import orjson

from pipelines.exports.cleaning import SHORT, STARS, cleaner_of, searched
from pipelines.exports.origins import IDENTITY, WORD_KEYS, WORDS, Path, origins
from pipelines.lake.schemas import KINDS

Action = Literal["drop", "hash", "mask"]

KEPT = (IDENTITY - {"source_uri"}) | WORDS | {"job_id"}
"""Columns that nothing is cleaned out of: identity, times, and words of Workato."""
KEYS = frozenset(
    key for kind in KINDS for paths in origins(kind).values() for path in paths for key in path
)
"""Keys that are names of Workato's, whatever a person is called."""
_DEEPEST = 100
"""Levels of an event that are looked into; what lies deeper is masked as a whole."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as written, where no Python number would write it so again."""

    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one field of one kind: the columns and paths that it stands at."""

    action: Action
    columns: frozenset[str]
    paths: tuple[Path, ...]
    is_word: bool
    """Whether its values are words of Workato, which nothing else is cleaned of."""


def hide(value: Any, action: Action) -> Any:
    """What stands in the place of a value; null stays null.

    Returns:
        For `hash` the first 32 digits of the SHA-256 of the value's text, so that equal values
        stay equal; they can be guessed by who knows what to try.
    """
    if value is None or action == "drop":
        return None
    if action == "hash":
        return f"sha256:{sha256(_text(value).encode()).hexdigest()[:32]}"
    return STARS


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _dumps(value)


def _dumps(value: Any) -> str:
    return orjson.dumps(value, default=_odd, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _odd(value: Any) -> Any:
    return orjson.Fragment(value.text) if isinstance(value, _Number) else str(value)


def _read(message: str) -> Any:
    """The event with every number as it was written."""
    return loads(message, parse_float=_Number, parse_int=_integer)


def _integer(text: str) -> int | _Number:
    return int(text) if len(text) < 19 else _Number(text)


Secrets = dict[str, str]
"""Texts that must not be seen, each with what stands in its place."""


def mask_event(
    message: str, values: dict[str, Any], rules: Sequence[Rule]
) -> tuple[str, dict[str, Any]]:
    """Hide one event's fields.

    Args:
        message: The event's own JSON.
        values: Its columns that are read.
        rules: What to hide, for events of its kind.

    Returns:
        Both without the hidden values.
    """
    secrets: Secrets = {}
    try:
        event = _read(message)
    except RecursionError:  # deeper than Python reads; none of it may leave
        event = STARS
    values = dict(values)
    for rule in rules:
        for path in rule.paths:
            _hide_at(event, path, rule, secrets)
        for name in rule.columns & values.keys():
            _collect(values[name], rule, secrets)
            # a time or number that is no text would break whatever counts with it
            values[name] = (
                hide(value, rule.action) if isinstance(value := values[name], str) else None
            )
    return _cleaned(event, values, secrets)


def _hide_at(value: Any, path: Path, rule: Rule, secrets: Secrets) -> None:
    if isinstance(value, list):
        for one in value:
            _hide_at(one, path, rule, secrets)
    elif isinstance(value, dict) and path[0] in value:
        found = value[path[0]]
        if len(path) > 1:
            _hide_at(found, path[1:], rule, secrets)
            return
        _collect(found, rule, secrets)
        if rule.action == "drop":
            del value[path[0]]
        else:
            value[path[0]] = hide(found, rule.action)


def _collect(value: Any, rule: Rule, secrets: Secrets) -> None:
    if rule.is_word:
        return
    for leaf in _leaves(value):
        text = _text(leaf).strip()
        if len(text) >= SHORT or (len(text) > 1 and not text.isdigit()):
            secrets.setdefault(text, hide(leaf, rule.action) or STARS)


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, dict | list) and depth < _DEEPEST:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one, depth + 1)
    elif isinstance(value, str | int | float | _Number) and not isinstance(value, bool):
        yield value


def _cleaned(event: Any, values: dict[str, Any], secrets: Secrets) -> tuple[str, dict[str, Any]]:
    """The event without what its hidden fields held, wherever it is repeated."""
    event = _shallow(event)
    text = _dumps(event)
    texts = [text, *(value for value in values.values() if isinstance(value, str))]
    everything = "\n".join(texts).casefold()
    found = {
        secret: instead
        for secret, instead in sorted(secrets.items(), key=lambda item: -len(item[0]))
        if any(form in everything for form in searched(secret))
    }
    if not found:
        return text, values
    clean = cleaner_of(tuple(found.items()))
    columns = {
        name: clean(value) if isinstance(value, str) and name not in KEPT else value
        for name, value in values.items()
    }
    return _dumps(_walked(event, (), clean)), columns


def _walked(value: Any, path: Path, clean: Callable[[str], str]) -> Any:
    """An event with each of its texts cleaned, keys that are no names of Workato's included."""
    if path in WORD_KEYS:
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {
            clean(key) if path and len(key) >= SHORT and key not in KEYS else key: _walked(
                one, (*path, key), clean
            )
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_walked(one, path or ("",), clean) for one in value]
    if isinstance(value, int | float | _Number) and not isinstance(value, bool):
        cleaned = clean(text := _text(value))
        return value if cleaned == text else cleaned
    return value


def _shallow(value: Any, depth: int = 0) -> Any:
    """An event whose deepest levels, which are looked into by nothing, are masked as a whole."""
    if depth > _DEEPEST and isinstance(value, dict | list):
        return STARS
    if isinstance(value, dict):
        return {key: _shallow(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_shallow(one, depth + 1) for one in value]
    return value
