"""Growth: what makes long texts of short ones, held within bounds before it fills the memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from jinja2 import pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import make_attrgetter
from jinja2.nodes import EvalContext

MOST_CHARACTERS = 10_000_000
"""Most characters of one text of a template; the largest message of any service has as many."""
MOST_BITS = 4_096
"""Most bits of a product; Python writes no number of more than 4,300 digits."""
PADDING = frozenset({"center", "indent", "wordwrap", "batch", "slice"})
"""Filters of Jinja2 that write as much as a number says; a message is one line without columns."""
ENDLESS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        "center ljust rjust zfill expandtabs translate format format_map replace join".split()
    ),
    bytes: frozenset("center ljust rjust zfill expandtabs translate replace join".split()),
    int: frozenset(("to_bytes",)),
}
"""Methods that do so, or that write one text as often as another says."""
_WIDE = re.compile(r"%(?:\([^)]*\))?[-#0 +]*\d*\.?(?:\*|\d{4,})")


def held(size: int) -> None:
    """See that a text may be as long as it would become.

    Raises:
        SecurityError: It may not.
    """
    if size > MOST_CHARACTERS:
        raise SecurityError(f"a text of {size:,} characters; at most {MOST_CHARACTERS:,} are made")


def is_endless(value: Any, attribute: str) -> bool:
    """Whether a value's method writes as much as somebody says."""
    return any(isinstance(value, kind) and attribute in names for kind, names in ENDLESS.items())


def replace(value: Any, old: str, new: str, count: int | None = None) -> str:
    """A text with another in the place of each part of it that reads so."""
    text, old, new = str(value), str(old), str(new)
    times = text.count(old) if count is None else min(text.count(old), count)
    held(len(text) + times * len(new))
    return text.replace(old, new, -1 if count is None else count)


@pass_eval_context
def join(
    context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> str:
    """The texts of a list, or of an attribute of its items, with another text between them."""
    if attribute is not None:
        value = map(make_attrgetter(context.environment, attribute), value)
    return _joined(str(d), value)


def concatenated(values: Iterable[Any]) -> str:
    """What `~` makes of values."""
    return _joined("", values)


def _joined(between: str, values: Iterable[Any]) -> str:
    texts = [str(value) for value in values]
    held(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def printed(value: Any, *args: Any, **kwargs: Any) -> str:
    """Values in a format of `printf`, such as `"%02d"|format(n)`."""
    if args and kwargs:
        raise SecurityError("format takes values by their place or by their name, not by both")
    text = str(value)
    if _WIDE.search(text):
        raise SecurityError("a width or precision of four digits or more is more than any message")
    made: str = text % (kwargs or args)
    return made


def multiplied(left: Any, right: Any) -> Any:
    """The product of two numbers."""
    numbers = [number for number in (left, right) if isinstance(number, int)]
    if sum(number.bit_length() for number in numbers) > MOST_BITS:
        raise SecurityError("a number of too many digits")
    return left * right


def added(left: Any, right: Any) -> Any:
    """The sum of two numbers, or of two texts or lists."""
    if not isinstance(left, int | float):
        held(len(left) + len(right))
    return left + right


def method(text: str, name: str) -> Callable[..., str] | None:
    """A method of texts that is allowed within bounds."""
    if name == "replace":
        return partial(replace, text)
    return partial(_joined, text) if name == "join" else None


FILTERS: Mapping[str, Callable[..., Any]] = {"format": printed, "join": join, "replace": replace}
"""In the place of Jinja2's own."""
