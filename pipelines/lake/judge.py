"""Judge: decide of each record what it is, or why it cannot be read. Accepting loses nothing.

A record is accepted when it is strict JSON (RFC 8259), names no key twice, and is, or wraps, an
event of a known kind. orjson is the judge: it refuses NaN, lone surrogates and invalid UTF-8.
That nothing is lost is proved by encoding the value again: the same bytes leave no room for a
repeated key or a number that changed. Only a record that differs is examined closely. Jobs like
those before them are proved many at once, in the same way (`shape`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec
import orjson

from pipelines.lake.event_types import FIELDS, PARTS
from pipelines.lake.shape import GROUP_RECORDS, Shape
from pipelines.sources import split
from pipelines.sources.records import CROWDED_BYTES, Record, TooLarge, is_crowded

NOT_JSON = "not_json"
NOT_AN_EVENT = "not_an_event"
DUPLICATE_KEY = "duplicate_key"
TOO_LARGE = "too_large"
CROWDED = "more values than can be read in the memory that a record may take"

MAX_WRAPPERS = 4
"""Levels of templates and envelopes that are opened in search of an event."""
STRONG = frozenset({"activity", "job"})
WEAK = frozenset({"api_request", "log_message"})
"""Kinds whose fields an envelope may have too: an activity event or a job inside is preferred."""
MAX_CANDIDATES = 1_000
"""Values looked at in one record in search of an event."""
_TOO_DEEP = "nested too deeply to be examined"
MOST_UNKNOWN = 1_000
FURTHER = "further fields"
"""What unknown fields are counted under when there are too many to name."""
LONGEST_NAME = 100
PAGE_KEYS = ("data", "items")
"""Fields of an API page that hold its events."""


@dataclass(slots=True)
class Batch:
    """Records of one kind, column by column; all lists have one length.

    `event` is the event itself, without wrappers, as UTF-8 JSON; `digest` is the SHA-256 of its
    canonical form where the source gives no id, else empty.
    """

    object_index: list[int] = field(default_factory=list)
    source_offset: list[int] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    event: list[bytes] = field(default_factory=list)
    digest: list[str] = field(default_factory=list)

    def extend(self, object_index: int, offsets: list[int], records: list[bytes]) -> None:
        """Add records of one object that are events themselves and have an id."""
        self.object_index += [object_index] * len(records)
        self.source_offset += offsets
        self.raw += records
        self.event += records
        self.digest += [""] * len(records)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be read: where it was, its bytes, and why."""

    object_index: int
    source_offset: int
    bytes: bytes
    reason: str
    detail: str


@dataclass(slots=True)
class Judged:
    """Judged records, by kind; `unknown` counts fields that Workato does not document.

    `shape` is what was learned of the jobs; give it to the next, and the next is judged faster.
    """

    kinds: dict[str, Batch] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    received: int = 0
    bytes: int = 0
    shape: Shape = field(default_factory=Shape)

    def batch(self, kind: str) -> Batch:
        """The records of a kind."""
        if (batch := self.kinds.get(kind)) is None:
            batch = self.kinds[kind] = Batch()
        return batch


