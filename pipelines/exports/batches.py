"""Batches: messages cut into batches that a sink takes, always at the same places."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pipelines.sinks.sink import Batch, Limits
from pipelines.sinks.texts import chained, ends_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OCCURRED = "occurred_us"
"""Column of the moments of events, as microseconds since 1970: whole numbers are cheap."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where batches come from: a feed of a sink, and the templates that rendered it."""

    sink: str
    feed_id: int
    load_number: int
    load_id: str
    template_digest: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A batch on its way, its place in the order of its sink, and what became of it so far.

    The order is that of `load_number`, feed, `ordinal` and `position`, the place of its first event
    in the batch that the feed was cut into.
    """

    origin: Origin
    ordinal: int
    batch: Batch
    bytes: int
    position: int = 0
    parent_id: str | None = None
    refusal: str | None = None
    """Why it cannot be sent at all, by the limits of the sink."""
    attempt_count: int = 0
    first_failed_at: datetime | None = None
    cached_path: str | None = None

    @property
    def batch_id(self) -> str:
        """Its id, the same whenever the same events are rendered by the same template."""
        return self.batch.batch_id

    @property
    def first(self) -> tuple[datetime, str]:
        """When its first event happened, and the id of that."""
        return self._key(0)

    @property
    def last(self) -> tuple[datetime, str]:
        """When its last event happened, and the id of that."""
        return self._key(-1)

    def _key(self, at: int) -> tuple[datetime, str]:
        events = self.batch.events
        return EPOCH + timedelta(microseconds=events[OCCURRED][at]), events["event_id"][at]

    def part(self, positions: Sequence[int]) -> Outgoing:
        """A batch of some of its events; the same ones make the same batch."""
        every = list(self.batch.messages)
        messages = [every[n] for n in positions]
        events = {
            name: [values[n] for n in positions] for name, values in self.batch.events.items()
        }
        batch_id = _digest(self.batch_id, *events["event_id"])
        return replace(
            self,
            batch=replace(self.batch, batch_id=batch_id, messages=messages, events=events),
            bytes=sum(map(size_of, messages)),
            position=self.position + positions[0],
            parent_id=self.batch_id,
            attempt_count=0,
            cached_path=None,
        )

    def halves(self) -> tuple[Outgoing, Outgoing]:
        """The first and the second half of its events."""
        middle = len(self.batch) // 2
        return self.part(range(middle)), self.part(range(middle, len(self.batch)))


def size_of(message: str) -> int:
    """Bytes of a message in UTF-8."""
    return len(message) if message.isascii() else len(message.encode())


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()


Rendered = tuple[Sequence[str], Mapping[str, Sequence[Any]]]
"""Messages, and facts of their events by column, among them `event_id` and `occurred_us`."""


@dataclass(slots=True)
class _Held:
    """Messages that are not in a batch yet; `totals[n]` has the bytes of those before `n`."""

    pieces: list[Sequence[str]] = field(default_factory=list)
    events: dict[str, list[Any]] = field(default_factory=dict)
    totals: list[int] = field(default_factory=lambda: [0])

    def __len__(self) -> int:
        return len(self.totals) - 1

    def add(self, messages: Sequence[str], events: Mapping[str, Sequence[Any]]) -> None:
        self.pieces.append(messages)
        self.totals += ends_of(messages, self.totals[-1])
        for name, values in events.items():
            self.events.setdefault(name, []).extend(values)

    def drop(self, count: int) -> None:
        self.pieces = self._parts(count, len(self))
        del self.totals[:count]
        for values in self.events.values():
            del values[:count]

    def messages(self, start: int, end: int) -> Sequence[str]:
        return chained(self._parts(start, end))

    def _parts(self, start: int, end: int) -> list[Sequence[str]]:
        parts, at = [], 0
        for piece in self.pieces:
            if part := piece[max(start - at, 0) : max(end - at, 0)]:
                parts.append(part)
            at += len(piece)
        return parts

    def size(self, start: int, end: int) -> int:
        return self.totals[end] - self.totals[start]


def cut(
    rendered: Iterable[Rendered], limits: Limits, origin: Origin, *, ordinal: int = 0
) -> Iterator[Outgoing]:
    """Cut messages into batches, each as large as the limits allow.

    Args:
        rendered: Messages in order, in pieces of any size; where they are cut is not seen.
        limits: Most events and bytes of a batch; a message that alone is too large becomes a batch
            of its own with a `refusal`.
        origin: Where they come from.
        ordinal: Of the first batch.

    Yields:
        Batches in order; they depend on the messages and the limits alone.
    """
    held = _Held()
    for messages, events in rendered:
        held.add(messages, events)
        start = 0
        while (end := _end(held, start, limits)) is not None:
            yield _outgoing(held, start, end, limits, origin, ordinal)
            ordinal += 1
            start = end
        held.drop(start)
    start = 0
    while start < len(held):
        end = _end(held, start, limits) or len(held)
        yield _outgoing(held, start, end, limits, origin, ordinal)
        ordinal += 1
        start = end


def _end(held: _Held, start: int, limits: Limits) -> int | None:
    """Where the batch that begins at `start` ends, or None where more messages decide.

    It ends before a message that is too large for any batch, which stands alone.
    """
    most, last = min(limits.event_bytes, limits.bytes), min(start + limits.events, len(held))
    end = bisect_right(held.totals, held.totals[start] + limits.bytes, start, last + 1) - 1
    if held.size(start, end) > most:
        alone = (n for n in range(start, end) if held.size(n, n + 1) > most)
        end = next(alone, end)
    if end < last:
        return max(end, start + 1)
    return last if last - start == limits.events else None


def _outgoing(
    held: _Held, start: int, end: int, limits: Limits, origin: Origin, ordinal: int
) -> Outgoing:
    events = {name: values[start:end] for name, values in held.events.items()}
    batch_id = _digest(
        origin.sink, origin.load_id, str(ordinal), origin.template_digest, *events["event_id"]
    )
    size, most = held.size(start, end), min(limits.event_bytes, limits.bytes)
    refusal = None
    if size > most and end - start == 1:
        refusal = f"the message has {size:,} bytes; the sink takes at most {most:,}"
    batch = Batch(origin.sink, batch_id, held.messages(start, end), events, origin.content_type)
    return Outgoing(origin, ordinal, batch, size, refusal=refusal)
