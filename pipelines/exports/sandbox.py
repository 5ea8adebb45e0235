"""Sandbox: where templates are compiled: they reach values, filters and tests, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipelines.exports import filters, growth, values
from pipelines.exports.formats import FORMATS

_IMPURE = ("random", "pprint", "urlize", "xmlattr", "safe", "escape", "e", "forceescape")
"""Jinja2's filters that give another text each time, or text for HTML."""


class Missing(StrictUndefined):
    """Something that an event lacks: an error when it is written, at whatever depth."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Missing:  # type: ignore[override]
        return self


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reaches values and nothing else; keys of an event win over methods of its class."""

    intercepted_binops = frozenset({"**", "*", "%", "+"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of an object, else what the sandbox allows."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, str) and (held := growth.method(obj, attribute)):
            return held
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether an attribute is a value; no method writes as much as a number says."""
        return not growth.is_endless(obj, attr) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Leave `format` to what is said of methods; Jinja2 would allow it."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply and divide numbers; a text so often or so wide, or a power, fills the memory."""
        if operator == "+":
            return growth.added(left, right)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not numbers:
            raise SecurityError(f"{operator} is allowed between numbers only, and ** not at all")
        return growth.multiplied(left, right) if operator == "*" else left % right


@cache
def environment() -> Environment:
    """The sandbox that every template is compiled in."""
    made = _Sandbox(undefined=Missing, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    made.globals.clear()
    for name in (*_IMPURE, *growth.PADDING):
        made.filters.pop(name)
    made.filters |= {**filters.FILTERS, **growth.FILTERS}
    made.tests |= values.TESTS
    made.filters["tojson"] = filters.json
    made.filters |= {escape_name(escape): escape for escape in _escapes()}
    made.filters |= {
        "_as_json": filters.Json,
        "_concatenated": growth.concatenated,
        "_parsed": values.parsed,
    }
    return made


def _escapes() -> Iterator[Callable[[Any], str]]:
    for one in FORMATS.values():
        yield from (one.escape(place) for place in range(10))


def escape_name(escape: Callable[[Any], str]) -> str:
    """The filter that escapes; templates cannot call it by themselves."""
    return f"_escape_{escape.__name__}"
