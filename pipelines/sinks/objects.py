"""Objects: batches as objects under keys: one an event, or many events in lines or in Parquet.

Where objects go is the matter of `object_store.py` and `file.py`.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field, model_validator

from pipelines.sinks.bodies import is_json, lines
from pipelines.sinks.object_keys import (
    DIGEST,
    WORKATO_NEEDS,
    KeyOf,
    KeyTemplate,
    check_path,
    digest_of,
    parse_key,
    workato_key,
)
from pipelines.sinks.settings import SinkSettings
from pipelines.sinks.sink import (
    Batch,
    ConfigurationSinkError,
    Limits,
    PayloadSinkError,
    Receipt,
    SinkError,
    TransientSinkError,
)

MOST_SINGLE_EVENTS = 1_000
"""Most events in a batch of which each becomes an object, so that a batch does not take minutes."""
PARALLEL = 16
BATCH_KEY = "event_date={event_date}/{digest}.{extension}"
PARQUET_FACTS = ("event_id", "event_kind", "event_type", "workspace_id", "environment")
TEXT_EXTENSIONS = {"text/csv": "csv"}


def _checked_key(text: str) -> str:
    parse_key(text)
    return text


def _checked_prefix(text: str) -> str:
    check_path(text, text)
    return text.strip("/")


class ObjectFamilySettings(SinkSettings):
    """What every sink that stores objects may be told."""

    format: Literal["lines", "single", "parquet"] = "lines"
    """What an object holds: one message a line, one message, or a Parquet table."""
    prefix: Annotated[str, AfterValidator(_checked_prefix)] = ""
    """Folder that all objects go under."""
    key: Annotated[str, Field(min_length=1), AfterValidator(_checked_key)] | None = None
    """Key with fields in braces; without it by day, or for `single` Workato's own layout."""
    gzip: bool = True
    """Compress lines."""

    @model_validator(mode="after")
    def _keys_tell_objects_apart(self) -> ObjectFamilySettings:
        if self.key is None:
            return self
        needed = "event_id" if self.format == "single" else "digest"
        fields = parse_key(self.key).fields
        if needed not in fields and not (self.format == "single" and "digest" in fields):
            raise ValueError(f"key needs {{{needed}}}, or objects would overwrite one another")
        if self.format != "single" and "event_id" in fields:
            raise ValueError("key has {event_id}; that is for format = 'single'")
        return self


@dataclass(frozen=True, slots=True)
class Item:
    """An object to be stored."""

    key: str
    body: bytes
    content_type: str
    batch_id: str
    positions: tuple[int, ...]
    """Of its events in the batch."""
    is_named_by_content: bool
    """Whether an object of the same key can only be the same object."""


class Writer(Protocol):
    """Stores objects somewhere; used by several threads at a time."""

    def put(self, item: Item) -> str:
        """Store an object durably, and say what was answered.

        Raises:
            SinkError: It was not stored, as far as is known.
        """

    def probe(self, key: str) -> None:
        """Ask within two seconds whether objects beside `key` would be stored."""

    def close(self) -> None:
        """Let go of connections."""