class _Refused(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def judge(
    object_index: int,
    records: Iterable[Record] | TooLarge,
    into: Judged,
    *,
    depth: int = 0,
) -> None:
    """Add the records of one object to `into`; one bad record never stops the others.

    `depth` is the number of arrays and pages that the records were taken out of.
    """
    if isinstance(records, TooLarge):
        what = f"{CROWDED}: " if records.is_crowded else ""
        place = f"{records.bytes} bytes from offset {records.offset} on; they stay in the object"
        detail = what + place
        into.received += 1
        into.rejected.append(Rejected(object_index, records.offset, b"", TOO_LARGE, detail))
        return
    remaining = iter(records)
    while group := list(islice(remaining, GROUP_RECORDS)):
        raws = [raw for _, raw in group]
        size = sum(map(len, raws))
        if size <= CROWDED_BYTES and into.shape.proves(raws):
            into.batch("job").extend(object_index, [offset for offset, _ in group], raws)
            into.received += len(group)
            into.bytes += size
        else:
            _judge_each(object_index, group, into, depth)


def _judge_each(object_index: int, records: list[Record], into: Judged, depth: int) -> None:
    loads = orjson.loads
    for offset, raw in records:
        if len(raw) > CROWDED_BYTES and is_crowded(raw):
            judge(object_index, TooLarge(offset, len(raw), is_crowded=True), into)
            continue
        try:
            try:
                value = loads(raw)
            except orjson.JSONDecodeError as error:
                raise _Refused(NOT_JSON, _why(raw, error)) from error
            if type(value) is dict and (kind := kind_of(value)) and not _may_wrap(kind, raw):
                event = raw
            elif depth < MAX_WRAPPERS and (inner := _elements(value, offset, raw)) is not None:
                judge(object_index, inner, into, depth=depth + 1)
                continue
            else:
                found = _unwrap(raw, value)
                if len(found) > 1:
                    judge(object_index, _apart(offset, raw, found), into, depth=depth + 1)
                    continue
                kind, event, value = found[0]
            identity = _identity(kind, event, value)
        except (_Refused, RecursionError) as error:
            refused = error if isinstance(error, _Refused) else _Refused(NOT_JSON, _TOO_DEEP)
            into.received += 1
            into.bytes += len(raw)
            into.rejected.append(
                Rejected(object_index, offset, raw, refused.reason, refused.detail)
            )
            continue
        batch = into.batch(kind)
        batch.object_index.append(object_index)
        batch.source_offset.append(offset)
        batch.raw.append(raw)
        batch.event.append(event)
        batch.digest.append(identity)
        _note_fields(into.unknown, kind, value)
        if kind == "job" and not identity:
            into.shape.learn(value)
        into.received += 1
        into.bytes += len(raw)


def _note_fields(unknown: Counter[str], kind: str, value: dict[str, Any]) -> None:
    """Count the fields of an event that Workato does not document, at its top and below."""
    if not FIELDS[kind].issuperset(value):
        note_unknown(unknown, _strange(kind, value, FIELDS[kind]))
    for name, known in PARTS[kind].items():
        held = value.get(name)
        for part in held if type(held) is list else (held,):
            if type(part) is dict and not known.issuperset(part):
                note_unknown(unknown, _strange(f"{kind}.{name}", part, known))


def _strange(where: str, fields: Iterable[str], known: frozenset[str]) -> dict[str, int]:
    return {f"{where}.{name[:LONGEST_NAME]}": 1 for name in fields if name not in known}


def note_unknown(unknown: Counter[str], found: Mapping[str, int]) -> None:
    """Count unknown fields; those beyond the first thousand together, or names could be endless."""
    for name, count in found.items():
        is_listed = name in unknown or len(unknown) < MOST_UNKNOWN
        unknown[name if is_listed else FURTHER] += count


def kind_of(value: dict[str, Any]) -> str | None:
    """The kind of an event by its fields, or None (section 2.6 of Workato's published shapes)."""
    recipe = "flow_id" in value or "recipe_id" in value
    if recipe and "status" in value and "started_at" in value:
        return "job"
    if "resource" in value and ("event" in value or "event_type" in value):
        return "activity"
    if "endpoint" in value and ("code" in value or "status_code" in value or "status" in value):
        return "api_request"
    if "level" in value and "message" in value:
        return "log_message"
    return None


def _may_wrap(kind: str, raw: bytes) -> bool:
    """Whether a message or request may be the envelope of an activity event or a job."""
    return kind in WEAK and (b"resource" in raw or b"started_at" in raw)


def _identity(kind: str, event: bytes, value: dict[str, Any]) -> str:
    """The event's digest, empty where the source gives an id; proves that nothing is lost."""
    faithful = _is_faithful(event, value)
    if (kind == "job" or kind == "activity") and _has_id(event, value.get("id"), faithful):
        return ""
    return digest(event, value, faithful=faithful)


def _has_id(event: bytes, found: Any, faithful: bool) -> bool:
    """Whether the id tells events apart: a text or a number; an empty text would merge them."""
    if isinstance(found, float) and not faithful:  # orjson reads integers past 64 bits as floats
        return isinstance(json.loads(event)["id"], int)
    if isinstance(found, str):
        return bool(found.strip())
    return isinstance(found, int | float) and not isinstance(found, bool)


def digest(event: bytes, value: dict[str, Any], *, faithful: bool) -> str:
    """SHA-256 of the canonical event: keys sorted, no white space, numbers exact.

    Args:
        event: The event as received.
        value: The event as orjson reads it.
        faithful: Whether `value` holds every number of `event` exactly.

    Returns:
        64 hexadecimal digits; equal for the same event bare, wrapped, or spaced otherwise.
    """
    if faithful:
        return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    exact = json.loads(event, parse_float=_exact_float)
    text = json.dumps(
        exact,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        default=lambda number: [math.nan, number.text],  # no event holds NaN: cannot be forged
    )
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Exact:
    """A number that no float holds exactly."""

    text: str


def _is_faithful(event: bytes, value: Any) -> bool:
    """Whether orjson's value is exact; most records encode to their own bytes."""
    try:
        if orjson.dumps(value) == event:
            return True
    except orjson.JSONEncodeError:  # orjson reads 1,024 levels and writes 254
        pass
    return _examine(event, value)


def _examine(raw: bytes, value: Any) -> bool:
    """Look closely at a record that does not encode to its own bytes.

    Returns:
        Whether orjson's value is exact; if not, only numbers differ, and `raw` has them.
    """
    try:
        try:
            encoded = orjson.dumps(value)
        except orjson.JSONEncodeError:
            encoded = None
        if encoded is not None and msgspec.json.format(raw, indent=-1) == encoded:
            return True  # only white space differs
        exact = json.loads(raw, object_pairs_hook=_pairs, parse_float=_exact_float)
        return encoded is not None and bool(exact == value)
    except msgspec.DecodeError as error:
        raise _Refused(NOT_JSON, str(error)) from error
    except ValueError as error:  # Python refuses integers of more than 4,300 digits
        raise _Refused(NOT_JSON, f"a number is too long: {error}") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused(DUPLICATE_KEY, _repeated(pairs))
    return value


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    key = next(key for key, count in Counter(k for k, _ in pairs).items() if count > 1)
    return f"the key {key!r} stands twice in one object"


def _exact_float(text: str) -> float | _Exact:
    number = float(text)
    try:
        same = Decimal(repr(number)) == Decimal(text)
    except ArithmeticError:
        same = False
    return number if same else _Exact(text)


def _why(raw: bytes, error: orjson.JSONDecodeError) -> str:
    if not raw.strip(split.SPACE):
        return "the object is empty"
    return str(error)


def _elements(value: Any, offset: int, raw: bytes) -> list[Record] | None:
    """The events of an array or an API page; None where there is no event to be had."""
    if isinstance(value, list):
        return split.elements((offset, raw)) if any(isinstance(v, dict) for v in value) else None
    if not isinstance(value, dict):
        return None
    for key in PAGE_KEYS:
        page = value.get(key)
        if isinstance(page, list) and (
            not page or any(isinstance(v, dict) and kind_of(v) for v in page)
        ):
            _examine_page(raw, value)
            inner = bytes(split.fields(raw)[key])
            return split.elements((offset + raw.index(inner), inner))
    return None


def event_of(raw: bytes) -> bytes:
    """The event inside a record that was accepted, without wrappers, as UTF-8 JSON."""
    value = orjson.loads(raw)
    kind = kind_of(value) if type(value) is dict else None
    return raw if kind and not _may_wrap(kind, raw) else _unwrap(raw, value)[0][1]


Found = tuple[str, bytes, dict[str, Any]]
"""An event: its kind, its bytes, and its value."""


def _unwrap(raw: bytes, value: Any) -> list[Found]:
    """Open templates and envelopes until events are found: nested, in a list, or escaped.

    Returns:
        The activity events and jobs, else the messages or requests of the outermost level that
        has some; at least one.
    """
    level = list(_opened(raw, value))
    strong: list[Found] = []
    weak: list[Found] = []
    looked = 0
    for _ in range(MAX_WRAPPERS + 1):
        found = [(kind, text, item) for text, item in level if (kind := kind_of(item))]
        strong += [event for event in found if event[0] not in WEAK]
        weak = weak or found
        wrappers = [(text, item) for text, item in level if kind_of(item) not in STRONG]
        inner = (one for text, item in wrappers for one in _inner(text, item))
        level = list(islice(inner, MAX_CANDIDATES + 1 - looked))
        looked += len(level)
    events = strong or weak
    if not events:
        raise _Refused(NOT_AN_EVENT, f"found {_described(value)}")
    if len(events) > 1 and looked > MAX_CANDIDATES:
        raise _Refused(NOT_AN_EVENT, f"more than {MAX_CANDIDATES} values beside several events")
    if events[0][1] is not raw:
        _is_faithful(raw, value)
    return events


def _described(value: Any) -> str:
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}"
    return f"an object with the keys {', '.join(value)[:200]}" if value else "an empty object"


