"""Examples: invented events of every kind that templates are tried with before they are used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from pipelines.exports.fields import LOG_MESSAGE
from pipelines.exports.origins import origins
from pipelines.lake.schemas import COUNT, FLAG, KINDS, REAL, TABLES, TIME

MOMENT = datetime(2026, 2, 3, 9, 15, 27, 412_000, tzinfo=UTC)
NAUGHTY = (
    'say "hi" \\ back',
    'first\r\nsecond","injected":"yes\n',
    'a|b|c ]x="1" key=value\tother=value',
    "=cmd|' /C calc'!A0",
    "<!channel> <script>alert(1)</script> & co",
    "{{ 7 * 7 }} {% raw %} %s ${HOME}",
    "Ω≈ç√ 田中さん 🐵 \u202e\u2028\x00\x1f",
    "",
)
"""Texts that break out of quotes, headers, cells and lines where a template lets them."""

_REQUEST = {"ip_address": "203.0.113.24", "user_agent": "Mozilla/5.0 (X11; Linux x86_64)"}
_EVENTS: dict[str, dict[str, Any]] = {
    "activity": {
        "event": "recipe_stopped",
        "timestamp": "2026-02-03 09:15:27 UTC",
        "team": {"id": 70121, "name": "Larkfield Ops", "email": "ops@larkfield.example"},
        "user": {"id": 70455, "name": "Mira Okafor", "email": "mira@larkfield.example"},
        "resource": {"type": "Flow", "id": 5501203, "name": "Orders to ledger"},
        "details": {"request": _REQUEST, "stop_reason": "user", "force": False, "error": False},
    },
    "job": {
        "id": "j-BQ7hU0aa-k1ZbTe",
        "recipe_id": 5501203,
        "flow_id": 5501203,
        "title": "Scheduler: new event",
        "status": "failed",
        "started_at": "2026-02-03T01:15:25-08:00",
        "completed_at": "2026-02-03T01:15:27-08:00",
        "action_count": 1,
        "error_type": "Missing required field",
        "error": "Customer must be present",
        "account_id": 70121,
        "account_name": "Larkfield Ops",
        "environment_type": "prod",
        "context": {"recipe_name": "Orders to ledger", "recipe_path": "Home/Finance"},
        "lines": [{"recipe_line_number": 0, "adapter_name": "clock", "output": {"n": 1}}],
    },
    "api_request": {
        "timestamp": "2026-02-03T09:15:27.412Z",
        "type": "Error",
        "code": 401,
        "gateway_code": "4012",
        "status_details": "Missing token",
        "ip": "198.51.100.7",
        "timing_ms": 12,
        "delay_ms": 0,
        "api_collection": "Orders v1",
        "endpoint": "/orders/{id}",
        "client": "storefront",
    },
    "log_message": {
        "timestamp": "2026-02-03T09:15:27.412Z",
        "log_type": "recipe",
        "level": "ERROR",
        "message": "Credit check failed for SO-1182",
        "recipe_id": 5501203,
        "job_id": "j-BQ7hU0aa-k1ZbTe",
    },
}
_ALWAYS = ("event_id", "event_kind", "event_type", "occurred_at", "received_at", "loaded_at")
"""Columns that an event never lacks."""


def examples(kinds: Collection[str]) -> Iterator[tuple[str, Mapping[str, Sequence[Any]]]]:
    """Events to try a template with, of each kind.

    One is as usual, one lacks all that it can lack, and one for each naughty text has that text in
    each of its fields.

    Yields:
        The kind, and its events by column: every column of every kind, and `log_message`.
    """
    for kind in kinds or KINDS:
        event = _EVENTS[kind]
        usual = columns_of(kind, event)
        bare = {name: usual[name] if name in _ALWAYS else None for name in usual}
        naughty = [
            {**_filled(usual, text), LOG_MESSAGE: _dumps(_told(event, text))} for text in NAUGHTY
        ]
        rows = [usual, {**bare, LOG_MESSAGE: _dumps(event)}, *naughty]
        yield kind, {name: [row[name] for row in rows] for name in usual}


def columns_of(kind: str, event: dict[str, Any], moment: datetime = MOMENT) -> dict[str, Any]:
    """An event by column, as the lake would have it, and `log_message`; it happened at `moment`."""
    names = {name: kind_ for table in KINDS.values() for name, kind_, _ in TABLES[table].columns}
    row: dict[str, Any] = dict.fromkeys(names)
    for name, paths in origins(kind).items():
        found = next((value for path in paths if (value := _at(event, path)) is not None), None)
        row[name] = str(found) if found is not None and names[name] == "string" else found
    for name, of in names.items():
        if of == TIME and row[name] is not None:
            row[name] = moment
        elif row[name] is None and name in _NUMBERS.get(kind, ()):
            row[name] = 2.0 if of == REAL else False if of == FLAG else 1 if of == COUNT else None
    message = _dumps(event)
    return row | {
        "event_id": f"{kind}:b9f1c2",
        "event_kind": kind,
        "event_type": row["event_type"] or kind,
        "resource_type": row["resource_type"]
        or ("ApiEndpoint" if kind == "api_request" else "Flow"),
        "job_id": event.get("id") or event.get("job_id"),
        "occurred_at": moment,
        "received_at": moment,
        "loaded_at": moment,
        "event_date": moment.date(),
        "outcome": "failed" if kind != "activity" else "succeeded",
        "source": "workato",
        "source_uri": "s3://audit-logs/2026/02/03/event.json",
        "load_id": "0f7c2a",
        "raw": message,
        LOG_MESSAGE: message,
    }


_NUMBERS = {"job": ("duration_seconds", "is_test", "step_count", "repeat_count")}
"""Columns that are counted from others, by kind."""


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _filled(row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A row with a text in each of its columns that hold text, or may."""
    return {
        name: value if name in ("event_kind",) or not isinstance(value, str | None) else text
        for name, value in row.items()
    } | {name: row[name] for name in _TYPED}


_TYPED = tuple(
    sorted(
        {
            name
            for table in KINDS.values()
            for name, kind, _ in TABLES[table].columns
            if kind in (TIME, REAL, FLAG, COUNT)
        }
    )
)


def _told(value: Any, text: str) -> Any:
    """An event with a text in each of its texts."""
    if isinstance(value, dict):
        return {key: _told(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [_told(one, text) for one in value]
    return text if isinstance(value, str) else value


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