class ObjectSink:
    """Stores batches under keys that follow from what they hold, so that repeats overwrite."""

    def __init__(self, settings: ObjectFamilySettings, writer: Writer) -> None:
        most = settings.limits()
        if settings.format == "single":
            most = replace(most, events=min(most.events, MOST_SINGLE_EVENTS))
        template = _template(settings)
        facts = (*PARQUET_FACTS[1:], "occurred_at") if settings.format == "parquet" else ()
        needs = {*(template.needs if template else WORKATO_NEEDS), *facts}
        self.limits: Limits = most
        self.needs: tuple[str, ...] = tuple(sorted(needs - {"event_id"}))
        self._settings = settings
        self._template = template
        self._writer = writer

    def send(self, batch: Batch) -> Receipt:
        """Store a batch; events whose objects could not be stored, while others were, wait."""
        items = list(self._items(batch))
        # alone, so that a store that refuses everything is asked once
        said = self._writer.put(items[0])
        refused: dict[int, str] = {}
        retry: dict[int, str] = {}
        failures: list[SinkError] = []
        with ThreadPoolExecutor(PARALLEL) as pool:
            outcomes = pool.map(self._attempt, items[1:])
        for item, outcome in zip(items[1:], outcomes, strict=True):
            if not isinstance(outcome, SinkError):
                said = outcome
            elif isinstance(outcome, PayloadSinkError) and len(item.positions) == 1:
                refused[item.positions[0]] = outcome.response or str(outcome)
            else:
                retry |= dict.fromkeys(item.positions, str(outcome))
                failures.append(outcome)
        said = f"{len(items)} objects, the last: {said}"
        return Receipt(said, refused, retry, _gravest(failures))

    def probe(self) -> None:
        """Store an object `.trailhouse-probe` that is no event, unless it is there."""
        self._writer.probe(self._under(".trailhouse-probe"))

    def close(self) -> None:
        """Let go of connections."""
        self._writer.close()

    def _attempt(self, item: Item) -> str | SinkError:
        try:
            return self._writer.put(item)
        except SinkError as error:
            return error

    def _items(self, batch: Batch) -> Iterator[Item]:
        extension = _extension(self._settings, batch.content_type)
        key_of: KeyOf = partial(
            self._template.key if self._template else workato_key, extension=extension
        )
        is_single = self._settings.format == "single"
        groups: dict[tuple[str, int], list[int]] = {}
        for at in range(len(batch)):
            key = key_of(batch, at)
            # the digest tells single events apart; other keys that are equal share an object
            own = at if is_single and DIGEST in key else -1
            groups.setdefault((key, own), []).append(at)
        for (key, _), positions in groups.items():
            part = _part(batch, positions)
            yield Item(
                self._under(key.replace(DIGEST, digest_of(part))),
                self._body(part),
                _content_type(self._settings, batch.content_type),
                batch.batch_id,
                tuple(positions),
                DIGEST in key,
            )

    def _body(self, part: Batch) -> bytes:
        try:
            if self._settings.format == "parquet":
                return _parquet(part)
            if self._settings.format == "single":
                return "\n".join(part.messages).encode()
            text = lines(part) + b"\n"
        except UnicodeEncodeError as error:
            raise PayloadSinkError(f"a message is no text: {error}", cause="payload") from error
        return gzip.compress(text, 6, mtime=0) if self._settings.gzip else text

    def _under(self, key: str) -> str:
        return f"{self._settings.prefix}/{key}" if self._settings.prefix else key


def _gravest(failures: Sequence[SinkError]) -> SinkError | None:
    """What has to be mended first; what refuses a payload does so again when it is sent alone."""
    for kind in (ConfigurationSinkError, TransientSinkError):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return None


def _template(settings: ObjectFamilySettings) -> KeyTemplate | None:
    """The template of keys, or None for Workato's own layout."""
    if settings.key is None and settings.format == "single":
        return None
    return parse_key(settings.key or BATCH_KEY)


def _part(batch: Batch, positions: list[int]) -> Batch:
    if len(positions) == len(batch):
        return batch
    messages = list(batch.messages)
    events = {name: [values[at] for at in positions] for name, values in batch.events.items()}
    return replace(batch, messages=[messages[at] for at in positions], events=events)


def _extension(settings: ObjectFamilySettings, content_type: str) -> str:
    if settings.format == "parquet":
        return "parquet"
    single = settings.format == "single"
    kind = content_type.partition(";")[0].strip().lower()
    if is_json(content_type):
        name = "json" if single else "ndjson"
    else:
        name = TEXT_EXTENSIONS.get(kind, "txt")
    return f"{name}.gz" if settings.gzip and not single else name


def _content_type(settings: ObjectFamilySettings, content_type: str) -> str:
    if settings.format == "parquet":
        return "application/vnd.apache.parquet"
    if settings.format == "single":
        return content_type
    # no Content-Encoding: readers would unpack what they then unpack again by its name
    if settings.gzip:
        return "application/gzip"
    return "application/x-ndjson" if is_json(content_type) else content_type


def _parquet(part: Batch) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array(part.events[name], pa.string()) for name in PARQUET_FACTS}
    times = pa.array(part.events["occurred_at"], pa.timestamp("us", tz="UTC"))
    table = pa.table({**columns, "occurred_at": times, "message": list(part.messages)})
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()
