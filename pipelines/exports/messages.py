"""Messages: the event's own JSON, out of the record that brought it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pipelines.lake.judge import event_of


class _Job(msgspec.Struct, gc=False):
    status: msgspec.Raw
    started_at: msgspec.Raw
    recipe_id: msgspec.Raw


class _Activity(msgspec.Struct, gc=False):
    event: msgspec.Raw
    resource: msgspec.Raw


class _ApiRequest(msgspec.Struct, gc=False):
    endpoint: msgspec.Raw
    status_code: msgspec.Raw


class _LogMessage(msgspec.Struct, gc=False):
    level: msgspec.Raw
    message: msgspec.Raw


_BARE: dict[str, msgspec.json.Decoder[Any]] = {
    "job": msgspec.json.Decoder(_Job),
    "activity": msgspec.json.Decoder(_Activity),
    "api_request": msgspec.json.Decoder(_ApiRequest),
    "log_message": msgspec.json.Decoder(_LogMessage),
}
"""Whether a record is the event itself, at a tenth of the cost of reading all of it; what they do
not recognise is read."""


def log_messages(kinds: Sequence[str], raws: Sequence[str]) -> list[str]:
    """The events themselves as JSON texts of one line, taken out of wrappers, else as received.

    Args:
        kinds: `event_kind` of each.
        raws: The records as received, which the lake accepted.
    """
    if kinds.count("job") == len(kinds) and _are_plain_jobs(raws):
        return list(raws)
    return [_log_message(kind, raw) for kind, raw in zip(kinds, raws, strict=True)]


def _are_plain_jobs(raws: Sequence[str]) -> bool:
    """Whether records of jobs surely are in one line and no wrappers, as most are.

    Keys before the first nested object are the record's own: inside of a text, their quotes would
    be escaped.
    """
    return all(
        "{" not in (head := raw[1 : raw.find('"started_at":')])
        and '"status":' in head
        and '"recipe_id":' in head
        and "\n" not in raw
        and "\r" not in raw
        for raw in raws
    )


def _log_message(kind: str, raw: str) -> str:
    try:
        _BARE[kind].decode(raw)
    except (msgspec.DecodeError, KeyError):
        raw = event_of(raw.encode()).decode()
    if "\n" in raw or "\r" in raw:
        # inside of a JSON text both are escaped; bare ones are white space
        raw = raw.replace("\r", " ").replace("\n", " ")
    return raw
