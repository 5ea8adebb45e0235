"""Object keys: where what was delivered is stored, so that a repeat overwrites itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from string import Formatter
from typing import Any

from pipelines.sinks.sink import Batch

TIMES = {"event_date": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
"""Fields that are parts of `occurred_at`, UTC."""
COLUMNS = (
    "event_id",
    "event_kind",
    "event_type",
    "workspace_id",
    "environment",
    "resource_type",
    "outcome",
    "recipe_id",
    "job_id",
)
"""Fields that are columns of the event."""
OWN = ("sink", "digest", "extension")
"""Fields that are none of the event's: `digest` names what the object holds."""
DIGEST = "\0"
"""Stands in a key for the digest until it is known what the object holds; no key has it."""
FIXED = re.compile(r"^[A-Za-z0-9._=/-]*$")
"""What may stand in a key beside its fields: what every object store and file system takes."""
UNSAFE = re.compile(r"[^A-Za-z0-9._=-]+")
FOLDERS = {"activity": "user_activity", "api_request": "api_requests"}
"""Workato does not publish where it puts them; these are the names of the sample workspace."""

KeyOf = Callable[[Batch, int], str]
"""The key of an event of a batch, with `DIGEST` in the place of the digest."""


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """A key with fields, such as `{event_date}/{digest}.{extension}`."""

    parts: tuple[tuple[str, str | None], ...]
    """Fixed text, and the field that follows it, in order."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it has."""
        return frozenset(field for _, field in self.parts if field)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the event that it reads."""
        times = ("occurred_at",) if self.fields & TIMES.keys() else ()
        return (*sorted(self.fields & set(COLUMNS)), *times)

    def key(self, batch: Batch, at: int, extension: str) -> str:
        """The key of one event."""
        own = {"sink": batch.sink, "digest": DIGEST, "extension": extension}
        return "".join(
            text + (own.get(field) or _value(batch, at, field) if field else "")
            for text, field in self.parts
        )


def parse_key(text: str) -> KeyTemplate:
    """Read a key with fields.

    Raises:
        ValueError: A field is unknown, or the text would not do as a key everywhere.
    """
    known = [*OWN, *TIMES, *COLUMNS]
    try:
        parts = tuple(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r} has a brace without its other one") from error
    for fixed, field, form, conversion in parts:
        if field is not None and (field not in known or form or conversion):
            raise ValueError(f"{text!r} has an unknown field; allowed are {', '.join(known)}")
        check_path(fixed, text)
    if text.startswith("/") or text.endswith("/"):
        raise ValueError(f"{text!r} must neither begin nor end with a slash")
    return KeyTemplate(tuple((fixed, field) for fixed, field, _, _ in parts))


def check_path(fixed: str, whole: str) -> None:
    """Refuse text that leads elsewhere, or that not every store takes.

    Raises:
        ValueError: It does; `whole` is named.
    """
    parts = whole.split("/")
    if not FIXED.match(fixed) or {".", ".."} & set(parts) or "" in parts[1:-1]:
        raise ValueError(
            f"{whole!r} may have letters, digits and . _ = - / only, and no empty part, . or .."
        )


def name_of(value: Any, longest: int = 64) -> str:
    """A value as one part of a key: itself where it is harmless, else shown as far as it is.

    Values come from events, and could otherwise lead out of their folder. Different values have
    different names: what had to be changed carries a digest.
    """
    text = "unknown" if value is None or value == "" else str(value)
    safe = UNSAFE.sub("-", text).strip(".")[:longest]
    if safe == text:
        return text
    return f"{safe}-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


WORKATO_NEEDS = (
    "event_kind",
    "event_type",
    "job_id",
    "occurred_at",
    "recipe_id",
    "started_at",
    "status",
    "workspace_id",
)


def workato_key(batch: Batch, at: int, extension: str) -> str:
    """The key under which Workato itself would store an event.

    Jobs: `1/jobs/22/20260320/j-A1/1-22-j-A1-20260320115900-succeeded.json`; the time is when the
    job started, UTC; numeric ids are cut into seven folders, as Workato did when it had them.
    """
    events = batch.events
    workspace = name_of(events["workspace_id"][at], 40)
    if events["event_kind"][at] == "job" and events["job_id"][at] and events["recipe_id"][at]:
        recipe, job = name_of(events["recipe_id"][at], 40), name_of(events["job_id"][at], 40)
        digits = _digits(events["started_at"][at] or events["occurred_at"][at])
        folders = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "/", job.zfill(21)) if job.isdigit() else job
        status = name_of(events["status"][at], 40)
        name = f"{workspace}-{recipe}-{job}-{digits}-{status}.{extension}"
        return f"{workspace}/jobs/{recipe}/{digits[:8]}/{folders}/{name}"
    kind = str(events["event_kind"][at])
    digits = _digits(events["occurred_at"][at])
    own = name_of(events["event_id"][at], 40)
    name = f"{workspace}-{name_of(events['event_type'][at], 40)}-{digits}-{own}.{extension}"
    return f"{workspace}/{FOLDERS.get(kind, name_of(kind) + 's')}/{digits[:8]}/{name}"


def digest_of(batch: Batch) -> str:
    """A name for what an object holds: the same for the same messages of the same events."""
    digest = sha256(batch.sink.encode())
    for event_id, message in zip(batch.events["event_id"], batch.messages, strict=True):
        digest.update(f"\0{event_id}\0{message}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:40]


def _value(batch: Batch, at: int, field: str) -> str:
    if field not in TIMES:
        return name_of(batch.events[field][at])
    moment: datetime | None = batch.events["occurred_at"][at]
    return "unknown" if moment is None else moment.astimezone(UTC).strftime(TIMES[field])


def _digits(moment: datetime | None) -> str:
    return "0" * 14 if moment is None else moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
