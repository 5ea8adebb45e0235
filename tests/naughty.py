"""Naughty strings: what breaks out of places where text is not escaped, as events and messages."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.exports.examples import examples
from pipelines.exports.lint import NOW
from pipelines.exports.template import load_template
from pipelines.sinks.sink import Batch

STRINGS: list[str] = json.loads(
    (Path(__file__).parent / "vectors/strings/blns.json").read_text(encoding="utf-8")
)
"""The Big List of Naughty Strings."""
EXTRA = ['"},{"forged":1},{"a":"', "\r\nX-Forged: 1", "a\nb", "\u2028", "\x00", "\x1b[31m"]
_FIXED = ("event_kind", "log_message", "raw")


def events_of(kind: str, texts: list[str]) -> dict[str, list[Any]]:
    """Events of a kind, each with one text in all of its fields, and in its own JSON."""
    ((_, columns),) = examples([kind])
    made: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if name == "log_message":
            made[name] = [json.dumps({"event": text, "resource": {"name": text}}) for text in texts]
        elif name in _FIXED or isinstance(values[0], int | float | datetime | None):
            made[name] = [values[0]] * len(texts)
        else:
            made[name] = list(texts)
    return made


@cache
def batch_of(template: str, at: datetime) -> Batch:
    """Every naughty string in every field, through a ready template; ids tell the events apart."""
    texts = [text for text in (*STRINGS, *EXTRA) if text]
    loaded = load_template(template, kinds=("activity",))
    columns = events_of("activity", texts)
    columns["event_id"] = [f"{text}-{number}" for number, text in enumerate(texts)]
    facts = {
        "event_id": columns["event_id"],
        "event_kind": ["activity"] * len(texts),
        "event_type": texts,
        "environment": texts,
        "workspace_id": texts,
        "outcome": ["failed"] * len(texts),
        "occurred_at": [at] * len(texts),
    }
    messages = loaded.render(columns, now=NOW)
    return Batch("s", "5f" * 32, messages, facts, loaded.content_type)
