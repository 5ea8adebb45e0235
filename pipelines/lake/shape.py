"""Shape: prove of many job records at once what the judge would find of each.

Most records of a stream are jobs that name documented fields in one order. msgspec reads them into
a class made for that order, and writes them again: where the bytes are the same, every record is
strict JSON, names no key twice and has no undocumented field, and no value changed. Making
dictionaries and looking at each costs twice as much. Other bytes prove nothing, neither good nor
bad: such records are looked at closely.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import GenericAlias
from typing import Any

import msgspec

from pipelines.lake.event_types import FIELDS, PARTS

GROUP_RECORDS = 16
"""Records proved at once; where one cannot be, the others of its group are looked at, too."""
MOST_PASSED_OVER = 64
"""Groups at most that are not tried after one that proved nothing, so that a stream which spaces
or escapes its records in another way loses next to nothing."""
MOST_MET = 1_000
"""Sequences of fields that are learned from."""

_WITHOUT_PROOF = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises: bytes are no JSON or no such job, a text is no Unicode, a number is too
large, nesting too deep."""


@dataclass(slots=True)
class Shape:
    """The order in which the jobs of a stream name their fields, learned from the jobs met.

    `orders` has the fields of a job under an empty name, and those of its context and lines.
    """

    orders: dict[str, list[str]] = field(
        default_factory=lambda: {part: [] for part in ("", *PARTS["job"])}
    )
    _decoder: msgspec.json.Decoder[Any] | None = None
    _encoder: msgspec.json.Encoder = field(default_factory=msgspec.json.Encoder)
    _met: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    _passed_over: int = 0
    _to_pass_over: int = 0

    def proves(self, records: Sequence[bytes]) -> bool:
        """Whether it is proved that each is a job that nothing is to be said against.

        Such a job is told apart by its id, has documented fields only, names none twice, and
        every byte of it is as Python's values have it. False means nothing.
        """
        if self._decoder is None:
            return False
        if self._passed_over < self._to_pass_over:
            self._passed_over += 1
            return False
        self._passed_over = 0
        if _holds(self._decoder, self._encoder, records):
            self._to_pass_over = 0
            return True
        self._to_pass_over = min(2 * self._to_pass_over + 1, MOST_PASSED_OVER)
        return False

    def learn(self, job: dict[str, Any]) -> None:
        """Take the order of the fields from a job that was looked at and accepted.

        Nothing is taken while groups are passed over, since that would cost something each time.
        """
        if self._passed_over:
            return
        grew = self._note("", FIELDS["job"], job)
        for part, documented in PARTS["job"].items():
            held = job.get(part)
            for fields in held if type(held) is list else (held,):
                if type(fields) is dict:
                    grew |= self._note(part, documented, fields)
        if grew and (kind := _job(self.orders)):
            self._decoder = msgspec.json.Decoder(kind)
            self._to_pass_over = 0

    def _note(self, part: str, documented: Collection[str], fields: Iterable[str]) -> bool:
        """Merge the fields of a part into its order; returns whether it has more of them now."""
        names = tuple(fields)
        if (part, names) in self._met or len(self._met) >= MOST_MET:
            return False
        self._met.add((part, names))
        order = self.orders[part]
        self.orders[part] = _merged(order, [name for name in names if name in documented])
        return len(self.orders[part]) > len(order)


def _holds(
    decoder: msgspec.json.Decoder[Any], encoder: msgspec.json.Encoder, records: Sequence[bytes]
) -> bool:
    lines = b"\n".join(chain(records, (b"",)))
    try:
        jobs = decoder.decode_lines(lines)
        is_same = encoder.encode_lines(jobs) == lines
    except _WITHOUT_PROOF:
        return False
    # a record that holds a line break could stand for two jobs, and a blank id for many
    return is_same and len(jobs) == len(records) and all(str(job.id).strip() for job in jobs)


def _merged(order: list[str], names: list[str]) -> list[str]:
    """The order with those names that it lacks, each behind the name before it.

    Names that come in another order leave it as it is: no class has two orders.
    """
    merged, at = list(order), 0
    for name in names:
        if name not in merged:
            merged.insert(at, name)
        elif merged.index(name) < at:
            return order
        at = merged.index(name) + 1
    return merged


def _job(orders: dict[str, list[str]]) -> Any:
    """The class of jobs with their fields in order; what makes a record a job has to be there.

    None while no job was met whose fields could be put in order.
    """
    fields = orders[""]
    needed = ["id", "status", "started_at", "recipe_id" if "recipe_id" in fields else "flow_id"]
    if not set(needed) <= set(fields):
        return None
    context = _struct("context", orders["context"])
    lines = GenericAlias(list, (_struct("line", orders["lines"]),))
    kinds = {
        "id": str | int,
        "context": context | msgspec.UnsetType | None,
        "lines": lines | str | msgspec.UnsetType | None,
    }
    return _struct("job", fields, kinds, needed)


def _struct(
    name: str,
    fields: Iterable[str],
    kinds: dict[str, Any] | None = None,
    needed: Sequence[str] = (),
) -> Any:
    typed = ((one, (kinds or {}).get(one, Any)) for one in fields)
    return msgspec.defstruct(
        name,
        [pair if pair[0] in needed else (*pair, msgspec.UNSET) for pair in typed],
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
