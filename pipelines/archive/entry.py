"""Entry: one act in the archive's log, as the bytes that are signed and chained.

Pure: `log` reads and writes. The form and its reasons are in docs/decisions/0006-one-log.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from pipelines.archive.keys import SIGNATURE_BYTES, Signer

COMMON = ("index", "previous", "recorded_at", "kind", "software", "by")
"""Fields of every entry's body, whatever its kind."""
BEHIND = "clock_behind_seconds"
"""Field of an entry whose writer's clock was behind the time of the entry before: how far."""
SKEW = timedelta(minutes=5)
"""How far the clocks of two writers may be apart before their entries contradict each other."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature over an entry's body, and the id of the key that made it."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log: its body, its signatures, and the bytes that it is stored as."""

    index: int
    body: Mapping[str, Any]
    signatures: tuple[Signature, ...]
    content: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """What act it records, such as seal, key, hold, release, delete, pull, verify or anchor."""
        return str(self.body["kind"])

    @property
    def digest(self) -> str:
        """SHA-256 of the whole object in hex: what the next entry has as `previous`."""
        return sha256(self.content).hexdigest()

    @property
    def signed(self) -> bytes:
        """The bytes that the signatures are over: the first line without its line feed."""
        return self.content.partition(b"\n")[0]

    @property
    def path(self) -> str:
        """Where it lies in the archive: `log/00000042.json`."""
        return entry_path(self.index)

    @property
    def recorded_at(self) -> datetime:
        """The time on the clock of its writer.

        Raises:
            ValueError: It says none, or one without a zone.
        """
        moment = datetime.fromisoformat(str(self.body.get("recorded_at")))
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment


def entry_path(index: int) -> str:
    """Where an entry lies in the archive: `log/00000042.json`."""
    return f"log/{index:08d}.json"


def seconds_behind(earlier: datetime, later: datetime) -> int | None:
    """Whole seconds by which a clock is behind the entry before; None where it may be so far.

    Args:
        earlier: The time of the entry before.
        later: The time of the entry, by the clock of its writer.
    """
    behind = earlier - later
    return int(behind.total_seconds()) if behind > SKEW else None


def sign_entry(body: Mapping[str, Any], signers: Sequence[Signer]) -> Entry:
    """The entry of a body, signed by every signer in order."""
    statement = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    signatures = tuple(Signature(one.public.key_id, one.sign(statement)) for one in signers)
    content = b"".join(line + b"\n" for line in (statement, *map(_signature_line, signatures)))
    return Entry(body["index"], body, signatures, content)


def parse_entry(content: bytes) -> Entry:
    """Read an entry back.

    Only the bytes that `sign_entry` would write are accepted, so that no bit of an entry can change
    without being noticed. Signatures are not checked here.

    Raises:
        ValueError: These are not the bytes of an entry; the message says why.
    """
    statement, *lines = content.split(b"\n")
    if not lines or lines.pop() != b"":
        raise ValueError("does not end with a line feed")
    if not lines:
        raise ValueError("has no signature line")
    body = _parse_body(statement)
    signatures = tuple(_parse_signature(line) for line in lines)
    return Entry(body["index"], body, signatures, content)


def _parse_body(line: bytes) -> dict[str, Any]:
    body = _parse_canonical(line, "body")
    index, previous, others = body.get("index"), body.get("previous"), COMMON[2:]
    if type(index) is not int or index < 0:
        raise ValueError(f"its index is {index!r}, not a number from 0")
    if previous is not None and not isinstance(previous, str):
        raise ValueError(f"its previous is {previous!r}, not a digest")
    if wrong := [name for name in others if not isinstance(body.get(name), str)]:
        raise ValueError(f"its {wrong[0]} is {body.get(wrong[0])!r}, not text")
    return body


def _parse_signature(line: bytes) -> Signature:
    found = _parse_canonical(line, "signature line")
    try:
        signature = Signature(found["key_id"], base64.b64decode(found["signature"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"a signature line cannot be read: {error!r}") from error
    if len(signature.signature) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {len(signature.signature)} bytes, not 64")
    if not isinstance(signature.key_id, str) or _signature_line(signature) != line:
        raise ValueError("a signature line is not in the one form that is allowed")
    return signature


def _parse_canonical(line: bytes, what: str) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"its {what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"its {what} is no JSON object")
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != line:
        raise ValueError(f"its {what} is not in canonical form: sorted keys, no spaces")
    return value


def _signature_line(one: Signature) -> bytes:
    line = {"key_id": one.key_id, "signature": base64.b64encode(one.signature).decode()}
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS)
