"""Steps: what a cause means and how it is mended, from `steps.toml`; put no advice into code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.notify.notice import Why
from pipelines.secrets import is_reference
from pipelines.sinks.settings import SinkSettings

FILE = Path(__file__).with_name("steps.toml")
PLACES = ("bucket", "container", "path", "url", "endpoint", "site", "host")
"""Settings of sinks that say where events go, the first that a sink has."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is said about one cause for one sink; `code` in steps stands between backquotes."""

    headline: str
    meaning: str
    steps: tuple[str, ...]


def advise(cause: Why, sink: SinkSettings) -> Advice:
    """What a cause means for a sink, and the steps that mend it, in order."""
    found = read_steps()[cause]
    names = {"sink": sink.name, "kind": sink.kind, "place": place_of(sink)}
    steps = [*found.get("kinds", {}).get(sink.kind, found["steps"]), *read_steps()["ends"]]
    return Advice(
        found["headline"], found["meaning"], tuple(step.format_map(names) for step in steps)
    )


def place_of(sink: SinkSettings) -> str:
    """Where a sink's events go, without what may be secret: of an address only the host."""
    for name in PLACES:
        value = getattr(sink, name, None)
        if value and not is_reference(str(value)):
            parts = urlsplit(str(value))
            return parts.netloc.rpartition("@")[2] if parts.scheme and parts.netloc else str(value)
    return "the service"


@cache
def read_steps() -> dict[str, Any]:
    """The file, by cause."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