def _apart(offset: int, raw: bytes, found: list[Found]) -> list[Record]:
    """Each of several events as a record of its own."""
    records, end = [], 0
    for _, text, _ in found:
        at = raw.find(text, end)
        at = at if at >= 0 else raw.find(text)
        if at < 0:
            raise _Refused(NOT_AN_EVENT, f"{len(found)} events in one record, one of them escaped")
        records.append((offset + at, text))
        end = at + len(text)
    return records


def _opened(content: bytes, value: Any) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The object that a value is, or that it holds as an escaped text."""
    if isinstance(value, dict):
        yield content, value
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        text = value.strip().encode()
        try:
            yield text, orjson.loads(text)
        except orjson.JSONDecodeError:
            return


def _inner(content: bytes, candidate: dict[str, Any]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    fields = split.fields(content)
    for key, value in candidate.items():
        if isinstance(value, dict | str):
            yield from _opened(bytes(fields[key]), value)
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            elements = split.elements((0, bytes(fields[key]))) or ()
            for (_, text), item in zip(elements, value, strict=False):
                if isinstance(item, dict):
                    yield text, item


def _examine_page(raw: bytes, value: Any) -> None:
    """Refuse a page that itself names a key twice: events would be lost without a trace."""
    top: list[tuple[str, Any]] = []

    def last_seen(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        top[:] = pairs  # the outermost object ends last
        return dict(pairs)

    try:
        if orjson.dumps(value) == raw:
            return
        json.loads(raw, object_pairs_hook=last_seen)
    except (ValueError, orjson.JSONEncodeError) as error:
        raise _Refused(NOT_JSON, f"the page cannot be examined: {error}") from error
    if len(top) != len(value):
        raise _Refused(DUPLICATE_KEY, _repeated(top))
