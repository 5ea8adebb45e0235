"""Traps: what makes real deliveries hard to read, laid among the records on their way.

Some records come wrapped, by custom message templates or by a log vendor; some come twice, bare
or wrapped, in another object or on another line; some come days late; and some objects cannot
be read at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from pipelines.samples.clock import DAY, epoch_milliseconds, iso_z_milliseconds
from pipelines.samples.delivery import Batch, Kind
from pipelines.samples.draw import Generator
from pipelines.samples.landing import Landing
from pipelines.samples.truth import Tally

_WRAPPED, _REPEATED, _LATE = 0.006, 0.004, 0.003  # shares of all records
_LATEST = 8  # days

Wrapper = Callable[[str, int], str]


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _as_message(text: str, second: int) -> str:
    now = epoch_milliseconds(second + 2, second * 7_919 % 1_000_000)
    return f'{{"time": {now}, "source":"workato", "log_message": {text}}}'


def _as_text(text: str, second: int) -> str:
    nanoseconds = f"{second + 3}{second * 104_729 % 1_000_000_000:09d}"
    labels = '{"service":"workato","workspace":"larkfield"}'
    return f'{{"streams":{labels},"ts":{nanoseconds},"log_message_str":{_quoted(text)}}}'


def _as_entries(text: str, second: int) -> str:
    return f'{{"logType":"workato_audit","logEntries":{_quoted(text)}}}'


def _vendor_id(second: int, text: str) -> str:
    number = (second * 2_654_435_761 + len(text) * 97) % 36**12
    digits = ""
    for _ in range(12):
        number, digit = divmod(number, 36)
        digits += "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit]
    return f"AQAAAZ{digits}AAAABBWlBQ"


def _as_vendor(text: str, second: int) -> str:
    at = iso_z_milliseconds(second + 4, second * 31 % 1000)
    return (
        f'{{"id":"{_vendor_id(second, text)}","type":"log","attributes":{{"timestamp":"{at}",'
        f'"service":"workato","attributes":{text}}}}}'
    )


def _as_nested_vendor(text: str, second: int) -> str:
    at = iso_z_milliseconds(second + 4, second * 37 % 1000)
    return (
        f'{{"id":"{_vendor_id(second, text)}","type":"log","attributes":{{"timestamp":"{at}",'
        f'"tags":["source:workato"],"host":"collector-2.larkfield.example",'
        f'"attributes":{{"message":{text}}}}}}}'
    )


WRAPPERS: tuple[Wrapper, ...] = (
    _as_message,
    _as_text,
    _as_entries,
    _as_vendor,
    _as_nested_vendor,
)


@dataclass(frozen=True, slots=True)
class Late:
    """A record that is delivered days after it happened."""

    kind: Kind
    account_id: int
    second: int
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Post:
    """Delivers batches into the landing zone, with traps.

    Attributes:
        landing: Where objects are written.
        tally: Counts what is delivered.
        days: Length of the window.
        waiting: Late records by the day, a place in the window, on which they are delivered.
    """

    landing: Landing
    tally: Tally
    days: int
    waiting: defaultdict[int, list[Late]] = field(default_factory=lambda: defaultdict(list))

    def deliver(self, generator: Generator, batch: Batch, index: int, *, forced: bool) -> None:
        """Deliver a batch on the day it happened, but for the late ones.

        Args:
            generator: Source of randomness, for this batch's block alone.
            batch: Records of one kind, account and UTC day.
            index: The day's place in the window.
            forced: Lay at least one trap of each sort, two wrappers in turn among them.
        """
        count = len(batch.texts)
        self.tally.unique[batch.kind] += count
        if not count:
            return
        texts = list(batch.texts)
        fate = generator.random(count)
        lags = generator.integers(1, _LATEST + 1, count)
        wrapped = (fate < _WRAPPED).nonzero()[0].tolist()
        repeated = ((fate > 0.5) & (fate < 0.5 + _REPEATED)).nonzero()[0].tolist()
        late = (fate > 1 - _LATE).nonzero()[0].tolist()
        turns = [place % len(WRAPPERS) for place in wrapped]
        if forced and count > 5:
            wrapped, turns = [*wrapped, 0, 1], [*turns, 2 * index % 5, (2 * index + 1) % 5]
            repeated = sorted({*repeated, 2, 3})
            late = sorted({*late, 4})
            lags[4] = min(_LATEST, self.days - 1 - index)
        for place, turn in zip(wrapped, turns, strict=True):
            texts[place] = WRAPPERS[turn](batch.texts[place], batch.seconds[place])
        gone = {place for place in late if 0 < lags[place] < self.days - index}
        for place in sorted(gone):
            lag = int(lags[place])
            second = batch.seconds[place] + lag * DAY
            name = batch.key(place, second)
            parcel = Late(batch.kind, batch.account_id, second, name, texts[place])
            self.waiting[index + lag].append(parcel)
        kept = [place for place in range(count) if place not in gone]
        delivered = [texts[place] for place in kept] + self._repeats(batch, repeated)

        def key(at: int) -> str:
            if at < len(kept):
                return batch.key(kept[at], batch.seconds[kept[at]])
            place = repeated[at - len(kept)]
            folder, name = batch.key(place, batch.seconds[place]).rsplit("/", 1)
            return f"{folder}/retry/{name}"

        self.landing.put(batch.kind, batch.account_id, batch.seconds[0], delivered, key)

    def _repeats(self, batch: Batch, repeated: list[int]) -> list[str]:
        """Return exact repeats of records, every other one wrapped."""
        self.tally.duplicate += len(repeated)
        return [
            WRAPPERS[place // 2 % len(WRAPPERS)](batch.texts[place], batch.seconds[place])
            if place % 2
            else batch.texts[place]
            for place in repeated
        ]

    def deliver_late(self, index: int) -> None:
        """Deliver what arrives late on a day."""
        for parcel in self.waiting.pop(index, []):
            self.landing.put(
                parcel.kind,
                parcel.account_id,
                parcel.second,
                [parcel.text],
                lambda _, key=parcel.key: key,  # type: ignore[misc]
            )

    def deliver_unreadable(self, batch: Batch) -> None:
        """Deliver an object cut in the middle, one that is a web page, and an empty one."""
        second = batch.seconds[0]
        bodies = (
            batch.texts[0].encode()[: len(batch.texts[0]) // 2],
            b"<html><head><title>502 Bad Gateway</title></head><body></body></html>",
            b"",
        )
        for number, body in enumerate(bodies, start=1):
            folder, name = batch.key(0, second).rsplit("/", 1)
            self.landing.put_object(f"{folder}/retry/{number}/{name}", body)
            self.tally.rejected += 1
