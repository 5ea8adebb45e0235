"""Names: which resource somebody means, however they spell it; pure, reads nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from enum import IntEnum

CLOSE = 0.8
"""Likeness of two words, 0 to 1, from which one can be a misspelling of the other."""
NEAREST = 3
"""How many names are offered where none matches."""
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that Unicode does not take apart into a letter and a mark."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a name can stand for.

    Attributes:
        kind: recipe, connection or person.
        resource_id: Its id; for a person the e-mail address in lower case, where one is known.
        names: Every name it went by, the newest first.
        ids: Other ids that it is found under; a person can have several.
        environment: Environment of its workspace; null for a person.
        last_seen: Newest UTC day on which it was seen.
    """

    kind: str
    resource_id: str
    names: tuple[str, ...]
    ids: tuple[str, ...] = ()
    environment: str | None = None
    last_seen: date = date.min

    @property
    def name(self) -> str:
        """The newest name."""
        return self.names[0]


class Likeness(IntEnum):
    """How a name matches, the best first."""

    ID = 0
    NAME = 1
    WORDS = 2
    SOME_WORDS = 3
    PART = 4
    MISSPELT = 5


@dataclass(frozen=True, slots=True)
class Match:
    """The resources that match best, all alike, in order of name and id; none: the nearest."""

    found: tuple[Resource, ...]
    likeness: Likeness | None
    nearest: tuple[Resource, ...] = ()


def fold(text: str) -> str:
    """A text without case, accents and punctuation, its words parted by single spaces.

    Example: `fold("Tomás  HERRERA-Ruiz")` is `"tomas herrera ruiz"`. Folding twice changes
    nothing.
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", bare)))


def match(wanted: str, resources: Iterable[Resource]) -> Match:
    """Find what is meant: by id, then name, its words in any order, some of them, a part, a slip.

    Args:
        wanted: What somebody typed.
        resources: What there is.

    Returns:
        All resources of the best likeness that any has; deterministic, whatever the order of
        `resources`.
    """
    listed = sorted(resources, key=lambda r: (fold(r.name), r.environment or "", r.resource_id))
    for likeness, is_like in _TESTS:
        if found := tuple(r for r in listed if is_like(wanted, r)):
            return Match(found, likeness)
    return Match((), None, _nearest(wanted, listed))


def _is_id(wanted: str, resource: Resource) -> bool:
    bare = wanted.strip().casefold()
    return bare in {i.casefold() for i in (resource.resource_id, *resource.ids)}


def _is_name(wanted: str, resource: Resource) -> bool:
    words = fold(wanted)
    return bool(words) and any(words == fold(name) for name in resource.names)


def _has_words(wanted: str, resource: Resource) -> bool:
    words = sorted(fold(wanted).split())
    return bool(words) and any(words == sorted(fold(n).split()) for n in resource.names)


def _has_some_words(wanted: str, resource: Resource) -> bool:
    words = set(fold(wanted).split())
    return bool(words) and any(words <= set(fold(name).split()) for name in resource.names)


def _has_part(wanted: str, resource: Resource) -> bool:
    words = fold(wanted).split()
    texts = [fold(name) for name in (*resource.names, *_addresses(resource))]
    return bool(words) and any(all(word in text for word in words) for text in texts)


def _is_misspelt(wanted: str, resource: Resource) -> bool:
    words = fold(wanted).split()
    return bool(words) and any(
        all(any(_close(word, other) for other in fold(name).split()) for word in words)
        for name in resource.names
    )


_TESTS: Sequence[tuple[Likeness, Callable[[str, Resource], bool]]] = (
    (Likeness.ID, _is_id),
    (Likeness.NAME, _is_name),
    (Likeness.WORDS, _has_words),
    (Likeness.SOME_WORDS, _has_some_words),
    (Likeness.PART, _has_part),
    (Likeness.MISSPELT, _is_misspelt),
)


def _addresses(resource: Resource) -> list[str]:
    return [i for i in (resource.resource_id, *resource.ids) if "@" in i]


def _close(word: str, other: str) -> bool:
    if word == other:
        return True
    # short words are alike by chance, and numbers that differ are different things
    if min(len(word), len(other)) < 4 or word.isdigit() or other.isdigit():
        return False
    both = (SequenceMatcher(None, *pair, autojunk=False) for pair in ((word, other), (other, word)))
    return any(pair.quick_ratio() >= CLOSE and pair.ratio() >= CLOSE for pair in both)


def _nearest(wanted: str, resources: Sequence[Resource]) -> tuple[Resource, ...]:
    words = fold(wanted)

    def distance(resource: Resource) -> float:
        return -max(
            SequenceMatcher(None, words, fold(name), autojunk=False).ratio()
            for name in resource.names
        )

    return tuple(sorted(resources, key=distance)[:NEAREST])
